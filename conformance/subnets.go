package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A subnet is its zone's lock (rule 9): that its CIDR can be taken only once carries much.
var subnetFacts = []fact{
	{
		name:   "a subnet's CIDR is made canonical",
		source: "SDK, CreateSubnetInput.CidrBlock",
		aws:    "172.31.64.0/28, 172.31.64.0/28",
		see: func(s *site) string {
			made := do(s, s.EC2.CreateSubnet, s.subnetInput("172.31.64.5/28")).Subnet
			list := do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{SubnetIds: []string{*made.SubnetId}}).Subnets
			return say(*made.CidrBlock, *list[0].CidrBlock)
		},
	},
	{
		name:   "a CIDR is one subnet's, in whatever zone",
		source: errorCodes + ", InvalidSubnet.Conflict",
		aws:    "ok, InvalidSubnet.Conflict, InvalidSubnet.Conflict, InvalidSubnet.Conflict",
		see: func(s *site) string {
			elsewhere := s.subnetInput(block)
			elsewhere.AvailabilityZone = &s.Zones[1]
			return say(
				try(s, s.EC2.CreateSubnet, s.subnetInput(block)),
				try(s, s.EC2.CreateSubnet, s.subnetInput(block)),
				try(s, s.EC2.CreateSubnet, elsewhere),
				try(s, s.EC2.CreateSubnet, s.subnetInput("172.31.64.0/24")),
			)
		},
	},
	{
		name:   "a subnet is inside one of its VPC's CIDRs",
		source: errorCodes + ", InvalidSubnet.Range",
		aws:    "InvalidSubnet.Range",
		see:    func(s *site) string { return try(s, s.EC2.CreateSubnet, s.subnetInput("10.0.0.0/28")) },
	},
	{
		name:   "a subnet is no smaller than /28",
		source: "SDK, CreateSubnet: between a /28 netmask and a /16 netmask; " + errorCodes + ", InvalidSubnet.Range",
		aws:    "InvalidSubnet.Range",
		see:    func(s *site) string { return try(s, s.EC2.CreateSubnet, s.subnetInput("172.31.64.0/29")) },
	},
	{
		name:   "a subnet is in a zone of the region",
		source: "hashicorp/terraform#3434",
		aws:    "InvalidParameterValue",
		see: func(s *site) string {
			in := s.subnetInput(block)
			in.AvailabilityZone = aws.String("mars-1a")
			return try(s, s.EC2.CreateSubnet, in)
		},
	},
	{
		name:   "a subnet is in a VPC",
		source: errorCodes + ", InvalidVpcID.NotFound",
		aws:    "InvalidVpcID.NotFound",
		see: func(s *site) string {
			in := s.subnetInput(block)
			in.VpcId = aws.String(noVPC)
			return try(s, s.EC2.CreateSubnet, in)
		},
	},
	{
		name:   "five addresses of a subnet are AWS's own",
		source: "SDK, CreateSubnet: both the first four and the last",
		aws:    "available, 11",
		see: func(s *site) string {
			list := do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{SubnetIds: []string{s.subnet(block)}}).Subnets
			return say(list[0].State, *list[0].AvailableIpAddressCount)
		},
	},
	{
		name:   "a deleted subnet is gone, and its CIDR free",
		source: errorCodes + ", InvalidSubnetID.NotFound",
		aws:    "ok, InvalidSubnetID.NotFound, ok",
		see: func(s *site) string {
			subnet := s.subnet(block)
			return say(s.deleteSubnet(subnet), s.deleteSubnet(subnet), try(s, s.EC2.CreateSubnet, s.subnetInput(block)))
		},
	},
	{
		name:   "a subnet with a network interface stays",
		source: errorCodes + ", DependencyViolation",
		aws:    "DependencyViolation",
		see: func(s *site) string {
			subnet := s.subnet(block)
			s.Hands.AddInterface(s.T, subnet)
			return s.deleteSubnet(subnet)
		},
	},
	{
		name:   "a subnet stays until its gateway is deleted",
		source: errorCodes + ", DependencyViolation; SDK, CreateNatGateway: creates a network interface in the subnet",
		aws:    "pending DependencyViolation, available DependencyViolation, deleting DependencyViolation, deleted ok",
		see: func(s *site) string {
			subnet, _, gateway := s.path()
			try := func() string { return fmt.Sprint(s.listedGateway(gateway).State, " ", s.deleteSubnet(subnet)) }
			pending := try()
			s.await(gateway, types.NatGatewayStateAvailable)
			available := try()
			s.deleteGateway(gateway)
			deleting := try()
			s.await(gateway, types.NatGatewayStateDeleted)
			return say(pending, available, deleting, try())
		},
	},
	{
		name:   "a subnet's association goes with it",
		source: "assumed; a table of which only that is left could never be deleted",
		aws:    "ok, 0, ok",
		see: func(s *site) string {
			subnet, table := s.subnet(block), s.table()
			s.associate(table, subnet)
			return say(s.deleteSubnet(subnet), len(s.listedTable(table).Associations), s.deleteTable(table))
		},
	},
}
