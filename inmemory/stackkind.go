package inmemory

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// identity is how a thing that was made is known: in templates by Ref and attributes, in EC2 by its id.
type identity struct {
	physical   string // what Ref gives
	ec2        string
	attributes map[string]string
}

// stackKind is a type of resource: what it is made of, and how it is made with EC2's calls. A property that is not named
// under inPlace is changed by replacing the thing (CloudFormation template reference, "Update requires", of each type;
// AWS.md D).
type stackKind struct {
	required   []string
	optional   []string
	inPlace    []string
	attributes []string           // what Fn::GetAtt gives
	tagged     types.ResourceType // "": it carries no tags
	create     func(context.Context, *EC2, properties, []types.TagSpecification) (identity, error)
	change     func(context.Context, *EC2, properties) error // what is in place, without the tags
	remove     func(context.Context, *EC2, identity, properties) error
	// waits says how long to wait before looking again whether the thing is made, or removed; 0 is done.
	waits   func(*EC2, identity) (time.Duration, error)
	removal func(*EC2, identity) time.Duration
}

const stackKindPrefix = "AWS::EC2::"

var stackKinds = map[string]stackKind{
	stackKindPrefix + "EIP": {
		optional:   []string{"Domain", "Address"},
		attributes: []string{"AllocationId", "PublicIp"},
		tagged:     types.ResourceTypeElasticIp,
		create: func(ctx context.Context, e *EC2, p properties, tags []types.TagSpecification) (identity, error) {
			out, err := e.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainType(p.texts["Domain"]), Address: optional(p.texts["Address"]), TagSpecifications: tags})
			if err != nil {
				return identity{}, err
			}
			return identity{*out.PublicIp, *out.AllocationId, map[string]string{"AllocationId": *out.AllocationId, "PublicIp": *out.PublicIp}}, nil
		},
		remove: func(ctx context.Context, e *EC2, i identity, _ properties) error {
			_, err := e.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &i.ec2})
			return err
		},
	},
	stackKindPrefix + "Subnet": {
		required:   []string{"VpcId", "CidrBlock", "AvailabilityZone"}, // the last one may be left out in AWS; we never do
		attributes: []string{"SubnetId", "VpcId"},
		tagged:     types.ResourceTypeSubnet,
		create: func(ctx context.Context, e *EC2, p properties, tags []types.TagSpecification) (identity, error) {
			out, err := e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: p.get("VpcId"), CidrBlock: p.get("CidrBlock"), AvailabilityZone: p.get("AvailabilityZone"), TagSpecifications: tags})
			if err != nil {
				return identity{}, err
			}
			return known(*out.Subnet.SubnetId, "SubnetId", p), nil
		},
		remove: func(ctx context.Context, e *EC2, i identity, _ properties) error {
			_, err := e.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &i.ec2})
			return err
		},
	},
	stackKindPrefix + "RouteTable": {
		required:   []string{"VpcId"},
		attributes: []string{"RouteTableId", "VpcId"},
		tagged:     types.ResourceTypeRouteTable,
		create: func(ctx context.Context, e *EC2, p properties, tags []types.TagSpecification) (identity, error) {
			out, err := e.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: p.get("VpcId"), TagSpecifications: tags})
			if err != nil {
				return identity{}, err
			}
			return known(*out.RouteTable.RouteTableId, "RouteTableId", p), nil
		},
		remove: func(ctx context.Context, e *EC2, i identity, _ properties) error {
			_, err := e.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &i.ec2})
			return err
		},
	},
	// That another table for the same subnet fails, because the old association still stands when the new one is made, is
	// assumed.
	stackKindPrefix + "SubnetRouteTableAssociation": {
		required:   []string{"RouteTableId", "SubnetId"},
		attributes: []string{"Id"},
		create: func(ctx context.Context, e *EC2, p properties, _ []types.TagSpecification) (identity, error) {
			out, err := e.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: p.get("RouteTableId"), SubnetId: p.get("SubnetId")})
			if err != nil {
				return identity{}, err
			}
			return known(*out.AssociationId, "Id", p), nil
		},
		remove: func(ctx context.Context, e *EC2, i identity, _ properties) error {
			_, err := e.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: &i.ec2})
			return err
		},
	},
	stackKindPrefix + "NatGateway": {
		required:   []string{"SubnetId", "AllocationId"},
		optional:   []string{"ConnectivityType"},
		attributes: []string{"NatGatewayId"},
		tagged:     types.ResourceTypeNatgateway,
		create: func(ctx context.Context, e *EC2, p properties, tags []types.TagSpecification) (identity, error) {
			out, err := e.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: p.get("SubnetId"), AllocationId: p.get("AllocationId"), ConnectivityType: types.ConnectivityType(p.texts["ConnectivityType"]), TagSpecifications: tags})
			if err != nil {
				return identity{}, err
			}
			return known(*out.NatGateway.NatGatewayId, "NatGatewayId", p), nil
		},
		remove: func(ctx context.Context, e *EC2, i identity, _ properties) error {
			_, err := e.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &i.ec2})
			return err
		},
		waits:   gatewayWaits,
		removal: gatewayRemoval,
	},
	stackKindPrefix + "Route": {
		required: []string{"RouteTableId", "DestinationCidrBlock"},
		optional: []string{"NatGatewayId", "GatewayId"},
		inPlace:  []string{"NatGatewayId", "GatewayId"},
		create: func(ctx context.Context, e *EC2, p properties, _ []types.TagSpecification) (identity, error) {
			_, err := e.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: p.get("RouteTableId"), DestinationCidrBlock: p.get("DestinationCidrBlock"), NatGatewayId: p.get("NatGatewayId"), GatewayId: p.get("GatewayId")})
			id := p.texts["RouteTableId"] + "|" + p.texts["DestinationCidrBlock"]
			return identity{physical: id, ec2: id}, err
		},
		change: func(ctx context.Context, e *EC2, p properties) error {
			_, err := e.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: p.get("RouteTableId"), DestinationCidrBlock: p.get("DestinationCidrBlock"), NatGatewayId: p.get("NatGatewayId"), GatewayId: p.get("GatewayId")})
			return err
		},
		remove: func(ctx context.Context, e *EC2, _ identity, p properties) error {
			_, err := e.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: p.get("RouteTableId"), DestinationCidrBlock: p.get("DestinationCidrBlock")})
			return err
		},
	},
}

func (p properties) get(name string) *string {
	return optional(p.texts[name])
}

// known is the identity of a thing whose Ref is its id.
func known(id, attribute string, p properties) identity {
	attributes := map[string]string{attribute: id}
	if vpc := p.texts["VpcId"]; vpc != "" {
		attributes["VpcId"] = vpc
	}
	return identity{physical: id, ec2: id, attributes: attributes}
}

// lookAgain is how often a gateway is looked at; a nanosecond more, for the reason of CloudFormation.step.
const lookAgain = time.Second + time.Nanosecond

// gatewayWaits: a gateway is made when it is available. It is looked at as it is: whoever waits in CloudFormation does not
// stop at a list that lags.
func gatewayWaits(e *EC2, i identity) (time.Duration, error) {
	m := e.present()
	g := m.current(m.gateways[i.ec2])
	switch state := g.State; {
	case state == types.NatGatewayStateAvailable && m.finds(g.made):
		return 0, nil
	case state == types.NatGatewayStateAvailable:
		return lookAgain, nil
	case state == types.NatGatewayStatePending:
		return between(g.ready.Sub(m.now)), nil
	default:
		why := ""
		if g.FailureCode != "" {
			why = " Detailed failure message: " + g.failureMessage() + " (" + g.FailureCode + ")"
		}
		return 0, failure("NotStabilized", "NatGateway %s is in state %s and hence failed to stabilize.%s", g.ID, state, why)
	}
}

func gatewayRemoval(e *EC2, i identity) time.Duration {
	m := e.present()
	g, ok := m.gateways[i.ec2]
	if !ok || m.stateOf(g) == types.NatGatewayStateDeleted {
		return 0
	}
	return between(g.deleted.Sub(m.now))
}

// between is when to look again at what takes so long: soon, for a hand may end it earlier, but never at once.
func between(d time.Duration) time.Duration {
	return max(time.Nanosecond, min(lookAgain, d+time.Nanosecond))
}

// retagged changes the tags of a thing that exists.
func retagged(ctx context.Context, e *EC2, id string, before, after Tags) error {
	var gone []types.Tag
	for _, tag := range before.sdk() {
		if _, stays := after[*tag.Key]; !stays {
			gone = append(gone, types.Tag{Key: tag.Key})
		}
	}
	if len(gone) > 0 {
		if _, err := deleteTags.call(ctx, e, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: gone}); err != nil {
			return err
		}
	}
	if len(after) == 0 {
		return nil
	}
	_, err := e.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: after.sdk()})
	return err
}

func specification(kind types.ResourceType, tags Tags) []types.TagSpecification {
	if kind == "" {
		return nil
	}
	return []types.TagSpecification{{ResourceType: kind, Tags: tags.sdk()}}
}
