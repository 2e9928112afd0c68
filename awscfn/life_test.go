package awscfn_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// All ConfigMaps go, and the addresses stay: in the same stack, and in a new one.
func TestAddressesOutliveClaimsAndStacks(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		wantSame := func(when string) {
			t.Helper()
			if after := w.addresses(); !maps.Equal(before, after) {
				t.Errorf("%s the addresses are %v, and were %v", when, after, before)
			}
		}
		w.values = nil
		w.run(30 * time.Minute)
		w.converge()
		w.gone()
		wantSame("when nobody asks for anything")

		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		wantSame("when it is asked for again")

		must[*cloudformation.DeleteStackOutput](t)(w.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String(stackName)}))
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		wantSame("in a new stack")

		w.start()
		w.values = nil
		w.run(30 * time.Minute)
		w.converge()
		w.gone()
		wantSame("when the new stack holds no resource any more")
		if names := w.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there are still the stacks %v, although there is nothing left to put into one", names)
		}

		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		wantSame("and in a third one")
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
	})
}

// failing has EC2 refuse some calls of the stack's.
func (w *world) failing(refuse func(inmemory.Call) bool) {
	w.ec2.SetHook(func(ctx context.Context, c inmemory.Call, phase inmemory.Phase) error {
		if inmemory.ByStack(ctx) != "" && phase == inmemory.Before && refuse(c) {
			return &smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
		}
		return nil
	})
}

// One impossible route stops no other: the operation is rolled back, the route that was to blame is put aside, and all
// else goes on (rule 12).
func TestOneImpossibleRouteStopsNoOther(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		w.failing(func(c inmemory.Call) bool { return c.Operation == "CreateRoute" && strings.Contains(c.Key, "9.9.9.9") })
		w.values["bad"], w.values["good"] = "9.9.9.9", "4.4.4.4"
		w.run(20 * time.Minute)
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active")
		if w.last.Err == nil || !strings.Contains(w.last.Err.Error(), "not authorized") || !strings.Contains(w.last.Err.Error(), "9.9.9.9/32") {
			t.Errorf("the error does not say what could not be made, and why: %v", w.last.Err)
		}
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
		w.cfn.ResetCounts()
		w.run(30 * time.Minute)
		if n := len(w.stackCalls()); n > 12 {
			t.Errorf("it was tried again and again: %v", w.stackCalls())
		}
		w.ec2.SetHook(nil)
		w.run(time.Hour)
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active",
			"a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
	})
}

// The first operation fails: the stack ends in ROLLBACK_COMPLETE, from which it can only be deleted. What was to blame is
// put aside, and all else is built.
func TestFailureOfTheFirstOperation(t *testing.T) {
	in(t, 2, func(w *world) {
		w.failing(func(c inmemory.Call) bool { return c.Operation == "CreateRoute" && strings.Contains(c.Key, "9.9.9.9") })
		w.values = map[string]string{"bad": "9.9.9.9", "good": "4.4.4.4"}
		w.run(40 * time.Minute)
		w.wantRoutes("a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active")
		if n := len(w.addresses()); n != 2 {
			t.Errorf("there are addresses of %d zones: %v", n, w.addresses())
		}
		w.ec2.SetHook(nil)
		w.run(time.Hour)
		w.converge()
		w.wantRoutes("a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
	})
}

// One zone's gateway cannot be had, and the other zone is built all the same (rule 12).
func TestOneImpossibleZoneStopsNoOther(t *testing.T) {
	in(t, 2, func(w *world) {
		w.failing(func(c inmemory.Call) bool {
			return c.Operation == "CreateNatGateway" && strings.Contains(c.Key, string(zoneB))
		})
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.run(time.Hour)
		w.wantRoutes("a 8.8.8.8/32 -> a active")
		w.ec2.SetHook(nil)
		w.run(2 * time.Hour)
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
	})
}

// An address whose making can still be undone is nobody's to rely on.
func TestAddressIsNotToldBeforeItIsThereForGood(t *testing.T) {
	in(t, 1, func(w *world) {
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.run(time.Minute)
		if len(w.addresses()) != 1 {
			t.Fatalf("it has not been allocated yet: %v", w.addresses())
		}
		if ip := w.last.Zones[0].PublicIP; ip.IsValid() {
			t.Errorf("%s is told while the stack is still at work: %v", ip, w.last.Plan.Waiting)
		}
		w.converge()
		if ip := w.last.Zones[0].PublicIP; !ip.IsValid() {
			t.Error("and it is not told when all is done")
		}
	})
}

// Two changes, the second one while the first is under way: both are in place as soon as the first operation has ended.
func TestTwoChangesASecondApart(t *testing.T) {
	built(t, func(w *world) {
		w.values["one"] = "4.4.4.4"
		w.run(time.Second)
		w.values["two"] = "9.9.9.9"
		began := time.Now()
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active",
			"a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
		// Two change sets and two operations, each with its steps, and no fixed poll between them.
		if took := time.Since(began); took > 12*oneStep {
			t.Errorf("it took %s", took)
		}
	})
}

// The same in one process that goes on: that it looked often at the stack while that was busy makes it no slower afterwards.
func TestAChangeFollowsABusyStackAtOnce(t *testing.T) {
	built(t, func(w *world) {
		report := w.loop.Report
		w.loop.Report = func(r reconcile.Report) {
			report(r)
			if len(r.Plan.Waiting) > 0 && r.Plan.Waiting[0].Key.Kind == reconcile.CloudFormationStack {
				w.values["two"] = "9.9.9.9"
			}
		}
		w.values["one"] = "4.4.4.4"
		w.run(30 * time.Minute)
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 4.4.4.4/32 -> a active", "b 4.4.4.4/32 -> b active",
			"a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
		events := must[*cloudformation.DescribeStackEventsOutput](t)(w.cfn.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{
			StackName: aws.String(stackName),
		})).StackEvents
		var last time.Time // when the operation after began; these go back in time
		for _, e := range events {
			switch {
			case *e.LogicalResourceId != stackName:
			case e.ResourceStatus == types.ResourceStatusUpdateInProgress && last.IsZero():
				last = *e.Timestamp
			case e.ResourceStatus == types.ResourceStatusUpdateComplete && !last.IsZero():
				// A change set is made in one step, and then there is the pause after a look.
				if gap := last.Sub(*e.Timestamp); gap > 2*oneStep {
					t.Errorf("the second operation began %v after the end of the first", gap)
				}
				return
			}
		}
		t.Error("there were no two operations")
	})
}

// Re-ordering zones is nothing; one that is gone or new touches no other (rule 2).
func TestZonesTouchNoOther(t *testing.T) {
	built(t, func(w *world) {
		w.config.Zones = []reconcile.ZoneConfig{blocks[1], blocks[0]}
		w.start()
		w.converge()
		if calls := w.stackCalls(); len(calls) > 0 {
			t.Errorf("re-ordered zones: %v", calls)
		}

		before := w.cfn.Events(stackName)
		w.config.Zones = []reconcile.ZoneConfig{blocks[1], blocks[2], blocks[0]}
		w.start()
		w.converge()
		w.wantChanged(before, zoneC)

		before = w.cfn.Events(stackName)
		w.config.Zones = []reconcile.ZoneConfig{blocks[0], blocks[2]}
		w.config.AllowDisruption = []string{string(zoneB)}
		w.start()
		w.run(time.Hour)
		w.converge()
		w.wantChanged(before, zoneB)
	})
}

// wantChanged wants the events since then to name only what belongs to one zone.
func (w *world) wantChanged(before string, zone reconcile.Zone) {
	w.t.Helper()
	names := map[string]reconcile.Zone{}
	for _, z := range []reconcile.Zone{zoneA, zoneB, zoneC} {
		names[strings.ReplaceAll(string(z), "-", "X")] = z
	}
	for _, t := range w.ec2.Snapshot().RouteTables {
		if z := t.Tags[tagKey]; z != "" {
			names[strings.ReplaceAll(t.ID, "-", "X")] = reconcile.Zone(z)
		}
	}
	named := 0
	for line := range strings.Lines(w.cfn.Events(stackName)) {
		for part, z := range names {
			if strings.Contains(before, line) || !strings.Contains(line, part) {
				continue
			}
			if named++; z != zone {
				w.t.Errorf("%s is touched: %s", z, line)
			}
		}
	}
	if named == 0 {
		w.t.Error("no event names any zone")
	}
}

// Every status that a stack can have is met by a pass, and none of them costs an address or a working route.
func TestEveryStatusIsMet(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		begin := built
		if status == types.StackStatusReviewInProgress { // the shell of a stack: nothing is in it
			begin = func(t *testing.T, test func(*world)) { in(t, 2, test) }
		}
		t.Run(string(status), func(t *testing.T) {
			begin(t, func(w *world) {
				before := w.addresses()
				w.cfn.SetStackStatus(stackName, status)
				w.values["more"] = "9.9.9.9"
				w.run(5 * time.Minute)
				if after := w.addresses(); len(before) > 0 && !maps.Equal(before, after) {
					t.Errorf("the addresses were %v and are %v", before, after)
				}
				calls := slices.Compact(w.stackCalls())
				t.Log(calls)
				w.wantStepFor(status, calls)
			})
		})
	}
}

// wantStepFor wants a pass to have begun with the call that the status asks for.
func (w *world) wantStepFor(status types.StackStatus, calls []string) {
	w.t.Helper()
	first := map[types.StackStatus]string{
		types.StackStatusRollbackComplete: "DeleteStack", types.StackStatusRollbackFailed: "DeleteStack", types.StackStatusCreateFailed: "DeleteStack",
		types.StackStatusDeleteFailed: "DeleteStack", types.StackStatusUpdateRollbackFailed: "ContinueUpdateRollback", types.StackStatusUpdateFailed: "RollbackStack",
		types.StackStatusImportRollbackFailed: "",
	}
	want, special := first[status]
	if !special && strings.HasSuffix(string(status), "_COMPLETE") || status == types.StackStatusReviewInProgress {
		want = "CreateChangeSet"
	}
	switch {
	case want == "" && len(calls) > 0:
		w.t.Errorf("%s: it should be left alone, and was changed: %v", status, calls)
	case want != "" && (len(calls) == 0 || calls[0] != want):
		w.t.Errorf("%s: the first call should be %s: %v", status, want, calls)
	}
}
