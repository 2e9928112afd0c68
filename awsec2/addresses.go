package awsec2

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func (s sight) addressesFound() []reconcile.Found {
	users, interfaces := s.users(), s.interfaces()
	var found []reconcile.Found
	for _, a := range s.listing.addresses {
		t := tagsOf(a.Tags)
		holder, stack := s.config.whose(t, RoleAddress)
		id := aws.ToString(a.AllocationId)
		found = append(found, reconcile.Found{
			Key:      reconcile.Key{Kind: reconcile.Address, Zone: reconcile.Zone(t[TagZone])},
			ID:       id,
			Holder:   holder,
			Stack:    stack,
			Owner:    t[TagOwner],
			PublicIP: address(a.PublicIp),
			User: cmp.Or(users[id], aws.ToString(a.InstanceId), interfaces[aws.ToString(a.NetworkInterfaceId)],
				aws.ToString(a.NetworkInterfaceId), aws.ToString(a.AssociationId)),
		})
	}
	return found
}

// users are the gateways that have an address, by allocation id. DescribeAddresses shows a pending gateway's address as
// free for a while, so the gateways' own list is asked first. Of several, one that is not on its way out counts.
func (s sight) users() map[string]string {
	users := map[string]string{}
	note := func(want func(types.NatGatewayState) bool) {
		for _, g := range s.listing.gateways {
			for _, a := range g.NatGatewayAddresses {
				id := aws.ToString(a.AllocationId)
				if want(g.State) && users[id] == "" && id != "" && a.Status != types.NatGatewayAddressStatusFailed {
					users[id] = aws.ToString(g.NatGatewayId)
				}
			}
		}
	}
	note(func(state types.NatGatewayState) bool { return alive(state) && state != types.NatGatewayStateDeleting })
	note(alive)
	return users
}

// interfaces are the gateways by their network interfaces, in whatever state: one that failed can still have its address
// by its interface, and that is better called by the gateway's name.
func (s sight) interfaces() map[string]string {
	owners := map[string]string{}
	for _, g := range s.listing.gateways {
		for _, a := range g.NatGatewayAddresses {
			if id := aws.ToString(a.NetworkInterfaceId); id != "" {
				owners[id] = aws.ToString(g.NatGatewayId)
			}
		}
	}
	return owners
}
