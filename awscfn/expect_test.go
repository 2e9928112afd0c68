package awscfn

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func changed(action types.ChangeAction, id string, r types.Replacement, details ...types.ResourceChangeDetail) types.Change {
	return types.Change{Type: types.ChangeTypeResource, ResourceChange: &types.ResourceChange{
		Action: action, LogicalResourceId: aws.String(id), Replacement: r, Details: details,
	}}
}

func follows(cause string, evaluation types.EvaluationType) types.ResourceChangeDetail {
	return types.ResourceChangeDetail{
		ChangeSource: types.ChangeSourceResourceAttribute, CausingEntity: aws.String(cause), Evaluation: evaluation,
		Target: &types.ResourceTargetDefinition{RequiresRecreation: types.RequiresRecreationAlways},
	}
}

func direct(r types.RequiresRecreation) types.ResourceChangeDetail {
	return types.ResourceChangeDetail{
		ChangeSource: types.ChangeSourceDirectModification, Evaluation: types.EvaluationTypeStatic,
		Target: &types.ResourceTargetDefinition{RequiresRecreation: r},
	}
}

// One change that nobody has planned, and the change set is not executed: this is what stands between a surprise of
// CloudFormation's and a working route.
func TestUnplannedChanges(t *testing.T) {
	planned := difference{"New": types.ChangeActionAdd, "Old": types.ChangeActionRemove, "Route": types.ChangeActionModify, "EIP": types.ChangeActionModify, "Gateway": types.ChangeActionModify}
	inPlace := changed(types.ChangeActionModify, "EIP", types.ReplacementFalse)
	for _, c := range []struct {
		name    string
		changes []types.Change
		says    string // empty: nothing is unplanned
	}{
		{"nothing", nil, ""},
		{"an addition", []types.Change{changed(types.ChangeActionAdd, "New", "")}, ""},
		{"a removal", []types.Change{changed(types.ChangeActionRemove, "Old", "")}, ""},
		{"a change in place", []types.Change{changed(types.ChangeActionModify, "Route", types.ReplacementFalse)}, ""},
		{"an addition that nobody planned", []types.Change{changed(types.ChangeActionAdd, "Other", "")}, "add Other"},
		{"a removal that nobody planned", []types.Change{changed(types.ChangeActionRemove, "Route", "")}, "remove Route"},
		{"a removal of what is to be added", []types.Change{changed(types.ChangeActionRemove, "New", "")}, "remove New"},
		{"a change that nobody planned", []types.Change{changed(types.ChangeActionModify, "Other", types.ReplacementFalse)}, "modify Other"},
		{"a replacement", []types.Change{changed(types.ChangeActionModify, "Route", types.ReplacementTrue, direct(types.RequiresRecreationNever))}, "modify Route (replacement: True)"},
		{"a replacement, perhaps", []types.Change{changed(types.ChangeActionModify, "Route", types.ReplacementConditional)}, "modify Route (replacement: Conditional)"},
		{"an import", []types.Change{changed(types.ChangeActionImport, "New", "")}, "import New"},
		{"what cannot be said", []types.Change{changed(types.ChangeActionDynamic, "Route", "")}, "dynamic Route"},
		{"no resource", []types.Change{{Type: "Hook"}}, "Hook"},

		{"what refers to a change in place", []types.Change{inPlace, changed(types.ChangeActionModify, "Follower", types.ReplacementConditional, follows("EIP.AllocationId", types.EvaluationTypeDynamic))}, ""},
		{"what refers to that", []types.Change{
			changed(types.ChangeActionModify, "Last", types.ReplacementConditional, follows("Follower", types.EvaluationTypeDynamic)),
			changed(types.ChangeActionModify, "Follower", types.ReplacementConditional, follows("EIP.AllocationId", types.EvaluationTypeDynamic)), inPlace,
		}, ""},
		{"what refers to itself in a circle", []types.Change{
			changed(types.ChangeActionModify, "Last", types.ReplacementConditional, follows("Follower", types.EvaluationTypeDynamic)),
			changed(types.ChangeActionModify, "Follower", types.ReplacementConditional, follows("Last", types.EvaluationTypeDynamic)),
		}, "modify Follower (replacement: Conditional), modify Last"},
		{"and changes its tags itself", []types.Change{inPlace, changed(types.ChangeActionModify, "Gateway", types.ReplacementConditional, follows("EIP.AllocationId", types.EvaluationTypeDynamic), direct(types.RequiresRecreationNever))}, ""},
		{"and changes more itself", []types.Change{inPlace, changed(types.ChangeActionModify, "Gateway", types.ReplacementConditional, follows("EIP.AllocationId", types.EvaluationTypeDynamic), direct(types.RequiresRecreationAlways))}, "modify Gateway"},
		{"what refers to a change that is surely another value", []types.Change{inPlace, changed(types.ChangeActionModify, "Follower", types.ReplacementConditional, follows("EIP.AllocationId", types.EvaluationTypeStatic))}, "modify Follower"},
		{"what refers to a replacement", []types.Change{changed(types.ChangeActionModify, "EIP", types.ReplacementTrue), changed(types.ChangeActionModify, "Follower", types.ReplacementConditional, follows("EIP.AllocationId", types.EvaluationTypeDynamic))}, "modify EIP (replacement: True), modify Follower"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := strings.Join(planned.unplanned(c.changes), ", ")
			if (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
				t.Errorf("unplanned is %q, and should be %q", got, c.says)
			}
		})
	}
}

func TestDiffer(t *testing.T) {
	route := func(gateway string) Resource {
		return Resource{Properties: &Route{text("rtb-1"), "8.8.8.8/32", ref(gateway), ""}}
	}
	before := Template{Resources: map[string]Resource{
		"Same": route("G"), "Led": route("G"), "Gone": route("G"),
		"Address": {DeletionPolicy: RetainExceptOnCreate, Properties: &EIP{Domain: "vpc"}},
	}}
	after := Template{Resources: map[string]Resource{
		"Same": route("G"), "Led": route("GG2"), "New": route("G"),
		"Address": {DeletionPolicy: Retain, DependsOn: []string{"Same"}, Properties: &EIP{Domain: "vpc"}},
	}, Outputs: map[string]Output{"O": {}}}
	got := differ(before, after)
	if len(got) != 3 || got["Led"] != types.ChangeActionModify || got["Gone"] != types.ChangeActionRemove || got["New"] != types.ChangeActionAdd {
		t.Errorf("the difference is %v", map[string]types.ChangeAction(got))
	}
	if text := got.String(); text != "add 1, modify 1, remove 1" {
		t.Errorf("it reads %q", text)
	}
	if !slices.Equal(sortedKeys(differ(after, after)), nil) {
		t.Error("a template differs from itself")
	}
}
