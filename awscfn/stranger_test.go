package awscfn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const waitAndSee = 10 * time.Minute

// problems is all that the last pass complains of.
func (w *world) problems() string {
	var out []string
	for _, p := range w.last.Problems {
		out = append(out, p.Reason)
	}
	for _, c := range w.last.Plan.Conflicts {
		out = append(out, c.Reason)
	}
	if w.last.Err != nil {
		out = append(out, w.last.Err.Error())
	}
	return strings.Join(out, "\n")
}

// byHand is what somebody does to the stack with a change set of their own.
func (w *world) byHand(kind types.ChangeSetType, body string, tags ...types.Tag) {
	w.t.Helper()
	in := &cloudformation.CreateChangeSetInput{
		StackName: aws.String(stackName), ChangeSetName: aws.String("by-hand"), ChangeSetType: kind, TemplateBody: aws.String(body), Tags: tags,
	}
	id := must[*cloudformation.CreateChangeSetOutput](w.t)(w.cfn.CreateChangeSet(w.t.Context(), in)).Id
	w.settle()
	must[*cloudformation.ExecuteChangeSetOutput](w.t)(w.cfn.ExecuteChangeSet(w.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: id}))
	w.settle()
	must[*cloudformation.DeleteChangeSetOutput](w.t)(w.cfn.DeleteChangeSet(w.t.Context(), &cloudformation.DeleteChangeSetInput{ChangeSetName: id}))
	w.cfn.ResetCounts()
}

// deleteByHand deletes the stack, and waits until it is gone.
func (w *world) deleteByHand() {
	w.t.Helper()
	must[*cloudformation.DeleteStackOutput](w.t)(w.cfn.DeleteStack(w.t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String(stackName)}))
	w.settle()
	w.cfn.ResetCounts()
}

func (w *world) settle() {
	w.t.Helper()
	if err := w.cfn.Settle(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// wantUntouched wants the controller to leave the stack alone, and to say why.
func (w *world) wantUntouched(why string) {
	w.t.Helper()
	w.cfn.ResetCounts()
	w.run(waitAndSee)
	if calls := w.stackCalls(); len(calls) > 0 || !strings.Contains(w.problems(), why) {
		w.t.Errorf("it does %v, and says %q, which should have %q in it", calls, w.problems(), why)
	}
}

const somebodys = `{"Resources":{"Address":{"Type":"AWS::EC2::EIP","Properties":{"Domain":"vpc"}}}}`

// A stack of our name that somebody else has made is not ours.
func TestSomebodyElsesStack(t *testing.T) {
	for name, tags := range map[string][]types.Tag{
		"without tags":    nil,
		"another cluster": {{Key: aws.String("static-egress/cluster"), Value: aws.String("another")}, {Key: aws.String("static-egress/controller"), Value: aws.String("kube-static-egress-controller")}},
		"another program": {{Key: aws.String("static-egress/cluster"), Value: aws.String("test")}, {Key: aws.String("static-egress/controller"), Value: aws.String("another")}},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 1, func(w *world) {
				w.byHand(types.ChangeSetTypeCreate, somebodys, tags...)
				w.values = map[string]string{"dns": "8.8.8.8"}
				w.wantUntouched("the stack " + stackName + " is not ours")
				for _, status := range []types.StackStatus{types.StackStatusRollbackComplete, types.StackStatusUpdateRollbackFailed, types.StackStatusDeleteFailed, types.StackStatusUpdateFailed} {
					w.cfn.SetStackStatus(stackName, status)
					w.wantUntouched("the stack " + stackName + " is not ours") // nor is it ours to mend
				}
				w.wantRoutes()
				if len(w.ec2.Snapshot().Addresses) != 1 {
					t.Errorf("there are the addresses %v", w.addresses())
				}
			})
		})
	}
}

// A template that somebody has changed is not overwritten. When it is as it was, all goes on.
func TestTemplateThatSomebodyChanged(t *testing.T) {
	built(t, func(w *world) {
		ours := w.template()
		w.byHand(types.ChangeSetTypeUpdate, strings.Replace(ours, `"Resources":{`, `"Resources":{"Address":{"Type":"AWS::EC2::EIP","Properties":{"Domain":"vpc"}},`, 1))
		w.values["more"] = "9.9.9.9"
		w.wantUntouched("was changed by somebody else")
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		w.byHand(types.ChangeSetTypeUpdate, ours)
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
	})
}

// bare takes the policies away from the addresses.
func (w *world) bare() {
	w.t.Helper()
	bare := strings.NewReplacer(`"DeletionPolicy":"RetainExceptOnCreate",`, "", `"DeletionPolicy":"Retain",`, "", `"UpdateReplacePolicy":"Retain",`, "").Replace(w.template())
	w.byHand(types.ChangeSetTypeUpdate, strings.Replace(bare, `The address of`, `The static address of`, 1))
}

// Somebody has taken the policies away from the addresses: the stack would take them with it, and so it is not deleted.
func TestPoliciesThatSomebodyTook(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		w.bare()
		w.cfn.SetStackStatus(stackName, types.StackStatusRollbackComplete)
		w.wantUntouched("would be lost")
		w.cfn.SetStackStatus(stackName, types.StackStatusUpdateComplete)
		w.values["more"] = "9.9.9.9"
		w.converge() // the next change puts them back
		if n := strings.Count(w.template(), `"DeletionPolicy":"Retain","UpdateReplacePolicy":"Retain"`); n != 2 {
			t.Errorf("%d addresses are retained", n)
		}
		if after := w.addresses(); after[string(zoneA)] != before[string(zoneA)] || after[string(zoneB)] != before[string(zoneB)] {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
	})
}
