package inmemory

import (
	"net/netip"
	"slices"
)

// Snapshot is all there is, as it is now and not as lists may show it, each kind in the order of its ids. What is
// computed is filled in. Its tags are shared with the EC2, to be read only.
type Snapshot struct {
	VPCs             []VPC
	InternetGateways []InternetGateway
	Subnets          []Subnet
	RouteTables      []RouteTable
	NATGateways      []NATGateway // deleted ones too, as long as they are listed
	Addresses        []Address
	PrefixLists      []PrefixList
	// Released are the public addresses that once were ours: those that another account has got too.
	Released []netip.Addr
}

// Snapshot returns all there is. It is no API call.
func (e *EC2) Snapshot() Snapshot {
	m := e.present()
	return Snapshot{
		VPCs:             inOrder(m.vpcs),
		InternetGateways: inOrder(m.internetGateways),
		Subnets:          m.subnetList(),
		RouteTables:      m.tableList(),
		NATGateways:      m.gatewayList(),
		Addresses:        m.addressList(),
		PrefixLists:      inOrder(m.prefixLists),
		Released:         m.released(),
	}
}

func (m moment) released() []netip.Addr {
	var list []netip.Addr
	for ip, holder := range m.publicIPs {
		if holder != ours {
			list = append(list, ip)
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}
