package main

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// guarded is an EC2 held in memory with IAM before it: what the policy does not allow is not done. Which questions a call
// comes to is what the Service Authorization Reference says.
type guarded struct {
	*inmemory.EC2
	policy iamPolicy

	mu     sync.Mutex
	asked  map[string][][]iamAsk // the questions about each call that came, by its operation
	denied []string
}

var _ awsec2.API = (*guarded)(nil)

// someARN is that of a resource in some account.
func someARN(kind, id string) string {
	return "arn:aws:ec2:eu-central-1:123456789012:" + kind + "/" + id
}

// asks are the questions that a call comes to, by what it is given.
func (g *guarded) asks(in any) []iamAsk {
	switch in := in.(type) {
	case *ec2.AllocateAddressInput:
		return making("AllocateAddress", "elastic-ip", in.TagSpecifications)
	case *ec2.ReleaseAddressInput:
		return g.on("ReleaseAddress", in.AllocationId)
	case *ec2.CreateSubnetInput:
		return append(making("CreateSubnet", "subnet", in.TagSpecifications), g.on("CreateSubnet", in.VpcId)...)
	case *ec2.DeleteSubnetInput:
		return g.on("DeleteSubnet", in.SubnetId)
	case *ec2.CreateRouteTableInput:
		return append(making("CreateRouteTable", "route-table", in.TagSpecifications), g.on("CreateRouteTable", in.VpcId)...)
	case *ec2.DeleteRouteTableInput:
		return g.on("DeleteRouteTable", in.RouteTableId)
	case *ec2.AssociateRouteTableInput:
		return g.on("AssociateRouteTable", in.RouteTableId, in.SubnetId)
	case *ec2.ReplaceRouteTableAssociationInput:
		_, subnet := g.association(in.AssociationId)
		return g.on("ReplaceRouteTableAssociation", in.RouteTableId, subnet)
	case *ec2.DisassociateRouteTableInput:
		table, subnet := g.association(in.AssociationId)
		return g.on("DisassociateRouteTable", table, subnet)
	case *ec2.CreateNatGatewayInput:
		return append(making("CreateNatGateway", "natgateway", in.TagSpecifications), g.on("CreateNatGateway", in.SubnetId, in.AllocationId)...)
	case *ec2.DeleteNatGatewayInput:
		return g.on("DeleteNatGateway", in.NatGatewayId)
	case *ec2.CreateRouteInput:
		return g.on("CreateRoute", in.RouteTableId)
	case *ec2.ReplaceRouteInput:
		return g.on("ReplaceRoute", in.RouteTableId)
	case *ec2.DeleteRouteInput:
		return g.on("DeleteRoute", in.RouteTableId)
	case *ec2.CreateTagsInput:
		asks := g.on("CreateTags", aws.StringSlice(in.Resources)...)
		for i := range asks {
			asks[i].request(in.Tags)
		}
		return asks
	}
	panic("nobody has said what this call comes to")
}

// making are the questions about something that is made: the thing itself, and its tags if it is given any.
func making(operation, kind string, specifications []types.TagSpecification) []iamAsk {
	ask := iamAsk{"ec2:" + operation, someARN(kind, "*"), map[string][]string{}}
	tagging := iamAsk{"ec2:CreateTags", someARN(kind, "*"), map[string][]string{"ec2:createaction": {operation}}}
	tagged := false
	for _, s := range specifications {
		ask.request(s.Tags)
		tagging.request(s.Tags)
		tagged = tagged || len(s.Tags) > 0
	}
	if !tagged {
		return []iamAsk{ask}
	}
	return []iamAsk{ask, tagging}
}

func (a iamAsk) request(tags []types.Tag) {
	for _, t := range tags {
		key := aws.ToString(t.Key)
		a.context["aws:requesttag/"+strings.ToLower(key)] = []string{aws.ToString(t.Value)}
		a.context["aws:tagkeys"] = append(a.context["aws:tagkeys"], key)
	}
}

// on are the questions about things that exist. What does not exist has no tags.
func (g *guarded) on(operation string, ids ...*string) []iamAsk {
	kinds := map[string]string{"eipalloc": "elastic-ip", "nat": "natgateway", "rtb": "route-table"}
	var asks []iamAsk
	for _, p := range ids {
		id := aws.ToString(p)
		kind, _, _ := strings.Cut(id, "-")
		if k := kinds[kind]; k != "" {
			kind = k
		}
		ask := iamAsk{"ec2:" + operation, someARN(kind, id), map[string][]string{}}
		tags, vpc := g.about(id)
		for k, v := range tags {
			ask.context["aws:resourcetag/"+strings.ToLower(k)] = []string{v}
		}
		if vpc != "" {
			ask.context["ec2:vpc"] = []string{someARN("vpc", vpc)}
		}
		if kind == "elastic-ip" {
			ask.context["ec2:allocationid"] = []string{id}
		}
		asks = append(asks, ask)
	}
	return asks
}

// about gives the tags of a thing, and its VPC where the Service Authorization Reference has ec2:Vpc for it.
func (g *guarded) about(id string) (inmemory.Tags, string) {
	all := g.Snapshot()
	for _, a := range all.Addresses {
		if a.ID == id {
			return a.Tags, ""
		}
	}
	for _, n := range all.NATGateways {
		if n.ID == id {
			return n.Tags, ""
		}
	}
	for _, t := range all.RouteTables {
		if t.ID == id {
			return t.Tags, t.VPC
		}
	}
	for _, s := range all.Subnets {
		if s.ID == id {
			return s.Tags, s.VPC
		}
	}
	for _, v := range all.VPCs {
		if v.ID == id {
			return v.Tags, ""
		}
	}
	return nil, ""
}

func (g *guarded) association(id *string) (table, subnet *string) {
	for _, t := range g.Snapshot().RouteTables {
		for _, a := range t.Associations {
			if a.ID == aws.ToString(id) {
				return aws.String(a.Table), aws.String(a.Subnet)
			}
		}
	}
	return aws.String("rtb-gone"), aws.String("subnet-gone")
}

// guard asks IAM, and then has the call made or refuses it as EC2 does.
func guard[In, Out any](ctx context.Context, g *guarded, operation string, in *In, call func(context.Context, *In, ...func(*ec2.Options)) (*Out, error)) (*Out, error) {
	asks := g.asks(in)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked[operation] = append(g.asked[operation], asks)
	for _, a := range asks {
		if !g.policy.allows(a) {
			g.denied = append(g.denied, a.String())
			return nil, &smithy.OperationError{ServiceID: "EC2", OperationName: operation, Err: &smithy.GenericAPIError{
				Code: "UnauthorizedOperation", Message: "not allowed: " + a.String(),
			}}
		}
	}
	return call(ctx, in)
}

func (g *guarded) AllocateAddress(ctx context.Context, in *ec2.AllocateAddressInput, _ ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error) {
	return guard(ctx, g, "AllocateAddress", in, g.EC2.AllocateAddress)
}

func (g *guarded) ReleaseAddress(ctx context.Context, in *ec2.ReleaseAddressInput, _ ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error) {
	return guard(ctx, g, "ReleaseAddress", in, g.EC2.ReleaseAddress)
}

func (g *guarded) CreateSubnet(ctx context.Context, in *ec2.CreateSubnetInput, _ ...func(*ec2.Options)) (*ec2.CreateSubnetOutput, error) {
	return guard(ctx, g, "CreateSubnet", in, g.EC2.CreateSubnet)
}

func (g *guarded) DeleteSubnet(ctx context.Context, in *ec2.DeleteSubnetInput, _ ...func(*ec2.Options)) (*ec2.DeleteSubnetOutput, error) {
	return guard(ctx, g, "DeleteSubnet", in, g.EC2.DeleteSubnet)
}

func (g *guarded) CreateRouteTable(ctx context.Context, in *ec2.CreateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.CreateRouteTableOutput, error) {
	return guard(ctx, g, "CreateRouteTable", in, g.EC2.CreateRouteTable)
}

func (g *guarded) DeleteRouteTable(ctx context.Context, in *ec2.DeleteRouteTableInput, _ ...func(*ec2.Options)) (*ec2.DeleteRouteTableOutput, error) {
	return guard(ctx, g, "DeleteRouteTable", in, g.EC2.DeleteRouteTable)
}

func (g *guarded) AssociateRouteTable(ctx context.Context, in *ec2.AssociateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.AssociateRouteTableOutput, error) {
	return guard(ctx, g, "AssociateRouteTable", in, g.EC2.AssociateRouteTable)
}

func (g *guarded) ReplaceRouteTableAssociation(ctx context.Context, in *ec2.ReplaceRouteTableAssociationInput, _ ...func(*ec2.Options)) (*ec2.ReplaceRouteTableAssociationOutput, error) {
	return guard(ctx, g, "ReplaceRouteTableAssociation", in, g.EC2.ReplaceRouteTableAssociation)
}

func (g *guarded) DisassociateRouteTable(ctx context.Context, in *ec2.DisassociateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.DisassociateRouteTableOutput, error) {
	return guard(ctx, g, "DisassociateRouteTable", in, g.EC2.DisassociateRouteTable)
}

func (g *guarded) CreateNatGateway(ctx context.Context, in *ec2.CreateNatGatewayInput, _ ...func(*ec2.Options)) (*ec2.CreateNatGatewayOutput, error) {
	return guard(ctx, g, "CreateNatGateway", in, g.EC2.CreateNatGateway)
}

func (g *guarded) DeleteNatGateway(ctx context.Context, in *ec2.DeleteNatGatewayInput, _ ...func(*ec2.Options)) (*ec2.DeleteNatGatewayOutput, error) {
	return guard(ctx, g, "DeleteNatGateway", in, g.EC2.DeleteNatGateway)
}

func (g *guarded) CreateRoute(ctx context.Context, in *ec2.CreateRouteInput, _ ...func(*ec2.Options)) (*ec2.CreateRouteOutput, error) {
	return guard(ctx, g, "CreateRoute", in, g.EC2.CreateRoute)
}

func (g *guarded) ReplaceRoute(ctx context.Context, in *ec2.ReplaceRouteInput, _ ...func(*ec2.Options)) (*ec2.ReplaceRouteOutput, error) {
	return guard(ctx, g, "ReplaceRoute", in, g.EC2.ReplaceRoute)
}

func (g *guarded) DeleteRoute(ctx context.Context, in *ec2.DeleteRouteInput, _ ...func(*ec2.Options)) (*ec2.DeleteRouteOutput, error) {
	return guard(ctx, g, "DeleteRoute", in, g.EC2.DeleteRoute)
}

func (g *guarded) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	return guard(ctx, g, "CreateTags", in, g.EC2.CreateTags)
}
