package reconcile_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rules 3, 4, 11, 14, 15: in whatever order the actions come that their needs allow, and wherever it stops, nothing that is
// wanted breaks, nothing foreign is touched, and no table overflows.
func TestAnyOrderIsHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		p := newPass(d.situation())
		now := p.cloud.clone()
		ids := maps.Clone(p.plan.IDs)
		var done []int
		for len(done) < len(p.plan.Actions) {
			var ready []int
			for i, a := range p.plan.Actions {
				open := func(j int) bool { return !slices.Contains(done, j) }
				if open(i) && !slices.ContainsFunc(a.Needs, open) {
					ready = append(ready, i)
				}
			}
			if len(ready) == 0 {
				t.Fatalf("the needs go in a circle:\n%s", p.describe())
			}
			i := pick(d, "next", ready...)
			done = append(done, i)
			a := p.plan.Actions[i]
			if err := now.apply(a, ids); err != nil {
				t.Fatalf("%s %s: EC2 would refuse it: %v\n%s", a.Verb, a.Key, err, p.describe())
			}
			if why := p.harm(now); why != "" {
				t.Fatalf("after %s %s: %s\n%s", a.Verb, a.Key, why, p.describe())
			}
		}
	})
}

// Rule 4, over every order at once: of the orders, the worst for an address is the one in which all that takes its route
// away comes as early as it can.
func TestNoOrderUncoversAnAddress(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPass(dice{t}.situation())
		tried := map[string]bool{}
		try := func(actions ...int) {
			if len(actions) == 0 || tried[string(bytesOf(actions))] {
				return
			}
			tried[string(bytesOf(actions))] = true
			now, err := p.after(actions...)
			if err != nil {
				t.Fatalf("%v\n%s", err, p.describe())
			}
			if why := p.harm(now); why != "" {
				t.Fatalf("after actions %v and what they need: %s\n%s", actions, why, p.describe())
			}
		}
		for i, a := range p.plan.Actions {
			if a.Verb != reconcile.Create {
				try(i)
			}
		}
		for _, w := range p.tables {
			for _, l := range w.looks {
				try(p.deletesOver(w.ID, l.addr)...)
			}
		}
	})
}

func bytesOf(is []int) []byte {
	var out []byte
	for _, i := range is {
		out = append(out, byte(i), byte(i>>8))
	}
	return out
}

// deletesOver are the actions that delete a route of the table over that address, or a gateway.
func (p *pass) deletesOver(table string, a netip.Addr) []int {
	var out []int
	for i, x := range p.plan.Actions {
		over := x.Key.Kind == reconcile.NATGateway || x.Key.Table == table && x.Key.Prefix.IsValid() && x.Key.Prefix.Contains(a)
		if x.Verb == reconcile.Delete && over {
			out = append(out, i)
		}
	}
	return out
}
