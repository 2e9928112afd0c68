package reconcile_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// One zone is configured, its route table is there, and a team asks for two targets. What comes out are actions, each with the
// numbers of those that must come first. Nothing is done here: a decision is a pure function of what is configured, seen, read
// and remembered, and of the time.
func ExampleDecide() {
	config := reconcile.Config{
		Zones:           []reconcile.ZoneConfig{{Zone: "eu-central-1a", Block: netip.MustParsePrefix("172.31.64.0/28")}},
		MinPrefixLength: 16,
		MaxRoutes:       500,
	}
	observed := reconcile.Observed{Site: reconcile.Site{
		VPC:             "vpc-1",
		CIDRs:           []netip.Prefix{netip.MustParsePrefix("172.31.0.0/16")},
		InternetGateway: "igw-1",
		Tables:          []reconcile.Table{{ID: "rtb-1", Zone: "eu-central-1a", Used: 2}},
	}}
	reading := reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: []reconcile.ConfigMap{{
		Namespace: "default", Name: "egress-t1",
		Data: map[string]string{"google-dns": "8.8.8.8/32", "provider": "192.112.1.0/21"},
	}}}}}

	d := reconcile.Decide(config, observed, reading, reconcile.Memory{}, time.Unix(0, 0))
	for i, a := range d.Report.Plan.Actions {
		fmt.Println(i, a.Verb, a.Key, a.Needs)
	}
	for _, v := range d.Report.Verdicts {
		fmt.Println(v.Source, v.Target, v.Standing)
	}
	// Output:
	// 0 create subnet eu-central-1a []
	// 1 create address eu-central-1a [0]
	// 2 create route-table eu-central-1a [0]
	// 3 create default-route eu-central-1a [2]
	// 4 create association eu-central-1a [0 2 3]
	// 5 create nat-gateway eu-central-1a [0 1 3 4]
	// 6 create route rtb-1 8.8.8.8/32 [3 4 5]
	// 7 create route rtb-1 192.112.0.0/21 [3 4 5]
	// default/egress-t1/google-dns 8.8.8.8/32 Pending
	// default/egress-t1/provider 192.112.0.0/21 Pending
}
