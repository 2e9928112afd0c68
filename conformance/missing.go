package conformance

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// missing is how lists end that are asked for an id that is not there.
func missing[In, Out any](name, code, where string, call func(*site) operation[In, Out, ec2.Options], in *In) fact {
	return fact{
		name:   "an unknown " + name + " is no empty list",
		source: where,
		aws:    code,
		see:    func(s *site) string { return try(s, call(s), in) },
	}
}

var missingFacts = []fact{
	missing("VPC", "InvalidVpcID.NotFound", errorCodes,
		func(s *site) operation[ec2.DescribeVpcsInput, ec2.DescribeVpcsOutput, ec2.Options] {
			return s.EC2.DescribeVpcs
		},
		&ec2.DescribeVpcsInput{VpcIds: []string{noVPC}}),
	missing("internet gateway", "InvalidInternetGatewayID.NotFound", errorCodes,
		func(s *site) operation[ec2.DescribeInternetGatewaysInput, ec2.DescribeInternetGatewaysOutput, ec2.Options] {
			return s.EC2.DescribeInternetGateways
		},
		&ec2.DescribeInternetGatewaysInput{InternetGatewayIds: []string{noInternet}}),
	missing("subnet", "InvalidSubnetID.NotFound", errorCodes,
		func(s *site) operation[ec2.DescribeSubnetsInput, ec2.DescribeSubnetsOutput, ec2.Options] {
			return s.EC2.DescribeSubnets
		},
		&ec2.DescribeSubnetsInput{SubnetIds: []string{noSubnet}}),
	missing("route table", "InvalidRouteTableID.NotFound", errorCodes,
		func(s *site) operation[ec2.DescribeRouteTablesInput, ec2.DescribeRouteTablesOutput, ec2.Options] {
			return s.EC2.DescribeRouteTables
		},
		&ec2.DescribeRouteTablesInput{RouteTableIds: []string{noTable}}),
	missing("NAT gateway", "NatGatewayNotFound", "kubernetes/kops#1846",
		func(s *site) operation[ec2.DescribeNatGatewaysInput, ec2.DescribeNatGatewaysOutput, ec2.Options] {
			return s.EC2.DescribeNatGateways
		},
		&ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{noGateway}}),
	missing("allocation", "InvalidAllocationID.NotFound", errorCodes,
		func(s *site) operation[ec2.DescribeAddressesInput, ec2.DescribeAddressesOutput, ec2.Options] {
			return s.EC2.DescribeAddresses
		},
		&ec2.DescribeAddressesInput{AllocationIds: []string{noAddress}}),
	missing("public address", "InvalidAddress.NotFound", errorCodes,
		func(s *site) operation[ec2.DescribeAddressesInput, ec2.DescribeAddressesOutput, ec2.Options] {
			return s.EC2.DescribeAddresses
		},
		&ec2.DescribeAddressesInput{PublicIps: []string{"203.0.113.1"}}),
	{
		name:   "one unknown id fails the whole list",
		source: errorCodes + ", InvalidRouteTableID.NotFound",
		aws:    "InvalidRouteTableID.NotFound",
		see: func(s *site) string {
			return try(s, s.EC2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{s.table(), noTable}})
		},
	},
}
