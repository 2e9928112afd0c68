package awsec2

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

// routesFound are all routes to IPv4 networks in all tables, the local ones aside.
func (s sight) routesFound() []reconcile.Found {
	var found []reconcile.Found
	for _, table := range s.listing.tables {
		for _, r := range table.Routes {
			if !isLocal(r) && prefix(r.DestinationCidrBlock).IsValid() {
				found = append(found, s.routeFound(table, r))
			}
		}
	}
	return found
}

// routeFound leaves open whose a target route is: that follows from the gateway, and is decided in package reconcile.
func (s sight) routeFound(table types.RouteTable, r types.Route) reconcile.Found {
	t, to := tagsOf(table.Tags), prefix(r.DestinationCidrBlock)
	found := reconcile.Found{
		Key:        reconcile.RouteKey(aws.ToString(table.RouteTableId), to),
		Spec:       reconcile.Spec{Target: reconcile.ByID(target(r))},
		Status:     routeStatus(r.State),
		Propagated: propagated(r),
	}
	if to == everywhere && isNATTable(t) {
		found.Key = reconcile.Key{Kind: reconcile.DefaultRoute, Zone: reconcile.Zone(t[TagZone])}
		found.ID = aws.ToString(table.RouteTableId)
		found.Holder, found.Stack = s.config.whose(t, RoleNATTable)
	}
	return found
}

func routeStatus(state types.RouteState) reconcile.Status {
	switch state {
	case types.RouteStateActive, "":
		return reconcile.Active
	case types.RouteStateBlackhole:
		return reconcile.Blackhole
	case types.RouteStateFiltered: // a route server's route that lost against another: it carries nothing
		return reconcile.Pending
	default:
		return reconcile.Pending
	}
}

// propagated reports whether a virtual private gateway or a route server put the route there. It can stand beside one to
// the same network that was made by hand, and that one wins (VPC user guide, "Route priority").
func propagated(r types.Route) bool {
	return r.Origin == types.RouteOriginEnableVgwRoutePropagation || r.Origin == types.RouteOriginAdvertisement
}

const local = "local"

func isLocal(r types.Route) bool { return aws.ToString(r.GatewayId) == local }

// ofVPC reports whether a route came with its table, for a CIDR of the VPC. Its target may have been replaced since, by a
// middlebox: it is still the VPC's own network.
func ofVPC(r types.Route) bool {
	return isLocal(r) || r.Origin == types.RouteOriginCreateRouteTable
}

// target is the id of what a route leads to: of all that the SDK knows, in types.Route, the first that is set. A NAT
// instance shows as both its interface and its instance; the interface is what is routed to.
func target(r types.Route) string {
	for _, id := range []*string{
		r.NatGatewayId, r.GatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId, r.NetworkInterfaceId, r.InstanceId,
		r.EgressOnlyInternetGatewayId, r.LocalGatewayId, r.CarrierGatewayId, r.CoreNetworkArn, r.OdbNetworkArn, r.IpAddress,
	} {
		if aws.ToString(id) != "" {
			return *id
		}
	}
	return "unknown" // a kind of target that is newer than the SDK; surely none of ours
}
