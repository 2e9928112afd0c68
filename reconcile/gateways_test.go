package reconcile_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// What a plan may never contain, whatever was asked and whatever is there.
func TestPlanKeepsItsHandsOff(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPass(dice{t}.situation())
		for i, a := range p.plan.Actions {
			if why := cmp.Or(p.wrongNeeds(i, a), p.wrongRoute(a), p.wrongAddress(a), p.wrongGateway(a), p.wrongDelete(a)); why != "" {
				t.Fatalf("%d: %s %s: %s\n%s", i, a.Verb, a.Key, why, p.describe())
			}
		}
		if why := p.wrongGoal(); why != "" {
			t.Fatalf("the goal: %s\n%s", why, p.describe())
		}
	})
}

func (p *pass) wrongNeeds(i int, a reconcile.Action) string {
	for n, j := range a.Needs {
		if j < 0 || j >= len(p.plan.Actions) || j == i || n > 0 && j <= a.Needs[n-1] {
			return fmt.Sprintf("it needs %v", a.Needs)
		}
	}
	return ""
}

// wrongRoute keeps rules 3 and 15.
func (p *pass) wrongRoute(a reconcile.Action) string {
	if a.Key.Kind != reconcile.TargetRoute {
		return ""
	}
	if a.Key.Prefix.Bits() == 0 {
		return "rule 3: 0.0.0.0/0 is never ours"
	}
	if a.Before != nil {
		_, ours := p.owner(p.cloud.routeAt(a.Key.Table, a.Key.Prefix).Spec.Target.ID)
		black := a.Before.Status == reconcile.Blackhole && !a.Before.Propagated
		if !ours && (a.Verb == reconcile.Delete || !black) {
			return fmt.Sprintf("rule 3: it is a route to %s, which is not ours", a.Before.Spec.Target)
		}
	}
	if a.After == nil {
		return ""
	}
	to := a.After.Spec.Target
	if to.Kind != reconcile.NATGateway || to.ID != "" {
		return fmt.Sprintf("rule 15: it leads to %s", to)
	}
	for _, t := range p.cloud.site.Tables {
		if t.ID == a.Key.Table && (t.NAT || t.Barred != "" || t.Zone != to.Zone || !p.configured(to.Zone)) {
			return fmt.Sprintf("rule 15: %s is no DMZ table of %s", t.ID, to.Zone)
		}
	}
	for _, kind := range []reconcile.Kind{reconcile.DefaultRoute, reconcile.Association, reconcile.NATGateway} {
		if !p.stands(pathKey(kind, to.Zone)) && !p.needs(a, pathKey(kind, to.Zone)) {
			return fmt.Sprintf("rule 15: neither does the %s of %s stand, nor is it needed", kind, to.Zone)
		}
	}
	return ""
}

// stands reports whether a part of a path works now.
func (p *pass) stands(k reconcile.Key) bool {
	for _, path := range reconcile.See(p.config, p.cloud.observed(), p.memory).Paths {
		if path.Zone != k.Zone {
			continue
		}
		switch k.Kind {
		case reconcile.DefaultRoute:
			f := path.DefaultRoute
			return f != nil && f.Status == reconcile.Active && f.Spec.Target.ID == p.cloud.site.InternetGateway
		case reconcile.Association:
			f := path.Association
			return f != nil && f.Spec.Target == reconcile.To(reconcile.NATTable, path.Zone)
		case reconcile.NATGateway:
			return path.Gateway != nil && path.Gateway.Status == reconcile.Active
		case reconcile.Subnet, reconcile.Address, reconcile.NATTable, reconcile.TargetRoute, reconcile.CloudFormationStack:
		}
	}
	return false
}

func (p *pass) needs(a reconcile.Action, k reconcile.Key) bool {
	return slices.ContainsFunc(a.Needs, func(i int) bool {
		n := p.plan.Actions[i]
		return n.Key == k && n.Verb != reconcile.Delete
	})
}

// wrongAddress keeps rule 7.
func (p *pass) wrongAddress(a reconcile.Action) string {
	if a.Key.Kind != reconcile.Address {
		return ""
	}
	switch {
	case a.Verb == reconcile.Create:
		for _, f := range p.cloud.things {
			if f.Key == a.Key && f.Holder == reconcile.Ours {
				return fmt.Sprintf("rule 7: %s is there already", f.ID)
			}
		}
		if id := p.memory.Address[a.Key.Zone]; id != "" && !p.may(string(a.Key.Zone)) {
			return fmt.Sprintf("rule 7: it takes the place of %s", id)
		}
	case a.Verb == reconcile.Replace:
		return "an address is never replaced"
	case a.Verb == reconcile.Delete:
		f := p.cloud.find(a.Before.ID)
		if !p.config.ReleaseAddresses || f.Holder != reconcile.Ours || !slices.Contains(p.plan.Goal.Release, f.ID) {
			return fmt.Sprintf("rule 7: it releases %s", f.ID)
		}
		since, runs := p.memory.Unused[f.ID]
		if !runs || p.now.Sub(since) < p.config.ReleaseDelay {
			return fmt.Sprintf("rule 7: it releases %s too early", f.ID)
		}
		for _, zc := range p.config.Zones {
			if zc.Allocation == f.ID {
				return fmt.Sprintf("rule 7: %s was brought", f.ID)
			}
		}
	}
	return ""
}

func (p *pass) live(z reconcile.Zone) (ids []string) {
	for _, f := range p.cloud.things {
		if f.Key == pathKey(reconcile.NATGateway, z) && f.Holder == reconcile.Ours && (f.Status == reconcile.Active || f.Status == reconcile.Pending) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// wrongGateway keeps rules 6 and 13: never a second one, and none goes that is of use.
func (p *pass) wrongGateway(a reconcile.Action) string {
	if a.Key.Kind != reconcile.NATGateway {
		return ""
	}
	switch {
	case a.Verb == reconcile.Create:
		if ids := p.live(a.Key.Zone); len(ids) > 0 {
			return fmt.Sprintf("rule 6: %v is there", ids)
		}
		for _, f := range p.cloud.things {
			if f.Key == a.Key && f.Status == reconcile.Deleting && p.cloud.find(f.Spec.Address.ID).User == f.ID && f.Spec.Address.ID == p.plan.IDs[pathKey(reconcile.Address, a.Key.Zone)] {
				return fmt.Sprintf("rule 6: %s still has the address", f.ID)
			}
		}
		if f := p.memory.Failures[a.Key.Zone]; p.now.Before(f.Until) {
			return fmt.Sprintf("rule 6: it backs off until %s", f.Until)
		}
	case a.Verb == reconcile.Replace:
		return "a gateway is never replaced"
	case a.Verb == reconcile.Delete:
		if a.Before.Status == reconcile.Failed || p.may(string(a.Key.Zone)) {
			return ""
		}
		for table, rs := range p.cloud.routes {
			for _, r := range rs {
				moved := slices.ContainsFunc(a.Needs, func(i int) bool { return p.plan.Actions[i].Key == r.Key })
				if r.Spec.Target.ID == a.Before.ID && !moved {
					return fmt.Sprintf("rule 13: the route %s of %s leads to it", r.Key.Prefix, table)
				}
			}
		}
		for _, r := range p.plan.Goal.Resources {
			if r.Key == a.Key && len(p.live(a.Key.Zone)) == 1 {
				return "rule 8: it is wanted, and nobody allowed to interrupt it"
			}
		}
	}
	return ""
}

// wrongDelete keeps rules 1 and 3 for the rest.
func (p *pass) wrongDelete(a reconcile.Action) string {
	if a.Verb != reconcile.Delete || a.Key.Kind == reconcile.TargetRoute || a.Key.Kind == reconcile.DefaultRoute {
		return ""
	}
	if f := p.cloud.find(a.Before.ID); f.Holder != reconcile.Ours {
		return fmt.Sprintf("rule 3: %s is not ours", f.ID)
	}
	return ""
}

// wrongGoal keeps rules 2, 7 and 8.
func (p *pass) wrongGoal() string {
	wanted := map[reconcile.Key]bool{}
	for i, r := range p.plan.Goal.Resources {
		if i > 0 && p.plan.Goal.Resources[i-1].Key.Compare(r.Key) >= 0 {
			return fmt.Sprintf("%s is not in order, or there twice", r.Key)
		}
		wanted[r.Key] = true
	}
	if len(p.plan.Goal.Release) > 0 && !p.config.ReleaseAddresses {
		return "rule 7: addresses are retained"
	}
	for _, r := range p.plan.Goal.Resources {
		if r.Key.Kind != reconcile.Address || p.may(string(r.Key.Zone)) || r.Spec.Address.ID == "" {
			continue
		}
		ids := p.live(r.Key.Zone)
		has := func(id string) bool { return p.cloud.find(id).Spec.Address.ID == r.Spec.Address.ID }
		if len(ids) > 0 && !slices.ContainsFunc(ids, has) {
			return fmt.Sprintf("rule 8: %s is to have %s, and its gateway works with another", r.Key.Zone, r.Spec.Address.ID)
		}
	}
	return ""
}
