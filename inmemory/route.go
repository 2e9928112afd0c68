package inmemory

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Route leads a destination, a CIDR or a prefix list, to a target. A table has at most one route to a destination that
// was put there and one that was propagated.
type Route struct {
	Destination netip.Prefix // not valid for a prefix list
	PrefixList  string
	Target      string // an id, whose prefix tells its kind, or "local"
	Origin      types.RouteOrigin
	// State is computed for local routes and those to internet and NAT gateways; else it is what a hand said.
	State types.RouteState
}

const local = "local"

func localRoute(cidr netip.Prefix) Route {
	return Route{Destination: cidr, Target: local, Origin: types.RouteOriginCreateRouteTable}
}

// instanceServices is where EC2's own services for instances are: no route may lead there or to a part of it (VPC user
// guide, "Route tables").
var instanceServices = netip.MustParsePrefix("169.254.168.0/22")

func routeKey(table, cidr *string) string {
	return aws.ToString(table) + " " + aws.ToString(cidr)
}

var createRoute = operation[ec2.CreateRouteInput, ec2.CreateRouteOutput]{
	name:     "CreateRoute",
	required: []string{"RouteTableId", "DestinationCidrBlock"},
	optional: []string{"GatewayId", "NatGatewayId"},
	key:      func(in *ec2.CreateRouteInput) string { return routeKey(in.RouteTableId, in.DestinationCidrBlock) },
	effect: func(m moment, in *ec2.CreateRouteInput) (*ec2.CreateRouteOutput, error) {
		table, err := m.table(in.RouteTableId)
		if err != nil {
			return nil, err
		}
		destination, err := canonical("destinationCidrBlock", in.DestinationCidrBlock)
		if err != nil {
			return nil, err
		}
		target, err := m.target(table, in.GatewayId, in.NatGatewayId)
		if err != nil {
			return nil, err
		}
		r := Route{Destination: destination, Target: target, Origin: types.RouteOriginCreateRoute}
		if err := m.checkNewRoute(table, r); err != nil {
			return nil, err
		}
		m.putRoute(table, r)
		return &ec2.CreateRouteOutput{Return: aws.Bool(true)}, nil
	},
}

// CreateRoute adds a route.
func (e *EC2) CreateRoute(ctx context.Context, in *ec2.CreateRouteInput, _ ...func(*ec2.Options)) (*ec2.CreateRouteOutput, error) {
	return createRoute.call(ctx, e, in)
}

var replaceRoute = operation[ec2.ReplaceRouteInput, ec2.ReplaceRouteOutput]{
	name:     "ReplaceRoute",
	required: []string{"RouteTableId", "DestinationCidrBlock"},
	optional: []string{"GatewayId", "NatGatewayId"},
	key:      func(in *ec2.ReplaceRouteInput) string { return routeKey(in.RouteTableId, in.DestinationCidrBlock) },
	effect: func(m moment, in *ec2.ReplaceRouteInput) (*ec2.ReplaceRouteOutput, error) {
		table, err := m.table(in.RouteTableId)
		if err != nil {
			return nil, err
		}
		target, err := m.target(table, in.GatewayId, in.NatGatewayId)
		if err != nil {
			return nil, err
		}
		old, ok, err := table.exactRoute(in.DestinationCidrBlock)
		if err != nil {
			return nil, err
		}
		if !ok { // AWS.md A
			return nil, failure("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", *in.DestinationCidrBlock)
		}
		// A local route can be led elsewhere (VPC user guide, "Replace or restore the target for a local route"); that an
		// internet gateway is no such target is assumed.
		if old.Origin == types.RouteOriginCreateRouteTable && !strings.HasPrefix(target, "nat-") {
			return nil, failure("InvalidParameterValue", "cannot replace local route %s in route table %s with a route to %s", old.Destination, table.ID, target)
		}
		old.Target, old.State = target, ""
		m.putRoute(table, old)
		return &ec2.ReplaceRouteOutput{}, nil
	},
}

// ReplaceRoute leads an existing route to another target, without a moment in between.
func (e *EC2) ReplaceRoute(ctx context.Context, in *ec2.ReplaceRouteInput, _ ...func(*ec2.Options)) (*ec2.ReplaceRouteOutput, error) {
	return replaceRoute.call(ctx, e, in)
}

var deleteRoute = operation[ec2.DeleteRouteInput, ec2.DeleteRouteOutput]{
	name:     "DeleteRoute",
	required: []string{"RouteTableId", "DestinationCidrBlock"},
	key:      func(in *ec2.DeleteRouteInput) string { return routeKey(in.RouteTableId, in.DestinationCidrBlock) },
	effect: func(m moment, in *ec2.DeleteRouteInput) (*ec2.DeleteRouteOutput, error) {
		table, err := m.table(in.RouteTableId)
		if err != nil {
			return nil, err
		}
		r, ok, err := table.exactRoute(in.DestinationCidrBlock)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, failure("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", *in.DestinationCidrBlock, table.ID)
		case r.Origin == types.RouteOriginCreateRouteTable: // assumed
			return nil, failure("InvalidParameterValue", "cannot remove local route %s in route table %s", r.Destination, table.ID)
		}
		m.tables[table.ID] = table.without(r)
		return &ec2.DeleteRouteOutput{}, nil
	},
}

// DeleteRoute deletes a route.
func (e *EC2) DeleteRoute(ctx context.Context, in *ec2.DeleteRouteInput, _ ...func(*ec2.Options)) (*ec2.DeleteRouteOutput, error) {
	return deleteRoute.call(ctx, e, in)
}

// target checks that a route may lead there: exactly one target, which exists, in the table's VPC.
func (m moment) target(table RouteTable, gateway, natGateway *string) (string, error) {
	switch {
	case aws.ToString(gateway) != "" && aws.ToString(natGateway) != "":
		return "", failure("InvalidParameterCombination", "The parameters gatewayId and natGatewayId cannot be used together")
	case aws.ToString(gateway) != "":
		return *gateway, m.checkInternetTarget(table, *gateway)
	case aws.ToString(natGateway) != "":
		return *natGateway, m.checkNATTarget(table, *natGateway)
	}
	return "", failure("MissingParameter", "The request must contain exactly one target")
}

func (m moment) checkInternetTarget(table RouteTable, id string) error {
	g, ok := m.internetGateways[id]
	if !ok { // with the id of a NAT gateway too: seen
		return failure("InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", id)
	}
	if g.VPC != table.VPC {
		return differentNetworks(table, "network gateway "+id)
	}
	return nil
}

// checkNATTarget: EC2 accepts a gateway that is pending (seen in boto/boto3#779, where it failed afterwards). One that has
// failed or is going or gone is assumed to be refused.
func (m moment) checkNATTarget(table RouteTable, id string) error {
	g, ok := m.gateways[id]
	if !ok || !m.finds(g.made) || !m.works(g) {
		return notFound("InvalidNatGatewayID.NotFound", "natGateway", id)
	}
	if g.VPC != table.VPC {
		return differentNetworks(table, "NAT gateway "+id)
	}
	return nil
}

func (m moment) checkNewRoute(table RouteTable, r Route) error {
	if instanceServices.Bits() <= r.Destination.Bits() && instanceServices.Contains(r.Destination.Addr()) {
		return invalidValue("destinationCidrBlock", r.Destination.String(), "Routes to 169.254.168.0/22 are not allowed.")
	}
	if _, ok := table.route(r); ok { // to the same target too (assumed)
		return failure("RouteAlreadyExists", "The route identified by %s already exists.", r.Destination)
	}
	if err := m.checkInsideLocal(table, r); err != nil {
		return err
	}
	if m.roomTaken(table.with(r)) > m.options.Quotas.RoutesPerTable {
		return failure("RouteLimitExceeded", "The maximum number of routes has been reached.")
	}
	return nil
}

// checkInsideLocal: a route that is more specific than a local one must have the CIDR of a whole subnet (VPC user guide,
// "Route tables"; AWS.md A). That it must not lead to an internet gateway is assumed.
func (m moment) checkInsideLocal(table RouteTable, r Route) error {
	for _, block := range m.vpcs[table.VPC].CIDRs {
		if block.Bits() >= r.Destination.Bits() || !block.Contains(r.Destination.Addr()) {
			continue
		}
		whole := func(s Subnet) bool { return s.VPC == table.VPC && s.CIDR == r.Destination }
		if !strings.HasPrefix(r.Target, "nat-") || !slices.ContainsFunc(inOrder(m.subnets), whole) {
			return invalidValue("destinationCidrBlock", r.Destination.String(), "The destination is more specific than the local route "+block.String()+" and matches no subnet.")
		}
	}
	return nil
}

// roomTaken is how much of a table's quota its IPv4 routes take. Propagated routes do not count, IPv6 ones count
// separately, a prefix list counts with its MaxEntries (VPC user guide, "Amazon VPC quotas"); the local routes count too
// (assumed).
func (m moment) roomTaken(table RouteTable) int {
	taken := 0
	for _, r := range table.Routes {
		switch {
		case r.propagated():
		case r.PrefixList != "":
			taken += m.prefixLists[r.PrefixList].MaxEntries
		case r.Destination.Addr().Is4():
			taken++
		}
	}
	return taken
}

// routeState: a route is a black hole when its target is not there (SDK doc comment on Route.State). That one to a
// gateway that is being deleted is a black hole already is assumed; so is that one to a pending gateway is active.
func (m moment) routeState(table RouteTable, r Route) types.RouteState {
	active := true
	kind, _, _ := strings.Cut(r.Target, "-")
	switch kind {
	case local:
	case "igw":
		active = m.internetGateways[r.Target].VPC == table.VPC
	case "nat":
		g, ok := m.gateways[r.Target]
		active = ok && m.works(g)
	default:
		return cmp.Or(r.State, types.RouteStateActive)
	}
	if active {
		return types.RouteStateActive
	}
	return types.RouteStateBlackhole
}

func (m moment) putRoute(table RouteTable, r Route) {
	m.tables[table.ID] = table.with(r)
}

func (r Route) propagated() bool {
	return r.Origin == types.RouteOriginEnableVgwRoutePropagation || r.Origin == types.RouteOriginAdvertisement
}

// compare orders routes; two that are equal cannot be in one table.
func (r Route) compare(other Route) int {
	rank := map[bool]int{true: 1}
	return cmp.Or(
		r.Destination.Addr().Compare(other.Destination.Addr()),
		cmp.Compare(r.Destination.Bits(), other.Destination.Bits()),
		cmp.Compare(r.PrefixList, other.PrefixList),
		cmp.Compare(rank[r.propagated()], rank[other.propagated()]),
	)
}

// route finds the route that stands where this one would stand.
func (t RouteTable) route(r Route) (Route, bool) {
	i, ok := slices.BinarySearchFunc(t.Routes, r, Route.compare)
	if !ok {
		return r, false
	}
	return t.Routes[i], true
}

// exactRoute finds the route to a CIDR that must be given exactly: here EC2 does not make it canonical (SDK doc comments on
// ReplaceRoute and DeleteRoute). Propagated routes are not found (assumed).
func (t RouteTable) exactRoute(cidr *string) (Route, bool, error) {
	p, err := netip.ParsePrefix(*cidr)
	if err != nil || !p.Addr().Is4() {
		return Route{}, false, invalidValue("destinationCidrBlock", *cidr, "This is not a valid CIDR block.")
	}
	r, ok := t.route(Route{Destination: p})
	return r, ok, nil
}

// with is the table with a route, in place of the one that stood there.
func (t RouteTable) with(r Route) RouteTable {
	i, there := slices.BinarySearchFunc(t.Routes, r, Route.compare)
	routes := make([]Route, 0, len(t.Routes)+1)
	routes = append(append(routes, t.Routes[:i]...), r)
	if there {
		i++
	}
	t.Routes = append(routes, t.Routes[i:]...)
	return t
}

func (t RouteTable) without(r Route) RouteTable {
	t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(other Route) bool { return other.compare(r) == 0 })
	return t
}

func (r Route) ipv4() string {
	return aws.ToString(r.sdk().DestinationCidrBlock)
}

func (r Route) sdk() types.Route {
	out := types.Route{Origin: r.Origin, State: r.State, DestinationPrefixListId: optional(r.PrefixList)}
	switch {
	case r.PrefixList != "":
	case r.Destination.Addr().Is4():
		out.DestinationCidrBlock = aws.String(r.Destination.String())
	default:
		out.DestinationIpv6CidrBlock = aws.String(r.Destination.String())
	}
	target := aws.String(r.Target)
	switch kind, _, _ := strings.Cut(r.Target, "-"); kind {
	case "nat":
		out.NatGatewayId = target
	case "eni":
		out.NetworkInterfaceId = target
	case "pcx":
		out.VpcPeeringConnectionId = target
	case "tgw":
		out.TransitGatewayId = target
	case "eigw":
		out.EgressOnlyInternetGatewayId = target
	case "lgw":
		out.LocalGatewayId = target
	case "i":
		out.InstanceId = target
	default: // local, igw, vgw, vpce
		out.GatewayId = target
	}
	return out
}

// AddRoute is a hand: it puts a route into a table, in place of the one that stands there, and asks no rule but that the
// table exists. Without an Origin it is CreateRoute; without a State it is active, where the state is not computed.
func (e *EC2) AddRoute(table string, r Route) {
	e.changeTable(table, func(t RouteTable) RouteTable {
		r.Origin = cmp.Or(r.Origin, types.RouteOriginCreateRoute)
		return t.with(r)
	})
}

// RemoveRoute is a hand: somebody deletes the route to a CIDR.
func (e *EC2) RemoveRoute(table string, destination netip.Prefix) {
	e.changeTable(table, func(t RouteTable) RouteTable {
		return t.without(Route{Destination: destination})
	})
}

func (e *EC2) changeTable(id string, change func(RouteTable) RouteTable) {
	must(e.update(func(m moment) error {
		t, ok := m.tables[id]
		if !ok {
			return notFound("InvalidRouteTableID.NotFound", "routeTable", id)
		}
		m.tables[id] = change(t)
		return nil
	}))
}
