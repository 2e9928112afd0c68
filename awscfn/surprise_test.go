package awscfn_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// surprising is a CloudFormation whose change sets say something else than they should.
type surprising struct {
	awscfn.API
	say func(*cloudformation.DescribeChangeSetOutput)
}

func (a surprising) DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, o ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	out, err := a.API.DescribeChangeSet(ctx, in, o...)
	if err == nil {
		a.say(out)
	}
	return out, err
}

// A change set that would do what nobody has planned is not executed, but deleted and told.
func TestUnplannedChangeIsNotExecuted(t *testing.T) {
	change := func(action types.ChangeAction, id string, r types.Replacement) types.Change {
		return types.Change{Type: types.ChangeTypeResource, ResourceChange: &types.ResourceChange{Action: action, LogicalResourceId: aws.String(id), Replacement: r}}
	}
	for name, c := range map[string]struct {
		say  func(*cloudformation.DescribeChangeSetOutput)
		told string
	}{
		"a removal too many": {func(out *cloudformation.DescribeChangeSetOutput) {
			out.Changes = append(out.Changes, change(types.ChangeActionRemove, "EIPeuXcentralX1a", ""))
		}, "remove EIPeuXcentralX1a"},
		"a replacement": {func(out *cloudformation.DescribeChangeSetOutput) {
			out.Changes = append(out.Changes, change(types.ChangeActionModify, "NatGatewayeuXcentralX1a", types.ReplacementTrue))
		}, "modify NatGatewayeuXcentralX1a (replacement: True)"},
		"only on its last page": {func(out *cloudformation.DescribeChangeSetOutput) {
			if out.NextToken == nil {
				out.Changes = append(out.Changes, change(types.ChangeActionRemove, "SubneteuXcentralX1b", ""))
			}
		}, "remove SubneteuXcentralX1b"},
		"a failure": {func(out *cloudformation.DescribeChangeSetOutput) {
			out.Status, out.StatusReason, out.ExecutionStatus = types.ChangeSetStatusFailed, aws.String("Transform failed"), types.ExecutionStatusUnavailable
		}, "could not be made: Transform failed"},
	} {
		t.Run(name, func(t *testing.T) {
			built(t, func(w *world) {
				honest, before := w.api, w.template()
				w.api = surprising{honest, c.say}
				w.start()
				w.values["one"], w.values["two"] = "4.4.4.4", "9.9.9.9"
				w.run(time.Minute)
				w.wantTemplate(before)
				w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
				if !strings.Contains(w.problems(), c.told) {
					t.Errorf("it says %q, which should have %q in it", w.problems(), c.told)
				}
				if calls := w.stackCalls(); strings.Contains(strings.Join(calls, " "), "ExecuteChangeSet") || !strings.Contains(strings.Join(calls, " "), "DeleteChangeSet") {
					t.Errorf("the calls are %v", calls)
				}
				w.run(time.Hour)
				if n := w.count("CreateChangeSet"); n > 10 || !strings.Contains(w.problems(), c.told) {
					t.Errorf("in an hour it was tried %d times, and it says %q", n, w.problems())
				}
				w.api = honest
				w.start()
				w.converge()
				w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active",
					"a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
			})
		})
	}
}

// count is how often an operation was called.
func (w *world) count(operation string) int { return w.cfn.Counts()[operation] }

// dieAfter lets the controller run until it has made such a call.
func (w *world) dieAfter(operation string) {
	ctx, die := context.WithCancel(w.t.Context())
	defer die()
	w.cfn.SetHook(func(_ context.Context, c inmemory.Call, p inmemory.Phase) error {
		if c.Operation == operation && p == inmemory.After {
			die()
		}
		return nil
	})
	w.loop.Run(ctx)
	w.cfn.SetHook(nil)
}

// A change set that a process has left by its end is executed by the next one, and not made again.
func TestChangeSetThatACrashLeft(t *testing.T) {
	for name, begin := range map[string]func(*testing.T, func(*world)){
		"of a new stack":         func(t *testing.T, test func(*world)) { in(t, 2, test) },
		"of a stack that stands": built,
	} {
		t.Run(name, func(t *testing.T) {
			begin(t, func(w *world) {
				w.cfn.ResetCounts()
				w.values["more"] = "9.9.9.9"
				w.dieAfter("CreateChangeSet")
				w.settle()
				if w.count("CreateChangeSet") != 1 || w.count("ExecuteChangeSet") != 0 {
					t.Fatalf("the calls of one pass are %v", w.stackCalls())
				}
				w.start()
				w.converge()
				if w.count("CreateChangeSet") != 1 || w.count("ExecuteChangeSet") != 1 {
					t.Errorf("the calls are %v", w.stackCalls())
				}
			})
		})
	}
}

// An answer that is lost: whether the call has happened nobody knows, and the next pass finds out.
func TestAnswersThatAreLost(t *testing.T) {
	for _, operation := range []string{"CreateChangeSet", "ExecuteChangeSet", "DescribeChangeSet", "GetTemplate", "DescribeStacks", "ListChangeSets"} {
		for _, phase := range []inmemory.Phase{inmemory.Before, inmemory.After} {
			t.Run(operation, func(t *testing.T) {
				built(t, func(w *world) {
					before, lost := w.addresses(), false
					w.cfn.SetHook(func(_ context.Context, c inmemory.Call, p inmemory.Phase) error {
						if c.Operation == operation && p == phase && !lost {
							lost = true
							return context.DeadlineExceeded
						}
						return nil
					})
					w.values["more"] = "9.9.9.9"
					w.run(5 * time.Minute)
					w.converge()
					w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
					if after := w.addresses(); len(after) != len(before) || !lost {
						t.Errorf("the addresses were %v and are %v; an answer was lost: %t", before, after, lost)
					}
					if n := w.count("ExecuteChangeSet"); n > 2 {
						t.Errorf("%d change sets were executed", n)
					}
				})
			})
		}
	}
}
