package reconcile_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"go4.org/netipx"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// pass is one decision about a situation, with what must hold while its plan is carried out.
type pass struct {
	situation
	decision reconcile.Decision
	plan     reconcile.Plan
	asked    *netipx.IPSet // claimed now
	needed   *netipx.IPSet // claimed or remembered to be, or to stay for now
	tables   []watched
}

// watched is one table with the addresses to look at: those at the edges of everything.
type watched struct {
	reconcile.Table
	gone    bool // no DMZ table any more, and its routes may go
	disrupt bool // traffic in it may be interrupted
	limit   int
	looks   []look
}

// look is an address and where it went before the plan.
type look struct {
	addr          netip.Addr
	asked, needed bool
	before        way
	ours, open    bool // before: it led to a gateway of ours; which works
}

// decided is a pass whose plan can be carried out. It has no addresses to look at: those cost more than the decision.
func decided(s situation) *pass {
	p := &pass{situation: s, decision: s.decide()}
	p.plan = p.decision.Report.Plan
	return p
}

func newPass(s situation) *pass {
	p := decided(s)
	claims, keep := s.kept()
	var asked, needed netipx.IPSetBuilder
	edges := map[netip.Addr]bool{}
	edge := func(x netip.Prefix) {
		if x.Bits() < 16 {
			return
		}
		last := netipx.PrefixLastIP(x)
		for _, a := range []netip.Addr{x.Addr(), last, last.Next()} {
			edges[a] = true
		}
	}
	for _, c := range claims {
		edge(c.Target)
		needed.AddPrefix(c.Target)
		if c.Held == "" {
			asked.AddPrefix(c.Target)
		}
	}
	for _, k := range keep {
		needed.AddPrefix(k)
	}
	p.asked, _ = asked.IPSet()
	p.needed, _ = needed.IPSet()
	for _, rs := range s.cloud.routes {
		for _, r := range rs {
			edge(r.Key.Prefix)
		}
	}
	for _, t := range s.cloud.site.Tables {
		for _, l := range t.Lists {
			for _, x := range l.Prefixes {
				edge(x)
			}
		}
	}
	addrs := slices.SortedFunc(maps.Keys(edges), netip.Addr.Compare)
	for _, t := range s.cloud.site.Tables {
		if !t.NAT {
			p.tables = append(p.tables, p.watch(t, addrs))
		}
	}
	return p
}

func (p *pass) may(what string) bool { return slices.Contains(p.config.AllowDisruption, what) }

func (p *pass) configured(z reconcile.Zone) bool {
	return slices.ContainsFunc(p.config.Zones, func(c reconcile.ZoneConfig) bool { return c.Zone == z })
}

// owner is the zone of a gateway that is or was ours.
func (p *pass) owner(gateway string) (reconcile.Zone, bool) {
	if g := p.cloud.find(gateway); g != nil && g.Holder == reconcile.Ours && g.Key.Kind == reconcile.NATGateway {
		return g.Key.Zone, true
	}
	z, ok := p.memory.Gateways[gateway]
	return z, ok
}

func (p *pass) watch(t reconcile.Table, addrs []netip.Addr) watched {
	w := watched{Table: t, disrupt: p.may(t.ID) || p.may(string(t.Zone))}
	for _, r := range p.cloud.routes[t.ID] {
		if z, ours := p.owner(r.Spec.Target.ID); ours && p.may(string(z)) {
			w.disrupt = true
		}
	}
	w.gone = w.disrupt && (!p.configured(t.Zone) || t.Barred != "")
	w.limit = p.config.MaxRoutes
	for _, a := range addrs {
		l := look{addr: a, asked: p.asked.Contains(a), needed: p.needed.Contains(a), before: p.cloud.lookup(t.ID, a)}
		_, l.ours = p.owner(l.before.to)
		l.ours = l.ours && l.before.prefix.Bits() > 0
		l.open = p.cloud.carries(t.ID, a)
		w.looks = append(w.looks, l)
	}
	return w
}

// harm says which rule the cloud, as it is after some of the plan's actions, breaks; "" if none.
func (p *pass) harm(now *cloud) string {
	for _, t := range p.tables {
		if why := p.harmIn(now, t); why != "" {
			return t.ID + ": " + why
		}
	}
	return ""
}

func (p *pass) harmIn(now *cloud, t watched) string {
	if used := now.used(t.ID); used > t.limit && used > p.cloud.used(t.ID) {
		return fmt.Sprintf("rule 14: it holds %d routes, and %d are the most", used, t.limit)
	}
	for _, l := range t.looks {
		after := now.lookup(t.ID, l.addr)
		open := now.carries(t.ID, l.addr)
		_, ours := p.owner(after.to)
		ours = (ours || open) && after.prefix.Bits() > 0
		switch {
		case l.needed && l.open && !open && !t.disrupt:
			return fmt.Sprintf("rule 4: %s is wanted and went by %s; now it goes by %s", l.addr, l.before, after)
		case l.needed && l.ours && !ours && !t.gone:
			return fmt.Sprintf("rule 4: %s is wanted and went by %s; now it leaves through somebody else's: %s", l.addr, l.before, after)
		case !l.ours && !l.asked && open:
			return fmt.Sprintf("rule 11: nobody asks for %s, which went by %s; now it goes by %s", l.addr, l.before, after)
		case !l.ours && after != l.before && l.before.prefix.Bits() > 0 && (!l.before.black || after.prefix != l.before.prefix):
			return fmt.Sprintf("rule 3: %s went by %v, which is not ours; now it goes by %s", l.addr, l.before, after)
		}
	}
	return ""
}

// after is the cloud after those actions of the plan and all that they need.
func (p *pass) after(actions ...int) (*cloud, error) {
	do := map[int]bool{}
	var need func(i int)
	need = func(i int) {
		if !do[i] {
			do[i] = true
			for _, j := range p.plan.Actions[i].Needs {
				need(j)
			}
		}
	}
	for _, i := range actions {
		need(i)
	}
	c := p.cloud.clone()
	ids := maps.Clone(p.plan.IDs)
	done := map[int]bool{}
	for len(done) < len(do) {
		before := len(done)
		for i, a := range p.plan.Actions {
			open := func(j int) bool { return !done[j] }
			if !do[i] || done[i] || slices.ContainsFunc(a.Needs, open) {
				continue
			}
			if err := c.apply(a, ids); err != nil {
				return nil, err
			}
			done[i] = true
		}
		if len(done) == before {
			return nil, fmt.Errorf("the needs go in a circle")
		}
	}
	return c, nil
}
