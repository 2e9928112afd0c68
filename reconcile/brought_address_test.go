package reconcile_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// broughtFor is a situation in which the user brings for zone b what was brought for zone a before, whose gateway has it.
func broughtFor(change func(*situation)) situation {
	s := built("20.0.0.0/24")
	address := s.cloud.find("eipalloc-a")
	address.Holder, address.Key, address.PublicIP = reconcile.Foreign, pathKey(reconcile.Address, ""), netip.MustParseAddr("198.51.100.10")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.site.Tables = append(s.cloud.site.Tables, reconcile.Table{ID: "rtb-2", Zone: "b"})
	s.config.Zones[0].Allocation = "eipalloc-a"
	s.memory = s.decide().Memory
	s.config.Zones[0].Allocation = ""
	s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: "b", Block: blockOf("b"), Allocation: "eipalloc-a"})
	change(&s)
	return s
}

// Rule 2: an address that the user brings for a zone and that is another's is a problem of that zone alone: nothing is built
// there. It stands so while the other has a gateway with it or is among the flags, and else until it is asked for by name.
func TestBroughtAddressOfAnotherZone(t *testing.T) {
	t.Parallel()
	const (
		another = "--aws-eip-allocation-id of b is eipalloc-a, which is the address of a"
		gone    = another + ", which is gone from the flags (--allow-disruption=b lets it move)"
	)
	withoutGateway := func(s *situation) { lose(t, s.cloud, reconcile.NATGateway, "nat-a") }
	retired := func(s *situation) {
		withoutGateway(s)
		s.config.Zones = s.config.Zones[1:]
	}
	allowed := func(s *situation) { s.config.AllowDisruption = []string{"b"} }
	forgetful := func(s *situation) { s.memory = reconcile.Memory{} }
	for name, x := range map[string]struct {
		change []func(*situation)
		want   string
	}{
		"a gateway has it":                                {nil, another},
		"a gateway has it, and the memory is lost":        {[]func(*situation){forgetful}, another},
		"a gateway has it, and the disruption is allowed": {[]func(*situation){allowed}, another},
		"a gateway that goes has it": {[]func(*situation){func(s *situation) {
			s.cloud.find("nat-a").Status = reconcile.Deleting
		}, forgetful}, another},
		"it is remembered": {[]func(*situation){withoutGateway}, another},
		"it is remembered, and the disruption is allowed":      {[]func(*situation){withoutGateway, allowed}, another},
		"it is remembered of a zone that is gone":              {[]func(*situation){retired}, gone},
		"it is remembered of a zone that is gone, and allowed": {[]func(*situation){retired, allowed}, ""},
		"it was had back under another id": {[]func(*situation){withoutGateway, func(s *situation) {
			s.memory.Address["a"] = "eipalloc-before"
		}}, another},
		"it is tagged so": {[]func(*situation){retired, forgetful, func(s *situation) {
			a := s.cloud.find("eipalloc-a")
			a.Holder, a.Key = reconcile.Ours, pathKey(reconcile.Address, "a")
		}}, gone},
		"nobody knows": {[]func(*situation){retired, forgetful}, ""},
	} {
		s := broughtFor(func(s *situation) {
			for _, c := range x.change {
				c(s)
			}
		})
		r := s.decide().Report
		got, builds := "", false
		for _, p := range r.Problems {
			got += string(p.Zone) + " " + p.Reason
		}
		for _, a := range r.Plan.Actions {
			builds = builds || a.Key.Zone == "b"
		}
		if want := strings.TrimPrefix("b "+x.want, "b "); strings.TrimPrefix(got, "b ") != want || builds != (x.want == "") {
			t.Errorf("%s: the problem is %q, and something is built: %t", name, got, builds)
		}
	}
}

// The other zone goes on: its gateway is made again with its address (rules 7 and 12).
func TestBroughtAddressStaysWithItsZone(t *testing.T) {
	t.Parallel()
	s := broughtFor(func(s *situation) { lose(t, s.cloud, reconcile.NATGateway, "nat-a") })
	if got, want := s.doing(), "create nat-gateway a\nreplace route rtb-1 20.0.0.0/24"; got != want {
		t.Errorf("it does\n%s", got)
	}
}

// Where a move was asked for, the address is the new zone's from then on, also when nobody allows anything any more and
// whatever its tags say, and with or without the memory. It is never released for the old zone's sake (rule 7).
func TestBroughtAddressThatMoved(t *testing.T) {
	t.Parallel()
	s := broughtFor(func(s *situation) {
		s.config.Zones = s.config.Zones[1:]
		s.config.ReleaseAddresses, s.config.ReleaseDelay = true, 0
		s.cloud.things = nil
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, "a"), ID: "eipalloc-a", Holder: reconcile.Ours})
		s.cloud.path("b")
		s.cloud.find("nat-b").Spec.Address = reconcile.ByID("eipalloc-a")
		s.cloud.find("eipalloc-b").User, s.cloud.find("eipalloc-a").User = "", "nat-b"
	})
	for _, m := range []reconcile.Memory{s.memory, {}} {
		s.memory = m
		d := s.decide()
		if d.Memory.Address["b"] != "eipalloc-a" || d.Memory.Address["a"] != "" || len(d.Report.Problems) > 0 {
			t.Errorf("it remembers %v, and has the problems %v", d.Memory.Address, d.Report.Problems)
		}
		next := s
		next.memory, next.cloud = d.Memory, s.cloud.clone()
		next.memory.Unused = map[string]time.Time{"eipalloc-a": noon.AddDate(0, 0, -9)}
		lose(t, next.cloud, reconcile.NATGateway, "nat-b")
		if got := next.decide(); len(got.Report.Plan.Goal.Release) > 0 || len(got.Report.Problems) > 0 {
			t.Errorf("without a gateway it releases %v, and has the problems %v", got.Report.Plan.Goal.Release, got.Report.Problems)
		}
	}
}
