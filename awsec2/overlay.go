package awsec2

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// A gateway lives on after its end, so its value is not only whether it is there.
const (
	gatewayAlive    value = "alive"
	gatewayDeleting value = "deleting"
	gatewayDeleted  value = "deleted"
)

func gatewayValue(state types.NatGatewayState) value {
	switch state {
	case types.NatGatewayStateDeleting:
		return gatewayDeleting
	case types.NatGatewayStateDeleted:
		return gatewayDeleted
	case types.NatGatewayStatePending, types.NatGatewayStateAvailable, types.NatGatewayStateFailed:
		return gatewayAlive
	default:
		return gatewayAlive
	}
}

// routePlace is where a route is, in our own route tables as well as in DMZ tables.
func routePlace(table string, to netip.Prefix) place {
	return place{reconcile.TargetRoute, table + " " + to.String()}
}

func associationPlace(subnet string) place { return place{reconcile.Association, subnet} }

// associated is an association's value; its id is part of it, as replacing an association makes a new id.
func associated(table, id string) value { return value(table + " " + id) }

// valueAt is what the listing says of a place.
func (l *listing) valueAt(at place) value {
	switch at.kind {
	case reconcile.Subnet:
		return isThere(slices.ContainsFunc(l.subnets, func(s types.Subnet) bool { return aws.ToString(s.SubnetId) == at.at }))
	case reconcile.Address:
		return isThere(slices.ContainsFunc(l.addresses, func(a types.Address) bool { return aws.ToString(a.AllocationId) == at.at }))
	case reconcile.NATTable:
		return isThere(l.table(at.at) != nil)
	case reconcile.NATGateway:
		if g := l.gateway(at.at); g != nil {
			return gatewayValue(g.State)
		}
	case reconcile.TargetRoute:
		if r := l.route(at.at); r != nil {
			return value(target(*r))
		}
	case reconcile.Association:
		if table, a := l.association(at.at); a != nil {
			return associated(table, aws.ToString(a.RouteTableAssociationId))
		}
	case reconcile.DefaultRoute, reconcile.CloudFormationStack: // the place of a default route is that of any route
	}
	return nothing
}

func isThere(found bool) value {
	if found {
		return there
	}
	return nothing
}

// put makes the listing say what was written.
func (l *listing) put(at place, w write) {
	if raw, ok := w.raw.(types.RouteTable); ok {
		raw.Routes, raw.Associations = slices.Clone(raw.Routes), slices.Clone(raw.Associations) // routes will be put into it
		w.raw = raw
	}
	switch at.kind {
	case reconcile.Subnet:
		l.subnets = putThing(l.subnets, w, func(s types.Subnet) bool { return aws.ToString(s.SubnetId) == at.at })
	case reconcile.Address:
		l.addresses = putThing(l.addresses, w, func(a types.Address) bool { return aws.ToString(a.AllocationId) == at.at })
	case reconcile.NATTable:
		l.tables = putThing(l.tables, w, func(t types.RouteTable) bool { return aws.ToString(t.RouteTableId) == at.at })
	case reconcile.NATGateway:
		l.putGateway(at.at, w)
	case reconcile.TargetRoute:
		l.putRoute(at.at, w)
	case reconcile.Association:
		l.putAssociation(at.at, w)
	case reconcile.DefaultRoute, reconcile.CloudFormationStack:
	}
}

// putThing takes the thing out of the list and, if it was made rather than deleted, puts it in as EC2 answered.
func putThing[T any](list []T, w write, same func(T) bool) []T {
	list = slices.DeleteFunc(slices.Clone(list), same)
	if raw, ok := w.raw.(T); ok && w.now != nothing {
		list = append(list, raw)
	}
	return list
}

// putGateway puts in a gateway that was made, or shows one that was deleted on its way out at least: its address is still
// taken.
func (l *listing) putGateway(id string, w write) {
	if l.gateway(id) == nil {
		raw, ok := w.raw.(types.NatGateway)
		if !ok {
			return
		}
		l.gateways = append(slices.Clone(l.gateways), raw)
	}
	g := l.gateway(id)
	if w.now == gatewayDeleting {
		g.State = types.NatGatewayStateDeleting
	}
	if w.now == gatewayDeleted {
		g.State = types.NatGatewayStateDeleted
	}
}

// putRoute changes the route in its table; a table that is not listed has none.
func (l *listing) putRoute(at string, w write) {
	table := l.tableOf(at)
	if table == nil {
		return
	}
	_, to, _ := strings.Cut(at, " ")
	table.Routes = slices.DeleteFunc(slices.Clone(table.Routes), func(r types.Route) bool { return isRouteTo(r, to) })
	if raw, ok := w.raw.(types.Route); ok && w.now != nothing {
		table.Routes = append(table.Routes, raw)
	}
}

func (l *listing) putAssociation(subnet string, w write) {
	for i := range l.tables {
		t := &l.tables[i]
		t.Associations = slices.DeleteFunc(slices.Clone(t.Associations), func(a types.RouteTableAssociation) bool {
			return ofSubnet(a) && *a.SubnetId == subnet
		})
	}
	raw, ok := w.raw.(types.RouteTableAssociation)
	if !ok || w.now == nothing {
		return
	}
	if t := l.table(aws.ToString(raw.RouteTableId)); t != nil {
		t.Associations = append(t.Associations, raw)
	}
}

func (l *listing) table(id string) *types.RouteTable {
	for i := range l.tables {
		if aws.ToString(l.tables[i].RouteTableId) == id {
			return &l.tables[i]
		}
	}
	return nil
}

func (l *listing) gateway(id string) *types.NatGateway {
	for i := range l.gateways {
		if aws.ToString(l.gateways[i].NatGatewayId) == id {
			return &l.gateways[i]
		}
	}
	return nil
}

func (l *listing) tableOf(route string) *types.RouteTable {
	table, _, _ := strings.Cut(route, " ")
	return l.table(table)
}

func (l *listing) route(at string) *types.Route {
	table := l.tableOf(at)
	if table == nil {
		return nil
	}
	_, to, _ := strings.Cut(at, " ")
	for i := range table.Routes {
		if isRouteTo(table.Routes[i], to) {
			return &table.Routes[i]
		}
	}
	return nil
}

// isRouteTo leaves out propagated routes: a route that we write stands beside such a one, it does not take its place. EC2
// lists destinations canonical (SDK, CreateRouteInput.DestinationCidrBlock), so texts tell; to read each of them again for
// each write took most of a pass.
func isRouteTo(r types.Route, to string) bool {
	return aws.ToString(r.DestinationCidrBlock) == to && !propagated(r)
}

func (l *listing) association(subnet string) (table string, a *types.RouteTableAssociation) {
	for i := range l.tables {
		for j := range l.tables[i].Associations {
			if a := &l.tables[i].Associations[j]; ofSubnet(*a) && *a.SubnetId == subnet {
				return aws.ToString(l.tables[i].RouteTableId), a
			}
		}
	}
	return "", nil
}
