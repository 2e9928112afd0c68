package simulation_test

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"go4.org/netipx"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// probe is an address, as a packet in one of the tables' subnets would have it.
type probe struct {
	table string
	to    netip.Addr
}

// cover writes down which addresses are routed through a gateway of ours now, and are still claimed or not to be withdrawn
// yet. They stay so after every single call of the plan (rule 4), except where a disruption was allowed (rule 8). Between the
// ends of all claims and routes nothing changes, so these are all that is looked at.
func (w *watch) cover(s inmemory.Snapshot, d reconcile.Decision, allowed []string) {
	var wanted []netip.Prefix
	for _, v := range d.Report.Verdicts {
		if v.Target.IsValid() {
			wanted = append(wanted, v.Target)
		}
	}
	for _, wait := range d.Report.Plan.Waiting {
		if wait.Key.Kind == reconcile.TargetRoute && wait.Key.Table == "" {
			wanted = append(wanted, wait.Key.Prefix)
		}
	}
	w.covered = map[probe]bool{}
	for _, t := range s.RouteTables {
		for _, p := range wanted {
			for _, r := range t.Routes {
				if !r.Destination.IsValid() || !r.Destination.Overlaps(p) {
					continue
				}
				inner := p
				if r.Destination.Bits() > p.Bits() {
					inner = r.Destination
				}
				for _, a := range []netip.Addr{inner.Addr(), netipx.PrefixLastIP(inner)} {
					at := probe{t.ID, a}
					if zone := w.through(s, at); zone != "" && !slices.Contains(allowed, zone) && !slices.Contains(allowed, t.ID) {
						w.covered[at] = true
					}
				}
			}
		}
	}
}

// called looks after a call. It may come from several goroutines at once.
func (w *watch) called(s inmemory.Snapshot, c inmemory.Call) {
	for at := range w.covered {
		if w.through(s, at) == "" {
			w.mu.Lock()
			w.uncovered = append(w.uncovered, fmt.Sprintf("after %s %s, %s is not routed in %s any more", c.Operation, c.Key, at.to, at.table))
			w.mu.Unlock()
		}
	}
}

// through is the zone of the available gateway of ours that a packet leaves by; empty if it leaves otherwise.
func (w *watch) through(s inmemory.Snapshot, at probe) string {
	var best inmemory.Route
	for _, t := range s.RouteTables {
		for _, r := range t.Routes {
			if t.ID == at.table && r.Destination.IsValid() && r.Destination.Contains(at.to) &&
				(best.Target == "" || r.Destination.Bits() >= best.Destination.Bits()) {
				best = r
			}
		}
	}
	for _, g := range s.NATGateways {
		if g.ID == best.Target && w.gateways[g.ID] && g.State == types.NatGatewayStateAvailable {
			return g.Zone
		}
	}
	return ""
}
