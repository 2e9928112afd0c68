package reconcile_test

import (
	"fmt"
	"net/netip"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// standing is a zone whose egress path works, with two routes to its gateway.
func standing() (reconcile.Config, reconcile.Observed) {
	const zone = "eu-central-1a"
	block := netip.MustParsePrefix("172.31.64.0/28")
	ours := func(kind reconcile.Kind, id string, s reconcile.Spec) reconcile.Found {
		return reconcile.Found{Key: reconcile.Key{Kind: kind, Zone: zone}, ID: id, Holder: reconcile.Ours, Spec: s}
	}
	route := func(to string) reconcile.Found {
		return reconcile.Found{Key: reconcile.RouteKey("rtb-1", netip.MustParsePrefix(to)), Spec: reconcile.Spec{Target: reconcile.ByID("nat-1")}}
	}
	config := reconcile.Config{Zones: []reconcile.ZoneConfig{{Zone: zone, Block: block}}, MinPrefixLength: 16, MaxRoutes: 500}
	observed := reconcile.Observed{
		Site: reconcile.Site{
			VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("172.31.0.0/16")}, InternetGateway: "igw-1",
			Tables: []reconcile.Table{{ID: "rtb-1", Zone: zone, Used: 4}, {ID: "rtb-2", NAT: true}},
		},
		Found: []reconcile.Found{
			ours(reconcile.Subnet, "subnet-1", reconcile.Spec{CIDR: block}),
			ours(reconcile.Address, "eipalloc-1", reconcile.Spec{}),
			ours(reconcile.NATTable, "rtb-2", reconcile.Spec{}),
			ours(reconcile.DefaultRoute, "rtb-2", reconcile.Spec{Target: reconcile.ByID("igw-1")}),
			ours(reconcile.Association, "rtbassoc-1", reconcile.Spec{Subnet: reconcile.ByID("subnet-1"), Target: reconcile.ByID("rtb-2")}),
			ours(reconcile.NATGateway, "nat-1", reconcile.Spec{Subnet: reconcile.ByID("subnet-1"), Address: reconcile.ByID("eipalloc-1")}),
			route("20.0.0.0/24"), route("8.8.8.8/32"),
		},
	}
	return config, observed
}

// Two routes lead to a gateway that works, and one wider than the first of them is desired instead of both. The diff makes before
// it breaks (rule 4): what is deleted needs what takes its place. Nobody wants the address either, and it stays all the same: it
// would go only if Desired.Release named it (rule 7).
func ExampleDiff() {
	config, observed := standing()
	seen := reconcile.See(config, observed, reconcile.Memory{})
	wider := reconcile.RouteKey("rtb-1", netip.MustParsePrefix("20.0.0.0/23"))
	desired := reconcile.Desired{Resources: []reconcile.Resource{
		{Key: wider, Spec: reconcile.Spec{Target: reconcile.To(reconcile.NATGateway, "eu-central-1a")}},
	}}
	for _, p := range seen.Paths { // what is there of the zone's egress path stays
		for _, f := range []*reconcile.Found{p.Subnet, p.NATTable, p.DefaultRoute, p.Association, p.Gateway} {
			desired.Resources = append(desired.Resources, reconcile.Resource{Key: f.Key, Spec: f.Spec})
		}
	}

	plan := reconcile.Diff(desired, seen)
	for i, a := range plan.Actions {
		fmt.Println(i, a.Verb, a.Key, a.Needs, a.Reason)
	}
	// Output:
	// 0 delete route rtb-1 8.8.8.8/32 [] nobody claims it any more
	// 1 create route rtb-1 20.0.0.0/23 [] it is claimed
	// 2 delete route rtb-1 20.0.0.0/24 [1] 20.0.0.0/23 takes its place
}
