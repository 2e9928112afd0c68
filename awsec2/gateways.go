package awsec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func (s sight) gatewaysFound() []reconcile.Found {
	var found []reconcile.Found
	for _, g := range s.listing.gateways {
		found = append(found, s.gatewayFound(g))
	}
	return found
}

func (s sight) gatewayFound(g types.NatGateway) reconcile.Found {
	t := tagsOf(g.Tags)
	primary := primaryAddress(g)
	holder, stack := s.config.whose(t, RoleNATGateway)
	if holder == reconcile.Ours && !likeOurs(g, primary) {
		holder = reconcile.Foreign
	}
	zone := reconcile.Zone(t[TagZone])
	if !s.config.marked(t, RoleNATGateway) {
		subnet, _ := s.listing.subnet(aws.ToString(g.SubnetId))
		zone = reconcile.Zone(aws.ToString(subnet.AvailabilityZone))
	}
	return reconcile.Found{
		Key: reconcile.Key{Kind: reconcile.NATGateway, Zone: zone},
		Spec: reconcile.Spec{
			Subnet:  reconcile.ByID(aws.ToString(g.SubnetId)),
			Address: reconcile.ByID(aws.ToString(primary.AllocationId)),
		},
		ID:       aws.ToString(g.NatGatewayId),
		Holder:   holder,
		Stack:    stack,
		Owner:    t[TagOwner],
		Status:   gatewayStatus(g.State),
		Code:     gatewayCode(g),
		PublicIP: address(primary.PublicIp),
		Created:  aws.ToTime(g.CreateTime),
	}
}

// likeOurs reports whether a gateway is of the sort that we make: public, in one subnet, with an address. A private one
// reaches the internet from no static address at all, and a regional one has no zone. One that has no address only yet,
// or no longer, may well be ours: if it were taken for foreign, another would be made beside it.
func likeOurs(g types.NatGateway, primary types.NatGatewayAddress) bool {
	if g.ConnectivityType == types.ConnectivityTypePrivate || g.AvailabilityMode == types.AvailabilityModeRegional {
		return false
	}
	return primary.AllocationId != nil || g.State != types.NatGatewayStateAvailable
}

// primaryAddress is the address that traffic leaves from unless there are too many connections for it. Not every answer
// says which it is, but then there is only one.
func primaryAddress(g types.NatGateway) types.NatGatewayAddress {
	for _, a := range g.NatGatewayAddresses {
		if aws.ToBool(a.IsPrimary) {
			return a
		}
	}
	if len(g.NatGatewayAddresses) > 0 {
		return g.NatGatewayAddresses[0]
	}
	return types.NatGatewayAddress{}
}

// gatewayStatus covers all states that the SDK knows. In one that it does not know, a gateway is waited for: it is not
// used, and no second one is made.
func gatewayStatus(state types.NatGatewayState) reconcile.Status {
	switch state {
	case types.NatGatewayStatePending:
		return reconcile.Pending
	case types.NatGatewayStateAvailable:
		return reconcile.Active
	case types.NatGatewayStateFailed:
		return reconcile.Failed
	case types.NatGatewayStateDeleting:
		return reconcile.Deleting
	case types.NatGatewayStateDeleted:
		return reconcile.Deleted
	default:
		return reconcile.Pending
	}
}

func gatewayCode(g types.NatGateway) string {
	switch code := aws.ToString(g.FailureCode); {
	case code != "":
		return code + ": " + aws.ToString(g.FailureMessage)
	case gatewayStatus(g.State) == reconcile.Pending && g.State != types.NatGatewayStatePending:
		return "unknown state " + string(g.State)
	default:
		return ""
	}
}

// alive reports whether a gateway in that state has its address. What is unknown counts as having it: so nothing that may
// be in use is taken for free.
func alive(state types.NatGatewayState) bool {
	return state != types.NatGatewayStateFailed && state != types.NatGatewayStateDeleted
}
