package awsec2

import (
	"context"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// aRoute is what a call about a route needs. One of the two targets is set, none for a delete.
type aRoute struct {
	table   string
	to      netip.Prefix
	gateway *string // an internet gateway
	nat     *string // a NAT gateway
}

// defaultRoute is 0.0.0.0/0 in the zone's NAT route table, to the internet gateway.
func defaultRoute(a reconcile.Action, id ids) (aRoute, error) {
	table := reconcile.To(reconcile.NATTable, a.Key.Zone)
	if a.Before != nil { // one that is there is mended where it is: a zone may have two tables for a while
		table = reconcile.ByID(a.Before.ID)
	}
	if a.After == nil {
		ends, err := resolve(id, table)
		return aRoute{table: ends[0], to: everywhere}, err
	}
	ends, err := resolve(id, table, a.After.Spec.Target)
	return aRoute{table: ends[0], to: everywhere, gateway: aws.String(ends[1])}, err
}

func targetRoute(a reconcile.Action, id ids) (aRoute, error) {
	r := aRoute{table: a.Key.Table, to: a.Key.Prefix}
	if a.After == nil {
		return r, nil
	}
	ends, err := resolve(id, a.After.Spec.Target)
	r.nat = aws.String(ends[0])
	return r, err
}

// onRoute makes a deed of a call about a route, for one of the two kinds of routes.
func onRoute(
	which func(reconcile.Action, ids) (aRoute, error),
	do func(*Provider, context.Context, aRoute) (reconcile.Made, error),
) deed {
	return func(p *Provider, ctx context.Context, a reconcile.Action, id ids) (reconcile.Made, error) {
		r, err := which(a, id)
		if err != nil {
			return reconcile.Made{}, err
		}
		return do(p, ctx, r)
	}
}

func (p *Provider) createRoute(ctx context.Context, r aRoute) (reconcile.Made, error) {
	_, err := ask(ctx, p, "CreateRoute", p.api.CreateRoute, &ec2.CreateRouteInput{
		RouteTableId: aws.String(r.table), DestinationCidrBlock: aws.String(r.to.String()),
		GatewayId: r.gateway, NatGatewayId: r.nat,
	})
	if err != nil {
		return reconcile.Made{}, p.early(err, r.table, aws.ToString(r.nat))
	}
	p.noteRoute(r)
	return reconcile.Made{Ready: true}, nil
}

// replaceRoute changes where a route leads without a moment in which it leads nowhere (rule 4).
func (p *Provider) replaceRoute(ctx context.Context, r aRoute) (reconcile.Made, error) {
	_, err := ask(ctx, p, "ReplaceRoute", p.api.ReplaceRoute, &ec2.ReplaceRouteInput{
		RouteTableId: aws.String(r.table), DestinationCidrBlock: aws.String(r.to.String()),
		GatewayId: r.gateway, NatGatewayId: r.nat,
	})
	if err != nil {
		return reconcile.Made{}, p.early(err, r.table, aws.ToString(r.nat))
	}
	p.noteRoute(r)
	return reconcile.Made{Ready: true}, nil
}

// noteRoute records the route as active: it leads to what is there, or the call would have been refused.
func (p *Provider) noteRoute(r aRoute) {
	raw := types.Route{
		DestinationCidrBlock: aws.String(r.to.String()), GatewayId: r.gateway, NatGatewayId: r.nat,
		State: types.RouteStateActive, Origin: types.RouteOriginCreateRoute,
	}
	p.own.note(routePlace(r.table, r.to), value(target(raw)), raw)
}

// deleteRoute names the destination exactly as it stands in the table, which EC2 asks for (AWS.md A).
func (p *Provider) deleteRoute(ctx context.Context, r aRoute) (reconcile.Made, error) {
	_, err := ask(ctx, p, "DeleteRoute", p.api.DeleteRoute, &ec2.DeleteRouteInput{
		RouteTableId: aws.String(r.table), DestinationCidrBlock: aws.String(r.to.String()),
	})
	made, err := gone(err)
	if err == nil {
		p.own.note(routePlace(r.table, r.to), nothing, nil)
	}
	return made, err
}
