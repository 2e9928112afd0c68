package reconcile_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// carryOut applies the whole plan in its own order as far as needs allow, and remembers.
func (p *pass) carryOut() (situation, error) {
	all := make([]int, len(p.plan.Actions))
	for i := range all {
		all[i] = i
	}
	next := p.situation
	now, err := p.after(all...)
	if err != nil {
		return next, err
	}
	next.cloud, next.memory = now, p.decision.Memory
	return next, nil
}

// due is when the first of the waits is over that the clock ends; zero if there is none.
func due(p reconcile.Plan) time.Time {
	var first time.Time
	for _, w := range p.Waiting {
		if !w.Until.IsZero() && (first.IsZero() || w.Until.Before(first)) {
			first = w.Until
		}
	}
	return first
}

// Rule 4, "repeated plans reach a fixpoint": when a plan is carried out and time passes, it soon comes to rest, and looking
// again wants nothing.
func TestComesToRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := dice{t}.situation()
		var passes []*pass
		told := func() string {
			var b strings.Builder
			for i, p := range passes {
				fmt.Fprintf(&b, "pass %d, %s:\n%s\n", i+1, p.now.Format(time.TimeOnly), p.describe())
			}
			return b.String()
		}
		for range 20 {
			p := decided(s)
			passes = append(passes, p)
			next, err := p.carryOut()
			if err != nil {
				t.Fatalf("%v\n%s", err, told())
			}
			changed := next.cloud.tick()
			done := len(p.plan.Actions) == 0 // so the cloud is as it was, but for what time did
			if done && changed && stuckOn(p.plan) == "" && len(next.decide().Report.Plan.Actions) > 0 {
				t.Fatalf("something is going on that asks for something, and nothing makes it look again soon:\n%s", told())
			}
			if until := due(p.plan); done && until.After(s.now) {
				next.now = until
			} else if done && !changed {
				if stuck := stuckOn(p.plan); stuck != "" && len(p.decision.Report.Problems) == 0 {
					t.Fatalf("nothing changes any more, and it still looks again in seconds: %s\n%s", stuck, told())
				}
				return
			}
			s = next
		}
		t.Fatalf("it does not come to rest:\n%s", told())
	})
}

// stuckOn is what a plan waits for though nothing is going on and nobody is told to do something.
func stuckOn(p reconcile.Plan) string {
	for _, w := range p.Waiting {
		if !w.Held {
			return fmt.Sprintf("%s: %s", w.Key, w.Reason)
		}
	}
	return ""
}

// A plan that is carried out leads to its goal: what it wants is there, but for what waits, is in conflict or is to be made
// again; and what it does not want is gone, but for what waits, and addresses (rule 7).
func TestLeadsToItsGoal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPass(dice{t}.situation())
		next, err := p.carryOut()
		if err != nil {
			t.Fatalf("%v\n%s", err, p.describe())
		}
		excused := map[reconcile.Key]bool{}
		remade := map[reconcile.Zone]bool{}
		for _, w := range p.plan.Waiting {
			excused[w.Key] = true
			if w.Key.Kind == reconcile.Subnet { // it is to be made again, and what rests on it too
				for k := reconcile.Subnet; k <= reconcile.NATGateway; k++ {
					excused[pathKey(k, w.Key.Zone)] = true
				}
			}
		}
		for _, c := range p.plan.Conflicts {
			excused[c.Key] = true
		}
		for _, a := range p.plan.Actions {
			if a.Verb == reconcile.Delete && a.Key.Kind != reconcile.TargetRoute {
				remade[a.Key.Zone] = true
				for k := reconcile.Subnet; k <= reconcile.NATGateway; k++ {
					excused[pathKey(k, a.Key.Zone)] = true // if it is wanted, it is to be made again
				}
			}
		}
		have := map[reconcile.Key]reconcile.Found{}
		seen := reconcile.See(p.config, next.cloud.observed(), next.memory)
		for _, path := range seen.Paths {
			for _, f := range []*reconcile.Found{path.Subnet, path.Address, path.NATTable, path.DefaultRoute, path.Association, path.Gateway} {
				if f != nil {
					have[f.Key] = *f
				}
			}
		}
		for _, table := range seen.Tables {
			for _, f := range table.Ours {
				have[f.Key] = f
			}
		}
		want := map[reconcile.Key]bool{}
		for _, r := range p.plan.Goal.Resources {
			want[r.Key] = true
			f, there := have[r.Key]
			if (!there || f.Spec != r.Spec) && !excused[r.Key] && !remade[r.Spec.Target.Zone] && (p.cloud.site.InternetGateway != "" || r.Key.Kind != reconcile.DefaultRoute) {
				t.Fatalf("%s is wanted as %+v, and there is %+v\n%s", r.Key, r.Spec, f, p.describe())
			}
		}
		waits := map[reconcile.Key]bool{}
		for _, w := range p.plan.Waiting {
			waits[w.Key] = true
		}
		for _, k := range slices.SortedFunc(maps.Keys(have), reconcile.Key.Compare) {
			if f := have[k]; !want[k] && !waits[k] && k.Kind != reconcile.Address && f.Holder == reconcile.Ours {
				t.Fatalf("%s %s is there, and nobody wants it\n%s", k, f.ID, p.describe())
			}
		}
	})
}
