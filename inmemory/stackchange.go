package inmemory

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// changes compares a change set's template with what its stack has. It is a guess from what both say, made before any
// call to EC2, and errs on the side of change: a property that speaks of a thing that is going to be another one, or of
// an attribute of a thing that is going to be changed, may change too (SDK doc comments on ResourceChangeDetail). So new
// tags of an address make the gateway that has its AllocationId a Conditional replacement, though it is not even touched
// when the change set is executed (assumed; so change sets show an AWS::Lambda::Permission when its function's code
// changes).
func (c *CloudFormation) changes(s *stack, cs *changeSet) []types.Change {
	compared := comparison{stack: s, changeSet: cs, policies: c.options.PolicyChanges, found: map[string]*types.ResourceChange{}}
	order, _ := cs.template.inOrder()
	for _, id := range order {
		compared.look(id)
	}
	for id, r := range s.resources {
		if _, stays := cs.template.resources[id]; !stays {
			compared.found[id] = removal(r)
		}
	}
	var list []types.Change
	for _, id := range slices.Sorted(maps.Keys(compared.found)) {
		list = append(list, types.Change{Type: types.ChangeTypeResource, ResourceChange: compared.found[id]})
	}
	return list
}

func removal(r stackResource) *types.ResourceChange {
	action := types.PolicyActionDelete
	if retained(r) {
		action = types.PolicyActionRetain
	}
	return &types.ResourceChange{
		Action:             types.ChangeActionRemove,
		LogicalResourceId:  aws.String(r.logical),
		PhysicalResourceId: aws.String(r.physical),
		ResourceType:       aws.String(r.declared.kind),
		PolicyAction:       action,
	}
}

// comparison is a template that is being compared with a stack.
type comparison struct {
	*stack
	*changeSet
	policies bool
	found    map[string]*types.ResourceChange
}

// look compares one resource; what it needs was looked at before.
func (c *comparison) look(id string) {
	after := c.changeSet.template.resources[id]
	old, there := c.resources[id]
	change := &types.ResourceChange{LogicalResourceId: aws.String(id), ResourceType: aws.String(after.kind), Action: types.ChangeActionAdd}
	if !there {
		c.found[id] = change
		return
	}
	details := c.propertyDetails(old, after)
	details = append(details, c.tagDetails(old, after)...)
	if c.policies {
		details = append(details, policyDetail(types.ResourceAttributeDeletionPolicy, old.declared.deletion, after.deletion)...)
		details = append(details, policyDetail(types.ResourceAttributeUpdateReplacePolicy, old.declared.updateReplace, after.updateReplace)...)
	}
	if len(details) == 0 && !old.unfinished { // what failed and was left so is tried again (assumed)
		return
	}
	change.Action = types.ChangeActionModify
	change.PhysicalResourceId = aws.String(old.physical)
	change.Details, change.Scope = details, scopeOf(details)
	change.Replacement = replacementOf(details)
	if !old.made {
		change.Replacement = types.ReplacementTrue
	}
	if change.Replacement != types.ReplacementFalse {
		change.PolicyAction = types.PolicyActionReplaceAndDelete
		if after.updateReplace == policyRetain && old.declared.updateReplace == policyRetain {
			change.PolicyAction = types.PolicyActionReplaceAndRetain
		}
	}
	c.found[id] = change
}

func (c *comparison) propertyDetails(old stackResource, after declaration) []types.ResourceChangeDetail {
	all := maps.Clone(old.declared.values)
	maps.Copy(all, after.values)
	var details []types.ResourceChangeDetail
	for _, name := range slices.Sorted(maps.Keys(all)) {
		before, was := old.declared.values[name]
		v, is := after.values[name]
		recreation := types.RequiresRecreationAlways
		if slices.Contains(stackKinds[after.kind].inPlace, name) {
			recreation = types.RequiresRecreationNever
		}
		target := types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(name), RequiresRecreation: recreation}
		if before != v || was != is {
			target.AttributeChangeType = changeType(was, is)
			details = append(details, direct(target, c.unknown(v)))
			continue
		}
		details = append(details, c.caused(target, v)...)
	}
	return details
}

func (c *comparison) tagDetails(old stackResource, after declaration) []types.ResourceChangeDetail {
	if stackKinds[after.kind].tagged == "" {
		return nil
	}
	target := types.ResourceTargetDefinition{Attribute: types.ResourceAttributeTags, RequiresRecreation: types.RequiresRecreationNever, AttributeChangeType: types.AttributeChangeTypeModify}
	if !maps.Equal(old.declared.tags, after.tags) || !maps.Equal(c.inherited(old.declared, c.stack.tags), c.inherited(after, c.changeSet.tags)) {
		return []types.ResourceChangeDetail{direct(target, false)}
	}
	for _, key := range slices.Sorted(maps.Keys(after.tags)) {
		if details := c.caused(target, after.tags[key]); len(details) > 0 {
			return details
		}
	}
	return nil
}

// inherited are the stack's tags that a resource gets.
func (c *comparison) inherited(d declaration, tags Tags) Tags {
	tags = maps.Clone(tags)
	maps.DeleteFunc(tags, func(key, _ string) bool { _, own := d.tags[key]; return own })
	return tags
}

func policyDetail(attribute types.ResourceAttribute, before, after string) []types.ResourceChangeDetail {
	if before == after {
		return nil
	}
	return []types.ResourceChangeDetail{direct(types.ResourceTargetDefinition{
		Attribute: attribute, RequiresRecreation: types.RequiresRecreationNever, AttributeChangeType: changeType(before != "", after != ""),
	}, false)}
}

func changeType(was, is bool) types.AttributeChangeType {
	switch {
	case !was:
		return types.AttributeChangeTypeAdd
	case !is:
		return types.AttributeChangeTypeRemove
	}
	return types.AttributeChangeTypeModify
}

// direct is a change that the template itself says; dynamic, if its value is known only when it is made.
func direct(target types.ResourceTargetDefinition, dynamic bool) types.ResourceChangeDetail {
	d := types.ResourceChangeDetail{ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic, Target: &target}
	if dynamic {
		d.Evaluation = types.EvaluationTypeDynamic
	}
	return d
}

// unknown tells whether a value is one that only the execution shows.
func (c *comparison) unknown(v value) bool {
	change := c.found[v.resource]
	return change != nil && change.Replacement != types.ReplacementFalse // a new thing has none
}

// caused is the change of a value that is said as before, but speaks of a thing that changes.
func (c *comparison) caused(target types.ResourceTargetDefinition, v value) []types.ResourceChangeDetail {
	change := c.found[v.resource]
	if change == nil || v.attribute == "" && change.Replacement == types.ReplacementFalse {
		return nil
	}
	target.AttributeChangeType = types.AttributeChangeTypeModify
	d := types.ResourceChangeDetail{
		ChangeSource:  types.ChangeSourceResourceReference,
		Evaluation:    types.EvaluationTypeDynamic,
		CausingEntity: aws.String(v.resource),
		Target:        &target,
	}
	if v.attribute != "" {
		d.ChangeSource, d.CausingEntity = types.ChangeSourceResourceAttribute, aws.String(v.resource+"."+v.attribute)
	}
	return []types.ResourceChangeDetail{d}
}

func scopeOf(details []types.ResourceChangeDetail) []types.ResourceAttribute {
	var scope []types.ResourceAttribute
	for _, d := range details {
		scope = append(scope, d.Target.Attribute)
	}
	slices.Sort(scope)
	return slices.Compact(scope)
}

// replacementOf: the change with the most impact decides (SDK doc comment on ResourceChange.Replacement).
func replacementOf(details []types.ResourceChangeDetail) types.Replacement {
	replacement := types.ReplacementFalse
	for _, d := range details {
		switch {
		case d.Target.RequiresRecreation != types.RequiresRecreationAlways:
		case d.Evaluation == types.EvaluationTypeStatic:
			return types.ReplacementTrue
		default:
			replacement = types.ReplacementConditional
		}
	}
	return replacement
}
