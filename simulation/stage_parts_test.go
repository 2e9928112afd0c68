package simulation_test

import (
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// What of ours there is in a zone, by id; "" if there is none.

func (st *stage) subnet(zone string) string {
	return idOf(st.ec2.Snapshot().Subnets, zone, func(n inmemory.Subnet) (string, inmemory.Tags) { return n.ID, n.Tags })
}

func (st *stage) address(zone string) string {
	return idOf(st.ec2.Snapshot().Addresses, zone, func(a inmemory.Address) (string, inmemory.Tags) { return a.ID, a.Tags })
}

func (st *stage) natTable(zone string) string {
	return idOf(st.ec2.Snapshot().RouteTables, zone, func(t inmemory.RouteTable) (string, inmemory.Tags) { return t.ID, t.Tags })
}

// gateway is the one that is not gone.
func (st *stage) gateway(zone string) string {
	live := without(st.ec2.Snapshot().NATGateways, func(g inmemory.NATGateway) bool { return !isLive(g) })
	return idOf(live, zone, func(g inmemory.NATGateway) (string, inmemory.Tags) { return g.ID, g.Tags })
}

func idOf[T any](all []T, zone string, of func(T) (string, inmemory.Tags)) string {
	for _, x := range all {
		if id, tags := of(x); isOurs(tags) && tags[awsec2.TagZone] == zone {
			return id
		}
	}
	return ""
}

// use lets somebody's network interface have an address. It lies in a subnet of theirs: in one of ours it would keep that
// from ever being deleted.
func (st *stage) use(allocation string) {
	theirs := without(st.ec2.Snapshot().Subnets, func(n inmemory.Subnet) bool { return isOurs(n.Tags) })
	st.ec2.AssociateAddress(allocation, st.ec2.AddInterface(theirs[0].ID))
}
