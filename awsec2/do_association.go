package awsec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// associate gives the NAT subnet its own route table, in place of the VPC's main one. EC2 refuses a second explicit
// association of a subnet.
func (p *Provider) associate(ctx context.Context, a reconcile.Action, id ids) (reconcile.Made, error) {
	ends, err := resolve(id, a.After.Spec.Subnet, a.After.Spec.Target)
	if err != nil {
		return reconcile.Made{}, err
	}
	subnet, table := ends[0], ends[1]
	out, err := ask(ctx, p, "AssociateRouteTable", p.api.AssociateRouteTable, &ec2.AssociateRouteTableInput{
		SubnetId: aws.String(subnet), RouteTableId: aws.String(table),
	})
	if err != nil {
		return reconcile.Made{}, p.early(err, subnet, table)
	}
	p.noteAssociation(subnet, table, out.AssociationId)
	return reconcile.Made{ID: aws.ToString(out.AssociationId), Ready: true}, nil
}

// replaceAssociation moves the subnet to another table in one step, without a moment in which it has the main one.
func (p *Provider) replaceAssociation(ctx context.Context, a reconcile.Action, id ids) (reconcile.Made, error) {
	ends, err := resolve(id, a.After.Spec.Subnet, a.After.Spec.Target)
	if err != nil {
		return reconcile.Made{}, err
	}
	subnet, table := ends[0], ends[1]
	out, err := ask(ctx, p, "ReplaceRouteTableAssociation", p.api.ReplaceRouteTableAssociation, &ec2.ReplaceRouteTableAssociationInput{
		AssociationId: aws.String(a.Before.ID), RouteTableId: aws.String(table),
	})
	if err != nil {
		return reconcile.Made{}, p.early(err, table)
	}
	p.noteAssociation(subnet, table, out.NewAssociationId)
	return reconcile.Made{ID: aws.ToString(out.NewAssociationId), Ready: true}, nil
}

func (p *Provider) noteAssociation(subnet, table string, id *string) {
	p.own.note(associationPlace(subnet), associated(table, aws.ToString(id)), types.RouteTableAssociation{
		RouteTableAssociationId: id, RouteTableId: aws.String(table), SubnetId: aws.String(subnet),
	})
}

func (p *Provider) disassociate(ctx context.Context, a reconcile.Action, id ids) (reconcile.Made, error) {
	_, err := ask(ctx, p, "DisassociateRouteTable", p.api.DisassociateRouteTable, &ec2.DisassociateRouteTableInput{
		AssociationId: aws.String(a.Before.ID),
	})
	made, err := gone(err)
	if err == nil {
		p.own.note(associationPlace(id(a.Before.Spec.Subnet)), nothing, nil)
	}
	return made, err
}
