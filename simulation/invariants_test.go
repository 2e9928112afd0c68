package simulation_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Whose things are ours in a simulation.
const (
	cluster    = "test"
	controller = "kube-static-egress-controller"
)

func isOurs(t inmemory.Tags) bool {
	return t[awsec2.TagCluster] == cluster && t[awsec2.TagController] == controller
}

func isLive(g inmemory.NATGateway) bool {
	return g.State == types.NatGatewayStatePending || g.State == types.NatGatewayStateAvailable
}

// witness looks at the truth after every call, not at what lists show, and remembers what must never be undone.
type witness struct {
	stage  *stage
	undone undone // of aws-cfn

	mu       sync.Mutex
	looks    int
	looked   time.Time
	blind    time.Time // until then lists may not show yet what somebody did: who acts on them is not to blame
	text     string    // what the last look saw: if nothing changed, nothing can have gone wrong
	foreign  map[string]string
	seen     inmemory.Snapshot
	ours     map[string]bool      // every address that was ever ours
	used     map[string]time.Time // when each was last seen with a gateway
	gateways map[string]bool      // every gateway that was ever ours
	removed  map[string]bool      // the gateways that others took away
	address  map[string]string    // of each zone, once its gateway was available: the address itself, for an id can change
	harmed   map[string]bool      // the zones whose address others took, or took out of our sight
	forgot   bool                 // the controller has lost its memory at least once
	still    bool                 // nothing may be changed at all (rule 16)
	paused   bool                 // nothing is withdrawn, however long it is no longer asked for
	knows    map[string]bool      // the zones whose address the controller has seen at work since it last lost its memory
	claimed  []claimed
	probes   []netip.Addr
	routed   map[way]int // how well each claimed address was routed at the last look
	broken   []string
}

// claimed is a network that people ask for, or asked for a moment ago.
type claimed struct {
	prefix netip.Prefix
	until  time.Time // zero: they still do
}

// way is the way of an address out of one route table.
type way struct {
	table string
	to    netip.Addr
}

// How well an address is routed.
const (
	elsewhere  = iota
	closed     // to a gateway of ours that does not work: nowhere
	throughUs  // through an available gateway of ours
	throughOwn // through that of the table's own zone
)

func newWitness(st *stage) *witness {
	w := &witness{
		stage: st, undone: newUndone(), ours: map[string]bool{}, used: map[string]time.Time{}, gateways: map[string]bool{}, removed: map[string]bool{},
		address: map[string]string{}, harmed: map[string]bool{}, knows: map[string]bool{}, routed: map[way]int{},
	}
	w.rebase()
	return w
}

// claims takes down what is asked for from now on. What no longer is keeps its routes for the delay (rule 11).
func (w *witness) claims(asked []netip.Prefix) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.claimed = without(w.claimed, func(c claimed) bool { return !w.paused && !c.until.IsZero() && !now.Before(c.until) })
	for i, c := range w.claimed {
		if c.until.IsZero() {
			w.claimed[i].until = now.Add(w.stage.config.WithdrawDelay)
		}
	}
	for _, p := range asked {
		w.claimed = append(w.claimed, claimed{prefix: p})
	}
	w.probe(asked...) // between two ends nothing changes
	w.remember(w.seen)
}

// notBefore: what is no longer asked for stays until then, whenever it was given up.
func (w *witness) notBefore(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, c := range w.claimed {
		if !c.until.IsZero() && c.until.Before(at) {
			w.claimed[i].until = at
		}
	}
}

// probe looks at the ends of more networks.
func (w *witness) probe(more ...netip.Prefix) {
	for _, p := range more {
		w.probes = append(w.probes, p.Addr(), after(p))
	}
	slices.SortFunc(w.probes, netip.Addr.Compare)
	w.probes = slices.Compact(w.probes)
}

// after is the first address that a prefix does not hold.
func after(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	n += 1 << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// rebase accepts what others did.
func (w *witness) rebase() {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stage.ec2.Snapshot()
	for _, g := range s.NATGateways {
		if isOurs(g.Tags) {
			w.gateways[g.ID] = true
			w.removed[g.ID] = !isLive(g)
		}
	}
	there := map[string]inmemory.Address{}
	for _, a := range s.Addresses {
		there[a.ID], there[a.IP.String()] = a, a
	}
	for id := range w.ours {
		if _, ok := there[id]; !ok {
			delete(w.ours, id)
		}
	}
	for z, ip := range w.address {
		if a := there[ip]; !isOurs(a.Tags) || a.Interface != "" || a.Gateway != "" && !w.gateways[a.Gateway] {
			w.harmed[z] = true
		}
	}
	w.foreign = w.foreignIn(s)
	w.remember(s)
}

// forgets: the controller starts again with an empty memory. It learns again what works now: hands wait for that.
func (w *witness) forgets() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgot = true
	clear(w.knows)
	for _, g := range w.stage.ec2.Snapshot().NATGateways {
		if isOurs(g.Tags) && g.State == types.NatGatewayStateAvailable {
			w.knows[g.Zone] = true
		}
	}
}

// remember makes a snapshot the one that the next is compared with.
func (w *witness) remember(s inmemory.Snapshot) {
	w.seen, w.text = s, s.String()
	for _, t := range s.RouteTables {
		for _, a := range w.probes {
			w.routed[way{t.ID, a}] = w.howRouted(s, t, a)
		}
	}
}

// look checks everything after a call. A call that only reads can change nothing; but time can.
func (w *witness) look(c inmemory.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	now := time.Now()
	if !isWrite(c) && now.Equal(w.looked) {
		return
	}
	w.looked = now
	s := w.stage.ec2.Snapshot()
	w.follow(s)
	if s.String() == w.text {
		return
	}
	call := c.Operation + " " + c.Key
	if w.still {
		w.breaks("%s: rule 16: something was changed that belongs to another owner:\n%s", call, difference(w.text, s.String()))
	}
	w.addresses(call, s)
	w.zoneGateways(call, s)
	if !now.Before(w.blind) {
		w.goesLast(call, s)
		w.newRoutes(call, s)
		w.coverage(call, s)
		w.keepsForeign(call, s)
	}
	w.foreign = w.foreignIn(s)
	w.remember(s)
}

func (w *witness) breaks(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...)+time.Now().UTC().Format(" (at 15:04:05)"))
}

// addresses: none is ever released, unless that was asked for and nothing has used it for the delay; and a zone gets no
// second one (rules 7 and 9).
func (w *witness) addresses(call string, s inmemory.Snapshot) {
	now, config := time.Now(), w.stage.config
	there := map[string]bool{}
	for _, a := range s.Addresses {
		there[a.ID] = true
		if isOurs(a.Tags) || w.gateways[a.Gateway] {
			w.ours[a.ID] = true
		}
		if _, known := w.used[a.ID]; a.Gateway != "" || !known {
			w.used[a.ID] = now
		}
	}
	for _, id := range sortedNames(w.ours) {
		if there[id] {
			continue
		}
		delete(w.ours, id)
		if config.ReleaseAddresses && !now.Before(w.used[id].Add(config.ReleaseDelay)) && w.mayRelease(id) {
			continue
		}
		if w.takesBack(call, id) {
			continue
		}
		w.breaks("%s: rule 7: the address %s was released", call, id)
	}
	had, has := addressesOf(w.seen), addressesOf(s)
	for _, z := range sortedNames(has) {
		if has[z] > max(1, had[z]) {
			w.breaks("%s: rule 9: %s has %d addresses", call, z, has[z])
		}
	}
}

// mayRelease: it was ours until a moment ago, and the user did not bring it.
func (w *witness) mayRelease(id string) bool {
	for _, a := range w.seen.Addresses {
		if a.ID != id {
			continue
		}
		for z, ip := range w.address {
			if ip == a.IP.String() {
				delete(w.address, z)
			}
		}
		return isOurs(a.Tags) && !slices.ContainsFunc(w.stage.config.Zones, func(z reconcile.ZoneConfig) bool { return z.Allocation == id })
	}
	return false
}

// addressesOf is how many addresses of ours each zone has.
func addressesOf(s inmemory.Snapshot) map[string]int {
	n := map[string]int{}
	for _, a := range s.Addresses {
		if isOurs(a.Tags) {
			n[a.Tags[awsec2.TagZone]]++
		}
	}
	return n
}

// gatewaysOf is how many live gateways of ours each zone has.
func gatewaysOf(s inmemory.Snapshot) map[string]int {
	n := map[string]int{}
	for _, g := range s.NATGateways {
		if isOurs(g.Tags) && isLive(g) {
			n[g.Zone]++
		}
	}
	return n
}

// zoneGateways: a zone has one gateway at most, always with the same address (rules 2, 6, 7).
func (w *witness) zoneGateways(call string, s inmemory.Snapshot) {
	for _, g := range s.NATGateways {
		if !isOurs(g.Tags) {
			continue
		}
		w.gateways[g.ID] = true
		if !isLive(g) {
			continue
		}
		ip := g.PublicIP.String()
		if was := w.address[g.Zone]; was != "" && was != ip && !w.mayChange(g.Zone) {
			w.breaks("%s: rule 2: the address of %s was %s and is %s", call, g.Zone, was, ip)
		}
		for _, z := range sortedNames(w.address) {
			if z != g.Zone && w.address[z] == ip {
				w.breaks("%s: rule 2: the address %s of %s moved to %s", call, ip, z, g.Zone)
			}
		}
		if g.State == types.NatGatewayStateAvailable {
			w.address[g.Zone], w.knows[g.Zone] = ip, true
		}
	}
	had, has := gatewaysOf(w.seen), gatewaysOf(s)
	for _, z := range sortedNames(has) {
		if has[z] > max(1, had[z]) {
			w.breaks("%s: rule 6: %s has %d live gateways", call, z, has[z])
		}
	}
}

// mayChange: a zone may get another address if the disruption was allowed; if the user brought one; or if others took its
// own, and the controller does not know which one that was.
func (w *witness) mayChange(zone string) bool {
	brought := slices.ContainsFunc(w.stage.config.Zones, func(z reconcile.ZoneConfig) bool {
		return string(z.Zone) == zone && z.Allocation != ""
	})
	return w.moving(zone) || brought || w.harmed[zone] && !w.knows[zone]
}

// goesLast: no gateway goes while a table routes to it (rule 13).
func (w *witness) goesLast(call string, s inmemory.Snapshot) {
	for _, g := range s.NATGateways {
		n := routesTo(s, g.ID)
		if g.State == types.NatGatewayStateFailed {
			w.removed[g.ID] = true // by itself
		}
		if n == 0 || isLive(g) || !isOurs(g.Tags) || w.removed[g.ID] {
			continue
		}
		if w.moving(g.Zone) || w.undoes(g.ID) {
			w.removed[g.ID] = true // whatever the flags are later
			continue
		}
		w.breaks("%s: rule 13: gateway %s goes while %d routes lead to it", call, g.ID, n)
	}
}

// moving: the gateway of a zone goes although routes lead to it, because somebody allowed the disruption (rule 8).
func (w *witness) moving(zone string) bool {
	c := w.stage.config
	return slices.Contains(c.AllowDisruption, zone) &&
		slices.ContainsFunc(c.Zones, func(z reconcile.ZoneConfig) bool { return string(z.Zone) == zone })
}

func routesTo(s inmemory.Snapshot, target string) int {
	n := 0
	for _, t := range s.RouteTables {
		for _, r := range t.Routes {
			if r.Target == target {
				n++
			}
		}
	}
	return n
}

// newRoutes: what was made or led elsewhere leads to an available gateway whose subnet gets out (rules 4 and 15).
func (w *witness) newRoutes(call string, s inmemory.Snapshot) {
	before := map[string]bool{} // a static and a propagated route can stand at one prefix
	for _, t := range w.seen.RouteTables {
		for _, r := range t.Routes {
			before[t.ID+" "+r.Destination.String()+" "+r.Target] = true
		}
	}
	for _, t := range s.RouteTables {
		for _, r := range t.Routes {
			at := t.ID + " " + r.Destination.String()
			if !strings.HasPrefix(r.Target, "nat-") || before[at+" "+r.Target] {
				continue
			}
			if why := cannotCarry(s, r.Target); why != "" {
				w.breaks("%s: rule 15: the route %s leads to %s, %s", call, at, r.Target, why)
			}
		}
	}
}

// cannotCarry says why no traffic gets out through a gateway; "" if it does.
func cannotCarry(s inmemory.Snapshot, id string) string {
	for _, g := range s.NATGateways {
		if g.ID != id {
			continue
		}
		if g.State != types.NatGatewayStateAvailable {
			return "which is " + string(g.State)
		}
		for _, t := range s.RouteTables {
			serves := slices.ContainsFunc(t.Associations, func(a inmemory.Association) bool { return a.Subnet == g.Subnet })
			out := slices.ContainsFunc(t.Routes, func(r inmemory.Route) bool {
				return r.Destination.Bits() == 0 && r.State == types.RouteStateActive && strings.HasPrefix(r.Target, "igw-")
			})
			if serves && out {
				return ""
			}
		}
		return "whose subnet has no way out of its own"
	}
	return "which is not there"
}

// coverage: no address that somebody asks for is routed worse than before (rule 4). Where a disruption was allowed (rule 8) it
// may get nowhere for a while, but never out through another address, as long as its zone is among the flags.
func (w *witness) coverage(call string, s inmemory.Snapshot) {
	now, config := time.Now(), w.stage.config
	for _, t := range s.RouteTables {
		zone, enough := reconcile.Zone(t.Tags[tagKey]), throughOwn
		if len(config.AllowDisruption) > 0 {
			if !slices.ContainsFunc(config.Zones, func(z reconcile.ZoneConfig) bool { return z.Zone == zone }) {
				continue
			}
			if slices.Contains(config.AllowDisruption, string(zone)) || slices.Contains(config.AllowDisruption, t.ID) {
				enough = closed
			}
		}
		for _, a := range w.probes {
			if !slices.ContainsFunc(w.claimed, func(c claimed) bool {
				return c.prefix.Contains(a) && (c.until.IsZero() || now.Before(c.until) || w.paused)
			}) {
				continue
			}
			if was, is := min(w.wasRouted(way{t.ID, a}), enough), w.howRouted(s, t, a); is < was {
				w.breaks("%s: rule 4: %s is no longer routed in %s as well as it was (%d, was %d)", call, a, t.ID, is, was)
			}
		}
	}
}

// howRouted asks what a packet would: the longest prefix; of two that are equal the one that was not propagated.
func (w *witness) howRouted(s inmemory.Snapshot, t inmemory.RouteTable, a netip.Addr) int {
	best := inmemory.Route{}
	for _, r := range withEntries(s, t.Routes) {
		if r.Destination.IsValid() && r.Destination.Contains(a) && (best.Target == "" || r.Destination.Bits() > best.Destination.Bits()) {
			best = r
		}
	}
	for _, g := range s.NATGateways {
		if g.ID != best.Target || !w.gateways[g.ID] {
			continue
		}
		if g.State != types.NatGatewayStateAvailable {
			return closed
		}
		if g.Zone == t.Tags[tagKey] {
			return throughOwn
		}
		return throughUs
	}
	if w.gateways[best.Target] {
		return closed // it is no longer listed
	}
	return elsewhere
}

// difference is what two texts have each for itself, line by line.
func difference(was, is string) string {
	var b strings.Builder
	for line := range strings.Lines(was) {
		if !strings.Contains(is, line) {
			b.WriteString("- " + line)
		}
	}
	for line := range strings.Lines(is) {
		if !strings.Contains(was, line) {
			b.WriteString("+ " + line)
		}
	}
	return b.String()
}

func without[T any](list []T, drop func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

// leftBehind is what there is, with names in place of ids: so the ends of two runs are the same text if everything is
// there once, in its place, and nothing else is.
func leftBehind(s inmemory.Snapshot) string {
	s = unstacked(s)
	var names []string
	name := func(id, what string) { names = append(names, id, "<"+what+">") }
	for _, n := range s.Subnets {
		if isOurs(n.Tags) {
			name(n.ID, "subnet of "+n.Tags[awsec2.TagZone])
		}
	}
	for _, t := range s.RouteTables {
		if isOurs(t.Tags) {
			name(t.ID, "table of "+t.Tags[awsec2.TagZone])
			for _, a := range t.Associations {
				name(a.ID, "association of "+t.Tags[awsec2.TagZone])
			}
		}
	}
	for _, a := range s.Addresses {
		if isOurs(a.Tags) {
			name(a.ID, "address of "+a.Tags[awsec2.TagZone])
			name(a.IP.String(), "IP of "+a.Tags[awsec2.TagZone])
		}
	}
	s.NATGateways = without(s.NATGateways, func(g inmemory.NATGateway) bool {
		return isOurs(g.Tags) && g.State == types.NatGatewayStateDeleted // listed for an hour, and gone
	})
	for _, g := range s.NATGateways {
		if isOurs(g.Tags) {
			name(g.ID, "gateway of "+g.Tags[awsec2.TagZone])
		}
	}
	var blocks []string
	for line := range strings.Lines(strings.NewReplacer(names...).Replace(s.String())) {
		if strings.HasPrefix(line, " ") { // a part of the table above
			blocks[len(blocks)-1] += line
		} else {
			blocks = append(blocks, line)
		}
	}
	slices.Sort(blocks)
	return strings.Join(blocks, "")
}
