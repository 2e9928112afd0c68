package inmemory

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// VPC is a virtual private cloud.
type VPC struct {
	ID      string
	CIDRs   []netip.Prefix // the primary one first
	Default bool
	Tags    Tags
}

var vpcListing = listing[VPC, types.Vpc]{
	id:   func(v VPC) string { return v.ID },
	tags: func(v VPC) Tags { return v.Tags },
	filters: filters[VPC]{
		"vpc-id":                            func(v VPC) []string { return one(v.ID) },
		"is-default":                        func(v VPC) []string { return one(strconv.FormatBool(v.Default)) },
		"isDefault":                         func(v VPC) []string { return one(strconv.FormatBool(v.Default)) },
		"state":                             func(VPC) []string { return one(string(types.VpcStateAvailable)) },
		"owner-id":                          func(VPC) []string { return one(account) },
		"cidr":                              func(v VPC) []string { return one(v.CIDRs[0].String()) },
		"cidr-block-association.cidr-block": func(v VPC) []string { return texts(v.CIDRs) },
	},
	sdk:     VPC.sdk,
	missing: "InvalidVpcID.NotFound",
	noun:    "vpc",
	maxPage: 1000,
}

var describeVpcs = operation[ec2.DescribeVpcsInput, ec2.DescribeVpcsOutput]{
	name:     "DescribeVpcs",
	optional: []string{"VpcIds", "Filters", "MaxResults", "NextToken"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
		q := query{"DescribeVpcs", in.VpcIds, in.Filters, in.MaxResults, in.NextToken}
		vpcs, next, err := vpcListing.answer(m, q, inOrder(m.vpcs))
		return &ec2.DescribeVpcsOutput{Vpcs: vpcs, NextToken: next}, err
	},
}

// DescribeVpcs lists VPCs.
func (e *EC2) DescribeVpcs(ctx context.Context, in *ec2.DescribeVpcsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error) {
	return describeVpcs.call(ctx, e, in)
}

func (v VPC) sdk() types.Vpc {
	out := types.Vpc{
		VpcId:           aws.String(v.ID),
		CidrBlock:       aws.String(v.CIDRs[0].String()),
		IsDefault:       aws.Bool(v.Default),
		OwnerId:         aws.String(account),
		State:           types.VpcStateAvailable,
		InstanceTenancy: types.TenancyDefault,
		Tags:            v.Tags.sdk(),
	}
	for _, cidr := range v.CIDRs {
		out.CidrBlockAssociationSet = append(out.CidrBlockAssociationSet, types.VpcCidrBlockAssociation{
			AssociationId:  aws.String(derivedID("vpc-cidr-assoc", v.ID+" "+cidr.String())),
			CidrBlock:      aws.String(cidr.String()),
			CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated},
		})
	}
	return out
}

// vpc finds a VPC for a call that names it.
func (m moment) vpc(id *string) (VPC, error) {
	v, ok := m.vpcs[aws.ToString(id)]
	if !ok {
		return v, notFound("InvalidVpcID.NotFound", "vpc", aws.ToString(id))
	}
	return v, nil
}

func texts(prefixes []netip.Prefix) []string {
	var list []string
	for _, p := range prefixes {
		list = append(list, p.String())
	}
	return list
}

// CreateVPC is a hand: a VPC with its main route table. The CIDRs are canonical, and at least one.
func (e *EC2) CreateVPC(isDefault bool, cidrs ...string) string {
	v := VPC{Default: isDefault, Tags: Tags{}}
	for _, cidr := range cidrs {
		v.CIDRs = append(v.CIDRs, netip.MustParsePrefix(cidr))
	}
	must(e.update(func(m moment) error {
		v.ID = m.mint("vpc", v.CIDRs[0].String())
		m.vpcs[v.ID] = v
		table := m.addTable(v, Tags{}, v.ID)
		m.associate(Association{Table: table.ID, VPC: v.ID, Main: true}, v.ID)
		return nil
	}))
	return v.ID
}

// AddVPCCIDR is a hand: one more CIDR for a VPC, and its local route in every table (VPC user guide, "Replace or restore the target
// for a local route": one per CIDR block).
func (e *EC2) AddVPCCIDR(id, cidr string) {
	p := netip.MustParsePrefix(cidr)
	must(e.update(func(m moment) error {
		v, err := m.vpc(&id)
		if err != nil {
			return err
		}
		v.CIDRs = append(slices.Clone(v.CIDRs), p)
		m.vpcs[id] = v
		for _, table := range inOrder(m.tables) {
			if table.VPC == id {
				m.putRoute(table, localRoute(p))
			}
		}
		return nil
	}))
}
