package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// heard writes down what a pass does, and all that it says about what it does not do.
func (s situation) heard() string {
	var b strings.Builder
	r := s.decide().Report
	for _, a := range r.Plan.Actions {
		fmt.Fprintf(&b, "  %s %s: %s\n", a.Verb, a.Key, a.Reason)
	}
	for _, w := range r.Plan.Waiting {
		fmt.Fprintf(&b, "  waiting %s: %s\n", w.Key, w.Reason)
	}
	for _, c := range r.Plan.Conflicts {
		fmt.Fprintf(&b, "  conflict %s: %s %v\n", c.Key, c.Reason, c.Sources)
	}
	for _, v := range r.Verdicts {
		fmt.Fprintf(&b, "  verdict %s %s: %s %s\n", v.Source, v.Target, v.Standing, v.Reason)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  problem %s: %s\n", p.Zone, p.Reason)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", w)
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// lose takes a thing of zone a away behind our back.
func lose(t *testing.T, w *cloud, k reconcile.Kind, id string) {
	t.Helper()
	if err := w.remove(reconcile.Action{Key: pathKey(k, "a"), Before: w.find(id)}); err != nil {
		t.Fatal(err)
	}
}

// Each thing that cannot be had, or must not be touched, is said in plain words; the rest goes on.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	const ours = "20.0.0.0/24"
	working := func(values ...string) situation {
		s := built(append([]string{ours}, values...)...)
		s.cloud.routeTo(ours, "nat-a", reconcile.Active)
		return s
	}
	var b strings.Builder
	tell := func(title string, s situation, change func(*situation)) {
		if change != nil {
			change(&s)
		}
		fmt.Fprintf(&b, "# %s\n%s\n", title, s.heard())
	}

	tell("rule 3: a foreign route to the very prefix", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.3.0/24", "pcx-1", reconcile.Active)
	})
	tell("rule 3: two ask for it, and are told together", working("20.0.3.0/24", "20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.3.0/24", "pcx-1", reconcile.Active)
	})
	tell("rule 3: a foreign route around it", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.2.0/23", "pcx-1", reconcile.Active)
	})
	tell("rule 3: a foreign route in it does not hinder it", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.3.128/25", "pcx-1", reconcile.Active)
	})
	tell("rule 3: the default route hinders nothing", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("0.0.0.0/0", "nat-theirs", reconcile.Active)
	})
	tell("rule 3: a route of ours that somebody's new route encloses stays", working(), func(s *situation) {
		s.cloud.routeTo("20.0.0.0/23", "pcx-1", reconcile.Active)
	})
	tell("rule 3: a black hole at what only a merge would want is wanted by nobody", working("20.0.2.0/24", "20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.2.0/23", "nat-gone", reconcile.Blackhole)
	})
	tell("rule 3: a merge that would be the very prefix of a route that came later stays in its halves", built("20.0.2.0/24", "20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.2.0/24", "nat-a", reconcile.Active)
		s.cloud.routeTo("20.0.3.0/24", "nat-a", reconcile.Active)
		s.cloud.routeTo("20.0.2.0/23", "pcx-1", reconcile.Active)
	})
	tell("rule 3: a black hole at a prefix that is wanted is replaced, whoever made it", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.routeTo("20.0.3.0/24", "pcx-gone", reconcile.Blackhole)
	})
	tell("rule 3: a black hole at any other prefix is reported", working("20.0.3.0/25"), func(s *situation) {
		s.cloud.routeTo("20.0.3.0/24", "pcx-gone", reconcile.Blackhole)
	})
	tell("rule 3: a propagated route", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.route("rtb-1", nets("20.0.3.0/24")[0], "vgw-1", reconcile.Active, true)
	})
	tell("rule 3: a prefix list", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.site.Tables[0].Lists = []reconcile.Listed{{ID: "pl-1", Target: "vpce-1", Prefixes: nets("20.0.2.0/23")}}
	})
	tell("rule 3: a prefix list that cannot be read", working("20.0.3.0/24"), func(s *situation) {
		s.cloud.site.Tables[0].Lists = []reconcile.Listed{{ID: "pl-1", Target: "vpce-1", Unread: "access denied"}}
	})
	tell("rule 3: a route of ours that somebody pointed elsewhere is theirs now", working(), func(s *situation) {
		s.cloud.routes["rtb-1"][0].Spec = leadsTo("pcx-1")
	})
	tell("rule 6: an address that somebody else uses", working(), func(s *situation) {
		lose(t, s.cloud, reconcile.NATGateway, "nat-a")
		s.cloud.find("eipalloc-a").User = "i-1"
	})
	tell("rule 6: a gateway that is going still has the address", working(), func(s *situation) {
		s.cloud.find("nat-a").Status = reconcile.Deleting
	})
	tell("rule 8: another NAT CIDR block", working(), func(s *situation) { s.config.Zones[0].Block = blockOf("b") })
	tell("rule 8: another NAT CIDR block, allowed", working(), func(s *situation) {
		s.config.Zones[0].Block, s.config.AllowDisruption = blockOf("b"), []string{"a"}
	})
	brought := func(s *situation) {
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, ""), ID: "eipalloc-brought"})
		s.config.Zones[0].Allocation = "eipalloc-brought"
	}
	tell("rule 8: another address", working(), brought)
	tell("rule 8: another address, allowed", working(), func(s *situation) {
		brought(s)
		s.config.AllowDisruption = []string{"a"}
	})
	tell("rule 8: a table lost its tag", working("20.0.3.0/24"), func(s *situation) { s.cloud.site.Tables[0].Zone = "" })
	tell("rule 8: a table lost its tag, allowed", working(), func(s *situation) {
		s.cloud.site.Tables[0].Zone, s.config.AllowDisruption = "", []string{"rtb-1"}
	})
	tell("rule 8: a table matches no more", working(), func(s *situation) {
		s.cloud.site.Tables[0].Barred = "it does not carry team=a (--aws-route-table-tag)"
	})
	away := func(s *situation) {
		s.config.Zones[0] = reconcile.ZoneConfig{Zone: "b", Block: blockOf("b")}
		s.cloud.path("b")
	}
	tell("rule 8: a zone is gone from the flags", working(), away)
	tell("rule 8: a zone is gone from the flags, allowed", working(), func(s *situation) {
		away(s)
		s.config.AllowDisruption = []string{"a"}
	})
	tell("rule 8: a table moves to another zone once that zone works", working(), func(s *situation) {
		s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: "b", Block: blockOf("b")})
		s.cloud.path("b")
		s.cloud.site.Tables[0].Zone = "b"
	})
	tell("rule 9: a gateway that is there twice", working(), func(s *situation) {
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, "a"), ID: "eipalloc-spare", Holder: reconcile.Ours})
		s.cloud.gateway("nat-spare", "a", "subnet-a", "eipalloc-spare", reconcile.Active)
	})
	tell("rule 9: a subnet and a table that are there twice", working(), func(s *situation) {
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Subnet, "a"), ID: "subnet-spare", Holder: reconcile.Ours, Spec: reconcile.Spec{CIDR: blockOf("b")}})
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.NATTable, "a"), ID: "rtb-nat-spare", Holder: reconcile.Ours})
	})
	tell("rule 12: a zone of which nothing can be built does not hinder the other", working(), func(s *situation) {
		s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: "b", Block: nets("192.168.0.0/28")[0]})
	})
	tell("rule 14: a full table", working("20.0.2.0/24", "20.0.4.0/24"), func(s *situation) { s.config.MaxRoutes = 4 })
	tell("rule 14: the last place is for changing what is there", working("20.0.1.0/24", "20.0.4.0/24"), func(s *situation) { s.config.MaxRoutes = 3 })
	tell("rule 14: what cannot be swapped for lack of room stays", built("20.0.0.0/23"), func(s *situation) {
		s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
		s.config.MaxRoutes = 2
	})
	tell("rule 14: a table that EC2 called full", working("20.0.2.0/24"), func(s *situation) {
		s.memory.Limits = map[string]reconcile.Limit{"rtb-1": {Used: 2, Since: noon}}
	})
	tell("rule 15: the NAT subnet is associated with another table", working("20.0.2.0/24"), func(s *situation) {
		s.cloud.things[4].Spec.Target = reconcile.ByID("rtb-main")
	})
	tell("rule 15: the default route is a black hole", working("20.0.2.0/24"), func(s *situation) {
		s.cloud.things[3].Status = reconcile.Blackhole
	})
	golden(t, "refusals", b.String())
}

// Rule 7: an address that was recorded and is gone is not replaced by another unasked; with --allow-disruption it is.
func TestLostAddressIsNotReplacedUnasked(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.memory = s.decide().Memory
	lose(t, s.cloud, reconcile.NATGateway, "nat-a")
	lose(t, s.cloud, reconcile.Address, "eipalloc-a")
	says := s.heard()
	if !strings.Contains(says, "conflict address a: the address eipalloc-a that the gateway of a had is gone") ||
		!strings.Contains(says, "no other takes its place unasked (--allow-disruption=a allows it)") || strings.Contains(says, "create") {
		t.Errorf("it says\n%s", says)
	}
	s.config.AllowDisruption = []string{"a"}
	s.now = s.now.Add(time.Minute)
	s.memory = s.decide().Memory // rule 9: the first of two looks
	s.now = s.now.Add(time.Minute)
	if got, want := s.doing(), "create address a\ncreate nat-gateway a\nreplace route rtb-1 20.0.0.0/24"; got != want {
		t.Errorf("when that is allowed it does\n%s", got)
	}
}

// What is wrong with the set-up stops its zone alone (rule 12); what is only odd stops nothing.
func TestWhatIsWrongWithTheSetUp(t *testing.T) {
	t.Parallel()
	fresh := func(change func(*situation)) string {
		s := built("20.0.0.0/24")
		s.cloud = &cloud{site: s.cloud.site}
		s.cloud.site.Tables = s.cloud.site.Tables[:1]
		change(&s)
		return s.heard()
	}
	subnet := func(h reconcile.Holder, zone reconcile.Zone, cidr string) reconcile.Found {
		return reconcile.Found{
			Key: pathKey(reconcile.Subnet, zone), ID: "subnet-other", Holder: h, Stack: "egress", Spec: reconcile.Spec{CIDR: nets(cidr)[0]},
		}
	}
	var b strings.Builder
	for _, x := range []struct {
		title  string
		change func(*situation)
	}{
		{"no internet gateway", func(s *situation) { s.cloud.site.InternetGateway = "" }},
		{"a zone that does not exist", func(s *situation) { s.cloud.site.Zones = []reconcile.Zone{"c", "b"} }},
		{"zones were not looked up", func(s *situation) { s.cloud.site.Zones = nil }},
		{"a NAT CIDR block outside the VPC", func(s *situation) {
			s.config.Zones[0].Block = nets("10.1.0.0/28")[0]
			s.cloud.site.CIDRs = nets("10.9.0.0/16", "10.0.0.0/16")
		}},
		{"a NAT CIDR block over a foreign subnet", func(s *situation) { s.cloud.add(subnet(reconcile.Foreign, "b", "10.0.64.0/24")) }},
		{"a NAT CIDR block that a stack has", func(s *situation) { s.cloud.add(subnet(reconcile.Others, "a", "10.0.64.0/28")) }},
		{"a NAT CIDR block that another zone of ours has", func(s *situation) { s.cloud.add(subnet(reconcile.Ours, "b", "10.0.64.0/28")) }},
		{"a brought address that does not exist", func(s *situation) { s.config.Zones[0].Allocation = "eipalloc-typo" }},
		{"a zone without a table", func(s *situation) { s.cloud.site.Tables = nil }},
		{"a table in a zone without --aws-az", func(s *situation) {
			s.cloud.site.Tables = append(s.cloud.site.Tables, reconcile.Table{ID: "rtb-9", Zone: "c"}, reconcile.Table{ID: "rtb-8"})
		}},
		{"a foreign black hole", func(s *situation) {
			s.cloud.route("rtb-1", nets("30.0.0.0/24")[0], "pcx-gone", reconcile.Blackhole, false)
		}},
	} {
		fmt.Fprintf(&b, "# %s\n%s\n", x.title, fresh(x.change))
	}
	golden(t, "problems", b.String())
}
