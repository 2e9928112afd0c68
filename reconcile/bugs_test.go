package reconcile_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// built is a situation with one zone, all of its path, and one DMZ table; a value for each claim.
func built(claims ...string) situation {
	s := situation{
		now: noon,
		config: reconcile.Config{
			Zones: []reconcile.ZoneConfig{{Zone: "a", Block: blockOf("a")}}, MinPrefixLength: 16, MaxRoutes: 500,
			ReleaseDelay: 7 * 24 * time.Hour, WithdrawDelay: time.Minute, TeardownDelay: 10 * time.Minute,
		},
		cloud: &cloud{site: reconcile.Site{
			VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, InternetGateway: "igw-1", Zones: zoneNames,
			Tables: []reconcile.Table{{ID: "rtb-1", Zone: "a"}},
		}},
	}
	s.cloud.path("a")
	s.claim(claims...)
	return s
}

func (s *situation) claim(values ...string) {
	cm := reconcile.ConfigMap{Namespace: "default", Name: "egress-t1", Data: map[string]string{}}
	for i, v := range values {
		cm.Data[string(rune('a'+i))] = v
	}
	s.reading = reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: []reconcile.ConfigMap{cm}}}}
}

// path adds a whole egress path that works.
func (w *cloud) path(z reconcile.Zone) {
	id := func(what string) string { return what + "-" + string(z) }
	w.add(reconcile.Found{Key: pathKey(reconcile.Subnet, z), ID: id("subnet"), Holder: reconcile.Ours, Spec: reconcile.Spec{CIDR: blockOf(z)}})
	w.add(reconcile.Found{Key: pathKey(reconcile.Address, z), ID: id("eipalloc"), Holder: reconcile.Ours})
	w.add(reconcile.Found{Key: pathKey(reconcile.NATTable, z), ID: id("rtb-nat"), Holder: reconcile.Ours})
	w.site.Tables = append(w.site.Tables, reconcile.Table{ID: id("rtb-nat"), NAT: true})
	w.add(reconcile.Found{Key: pathKey(reconcile.DefaultRoute, z), ID: id("rtb-nat"), Holder: reconcile.Ours, Spec: leadsTo("igw-1")})
	w.associate(id("subnet"), id("rtb-nat"), reconcile.Ours)
	w.gateway(id("nat"), z, id("subnet"), id("eipalloc"), reconcile.Active)
}

// routeTo adds a route to the one DMZ table.
func (w *cloud) routeTo(prefix, to string, s reconcile.Status) {
	w.route("rtb-1", netip.MustParsePrefix(prefix), to, s, false)
}

// doing gives what a pass wants to do, one line for each action.
func (s situation) doing() string {
	var lines []string
	for _, a := range s.decide().Report.Plan.Actions {
		lines = append(lines, string(a.Verb)+" "+a.Key.String())
	}
	return strings.Join(lines, "\n")
}

// Rule 4: a route of ours is not given up because a gateway propagates another to the same prefix: ours is in force.
func TestRouteBesideAPropagatedOneStays(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.2/32, 20.0.1.0/24")
	for _, p := range []string{"20.0.0.2/32", "20.0.1.0/24"} {
		s.cloud.routeTo(p, "nat-a", reconcile.Active)
		s.cloud.route("rtb-1", netip.MustParsePrefix(p), "vgw-1", reconcile.Active, true)
	}
	if got := s.doing(); got != "" {
		t.Errorf("it wants to\n%s", got)
	}
}

// Rule 4: of our routes that go, one that does not work goes before those in it: else it takes their traffic meanwhile.
func TestBrokenRouteGoesBeforeThoseInIt(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.memory.Gateways = map[string]reconcile.Zone{"nat-dead": "a"}
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.0.0/28", "nat-dead", reconcile.Blackhole)
	s.cloud.routeTo("20.0.0.6/31", "nat-a", reconcile.Active)
	p := newPass(s)
	for i := range p.plan.Actions {
		now, err := p.after(i)
		if err != nil {
			t.Fatal(err)
		}
		if why := p.harm(now); why != "" {
			t.Errorf("after %s %s: %s", p.plan.Actions[i].Verb, p.plan.Actions[i].Key, why)
		}
	}
}

// Rule 11: what is only kept never makes a route, not even where a black hole is at its very prefix.
func TestWhatIsKeptReplacesNoBlackHole(t *testing.T) {
	t.Parallel()
	s := built()
	s.config.WithdrawDelay = 0
	s.memory.Accepted = map[reconcile.Source]reconcile.Accepted{
		{Namespace: "default", ConfigMap: "egress-t1", Key: "a"}: {Targets: []netip.Prefix{netip.MustParsePrefix("20.0.0.128/25")}},
	}
	s.claim("nonsense")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.0.128/25", "nat-x", reconcile.Blackhole)
	if got := s.doing(); strings.Contains(got, "replace") {
		t.Errorf("it wants to\n%s", got)
	}
}

// Rule 3: a black hole at a prefix that is wanted is replaced, also where a wider target is wanted too.
func TestBlackHoleInsideAWiderTargetIsReplaced(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24", "20.0.0.64/26")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.0.64/26", "nat-x", reconcile.Blackhole)
	if got := s.doing(); got != "replace route rtb-1 20.0.0.64/26" {
		t.Errorf("it wants to\n%s", got)
	}
}

// Rule 9: nothing is made in a subnet that is to be made again.
func TestNothingIsMadeInASubnetThatGoes(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud = &cloud{site: s.cloud.site}
	s.cloud.add(reconcile.Found{
		Key: pathKey(reconcile.Subnet, "a"), ID: "subnet-a", Holder: reconcile.Ours,
		Spec: reconcile.Spec{CIDR: netip.MustParsePrefix("10.0.65.0/28")},
	})
	if got := s.doing(); strings.Contains(got, "association") || strings.Contains(got, "nat-gateway") {
		t.Errorf("it wants to\n%s", got)
	}
}

// Rule 8: a gateway whose subnet is missing from the list works all the same, and stays.
func TestGatewayWhoseSubnetIsNotListedStays(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.things = s.cloud.things[1:]
	if got := s.doing(); strings.Contains(got, "delete nat-gateway") {
		t.Errorf("it wants to\n%s", got)
	}
	s.cloud.add(reconcile.Found{
		Key: pathKey(reconcile.Subnet, "a"), ID: "subnet-spare", Holder: reconcile.Ours,
		Spec: reconcile.Spec{CIDR: netip.MustParsePrefix("10.0.65.0/28")},
	})
	if got := s.doing(); strings.Contains(got, "delete nat-gateway") {
		t.Errorf("with another subnet it wants to\n%s", got)
	}
}

// Rule 7: an address that we released ourselves is not missed afterwards.
func TestReleasedAddressIsNotMissed(t *testing.T) {
	t.Parallel()
	s := built()
	s.config.ReleaseAddresses = true
	for range 10 {
		p := newPass(s)
		next, err := p.carryOut()
		if err != nil {
			t.Fatal(err)
		}
		if until := due(p.plan); len(p.plan.Actions) == 0 && until.After(s.now) {
			next.now = until
		}
		s = next
	}
	if a := s.cloud.find("eipalloc-a"); a != nil {
		t.Fatalf("the address is still there: %+v", a)
	}
	s.claim("20.0.0.0/24")
	if got := s.doing(); !strings.Contains(got, "create address a") {
		t.Errorf("it wants to\n%s\n%s", got, newPass(s).describe())
	}
}

// Rule 3: a black hole at a prefix that is wanted is replaced, also where a route of ours around it was there before somebody's.
func TestBlackHoleInOursInTheirsIsReplaced(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/26", "20.0.0.4/32")
	s.cloud.routeTo("20.0.0.0/25", "pcx-1", reconcile.Active)
	s.cloud.routeTo("20.0.0.0/26", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.0.4/32", "pcx-gone", reconcile.Blackhole)
	if got, want := s.doing(), "replace route rtb-1 20.0.0.4/32"; got != want {
		t.Errorf("it wants to\n%s", got)
	}
}

// Rule 1: a gateway that lost our tags is not ours any more, and still has the address: no other is made beside it, and the
// routes to it stay.
func TestGatewayWithoutItsTagsKeepsItsAddress(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.memory = s.decide().Memory
	s.cloud.find("nat-a").Holder = reconcile.Foreign
	r := s.decide().Report
	if got := verbs(r); got != "" {
		t.Errorf("it wants to %s", got)
	}
	if len(r.Plan.Conflicts) == 0 || !strings.Contains(r.Plan.Conflicts[0].Reason, "nat-a") {
		t.Errorf("nobody is told: %+v", r.Plan.Conflicts)
	}
}

// Rule 4: where the VPC grew around routes of ours, they are not merged into its local route, which EC2 would refuse.
func TestVPCThatGrewAroundOurRoutes(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/25", "20.0.0.128/25")
	s.cloud.routeTo("20.0.0.0/25", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.0.128/25", "nat-a", reconcile.Active)
	s.memory.Accepted = map[reconcile.Source]reconcile.Accepted{
		{Namespace: "default", ConfigMap: "egress-t1", Key: "a"}: {Targets: []netip.Prefix{netip.MustParsePrefix("20.0.0.0/25")}},
		{Namespace: "default", ConfigMap: "egress-t1", Key: "b"}: {Targets: []netip.Prefix{netip.MustParsePrefix("20.0.0.128/25")}},
	}
	s.cloud.site.CIDRs = append(s.cloud.site.CIDRs, netip.MustParsePrefix("20.0.0.0/24"))
	if got := s.doing(); got != "" {
		t.Errorf("it wants to\n%s", got)
	}
}

// A route through another zone's gateway leaves from another address: its claim is not Active, though traffic gets out.
func TestRouteThroughAnotherZoneIsNotActive(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: "b", Block: blockOf("b")})
	s.cloud.path("b")
	s.cloud.routeTo("20.0.0.0/24", "nat-b", reconcile.Active)
	if v := s.decide().Report.Verdicts[0]; v.Standing != reconcile.StandingPending {
		t.Errorf("it is %s", v.Standing)
	}
}

// Rule 3: a black hole inside of what is claimed takes its traffic, and is not ours to delete unless it is known to have led to
// a gateway of ours. So the claim is not Active, and is told why; what has a route of its own in there is not concerned.
func TestBlackHoleInAClaim(t *testing.T) {
	t.Parallel()
	const reason = "in 1 of 1 tables: rtb-1: 20.0.0.0/25 in it is a black hole, which is not known to be ours"
	for name, x := range map[string]struct {
		change   func(*situation)
		standing reconcile.Standing
		reason   string
	}{
		"nobody knows of its gateway": {func(*situation) {}, reconcile.StandingConflict, reason},
		"its gateway was ours": {func(s *situation) {
			s.memory.Gateways = map[string]reconcile.Zone{"nat-gone": "a"}
		}, reconcile.StandingActive, ""},
		"it works": {func(s *situation) {
			s.cloud.routes["rtb-1"][1].Status = reconcile.Active
		}, reconcile.StandingActive, ""},
		"a narrower route takes a part of it": {func(s *situation) {
			s.claim("20.0.0.0/24", "20.0.0.0/26")
			s.cloud.routeTo("20.0.0.0/26", "nat-a", reconcile.Active)
		}, reconcile.StandingConflict, reason},
		"ours goes before a propagated one": {func(s *situation) {
			s.cloud.routes["rtb-1"] = s.cloud.routes["rtb-1"][:1]
			s.cloud.route("rtb-1", nets("20.0.0.0/24")[0], "vgw-1", reconcile.Blackhole, true)
		}, reconcile.StandingActive, ""},
		"it is claimed itself, and gives way": {func(s *situation) {
			s.claim("20.0.0.0/24", "20.0.0.0/25")
		}, reconcile.StandingPending, ""},
		"it is in a table of no zone": {func(s *situation) {
			s.cloud.site.Tables = append(s.cloud.site.Tables, reconcile.Table{ID: "rtb-2"})
			s.cloud.routes["rtb-1"] = s.cloud.routes["rtb-1"][:1]
			s.cloud.route("rtb-2", nets("20.0.0.0/25")[0], "nat-gone", reconcile.Blackhole, false)
		}, reconcile.StandingActive, ""},
	} {
		s := built("20.0.0.0/24")
		s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
		s.cloud.routeTo("20.0.0.0/25", "nat-gone", reconcile.Blackhole)
		x.change(&s)
		if v := s.decide().Report.Verdicts[0]; v.Standing != x.standing || v.Reason != x.reason {
			t.Errorf("%s: it is %s: %q", name, v.Standing, v.Reason)
		}
	}
}

// Rule 13: a gateway stays while a route leads to it that is on its way to another one, which is to be made again first. That
// holds whichever of the two zones comes first.
func TestGatewayStaysWhileTheNextOneIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, zones := range [][2]reconcile.Zone{{"a", "b"}, {"b", "a"}} {
		stays, old := zones[0], zones[1]
		s := built()
		s.config.Zones = []reconcile.ZoneConfig{{Zone: stays, Block: blockOf(stays), Allocation: "eipalloc-brought"}}
		s.config.AllowDisruption = []string{string(stays)}
		s.cloud.path("b")
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, ""), ID: "eipalloc-brought", Holder: reconcile.Foreign})
		s.cloud.site.Tables[0].Zone = stays
		s.cloud.routeTo("20.0.0.0/24", "nat-"+string(old), reconcile.Active)
		s.claim("20.0.0.0/24")
		if got, want := s.doing(), "delete nat-gateway "+string(stays); got != want {
			t.Errorf("%s is to be made again, and it wants to\n%s", stays, got)
		}
	}
}
