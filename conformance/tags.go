package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

var ourTags = map[string]string{"Name": "n", "static-egress/role": "r"}

const theirText = "Name=n static-egress/role=r"

// Rule 1 stands on these: what is made says from its first moment whose it is.
var tagFacts = []fact{
	{
		name:   "tags given with an address are listed",
		source: "SDK, AllocateAddressInput.TagSpecifications",
		aws:    theirText,
		see: func(s *site) string {
			out := do(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, ourTags)})
			return tagText(s.listedAddress(*out.AllocationId).Tags)
		},
	},
	{
		name:   "tags given with a subnet are listed",
		source: "SDK, CreateSubnetInput.TagSpecifications",
		aws:    theirText + ", " + theirText,
		see: func(s *site) string {
			in := s.subnetInput(block)
			in.TagSpecifications = tagged(types.ResourceTypeSubnet, ourTags)
			made := do(s, s.EC2.CreateSubnet, in).Subnet
			list := do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{SubnetIds: []string{*made.SubnetId}}).Subnets
			return say(tagText(made.Tags), tagText(list[0].Tags))
		},
	},
	{
		name:   "tags given with a route table are listed",
		source: "SDK, CreateRouteTableInput.TagSpecifications",
		aws:    theirText,
		see: func(s *site) string {
			out := do(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.VPC, TagSpecifications: tagged(types.ResourceTypeRouteTable, ourTags)})
			return tagText(s.listedTable(*out.RouteTable.RouteTableId).Tags)
		},
	},
	{
		name:   "tags given with a NAT gateway are listed",
		source: "SDK, CreateNatGatewayInput.TagSpecifications",
		aws:    theirText,
		see: func(s *site) string {
			in := s.gatewayInput(s.subnet(block), s.address())
			in.TagSpecifications = tagged(types.ResourceTypeNatgateway, ourTags)
			return tagText(s.listedGateway(*do(s, s.EC2.CreateNatGateway, in).NatGateway.NatGatewayId).Tags)
		},
	},
	{
		name:   "tags of an address outlive its gateway",
		source: "SDK, DeleteNatGateway: the address is disassociated and not released",
		aws:    theirText,
		see: func(s *site) string {
			out := do(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, ourTags)})
			gateway := s.gateway(s.subnet(block), *out.AllocationId)
			s.await(gateway, types.NatGatewayStateAvailable)
			s.buried(gateway)
			return tagText(s.listedAddress(*out.AllocationId).Tags)
		},
	},
	{
		name:   "a thing has at most 50 tags",
		source: tagGuide + "; " + errorCodes + ", TagLimitExceeded",
		aws:    "50 ok, 51 TagLimitExceeded",
		see: func(s *site) string {
			with := func(n int) string {
				tags := map[string]string{}
				for i := range n {
					tags[fmt.Sprint("k", i)] = "v"
				}
				return fmt.Sprint(n, " ", try(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, tags)}))
			}
			return say(with(50), with(51))
		},
	},
	{
		name:   "tag keys that begin with aws: are refused",
		source: tagGuide,
		aws:    "InvalidParameterValue",
		see: func(s *site) string {
			return try(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, map[string]string{"aws:x": "v"})})
		},
	},
	{
		name:   "tags for another kind of thing are refused",
		source: "aws/aws-cli#2865, boto/boto3#1806: not a valid taggable resource type for this operation",
		aws:    "InvalidParameterValue",
		see: func(s *site) string {
			return try(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.VPC, TagSpecifications: tagged(types.ResourceTypeSubnet, ourTags)})
		},
	},
}
