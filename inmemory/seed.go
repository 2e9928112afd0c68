package inmemory

import (
	"fmt"
	"net/netip"
	"slices"
)

// Seed returns an EC2 that holds the site of the README: the default VPC 172.31.0.0/16 with an internet gateway, and for
// each zone one subnet for worker nodes and the DMZ route table that it uses. Such a table is named dmz-ZONE, carries
// tagKey=ZONE, and leads 0.0.0.0/0 to the internet gateway, as is usual and never ours to change. The workers' subnets
// end below 172.31.64.0 (for up to 16 zones), where NAT CIDR blocks are free to begin.
//
// The region is that of the zones, unless the options name one, and every list shows all of it at once.
func Seed(o Options, tagKey string, zones []string) *EC2 {
	if len(o.Zones) == 0 {
		o.Zones = zones
	}
	if o.Region == "" && len(zones) > 0 {
		o.Region = zones[0][:len(zones[0])-1]
	}
	e := New(o)
	vpc := e.CreateVPC(true, "172.31.0.0/16")
	internet := e.AttachInternetGateway(vpc)
	for i, zone := range slices.Sorted(slices.Values(zones)) {
		table := e.AddRouteTable(vpc, Tags{tagKey: zone, "Name": "dmz-" + zone})
		e.AddRoute(table, Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: internet})
		subnet := e.AddSubnet(vpc, zone, fmt.Sprintf("172.31.%d.0/22", 4*i), Tags{"Name": "workers-" + zone})
		e.Associate(table, subnet)
	}
	e.Settle()
	return e
}
