package reconcile_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// crowded is a situation in which three routes are wanted, and EC2 takes one of them and calls the table full.
func crowded() (situation, reconcile.Decision, reconcile.Result) {
	s := built("20.0.0.0/24", "20.0.2.0/24", "20.0.4.0/24")
	d := s.decide()
	p := d.Report.Plan
	r := reconcile.Result{Outcomes: make([]reconcile.Outcome, len(p.Actions)), Errors: make([]error, len(p.Actions))}
	r.Outcomes[0] = reconcile.Done
	for i := 1; i < len(p.Actions); i++ {
		r.Outcomes[i], r.Errors[i] = reconcile.FailedThen, fmt.Errorf("create: %w", tableFull{})
	}
	return s, d, r
}

func (s situation) learn(d reconcile.Decision, r reconcile.Result) reconcile.Memory {
	return reconcile.Learn(reconcile.See(s.config, s.cloud.observed(), s.memory), d.Report.Plan, r, d.Memory, s.now)
}

// Rule 14: a table that EC2 called full takes no more than it had then, routes made in the same pass counted, and that is
// believed for an hour: quotas can be raised.
func TestFullTableIsBelievedForAnHour(t *testing.T) {
	t.Parallel()
	s, d, r := crowded()
	s.memory = s.learn(d, r)
	want := map[string]reconcile.Limit{"rtb-1": {Used: 2, Since: noon}} // the local route, and the one that was made
	if !maps.Equal(s.memory.Limits, want) {
		t.Fatalf("the limits are %v", s.memory.Limits)
	}
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	for _, x := range []struct {
		after time.Duration
		want  string
		full  int
	}{
		{time.Second, "", 2},
		{time.Hour - 1, "", 2},
		{time.Hour, "create route rtb-1 20.0.2.0/24\ncreate route rtb-1 20.0.4.0/24", 0},
	} {
		later := s
		later.now = noon.Add(x.after)
		got := later.decide()
		full := 0
		for _, v := range got.Report.Verdicts {
			if v.Standing == reconcile.StandingFull {
				full++
			}
		}
		if later.doing() != x.want || full != x.full {
			t.Errorf("after %s it does %q, and %d claims find no room", x.after, later.doing(), full)
		}
		if _, known := got.Memory.Limits["rtb-1"]; known != (x.full > 0) {
			t.Errorf("after %s the limits are %v", x.after, got.Memory.Limits)
		}
	}
}

// Rule 14: a route that goes makes room in a table that was called full, as far as it was full.
func TestRoomInAFullTable(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24", "20.0.2.0/24")
	s.memory.Limits = map[string]reconcile.Limit{"rtb-1": {Used: 3, Since: noon}}
	if got := s.doing(); got != "create route rtb-1 20.0.0.0/24" {
		t.Errorf("with two places, of which the last is for changes, it does\n%s", got)
	}
	s.memory.Limits["rtb-1"] = reconcile.Limit{Used: 900, Since: noon}
	if got := s.doing(); got != "create route rtb-1 20.0.0.0/24\ncreate route rtb-1 20.0.2.0/24" {
		t.Errorf("with a limit beyond --max-routes-per-table it does\n%s", got)
	}
}

// What fails for another reason teaches nothing, and learning changes no memory that somebody else has.
func TestLearnTakesOnlyWhatItIsTold(t *testing.T) {
	t.Parallel()
	s, d, r := crowded()
	for i := range r.Errors {
		if r.Errors[i] != nil {
			r.Errors[i] = errors.New("throttled")
		}
	}
	before := fmt.Sprintf("%+v", d.Memory)
	if m := s.learn(d, r); len(m.Limits) != 0 {
		t.Errorf("it learns %v", m.Limits)
	}
	_, _, full := crowded()
	s.learn(d, full)
	if after := fmt.Sprintf("%+v", d.Memory); after != before {
		t.Errorf("the memory was %s\nand is %s", before, after)
	}
	if m := s.learn(d, reconcile.Result{}); len(m.Limits) != 0 || m.Gateways["nat-a"] != "a" {
		t.Errorf("of a plan that was not applied it learns %v, %v", m.Limits, m.Gateways)
	}
}

// Rule 3: a gateway that was ours once is known to be so after EC2 forgot it, so a black hole that led there is ours to delete.
func TestGatewaysAreRemembered(t *testing.T) {
	t.Parallel()
	s := routed()
	s.config.WithdrawDelay = 0
	s.memory = s.decide().Memory
	s.cloud.things = nil
	for i := range s.cloud.routes["rtb-1"] {
		s.cloud.routes["rtb-1"][i].Status = reconcile.Blackhole
	}
	s.claim()
	want := "delete route rtb-1 20.0.0.0/24\ndelete route rtb-1 20.0.9.0/24"
	if got := s.doing(); got != want {
		t.Errorf("it does\n%s", got)
	}
	s.memory = reconcile.Memory{}
	if got := s.doing(); got != "" {
		t.Errorf("with a memory that was lost it does\n%s", got)
	}
}
