package simulation_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Nothing is waited for longer than a limit that is believed (rule 14), or a zone whose gateways failed many times.
const (
	atLeast = 65 * time.Minute
	atMost  = 3 * time.Hour
)

// end stops what goes wrong. What people and others have done stays done, and with that it has to come to rest.
func (h *history) end() {
	h.idle()
	h.rate, h.quotas = 0, nil
	h.step("home-well")
	clear(h.fates)
	clear(h.away)
	h.means()
	for _, z := range []string{"a", "b", "c"} {
		h.step("unconstrain " + z)
		if h.cfn != nil { // a stack's gateway that works without our tags is not replaced: that is said, and left to people
			h.step("mend gateway " + z)
		}
	}
	h.step("reattach")
	h.pump(atLeast)
	for end := time.Now().Add(atMost); !atRest(h.last); {
		h.pump(time.Minute)
		if time.Now().After(end) {
			h.witness.breaks("it does not come to rest; the last plan is\n%s", planText(h.last))
			return
		}
	}
	h.witness.look(inmemory.Call{Operation: "the end"})
	h.nothingLeft()
	h.claimsRouted()
	h.freshPlan()
}

// freshPlan wants nothing of a controller that was started just now. It may want to give another address to a zone whose
// own somebody took: it does not know that there was one. Nor what routes mean to a zone that is not among the flags, when
// their gateway is no longer listed; nor what a value meant before it became nonsense.
func (h *history) freshPlan() {
	fresh, err := h.process(context.Background())
	if err != nil {
		h.witness.breaks("a fresh controller does not start: %v", err)
		return
	}
	fresh.Report, fresh.Store = nil, nil
	for _, a := range fresh.Plan(context.Background()).Plan.Actions {
		zone := a.Key.Zone
		configured := zone == "" || slices.ContainsFunc(h.config.Zones, func(z reconcile.ZoneConfig) bool { return z.Zone == zone })
		if configured && !h.witness.harmed[string(zone)] && !h.nonsenseNow(a.Key) {
			h.witness.breaks("a fresh controller wants something: %s %s: %s", a.Verb, a.Key, a.Reason)
		}
	}
}

// nonsenseNow reports whether a route is about what a value meant once that means nothing now.
func (h *history) nonsenseNow(k reconcile.Key) bool {
	for _, a := range h.asked {
		if _, accepted := h.meaning(a.value); !accepted && k.Prefix.IsValid() && slices.ContainsFunc(a.meaning, k.Prefix.Overlaps) {
			return true
		}
	}
	return false
}

// nothingLeft: of ours there is nothing twice, and nothing where nothing is needed, but what the report speaks of.
func (h *history) nothingLeft() {
	spoken := map[reconcile.Zone]bool{}
	for _, w := range h.last.Plan.Waiting {
		spoken[w.Key.Zone] = true
	}
	for _, c := range h.last.Plan.Conflicts {
		spoken[c.Key.Zone] = true
	}
	for _, p := range h.last.Problems {
		spoken[p.Zone] = true
	}
	for zone, has := range inventory(h.ec2.Snapshot()) {
		z := slices.IndexFunc(h.last.Zones, func(z reconcile.ZoneReport) bool { return z.Zone == zone })
		if z < 0 {
			h.witness.breaks("left over: of %s there is %v, and the report does not speak of it", zone, has)
			continue
		}
		spares := len(h.last.Zones[z].Spares)
		for _, role := range sortedNames(has) {
			most := 1
			if role == awsec2.RoleAddress {
				most += spares
			} else if len(h.asked) == 0 && !h.config.Preallocate || !h.last.Zones[z].Configured {
				most = 0
			}
			if has[role] > most && !spoken[zone] {
				h.witness.breaks("left over: %s has %d of %s, and %d at most are needed", zone, has[role], role, most)
			}
		}
	}
}

// inventory counts what is ours, by zone and role.
func inventory(s inmemory.Snapshot) map[reconcile.Zone]map[string]int {
	out := map[reconcile.Zone]map[string]int{}
	count := func(t inmemory.Tags) {
		if !isOurs(t) {
			return
		}
		zone := reconcile.Zone(t[awsec2.TagZone])
		if out[zone] == nil {
			out[zone] = map[string]int{}
		}
		out[zone][t[awsec2.TagRole]]++
	}
	for _, n := range s.Subnets {
		count(n.Tags)
	}
	for _, t := range s.RouteTables {
		count(t.Tags)
	}
	for _, a := range s.Addresses {
		count(a.Tags)
	}
	for _, g := range s.NATGateways {
		if g.State != types.NatGatewayStateDeleted {
			count(g.Tags)
		}
	}
	return out
}

// claimsRouted: what the report says of a claim is true, and it says something of each. One that is not routed everywhere
// has a reason.
func (h *history) claimsRouted() {
	said := map[reconcile.Source]bool{}
	for _, v := range h.last.Verdicts {
		said[v.Source] = true
		switch v.Standing {
		case reconcile.StandingActive:
			h.routed(v.Target)
		case reconcile.StandingPending:
			if len(h.last.Plan.Waiting)+len(h.last.Problems)+len(h.last.Plan.Conflicts) == 0 && v.Reason == "" {
				h.witness.breaks("the claim of %s is pending, and nothing says why", v.Source)
			}
		case reconcile.StandingHeld, reconcile.StandingFull, reconcile.StandingConflict, reconcile.StandingRejected:
			if v.Reason == "" {
				h.witness.breaks("the claim of %s is %s, and nothing says why", v.Source, v.Standing)
			}
		}
	}
	for s := range h.asked {
		if !said[s] {
			h.witness.breaks("nothing is said of the claim of %s", s)
		}
	}
}

// routed: a target is routed through the zone's own gateway in each DMZ route table, but for what somebody else routes
// within it.
func (h *history) routed(target netip.Prefix) {
	s := h.ec2.Snapshot()
	for _, t := range s.RouteTables {
		zone := reconcile.Zone(t.Tags[tagKey])
		if !slices.ContainsFunc(h.config.Zones, func(z reconcile.ZoneConfig) bool { return z.Zone == zone }) {
			continue
		}
		for _, a := range h.witness.probes {
			if !target.Contains(a) || h.witness.howRouted(s, t, a) == throughOwn || insideForeign(h, t, target, a) {
				continue
			}
			h.witness.breaks("the report says that %s is routed, and in %s %s is not", target, fmt.Sprint(t.Tags), a)
		}
	}
}

// insideForeign reports whether somebody else's route takes an address, and lies within the target. A black hole is no
// excuse, whoever made it: then the report is to say so.
func insideForeign(h *history, t inmemory.RouteTable, target netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(withEntries(h.ec2.Snapshot(), t.Routes), func(r inmemory.Route) bool {
		return r.Destination.IsValid() && r.Destination.Contains(a) && r.Destination.Bits() > target.Bits() &&
			!h.witness.gateways[r.Target] && r.State != types.RouteStateBlackhole
	})
}
