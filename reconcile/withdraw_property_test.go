package reconcile_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// lost says which address that got out through us before gets out no more, whoever asked for it, if the plan stops in the
// worst moment; "" if there is none. It looks at traffic alone, and not at what the code under test thinks is wanted.
func (p *pass) lost() string {
	all := make([]int, len(p.plan.Actions))
	tries := [][]int{nil}
	for i, a := range p.plan.Actions {
		all[i] = i
		if a.Verb != reconcile.Create {
			tries = append(tries, []int{i})
		}
	}
	for _, try := range append(tries, all) {
		now, err := p.after(try...)
		if err != nil {
			return err.Error()
		}
		for _, t := range p.tables {
			for _, l := range t.looks {
				if l.open && !t.disrupt && !now.carries(t.ID, l.addr) {
					return l.addr.String() + " in " + t.ID + " went by " + l.before.String() + ", and now goes by " + now.lookup(t.ID, l.addr).String()
				}
			}
		}
	}
	return ""
}

// Rule 11: while the full list of a cluster was never read, nothing of ours stops carrying traffic, claimed or not.
func TestNothingIsWithdrawnBeforeAllIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		s := d.situation()
		s.config.Deny = nil
		s.reading.Clusters = append(s.reading.Clusters, reconcile.Cluster{Name: "new", Incomplete: "does not answer"})
		p := newPass(s)
		if why := p.lost(); why != "" {
			t.Fatalf("%s\n%s", why, p.describe())
		}
		for _, a := range p.plan.Actions {
			if a.Verb == reconcile.Delete && a.Key.Kind == reconcile.Address && p.configured(a.Key.Zone) {
				t.Fatalf("rule 7: %s is released\n%s", a.Before.ID, p.describe())
			}
		}
	})
}

// Rules 11 and 13: a memory that was lost makes everything later, nothing earlier. The first pass withdraws nothing; nor does
// another one, until the delay has run afresh.
func TestLostMemoryWithdrawsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := dice{t}.situation()
		s.config.WithdrawDelay, s.config.TeardownDelay = time.Minute, 10*time.Minute
		// Which gateways were ours is seen, but for those that EC2 does not list any more: no traffic gets out by them.
		s.memory = reconcile.Memory{}
		var before []watched // as it was before the first pass
		for _, after := range []time.Duration{0, time.Minute - 1} {
			s.now = noon.Add(after)
			p := decided(s)
			if before == nil {
				before = newPass(s).tables
			}
			p.tables = before
			if why := p.lost(); why != "" {
				t.Fatalf("after %s: %s\n%s", after, why, p.describe())
			}
			for _, a := range p.plan.Actions {
				if a.Verb == reconcile.Delete && a.Key.Kind == reconcile.Address {
					t.Fatalf("rule 7: after %s %s is released\n%s", after, a.Before.ID, p.describe())
				}
			}
			next, err := p.carryOut()
			if err != nil {
				t.Fatalf("%v\n%s", err, p.describe())
			}
			s = next
		}
	})
}

// Rule 11: what a value meant when it was accepted keeps its routes while the value is refused, or its cluster does not
// answer, for however long.
func TestHeldValueKeepsItsRoutes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		s := d.situation()
		accepted, m := reconcile.Accept(s.config, s.cloud.site.CIDRs, s.reading, s.memory)
		m.Gateways, m.Address, m.Limits = s.memory.Gateways, s.memory.Address, s.memory.Limits
		var held reconcile.Reading
		for _, c := range s.reading.Clusters {
			if d.chance("away", 40) {
				c.Incomplete, c.ConfigMaps = "does not answer", nil
				m.Complete[c.Name] = true // else all would be frozen, and this would be no test
			} else {
				c.Incomplete = ""
				for _, cm := range c.ConfigMaps {
					for _, key := range sortedKeys(cm.Data) {
						cm.Data[key] = pick(d, "edited into", "nonsense", "", "::1", "0.0.0.0/0")
					}
				}
			}
			held.Clusters = append(held.Clusters, c)
		}
		// What is held by a cluster that answers now, of a ConfigMap that is gone, is rightly gone.
		still, _ := reconcile.Accept(s.config, s.cloud.site.CIDRs, held, m)
		sources := map[reconcile.Source]bool{}
		for _, c := range held.Clusters {
			for _, cm := range c.ConfigMaps {
				for key := range cm.Data {
					sources[reconcile.Source{Cluster: c.Name, Namespace: cm.Namespace, ConfigMap: cm.Name, Key: key}] = true
				}
			}
		}
		var protected []reconcile.Claim
		for _, c := range accepted.List {
			away := false
			for _, cluster := range held.Clusters {
				away = away || cluster.Name == c.Source.Cluster && cluster.Incomplete != ""
			}
			if away || sources[c.Source] {
				protected = append(protected, c)
			}
		}
		if len(still.List) < len(protected) {
			t.Fatalf("%v was accepted, and only %v is held", protected, still.List)
		}
		s.reading, s.memory = held, m
		before := newPass(s).tables
		for _, later := range []time.Duration{0, time.Hour, 30 * 24 * time.Hour} {
			s.now = noon.Add(later)
			p := decided(s)
			next, err := p.carryOut()
			if err != nil {
				t.Fatalf("%v\n%s", err, p.describe())
			}
			for _, w := range before {
				for _, l := range w.looks {
					if !l.open || w.disrupt || next.cloud.carries(w.ID, l.addr) {
						continue
					}
					for _, c := range protected {
						if c.Target.Contains(l.addr) {
							t.Fatalf("%s later, %s of %s of %s went by %s and goes nowhere\n%s", later, l.addr, c.Target, c.Source, l.before, p.describe())
						}
					}
				}
			}
			next.cloud.tick()
			s = next
		}
	})
}
