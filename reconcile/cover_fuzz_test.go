package reconcile_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// routesFor are the routes that a plan makes in a table that has none, for that value of a ConfigMap.
func routesFor(t *testing.T, value string) []netip.Prefix {
	t.Helper()
	const zone, igw = reconcile.Zone("a"), "igw-1"
	block := netip.MustParsePrefix("172.31.64.0/28")
	part := func(kind reconcile.Kind, id string, spec reconcile.Spec) reconcile.Found {
		return reconcile.Found{Key: reconcile.Key{Kind: kind, Zone: zone}, ID: id, Spec: spec, Holder: reconcile.Ours}
	}
	observed := reconcile.Observed{
		Site: reconcile.Site{
			VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("172.31.0.0/16")}, InternetGateway: igw,
			Tables: []reconcile.Table{{ID: "rtb-dmz", Zone: zone}, {ID: "rtb-nat", NAT: true}},
		},
		Found: []reconcile.Found{
			part(reconcile.Subnet, "subnet-1", reconcile.Spec{CIDR: block}),
			part(reconcile.Address, "eipalloc-1", reconcile.Spec{}),
			part(reconcile.NATTable, "rtb-nat", reconcile.Spec{}),
			part(reconcile.DefaultRoute, "rtb-nat", reconcile.Spec{Target: reconcile.ByID(igw)}),
			part(reconcile.Association, "rtbassoc-1", reconcile.Spec{Subnet: reconcile.ByID("subnet-1"), Target: reconcile.ByID("rtb-nat")}),
			part(reconcile.NATGateway, "nat-1", reconcile.Spec{Subnet: reconcile.ByID("subnet-1"), Address: reconcile.ByID("eipalloc-1")}),
		},
	}
	reading := reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: []reconcile.ConfigMap{
		{Namespace: "default", Name: "team", Data: map[string]string{"targets": value}},
	}}}}
	config := reconcile.Config{
		Zones: []reconcile.ZoneConfig{{Zone: zone, Block: block}}, MinPrefixLength: 1, MaxRoutes: 100_000,
		Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
	}
	d := reconcile.Decide(config, observed, reading, reconcile.Memory{}, time.Unix(0, 0))
	var routes []netip.Prefix
	for _, a := range d.Report.Plan.Actions {
		if a.Key.Kind != reconcile.TargetRoute || a.Verb != reconcile.Create {
			t.Fatalf("%q: the plan has %s %s (%s)", value, a.Verb, a.Key, a.Reason)
		}
		routes = append(routes, a.Key.Prefix)
	}
	return routes
}

// Rule 10: targets are merged into routes that hold exactly their addresses: none is missing, none is more than was asked
// for, and no list is shorter. Who asks for the routes themselves gets the same.
func FuzzCover(f *testing.F) {
	for _, seed := range [][]byte{
		{8, 8, 8, 0, 24},
		{8, 8, 8, 0, 25, 8, 8, 8, 128, 25},
		{8, 8, 8, 8, 32, 8, 8, 8, 9, 32, 8, 8, 8, 0, 24},
		{1, 1, 1, 0, 24, 1, 1, 2, 0, 24},
		{255, 255, 255, 255, 32},
		{9, 9, 9, 8, 31, 9, 9, 9, 10, 32, 9, 9, 9, 11, 32},
		{52, 94, 0, 0, 17, 52, 94, 128, 0, 17, 52, 95, 0, 0, 16},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var asked []netip.Prefix
		var value []byte
		for len(data) >= 5 && len(asked) < 100 {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte(data)), int(data[4]%32)+1)
			data = data[5:]
			if vpc, amazon := netip.MustParsePrefix("172.31.0.0/16"), netip.MustParsePrefix("169.254.168.0/22"); p.Overlaps(vpc) || p.Overlaps(amazon) {
				continue
			}
			asked = append(asked, p.Masked())
			value = append(append(value, p.String()...), ' ')
		}
		if len(asked) == 0 {
			return
		}
		got := routesFor(t, string(value))
		if why := canonical(got); why != "" {
			t.Fatalf("%s gives %v: %s", value, got, why)
		}
		if !setOf(t, got).Equal(setOf(t, asked)) {
			t.Fatalf("%s gives %v, which are other addresses", value, got)
		}
		for i, p := range got[1:] {
			if before := got[i]; before.Overlaps(p) || before.Bits() == p.Bits() && together(before, p) {
				t.Fatalf("%s gives %s and %s, which are one network", value, before, p)
			}
		}
		var again []byte
		for _, p := range got {
			again = append(append(again, p.String()...), ',')
		}
		if len(again) > reconcile.MaxValueBytes || len(got) > reconcile.MaxTargetsPerConfigMap {
			return
		}
		if second := routesFor(t, string(again)); !slices.Equal(got, second) {
			t.Fatalf("asked for themselves, %v give %v", got, second)
		}
	})
}

// together reports whether two networks of one length, the lower one first, are the halves of one.
func together(low, high netip.Prefix) bool {
	return netip.PrefixFrom(low.Addr(), low.Bits()-1).Masked() == netip.PrefixFrom(high.Addr(), high.Bits()-1).Masked()
}
