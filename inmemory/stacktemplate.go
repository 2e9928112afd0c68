package inmemory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What CloudFormation takes (CloudFormation user guide, "Understand CloudFormation quotas"; AWS.md B).
const (
	maxBody      = 51_200
	maxFetched   = 1 << 20
	maxResources = 500
	maxOutputs   = 200
)

// Deletion policies. RetainExceptOnCreate retains but for one case: the operation that made the thing is rolled back
// (SDK doc comment on ExecuteChangeSetInput.RetainExceptOnCreate; user guide, "DeletionPolicy attribute").
const (
	policyDelete               = "Delete"
	policyRetain               = "Retain"
	policyRetainExceptOnCreate = "RetainExceptOnCreate"
)

// template is what was submitted, read.
type template struct {
	body        string
	description string
	resources   map[string]declaration
	outputs     map[string]outputDeclaration
}

// declaration is one resource of a template.
type declaration struct {
	kind          string
	values        map[string]value // all properties but Tags
	tags          map[string]value
	dependsOn     []string
	deletion      string // "" is Delete
	updateReplace string
}

type outputDeclaration struct {
	value       value
	description string
}

type writtenTemplate struct {
	AWSTemplateFormatVersion string
	Description              string
	Metadata                 json.RawMessage
	Resources                map[string]json.RawMessage
	Outputs                  map[string]json.RawMessage
}

type writtenDeclaration struct {
	Type                string
	DeletionPolicy      string
	UpdateReplacePolicy string
	DependsOn           names
	Metadata            json.RawMessage
	Properties          map[string]json.RawMessage
}

// names is one name or a list of them.
type names []string

// UnmarshalJSON reads either.
func (n *names) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(n))
}

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// parseTemplate reads a template in JSON; this CloudFormation knows no YAML, no parameters, and the six types of
// stackkind.go. All that can be known without asking EC2 is checked here. CloudFormation itself finds some of it, such as
// an unknown property, only when it makes the resource.
func parseTemplate(body string) (*template, error) {
	var w writtenTemplate
	if err := strictJSON([]byte(body), &w); err != nil {
		return nil, invalid("Template format error: %v", err)
	}
	if v := w.AWSTemplateFormatVersion; v != "" && v != "2010-09-09" {
		return nil, invalid("Template format error: unsupported value for AWSTemplateFormatVersion.")
	}
	switch n := len(w.Resources); {
	case n == 0:
		return nil, invalid("Template format error: At least one Resources member must be defined.")
	case n > maxResources:
		return nil, invalid("Template format error: Number of resources, %d, is greater than maximum allowed, %d", n, maxResources)
	case len(w.Outputs) > maxOutputs:
		return nil, invalid("Template format error: Number of outputs, %d, is greater than maximum allowed, %d", len(w.Outputs), maxOutputs)
	}
	t := &template{body: body, description: w.Description, resources: map[string]declaration{}, outputs: map[string]outputDeclaration{}}
	for _, id := range slices.Sorted(maps.Keys(w.Resources)) {
		d, err := parseDeclaration(id, w.Resources[id])
		if err != nil {
			return nil, err
		}
		t.resources[id] = d
	}
	for _, id := range slices.Sorted(maps.Keys(w.Outputs)) {
		if err := t.parseOutput(id, w.Outputs[id]); err != nil {
			return nil, err
		}
	}
	return t, t.check()
}

func strictJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("there is more after its end")
	}
	return nil
}

func parseDeclaration(id string, text []byte) (declaration, error) {
	var w writtenDeclaration
	if !logicalID.MatchString(id) {
		return declaration{}, invalid("Template format error: Resource name %s is non alphanumeric.", id)
	}
	if err := strictJSON(text, &w); err != nil {
		return declaration{}, invalid("Template format error: [/Resources/%s] %v", id, err)
	}
	kind, ok := stackKinds[w.Type]
	if !ok {
		return declaration{}, invalid("Template format error: Unrecognized resource types: [%s]", w.Type)
	}
	if !slices.Contains([]string{"", policyDelete, policyRetain, policyRetainExceptOnCreate}, w.DeletionPolicy) {
		return declaration{}, invalid("Template error: Unrecognized DeletionPolicy %s for resource %s", w.DeletionPolicy, id)
	}
	if !slices.Contains([]string{"", policyDelete, policyRetain}, w.UpdateReplacePolicy) { // user guide, "UpdateReplacePolicy attribute"
		return declaration{}, invalid("Template error: Unrecognized UpdateReplacePolicy %s for resource %s", w.UpdateReplacePolicy, id)
	}
	d := declaration{kind: w.Type, values: map[string]value{}, dependsOn: w.DependsOn, deletion: w.DeletionPolicy, updateReplace: w.UpdateReplacePolicy}
	return d, d.readProperties(id, kind, w.Properties)
}

func (d *declaration) readProperties(id string, kind stackKind, properties map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		var err error
		switch {
		case name == "Tags" && kind.tagged != "":
			d.tags, err = parseTags(properties[name])
		case slices.Contains(kind.required, name) || slices.Contains(kind.optional, name):
			d.values[name], err = parseValue(properties[name])
		default:
			err = fmt.Errorf("encountered unsupported property %s", name)
		}
		if err != nil {
			return invalid("Properties validation failed for resource %s with message: %v", id, err)
		}
	}
	for _, name := range kind.required {
		if _, ok := d.values[name]; !ok {
			return invalid("Properties validation failed for resource %s with message: required key [%s] not found", id, name)
		}
	}
	return nil
}

func (t *template) parseOutput(id string, text []byte) error {
	var w struct {
		Description string
		Value       json.RawMessage
	}
	if err := strictJSON(text, &w); err != nil {
		return invalid("Template format error: [/Outputs/%s] %v", id, err)
	}
	v, err := parseValue(w.Value)
	if err != nil {
		return invalid("Template format error: [/Outputs/%s] %v", id, err)
	}
	t.outputs[id] = outputDeclaration{value: v, description: w.Description}
	return nil
}

// check looks at what resources and outputs say of each other.
func (t *template) check() error {
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		d := t.resources[id]
		for _, need := range d.needs() {
			if _, ok := t.resources[need]; !ok {
				return invalid("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", need)
			}
		}
		for _, v := range d.references() {
			if err := t.checkAttribute(v); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.outputs)) {
		v := t.outputs[id].value
		if _, ok := t.resources[v.resource]; v.resource != "" && !ok {
			return invalid("Template format error: Unresolved resource dependencies [%s] in the Outputs block of the template", v.resource)
		}
		if err := t.checkAttribute(v); err != nil {
			return err
		}
	}
	if _, circle := t.inOrder(); len(circle) > 0 {
		return invalid("Circular dependency between resources: [%s]", strings.Join(circle, ", "))
	}
	return nil
}

func (t *template) checkAttribute(v value) error {
	if v.attribute == "" {
		return nil
	}
	kind := t.resources[v.resource].kind
	if !slices.Contains(stackKinds[kind].attributes, v.attribute) {
		return invalid("Template error: resource %s does not support attribute type %s in Fn::GetAtt", v.resource, v.attribute)
	}
	return nil
}

// inOrder lists the resources so that each comes after what it needs, else by name; and those that need each other in a
// circle.
func (t *template) inOrder() (order, circle []string) {
	placed := map[string]bool{}
	for left := slices.Sorted(maps.Keys(t.resources)); len(left) > 0; left = circle {
		circle = nil
		for _, id := range left {
			if slices.ContainsFunc(t.resources[id].needs(), func(need string) bool { return !placed[need] }) {
				circle = append(circle, id)
				continue
			}
			placed[id] = true
			order = append(order, id)
		}
		if len(circle) == len(left) {
			return order, circle
		}
	}
	return order, nil
}
