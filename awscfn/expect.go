package awscfn

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// difference is what a change of templates comes to, by logical id: what a change set made from them may do, and no more.
type difference map[string]types.ChangeAction

// differ compares two templates as CloudFormation does: policies, the order of making and outputs are no change to any
// resource.
func differ(before, after Template) difference {
	d := difference{}
	for id, a := range after.Resources {
		b, was := before.Resources[id]
		switch {
		case !was:
			d[id] = types.ChangeActionAdd
		case !reflect.DeepEqual(a.Properties, b.Properties), weakened(b) && !weakened(a):
			d[id] = types.ChangeActionModify
		}
	}
	for id := range before.Resources {
		if _, stays := after.Resources[id]; !stays {
			d[id] = types.ChangeActionRemove
		}
	}
	return d
}

// weakened reports whether a resource is an address that would be lost when it leaves the template: somebody has taken its
// policy away. That counts as a change, whatever CloudFormation may say of it.
func weakened(r Resource) bool {
	_, address := r.Properties.(*EIP)
	return address && r.DeletionPolicy != Retain && r.DeletionPolicy != RetainExceptOnCreate
}

// unplanned finds what a change set would do and nobody has asked for: one surprise, and it is not executed.
func (d difference) unplanned(changes []types.Change) []string {
	var out []string
	modified := d.inPlace(changes)
	for _, c := range changes {
		r := c.ResourceChange
		switch {
		case c.Type != types.ChangeTypeResource || r == nil:
			out = append(out, "a change of the type "+string(c.Type))
		case !d.expects(*r, modified):
			what := strings.ToLower(string(r.Action)) + " " + aws.ToString(r.LogicalResourceId)
			if r.Replacement != "" && r.Replacement != types.ReplacementFalse {
				what += " (replacement: " + string(r.Replacement) + ")"
			}
			out = append(out, what)
		}
	}
	slices.Sort(out)
	return out
}

// inPlace are the resources that are surely not replaced, so what refers to them keeps its value: those of which CloudFormation
// says so, and those that it cannot tell because they refer to such ones, and so on.
func (d difference) inPlace(changes []types.Change) map[string]bool {
	in := map[string]bool{}
	for before := -1; before < len(in); {
		before = len(in)
		for _, c := range changes {
			r := c.ResourceChange
			if r == nil || r.Action != types.ChangeActionModify {
				continue
			}
			if r.Replacement == types.ReplacementFalse || d.expects(*r, in) {
				in[aws.ToString(r.LogicalResourceId)] = true
			}
		}
	}
	return in
}

func (d difference) expects(r types.ResourceChange, modified map[string]bool) bool {
	planned := d[aws.ToString(r.LogicalResourceId)]
	if r.Action != types.ChangeActionModify {
		return planned == r.Action
	}
	if r.Replacement == types.ReplacementTrue {
		return false
	}
	if r.Replacement == types.ReplacementFalse && (planned == types.ChangeActionModify || onlyAside(r)) {
		return true
	}
	// CloudFormation cannot say whether what refers to a resource that changes in place will get another value. We can: ids
	// only change when a resource is replaced.
	return len(r.Details) > 0 && !slices.ContainsFunc(r.Details, func(x types.ResourceChangeDetail) bool {
		return !d.harmless(x, planned, modified)
	})
}

// onlyAside reports whether nothing of a resource changes but what becomes of it some day. Whether that is a change at all,
// CloudFormation answers in one way and in the other.
func onlyAside(r types.ResourceChange) bool {
	aside := []types.ResourceAttribute{types.ResourceAttributeDeletionPolicy, types.ResourceAttributeUpdateReplacePolicy, types.ResourceAttributeTags}
	return len(r.Scope) > 0 && !slices.ContainsFunc(r.Scope, func(a types.ResourceAttribute) bool { return !slices.Contains(aside, a) })
}

func (d difference) harmless(x types.ResourceChangeDetail, planned types.ChangeAction, modified map[string]bool) bool {
	switch x.ChangeSource {
	case types.ChangeSourceResourceReference, types.ChangeSourceResourceAttribute:
		cause, _, _ := strings.Cut(aws.ToString(x.CausingEntity), ".")
		return x.Evaluation == types.EvaluationTypeDynamic && modified[cause]
	case types.ChangeSourceDirectModification:
		return planned == types.ChangeActionModify && x.Target != nil && x.Target.RequiresRecreation == types.RequiresRecreationNever
	case types.ChangeSourceNoModification:
		return true
	case types.ChangeSourceParameterReference, types.ChangeSourceAutomatic:
	}
	return false
}

// String says how many resources are added, changed and removed.
func (d difference) String() string {
	n := map[types.ChangeAction]int{}
	for _, a := range d {
		n[a]++
	}
	var out []string
	for _, a := range []types.ChangeAction{types.ChangeActionAdd, types.ChangeActionModify, types.ChangeActionRemove} {
		if n[a] > 0 {
			out = append(out, fmt.Sprintf("%s %d", strings.ToLower(string(a)), n[a]))
		}
	}
	return strings.Join(out, ", ")
}
