package simulation_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// watch stands between the loop and the cloud and writes down what passes by. It keeps a memory of its own, as the loop
// does, so that each decision can be made once more.
type watch struct {
	reconcile.Provider
	observed reconcile.Observed
	memory   reconcile.Memory
	recalled bool   // that memory is what is kept in the home, and what came later
	last     string // what was decided last
	apply    func() // is called before a plan is carried out

	mu        sync.Mutex
	covered   map[probe]bool // what was routed through us when the plan began, and is to stay so
	uncovered []string

	mayRelease bool              // --eip-reclaim-policy=Delete
	addresses  map[string]string // the zones of all addresses that were ever ours
	taken      map[string]bool   // the addresses that somebody else released
	gateways   map[string]bool   // the gateways that were ever ours
}

func newWatch() *watch {
	return &watch{addresses: map[string]string{}, taken: map[string]bool{}, gateways: map[string]bool{}}
}

// Observe implements reconcile.Provider.
func (w *watch) Observe(ctx context.Context) (reconcile.Observed, error) {
	o, err := w.Provider.Observe(ctx)
	w.observed = o
	return o, err
}

// Apply implements reconcile.Provider. While the plan is carried out, every call is followed by a look at the routes.
func (w *watch) Apply(ctx context.Context, p reconcile.Plan) (reconcile.Result, error) {
	w.apply()
	return w.Provider.Apply(ctx, p)
}

// round makes a pass and checks what every pass has to keep.
func (s *scenario) round(pass func(context.Context) reconcile.Report) reconcile.Report {
	s.t.Helper()
	w := s.watch
	s.note()
	before := s.foreign()
	memory, config, reading := w.recall(s.world.home), s.world.config, s.world.reading
	s.world.home.failed = false
	decide := func() reconcile.Decision {
		if reading.Confirmed = s.world.home.word; s.world.home.failed {
			config.Freeze = "the home is away"
		}
		return reconcile.Decide(config, w.observed, reading, memory, s.world.now)
	}
	w.apply = func() { w.cover(s.world.ec2.Snapshot(), decide(), s.world.config.AllowDisruption) }
	r := pass(s.t.Context())
	w.covered = nil
	if slices.Sort(w.uncovered); len(w.uncovered) > 0 {
		s.d.Fatalf(s.t, "rule 4: %s", s.names.in(strings.Join(w.uncovered, "\n")))
	}
	s.note()
	s.keepsForeign(before, s.foreign())
	s.keepsAddresses()
	if len(r.Zones) == 0 && r.Err != nil { // it saw nothing
		return r
	}
	d := decide()
	s.orderDoesNotMatter(d, config, reading, memory)
	w.memory = d.Memory
	if r.Applied {
		w.memory = reconcile.Learn(reconcile.See(s.world.config, w.observed, memory), r.Plan, r.Result, d.Memory, s.world.now)
	}
	return r
}

// recall adds to what the watch remembers what a controller finds in its home that has just been started, or that could not
// read it until now.
func (w *watch) recall(h *home) reconcile.Memory {
	if w.recalled || h.unreadable != "" {
		return w.memory
	}
	before := w.memory
	w.recalled, w.memory = true, h.memory()
	if w.memory.Accepted == nil {
		w.memory.Accepted = map[reconcile.Source]reconcile.Accepted{}
	}
	maps.Copy(w.memory.Accepted, before.Accepted)
	return w.memory
}

// wantNothing is house habit 6: after an apply, plan again and want nothing.
func (s *scenario) wantNothing() {
	s.t.Helper()
	if r := s.round(s.world.loop.Plan); len(r.Plan.Actions) > 0 || r.Err != nil {
		s.d.Fatalf(s.t, "a plan after the last one wants something:\n%s%v", s.planned(r), r.Err)
	}
}

// orderDoesNotMatter decides again, with every list in another order.
func (s *scenario) orderDoesNotMatter(d reconcile.Decision, config reconcile.Config, reading reconcile.Reading, m reconcile.Memory) {
	s.t.Helper()
	want := s.printed(d.Report)
	if want == s.watch.last {
		return // a pass that only waits
	}
	s.watch.last = want
	for seed := range uint64(4) {
		c, o, r := mixed(rand.New(rand.NewPCG(seed, 0)), config, s.watch.observed, reading)
		if got := s.printed(reconcile.Decide(c, o, r, m, s.world.now).Report); got != want {
			s.d.Fatalf(s.t, "with its input shuffled (seed %d), the plan is\n%s\nand not\n%s", seed, s.names.in(got), s.names.in(want))
		}
	}
}

func (s *scenario) printed(r reconcile.Report) string {
	var b bytes.Buffer
	if err := reconcile.WritePlanJSON(&b, r); err != nil {
		s.t.Fatal(err)
	}
	return s.text(r) + b.String()
}

func mixed(r *rand.Rand, c reconcile.Config, o reconcile.Observed, in reconcile.Reading) (reconcile.Config, reconcile.Observed, reconcile.Reading) {
	c.Zones, c.Allow, c.Deny = mix(r, c.Zones), mix(r, c.Allow), mix(r, c.Deny)
	o.Found, o.Site.CIDRs, o.Site.Zones, o.Site.Tables = mix(r, o.Found), mix(r, o.Site.CIDRs), mix(r, o.Site.Zones), mix(r, o.Site.Tables)
	for i := range o.Site.Tables {
		o.Site.Tables[i].Lists = mix(r, o.Site.Tables[i].Lists)
		for j := range o.Site.Tables[i].Lists {
			o.Site.Tables[i].Lists[j].Prefixes = mix(r, o.Site.Tables[i].Lists[j].Prefixes)
		}
	}
	in.Clusters = mix(r, in.Clusters)
	for i := range in.Clusters {
		in.Clusters[i].ConfigMaps = mix(r, in.Clusters[i].ConfigMaps)
	}
	return c, o, in
}

func mix[T any](r *rand.Rand, list []T) []T {
	out := slices.Clone(list)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// note writes down what is ours now, so that it is known later.
func (s *scenario) note() {
	snap := s.world.ec2.Snapshot()
	for _, a := range snap.Addresses {
		if zone := a.Tags[awsec2.TagZone]; s.ours(a.Tags) && s.watch.addresses[a.ID] == "" {
			s.watch.addresses[a.ID] = zone
		}
	}
	for _, g := range snap.NATGateways {
		if !s.ours(g.Tags) {
			continue
		}
		s.watch.gateways[g.ID] = true
		zone, known := s.watch.addresses[g.Allocation]
		if !known {
			s.watch.addresses[g.Allocation] = g.Zone
		} else if zone != g.Zone {
			s.d.Fatalf(s.t, "the address %s of %s is with %s of %s (rule 2)", s.names.in(g.Allocation), zone, s.names.in(g.ID), g.Zone)
		}
	}
}

func (s *scenario) ours(t inmemory.Tags) bool {
	return t[awsec2.TagCluster] == s.world.cloud.Cluster && t[awsec2.TagRole] != "" && t["aws:cloudformation:stack-id"] == ""
}

// keepsAddresses: no address that was ever ours is released (rule 7).
func (s *scenario) keepsAddresses() {
	s.t.Helper()
	there := map[string]bool{}
	for _, a := range s.world.ec2.Snapshot().Addresses {
		there[a.ID] = true
	}
	for id, zone := range s.watch.addresses {
		if !there[id] && !s.watch.taken[id] && !s.watch.mayRelease {
			s.d.Fatalf(s.t, "the address %s of %s is lost (rule 7)", s.names.in(id), zone)
		}
	}
}

// foreign is all that is not ours, a line for each thing; a route's line begins with its table and destination.
func (s *scenario) foreign() map[string]string {
	snap, out := s.world.ec2.Snapshot(), map[string]string{}
	ourSubnets := map[string]bool{}
	for _, x := range snap.Subnets {
		if ourSubnets[x.ID] = s.ours(x.Tags); !ourSubnets[x.ID] {
			out[x.ID] = fmt.Sprint(x.CIDR, x.Zone, x.Tags)
		}
	}
	for _, g := range snap.NATGateways {
		if s.watch.gateways[g.ID] {
			ourSubnets[g.Subnet] = true
		} else {
			out[g.ID] = fmt.Sprint(g.State, g.Subnet, g.Allocation, g.Tags)
		}
	}
	for _, a := range snap.Addresses {
		if !s.ours(a.Tags) {
			out[a.ID] = fmt.Sprint(a.IP, a.Interface, a.Tags)
		}
	}
	for _, t := range snap.RouteTables {
		if s.ours(t.Tags) {
			continue
		}
		out[t.ID] = t.Tags.String()
		for _, a := range t.Associations {
			if !ourSubnets[a.Subnet] {
				out[a.ID] = t.ID + " " + a.Subnet
			}
		}
		for _, r := range t.Routes {
			if !s.watch.gateways[r.Target] || r.Destination == everywhere {
				out[fmt.Sprint(t.ID, " ", r.Destination, r.PrefixList, r.Origin)] = r.Target + " " + string(r.State)
			}
		}
	}
	return out
}

// keepsForeign: what is not ours is as it was (rule 3), but for a black hole that gave way to a route of ours.
func (s *scenario) keepsForeign(before, after map[string]string) {
	s.t.Helper()
	for what, was := range before {
		is, there := after[what]
		if is == was || !there && strings.HasSuffix(was, string(types.RouteStateBlackhole)) && s.routed(what) {
			continue
		}
		s.d.Fatalf(s.t, "%s was %q and is %q, and it is not ours (rule 3)", s.names.in(what), s.names.in(was), s.names.in(is))
	}
}

// routed reports whether a route of ours stands where that foreign one stood.
func (s *scenario) routed(what string) bool {
	for _, t := range s.world.ec2.Snapshot().RouteTables {
		for _, r := range t.Routes {
			if s.watch.gateways[r.Target] && strings.HasPrefix(what, fmt.Sprint(t.ID, " ", r.Destination)) {
				return true
			}
		}
	}
	return false
}
