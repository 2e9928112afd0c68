package simulation_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// keepsForeign: what is not ours is as it was, but for a black hole that gave way to a route of ours (rule 3).
func (w *witness) keepsForeign(call string, s inmemory.Snapshot) {
	is := w.foreignIn(s)
	for _, what := range sortedNames(w.foreign) {
		was, now := w.foreign[what], is[what]
		if was != now && !w.tookBlackHole(what, s) {
			w.breaks("%s: rule 3: what is not ours changed: %s was %q and is %q", call, what, was, now)
		}
	}
	for _, what := range sortedNames(is) {
		if _, was := w.foreign[what]; !was {
			w.breaks("%s: rule 3: what is not ours was made: %s %s", call, what, is[what])
		}
	}
}

// tookBlackHole: a black hole stood there, and a route of ours does now.
func (w *witness) tookBlackHole(what string, s inmemory.Snapshot) bool {
	black, ours := false, false
	for _, t := range w.seen.RouteTables {
		for _, r := range t.Routes {
			black = black || routeName(t, r) == what && r.State == types.RouteStateBlackhole && r.Destination.Bits() > 0
		}
	}
	for _, t := range s.RouteTables {
		for _, r := range t.Routes {
			ours = ours || routeName(t, r) == what && w.gateways[r.Target]
		}
	}
	return black && ours
}

// foreignIn is all that is not ours. A route is ours if its gateway is, or was; an association, if its subnet is (rule 1).
// What changes with what is ours (how much room is left in a subnet, what uses an address) is left out.
func (w *witness) foreignIn(s inmemory.Snapshot) map[string]string {
	out, subnets := map[string]string{}, map[string]bool{}
	for _, v := range s.VPCs {
		out[v.ID] = fmt.Sprint(v.CIDRs, v.Tags)
	}
	for _, g := range s.InternetGateways {
		out[g.ID] = fmt.Sprint(g.VPC, g.Tags)
	}
	for _, l := range s.PrefixLists {
		out[l.ID] = fmt.Sprint(l.Entries, l.Tags)
	}
	for _, n := range s.Subnets {
		if subnets[n.ID] = !isHeld(n.Tags); subnets[n.ID] {
			out[n.ID] = fmt.Sprint(n.CIDR, n.Zone, n.Tags)
		}
	}
	for _, g := range s.NATGateways {
		if !isHeld(g.Tags) && g.State != types.NatGatewayStateDeleted {
			out[g.ID] = fmt.Sprint(isLive(g), g.Subnet, g.Allocation, g.Tags)
		}
	}
	for _, a := range s.Addresses {
		if !isOurs(a.Tags) {
			out[a.ID] = fmt.Sprint(a.IP, a.Interface, a.Tags)
		}
	}
	for _, t := range s.RouteTables {
		for _, a := range t.Associations {
			if subnets[a.Subnet] {
				out[a.ID] = t.ID + " " + a.Subnet
			}
		}
		if !isHeld(t.Tags) {
			w.foreignTable(out, t)
		}
	}
	return out
}

func (w *witness) foreignTable(out map[string]string, t inmemory.RouteTable) {
	out[t.ID] = t.Tags.String()
	for _, r := range t.Routes {
		if !w.gateways[r.Target] || r.Destination.Bits() == 0 {
			out[routeName(t, r)] = r.Target
		}
	}
}

// routeName tells a route from all others, whatever it leads to.
func routeName(t inmemory.RouteTable, r inmemory.Route) string {
	propagated := ""
	if r.Origin == types.RouteOriginEnableVgwRoutePropagation {
		propagated = " propagated"
	}
	return strings.TrimSpace(fmt.Sprint(t.ID, " ", r.Destination, " ", r.PrefixList, propagated))
}

// withEntries adds to routes what those to prefix lists stand for: entries that come after routes to the same network.
func withEntries(s inmemory.Snapshot, routes []inmemory.Route) []inmemory.Route {
	if !slices.ContainsFunc(routes, func(r inmemory.Route) bool { return r.PrefixList != "" }) {
		return routes
	}
	out := slices.Clone(routes)
	for _, r := range routes {
		for _, l := range s.PrefixLists {
			for _, entry := range l.Entries {
				if l.ID == r.PrefixList {
					out = append(out, inmemory.Route{Destination: entry, Target: r.Target, State: r.State})
				}
			}
		}
	}
	return out
}
