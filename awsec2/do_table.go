package awsec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// createTable makes a NAT route table. An answer shows no state, so a table that is known to be gone is what tells a
// client token that EC2 remembers for a dead one.
func (p *Provider) createTable(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	t := p.config.tagsFor(RoleNATTable, a.Key.Zone)
	var table *types.RouteTable
	err := salted(slices.Concat(p.identity("CreateRouteTable"), t.parameters()), func(token string) (string, bool, error) {
		out, err := ask(ctx, p, "CreateRouteTable", p.api.CreateRouteTable, &ec2.CreateRouteTableInput{
			VpcId:             aws.String(p.vpc),
			ClientToken:       aws.String(token),
			TagSpecifications: t.specification(types.ResourceTypeRouteTable),
		})
		if err != nil {
			return "", false, err
		}
		table = out.RouteTable
		id := aws.ToString(table.RouteTableId)
		return id, p.own.isDead(id), nil
	})
	if err != nil {
		return reconcile.Made{}, err
	}
	table.VpcId, table.Tags = aws.String(p.vpc), t.list()
	id := aws.ToString(table.RouteTableId)
	p.own.noteMade(reconcile.NATTable, id, *table)
	return reconcile.Made{ID: id, Ready: true}, nil
}

func (p *Provider) deleteTable(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	_, err := ask(ctx, p, "DeleteRouteTable", p.api.DeleteRouteTable, &ec2.DeleteRouteTableInput{RouteTableId: aws.String(a.Before.ID)})
	made, err := gone(err)
	if err == nil {
		p.own.noteGone(reconcile.NATTable, a.Before.ID)
	}
	return made, err
}
