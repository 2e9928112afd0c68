package reconcile_test

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// A zone is built, and another one comes in. A team widens a target, another gives one up, and a third asks for what somebody
// else has routed already. The plan says what would be done, what waits, and what stays as it is.
func ExampleWritePlan() {
	table := func(id string, zone reconcile.Zone) reconcile.Table {
		return reconcile.Table{ID: id, Zone: zone, Used: 2}
	}
	found := func(kind reconcile.Kind, id string, s reconcile.Spec) reconcile.Found {
		return reconcile.Found{Key: reconcile.Key{Kind: kind, Zone: "eu-central-1a"}, ID: id, Holder: reconcile.Ours, Spec: s}
	}
	route := func(to, gateway string) reconcile.Found {
		return reconcile.Found{Key: reconcile.RouteKey("rtb-1", netip.MustParsePrefix(to)), Spec: reconcile.Spec{Target: reconcile.ByID(gateway)}}
	}
	config := reconcile.Config{
		Zones: []reconcile.ZoneConfig{
			{Zone: "eu-central-1a", Block: netip.MustParsePrefix("172.31.64.0/28")},
			{Zone: "eu-central-1b", Block: netip.MustParsePrefix("172.31.64.16/28")},
		},
		MinPrefixLength: 16, MaxRoutes: 500, WithdrawDelay: time.Minute,
	}
	observed := reconcile.Observed{
		Site: reconcile.Site{
			VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("172.31.0.0/16")}, InternetGateway: "igw-1",
			Tables: []reconcile.Table{table("rtb-1", "eu-central-1a"), table("rtb-2", "eu-central-1b"), {ID: "rtb-3", NAT: true}},
		},
		Found: []reconcile.Found{
			found(reconcile.Subnet, "subnet-1", reconcile.Spec{CIDR: config.Zones[0].Block}),
			found(reconcile.Address, "eipalloc-1", reconcile.Spec{}),
			found(reconcile.NATTable, "rtb-3", reconcile.Spec{}),
			found(reconcile.DefaultRoute, "rtb-3", reconcile.Spec{Target: reconcile.ByID("igw-1")}),
			found(reconcile.Association, "rtbassoc-1", reconcile.Spec{Subnet: reconcile.ByID("subnet-1"), Target: reconcile.ByID("rtb-3")}),
			found(reconcile.NATGateway, "nat-1", reconcile.Spec{Subnet: reconcile.ByID("subnet-1"), Address: reconcile.ByID("eipalloc-1")}),
			route("20.0.0.0/24", "nat-1"), route("8.8.8.8/32", "nat-1"), route("30.0.0.0/16", "pcx-1"),
		},
	}
	reading := reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: []reconcile.ConfigMap{{
		Namespace: "default", Name: "egress-t1",
		Data: map[string]string{"partner": "20.0.0.0/23", "bank": "30.0.7.0/24"},
	}}}}}

	d := reconcile.Decide(config, observed, reading, reconcile.Memory{}, time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	if err := reconcile.WritePlan(os.Stdout, d.Report); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 9 to create, 0 to replace, 1 to delete.
	//
	// eu-central-1b
	//   + subnet         (new)  172.31.64.16/28
	//   + address        (new)
	//   + route-table    (new)
	//   + default-route  (new)  to igw-1
	//   + association    (new)  to route-table (new) in subnet (new)
	//   + nat-gateway    (new)  in subnet (new) with address (new)
	//
	// rtb-1 (eu-central-1a)
	//   + route  20.0.0.0/23  to nat-gateway nat-1
	//   - route  20.0.0.0/24  to nat-gateway nat-1  (20.0.0.0/23 takes its place)
	//
	// rtb-2 (eu-central-1b)
	//   + route  20.0.0.0/23  to nat-gateway (new)
	//   + route  30.0.7.0/24  to nat-gateway (new)
	//
	// Waiting:
	//   route 8.8.8.8/32: nobody claims it any more (--withdraw-delay), until 2026-01-01T12:01:00Z
	//
	// Conflicts (left as they are):
	//   route rtb-1 30.0.7.0/24: 30.0.7.0/24 lies in 30.0.0.0/16 (the route to pcx-1), which is not ours [default/egress-t1/bank]
	//
	// Claims:
	//   default/egress-t1/bank     30.0.7.0/24  Conflict  in 1 of 2 tables: rtb-1: 30.0.7.0/24 lies in 30.0.0.0/16 (the route to pcx-1), which is not ours
	//   default/egress-t1/partner  20.0.0.0/23  Pending
}
