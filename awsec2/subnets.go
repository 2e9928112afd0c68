package awsec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func (s sight) subnetsFound() []reconcile.Found {
	var found []reconcile.Found
	for _, subnet := range s.listing.subnets {
		found = append(found, s.subnetFound(subnet))
	}
	return found
}

// subnetFound tells our subnets by their tags and by where they are. Tags can be edited, the zone of a subnet cannot: one
// that says that it is for another zone than it lies in is not one that we made.
func (s sight) subnetFound(subnet types.Subnet) reconcile.Found {
	t := tagsOf(subnet.Tags)
	lies, said := aws.ToString(subnet.AvailabilityZone), t[TagZone]
	holder, stack := s.config.whose(t, RoleSubnet)
	if holder == reconcile.Ours && said != lies {
		holder = reconcile.Foreign
	}
	return reconcile.Found{
		Key:    reconcile.Key{Kind: reconcile.Subnet, Zone: reconcile.Zone(lies)},
		Spec:   reconcile.Spec{CIDR: prefix(subnet.CidrBlock)},
		ID:     aws.ToString(subnet.SubnetId),
		Holder: holder,
		Stack:  stack,
		Owner:  t[TagOwner],
		Status: subnetStatus(subnet.State),
	}
}

func subnetStatus(state types.SubnetState) reconcile.Status {
	switch state {
	case types.SubnetStateAvailable, "":
		return reconcile.Active
	case types.SubnetStateFailed, types.SubnetStateFailedInsufficientCapacity:
		return reconcile.Failed
	case types.SubnetStatePending, types.SubnetStateUnavailable:
		return reconcile.Pending
	default:
		return reconcile.Pending
	}
}

// natSubnets are the ids of the subnets that carry our tags, or that a gateway with our tags is in: the table that one of
// them is associated with is never a DMZ table (rule 15). It is about what serves a gateway, so it does not matter whether
// a stack holds it, nor whether its tags have been meddled with.
func (s sight) natSubnets() map[string]bool {
	ids := map[string]bool{}
	for _, subnet := range s.listing.subnets {
		if s.config.marked(tagsOf(subnet.Tags), RoleSubnet) {
			ids[aws.ToString(subnet.SubnetId)] = true
		}
	}
	for _, g := range s.listing.gateways {
		if g.SubnetId != nil && alive(g.State) && s.config.marked(tagsOf(g.Tags), RoleNATGateway) {
			ids[*g.SubnetId] = true
		}
	}
	return ids
}
