package awsec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// createTable makes a NAT route table. The subnet that it is for stands in the client token: a zone that is torn down and
// built again has another subnet, and is not answered with its last table, which is gone. Beyond that an answer shows no
// state, so a table that is known to be gone is what tells a token that EC2 remembers for a dead one.
func (p *Provider) createTable(ctx context.Context, a reconcile.Action, id ids) (reconcile.Made, error) {
	subnet, err := resolve(id, reconcile.To(reconcile.Subnet, a.Key.Zone))
	if err != nil {
		return reconcile.Made{}, err
	}
	t := p.config.tagsFor(RoleNATTable, a.Key.Zone)
	var table *types.RouteTable
	err = salted(slices.Concat(p.identity("CreateRouteTable"), subnet, t.parameters()), func(token string) (string, bool, error) {
		out, err := ask(ctx, p, "CreateRouteTable", p.api.CreateRouteTable, &ec2.CreateRouteTableInput{
			VpcId:             aws.String(p.vpc),
			ClientToken:       aws.String(token),
			TagSpecifications: t.specification(types.ResourceTypeRouteTable),
		})
		if err != nil {
			return "", false, err
		}
		table = out.RouteTable
		made := aws.ToString(table.RouteTableId)
		return made, p.own.isDead(made) || p.disowned(made), nil
	})
	if err != nil {
		return reconcile.Made{}, err
	}
	table.VpcId, table.Tags = aws.String(p.vpc), t.list()
	made := aws.ToString(table.RouteTableId)
	p.own.noteMade(reconcile.NATTable, made, *table)
	return reconcile.Made{ID: made, Ready: true}, nil
}

// disowned reports whether the last look showed the table without our tags: somebody took them off, and EC2 still answers
// the token with it. It is not ours any more, so another is made.
func (p *Provider) disowned(table string) bool {
	listed := p.own.listedTable(table)
	if listed == nil {
		return false
	}
	holder, _ := p.config.whose(tagsOf(listed.Tags), RoleNATTable)
	return holder != reconcile.Ours
}

func (p *Provider) deleteTable(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	_, err := ask(ctx, p, "DeleteRouteTable", p.api.DeleteRouteTable, &ec2.DeleteRouteTableInput{RouteTableId: aws.String(a.Before.ID)})
	made, err := gone(err)
	if err == nil {
		p.own.noteGone(reconcile.NATTable, a.Before.ID)
	}
	return made, err
}
