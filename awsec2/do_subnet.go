package awsec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// createSubnet takes no client token, and needs none: EC2 refuses a second subnet with the same CIDR.
func (p *Provider) createSubnet(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	block := a.After.Spec.CIDR
	if !block.IsValid() {
		block = p.config.Blocks[a.Key.Zone]
	}
	if !block.IsValid() {
		return reconcile.Made{}, fmt.Errorf("zone %s has no NAT CIDR block", a.Key.Zone)
	}
	t := p.config.tagsFor(RoleSubnet, a.Key.Zone)
	out, err := ask(ctx, p, "CreateSubnet", p.api.CreateSubnet, &ec2.CreateSubnetInput{
		VpcId:             aws.String(p.vpc),
		AvailabilityZone:  aws.String(string(a.Key.Zone)),
		CidrBlock:         aws.String(block.String()),
		TagSpecifications: t.specification(types.ResourceTypeSubnet),
	})
	if err != nil {
		return reconcile.Made{}, err
	}
	subnet := types.Subnet{
		SubnetId: out.Subnet.SubnetId, VpcId: aws.String(p.vpc), AvailabilityZone: aws.String(string(a.Key.Zone)),
		CidrBlock: aws.String(block.String()), State: types.SubnetStateAvailable, Tags: t.list(),
	}
	id := aws.ToString(subnet.SubnetId)
	p.own.noteMade(reconcile.Subnet, id, subnet)
	return reconcile.Made{ID: id, Ready: true}, nil
}

func (p *Provider) deleteSubnet(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	_, err := ask(ctx, p, "DeleteSubnet", p.api.DeleteSubnet, &ec2.DeleteSubnetInput{SubnetId: aws.String(a.Before.ID)})
	made, err := gone(err)
	if err == nil {
		p.own.noteGone(reconcile.Subnet, a.Before.ID)
	}
	return made, err
}
