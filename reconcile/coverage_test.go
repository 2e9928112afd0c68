package reconcile_test

import (
	"slices"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rule 10: what is merged covers what is asked for, and is never wider. Where a table takes all of a claim and its zone
// works, all of its addresses leave through the zone's gateway, but where something foreign inside takes them (rule 3).
func TestCoversWhatIsAskedForAndNoMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPass(dice{t}.situation())
		next, err := p.carryOut()
		if err != nil {
			t.Fatalf("%v\n%s", err, p.describe())
		}
		waits := map[reconcile.Key]bool{}
		for _, w := range p.plan.Waiting {
			waits[w.Key] = true
		}
		claims, _ := p.kept()
		for _, table := range p.tables {
			var may netipx.IPSetBuilder
			may.AddSet(p.needed)
			waiting := waits[pathKey(reconcile.NATGateway, table.Zone)]
			for _, r := range p.cloud.routes[table.ID] {
				if _, ours := p.owner(r.Spec.Target.ID); ours {
					may.AddPrefix(r.Key.Prefix)
				}
			}
			set, _ := may.IPSet()
			for _, r := range p.plan.Goal.Resources {
				if r.Key.Table != table.ID {
					continue
				}
				waiting = waiting || waits[r.Key]
				if !set.ContainsPrefix(r.Key.Prefix) {
					t.Fatalf("%s is wider than what was asked for\n%s", r.Key, p.describe())
				}
			}
			if waiting || !p.configured(table.Zone) || table.Barred != "" || table.disrupt {
				continue
			}
			for _, c := range claims {
				refused := slices.ContainsFunc(p.plan.Conflicts, func(x reconcile.Conflict) bool {
					return x.Key.Table == table.ID && x.Key.Prefix.IsValid() && x.Key.Prefix.Overlaps(c.Target)
				})
				if refused || c.Held != "" {
					continue
				}
				for _, l := range table.looks {
					after := next.cloud.lookup(table.ID, l.addr)
					inside := after.prefix.Bits() > c.Target.Bits() && !l.ours && after.prefix == l.before.prefix
					if c.Target.Contains(l.addr) && !next.cloud.carries(table.ID, l.addr) && !inside {
						t.Fatalf("%s of %s is claimed, and in %s it goes by %s\n%s", l.addr, c.Target, table.ID, after, p.describe())
					}
				}
			}
		}
	})
}
