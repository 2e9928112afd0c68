package inmemory

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// InternetGateway is a VPC's door to the internet.
type InternetGateway struct {
	ID   string
	VPC  string // the VPC it is attached to, or ""
	Tags Tags
}

var internetGatewayListing = listing[InternetGateway, types.InternetGateway]{
	id:   func(g InternetGateway) string { return g.ID },
	tags: func(g InternetGateway) Tags { return g.Tags },
	filters: filters[InternetGateway]{
		"internet-gateway-id": func(g InternetGateway) []string { return one(g.ID) },
		"attachment.vpc-id":   func(g InternetGateway) []string { return one(g.VPC) },
		"attachment.state": func(g InternetGateway) []string {
			if g.VPC == "" {
				return nil
			}
			return one("available") // SDK doc comment on the filter
		},
		"owner-id": func(InternetGateway) []string { return one(account) },
	},
	sdk:     InternetGateway.sdk,
	missing: "InvalidInternetGatewayID.NotFound",
	noun:    "internetGateway",
	maxPage: 1000,
}

var describeInternetGateways = operation[ec2.DescribeInternetGatewaysInput, ec2.DescribeInternetGatewaysOutput]{
	name:     "DescribeInternetGateways",
	optional: []string{"InternetGatewayIds", "Filters", "MaxResults", "NextToken"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeInternetGatewaysInput) (*ec2.DescribeInternetGatewaysOutput, error) {
		q := query{"DescribeInternetGateways", in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken}
		gateways, next, err := internetGatewayListing.answer(m, q, inOrder(m.internetGateways))
		return &ec2.DescribeInternetGatewaysOutput{InternetGateways: gateways, NextToken: next}, err
	},
}

// DescribeInternetGateways lists internet gateways.
func (e *EC2) DescribeInternetGateways(ctx context.Context, in *ec2.DescribeInternetGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeInternetGatewaysOutput, error) {
	return describeInternetGateways.call(ctx, e, in)
}

func (g InternetGateway) sdk() types.InternetGateway {
	out := types.InternetGateway{InternetGatewayId: aws.String(g.ID), OwnerId: aws.String(account), Tags: g.Tags.sdk()}
	if g.VPC != "" {
		// The API answers "available" here, which is none of the SDK's AttachmentStatus values (doc comment on State).
		out.Attachments = []types.InternetGatewayAttachment{{VpcId: aws.String(g.VPC), State: "available"}}
	}
	return out
}

// hasInternet tells whether a VPC has an internet gateway.
func (m moment) hasInternet(vpc string) bool {
	for _, g := range m.internetGateways {
		if g.VPC == vpc {
			return true
		}
	}
	return false
}

// AttachInternetGateway is a hand: a new internet gateway, attached to a VPC that has none.
func (e *EC2) AttachInternetGateway(vpc string) string {
	g := InternetGateway{VPC: vpc, Tags: Tags{}}
	must(e.update(func(m moment) error {
		if _, err := m.vpc(&vpc); err != nil {
			return err
		}
		if m.hasInternet(vpc) { // a VPC has at most one: VPC user guide, "Internet gateways"
			return failure("Resource.AlreadyAssociated", "resource %s is already attached to network", vpc)
		}
		g.ID = m.mint("igw", vpc)
		m.internetGateways[g.ID] = g
		return nil
	}))
	return g.ID
}

// DetachInternetGateway is a hand: routes to the gateway turn into black holes. EC2 would refuse while the VPC has mapped
// public addresses; here it is done all the same, as the worst that can happen.
func (e *EC2) DetachInternetGateway(id string) {
	e.moveInternetGateway(id, "")
}

// ReattachInternetGateway is a hand: it brings a detached gateway back.
func (e *EC2) ReattachInternetGateway(id, vpc string) {
	e.moveInternetGateway(id, vpc)
}

func (e *EC2) moveInternetGateway(id, vpc string) {
	must(e.update(func(m moment) error {
		g, ok := m.internetGateways[id]
		if !ok {
			return notFound("InvalidInternetGatewayID.NotFound", "internetGateway", id)
		}
		g.VPC = vpc
		m.internetGateways[id] = g
		return nil
	}))
}
