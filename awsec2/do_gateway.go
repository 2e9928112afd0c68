package awsec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// createGateway asks for a gateway and does not wait for it: that takes minutes (rule 5). The id of the dead predecessor
// is part of the token, so a gateway that failed is not what the next wish for the same is answered with.
func (p *Provider) createGateway(ctx context.Context, a reconcile.Action, id ids) (reconcile.Made, error) {
	ends, err := resolve(id, a.After.Spec.Subnet, a.After.Spec.Address)
	if err != nil {
		return reconcile.Made{}, err
	}
	subnet, allocation := ends[0], ends[1]
	t := p.config.tagsFor(RoleNATGateway, a.Key.Zone)
	parameters := slices.Concat(p.identity("CreateNatGateway"), []string{subnet, allocation}, t.parameters())
	if a.Before != nil {
		parameters = append(parameters, "after "+a.Before.ID)
	}
	var gateway *types.NatGateway
	err = salted(parameters, func(token string) (string, bool, error) {
		out, err := ask(ctx, p, "CreateNatGateway", p.api.CreateNatGateway, &ec2.CreateNatGatewayInput{
			SubnetId:          aws.String(subnet),
			AllocationId:      aws.String(allocation),
			ConnectivityType:  types.ConnectivityTypePublic,
			ClientToken:       aws.String(token),
			TagSpecifications: t.specification(types.ResourceTypeNatgateway),
		})
		if err != nil {
			return "", false, err
		}
		gateway = out.NatGateway
		return aws.ToString(gateway.NatGatewayId), p.isDead(*gateway), nil
	})
	if err != nil {
		return reconcile.Made{}, p.early(err, subnet, allocation)
	}
	return p.gatewayMade(*gateway, subnet, allocation, t), nil
}

// isDead reports whether an answer is about a gateway that is or will be gone. A new one is pending, or, if this is the
// answer to the same wish from before a crash, available.
func (p *Provider) isDead(g types.NatGateway) bool {
	return g.State == types.NatGatewayStateFailed || gatewayValue(g.State) != gatewayAlive || p.own.isDead(aws.ToString(g.NatGatewayId))
}

// gatewayMade records the gateway with all that the lists will say of it, whatever of that the answer leaves out: by its
// address, its address is known to be in use.
func (p *Provider) gatewayMade(g types.NatGateway, subnet, allocation string, t tags) reconcile.Made {
	g.VpcId, g.SubnetId, g.Tags = aws.String(p.vpc), aws.String(subnet), t.list()
	if primaryAddress(g).AllocationId == nil {
		g.NatGatewayAddresses = []types.NatGatewayAddress{{AllocationId: aws.String(allocation)}}
	}
	id := aws.ToString(g.NatGatewayId)
	p.own.note(place{reconcile.NATGateway, id}, gatewayAlive, g)
	return reconcile.Made{ID: id, Ready: g.State == types.NatGatewayStateAvailable}
}

// deleteGateway asks for a gateway's end and does not wait for it. Its address is taken until it is gone.
func (p *Provider) deleteGateway(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	_, err := ask(ctx, p, "DeleteNatGateway", p.api.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(a.Before.ID)})
	at := place{reconcile.NATGateway, a.Before.ID}
	switch {
	case IsNotFound(err):
		p.own.note(at, gatewayDeleted, nil, gatewayAlive, gatewayDeleting)
	case err != nil:
		return reconcile.Made{}, err
	default:
		p.own.note(at, gatewayDeleting, nil, gatewayAlive)
	}
	p.own.noteDead(a.Before.ID)
	return reconcile.Made{Ready: err != nil}, nil
}
