package inmemory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// value is what a template says of a property: a text, or the Ref (no attribute) or the attribute of a resource.
type value struct {
	text      string
	resource  string
	attribute string
}

// parseValue reads a text, a number or a boolean, which CloudFormation makes texts of, Ref and Fn::GetAtt. No other
// function is known here.
func parseValue(text []byte) (value, error) {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return value{}, fmt.Errorf("a value is missing or is not JSON: %w", err)
	}
	switch v := v.(type) {
	case string:
		return value{text: v}, nil
	case bool, float64:
		return value{text: fmt.Sprint(v)}, nil
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok && len(v) == 1 {
			return value{resource: ref}, nil
		}
		if path, ok := v["Fn::GetAtt"].([]any); ok && len(v) == 1 && len(path) == 2 {
			resource, isText := path[0].(string)
			attribute, isTextToo := path[1].(string)
			if isText && isTextToo {
				return value{resource: resource, attribute: attribute}, nil
			}
		}
	}
	return value{}, fmt.Errorf("a value is neither a text nor a Ref or Fn::GetAtt: %s", text)
}

func parseTags(text []byte) (map[string]value, error) {
	var list []struct {
		Key   string
		Value json.RawMessage
	}
	if err := strictJSON(text, &list); err != nil {
		return nil, err
	}
	tags := map[string]value{}
	for _, tag := range list {
		v, err := parseValue(tag.Value)
		if err != nil {
			return nil, err
		}
		if _, twice := tags[tag.Key]; twice || tag.Key == "" {
			return nil, fmt.Errorf("the tag key %q is empty or there twice", tag.Key) // assumed
		}
		tags[tag.Key] = v
	}
	return tags, nil
}

// references lists the values that speak of other resources.
func (d declaration) references() []value {
	var list []value
	for _, values := range []map[string]value{d.values, d.tags} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name].resource != "" {
				list = append(list, values[name])
			}
		}
	}
	return list
}

// needs lists the resources that come first: those it speaks of and those it depends on.
func (d declaration) needs() []string {
	needs := slices.Clone(d.dependsOn)
	for _, v := range d.references() {
		needs = append(needs, v.resource)
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// properties are a declaration's values, resolved.
type properties struct {
	texts map[string]string
	tags  Tags // with the stack's, without CloudFormation's own
}

func (p properties) equal(other properties) bool {
	return maps.Equal(p.texts, other.texts) && maps.Equal(p.tags, other.tags)
}

// resolve says what a value is, now that what it speaks of exists.
func (s *stack) resolve(v value) (string, error) {
	if v.resource == "" {
		return v.text, nil
	}
	r, ok := s.resources[v.resource]
	switch {
	case !ok:
		return "", fmt.Errorf("resource %s does not exist", v.resource)
	case v.attribute == "":
		return r.physical, nil
	}
	return r.attributes[v.attribute], nil
}

// resolveAll gives a declaration's properties. A resource's own tags come before the stack's (assumed by analogy with
// what LocalStack's users see; CloudFormation's user guide says only that the stack's are propagated).
func (s *stack) resolveAll(d declaration) (properties, error) {
	p := properties{texts: map[string]string{}, tags: Tags{}}
	for name, v := range d.values {
		text, err := s.resolve(v)
		if err != nil {
			return p, err
		}
		p.texts[name] = text
	}
	if stackKinds[d.kind].tagged == "" {
		return p, nil
	}
	maps.Copy(p.tags, s.tags)
	for key, v := range d.tags {
		text, err := s.resolve(v)
		if err != nil {
			return p, err
		}
		p.tags[key] = text
	}
	return p, nil
}
