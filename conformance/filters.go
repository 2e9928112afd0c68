package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// tables counts the route tables that pass filters.
func (s *site) tables(filters ...types.Filter) string {
	out, err := s.EC2.DescribeRouteTables(s.Context(), &ec2.DescribeRouteTablesInput{Filters: filters})
	if err != nil {
		return ending(err)
	}
	return fmt.Sprint(len(out.RouteTables))
}

func (s *site) taggedTable(tags map[string]string) {
	s.Helper()
	do(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.VPC, TagSpecifications: tagged(types.ResourceTypeRouteTable, tags)})
}

var filterFacts = []fact{
	{
		name:   "a list can be filtered by its VPC",
		source: "SDK, DescribeRouteTablesInput.Filters",
		aws:    "2, 1, 0",
		see: func(s *site) string {
			other := s.Hands.AddVPC(s.T, "10.0.0.0/16")
			s.table()
			return say(s.tables(filter("vpc-id", s.VPC)), s.tables(filter("vpc-id", other)), s.tables(filter("vpc-id", noVPC)))
		},
	},
	{
		name:   "filters are joined by and, their values by or",
		source: filterGuide,
		aws:    "1, 2, 0",
		see: func(s *site) string {
			s.taggedTable(map[string]string{"zone": "a", "role": "nat"})
			s.taggedTable(map[string]string{"zone": "b"})
			return say(
				s.tables(filter("tag:zone", "a"), filter("tag:role", "nat")),
				s.tables(filter("tag:zone", "a", "b")),
				s.tables(filter("tag:zone", "b"), filter("tag:role", "nat")),
			)
		},
	},
	{
		name:   "in a filter's value * is any text and ? any character",
		source: filterGuide,
		aws:    "2, 1, 2",
		see: func(s *site) string {
			s.taggedTable(map[string]string{"zone": "eu-central-1a"})
			s.taggedTable(map[string]string{"zone": "eu-central-1b"})
			return say(s.tables(filter("tag:zone", "eu-*")), s.tables(filter("tag:zone", "*-1a")), s.tables(filter("tag:zone", "eu-central-1?")))
		},
	},
	{
		name:   "a backslash takes a wildcard's meaning",
		source: filterGuide,
		aws:    "1, 0",
		see: func(s *site) string {
			s.taggedTable(map[string]string{"a": "x*y", "b": "xzy"})
			return say(s.tables(filter("tag:a", `x\*y`)), s.tables(filter("tag:b", `x\*y`)))
		},
	},
	{
		name:   "case counts in a filter's value",
		source: filterGuide,
		aws:    "1, 0",
		see: func(s *site) string {
			s.taggedTable(map[string]string{"zone": "a"})
			return say(s.tables(filter("tag:zone", "a")), s.tables(filter("tag:zone", "A")))
		},
	},
	{
		name:   "route tables can be filtered by having a tag",
		source: "SDK, DescribeRouteTablesInput.Filters, tag-key",
		aws:    "1, 0",
		see: func(s *site) string {
			s.taggedTable(map[string]string{"zone": "a"})
			return say(s.tables(filter("tag-key", "zone")), s.tables(filter("tag-key", "role")))
		},
	},
	{
		name:   "route tables can be filtered by their subnets",
		source: "SDK, DescribeRouteTablesInput.Filters, association.subnet-id",
		aws:    "1, 0",
		see: func(s *site) string {
			subnet := s.subnet(block)
			s.associate(s.table(), subnet)
			return say(s.tables(filter("association.subnet-id", subnet)), s.tables(filter("association.subnet-id", noSubnet)))
		},
	},
	{
		name:   "route tables can be filtered by the gateways they lead to",
		source: "SDK, DescribeRouteTablesInput.Filters, route.nat-gateway-id, route.gateway-id",
		aws:    "1, 0, 1",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.route(table, target, gateway)
			s.internetRoute(s.table(), target, s.InternetGateway)
			return say(
				s.tables(filter("route.nat-gateway-id", gateway)),
				s.tables(filter("route.nat-gateway-id", noGateway)),
				s.tables(filter("route.gateway-id", s.InternetGateway)),
			)
		},
	},
	{
		name:   "route tables can be filtered by the states of their routes",
		source: "SDK, DescribeRouteTablesInput.Filters, route.state",
		aws:    "1",
		see: func(s *site) string {
			gateway := s.availableGateway()
			s.route(s.table(), target, gateway)
			s.buried(gateway)
			return s.tables(filter("route.state", "blackhole"))
		},
	},
	{
		name:   "NAT gateways can be filtered by tag, state, subnet and VPC",
		source: "SDK, DescribeNatGatewaysInput.Filter",
		aws:    "1, 1, 1, 1, 1, 0, 0, 0",
		see: func(s *site) string {
			subnet := s.subnet(block)
			in := s.gatewayInput(subnet, s.address())
			in.TagSpecifications = tagged(types.ResourceTypeNatgateway, ourTags)
			do(s, s.EC2.CreateNatGateway, in)
			count := func(f types.Filter) int {
				return len(do(s, s.EC2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{f}}).NatGateways)
			}
			return say(
				count(filter("tag:Name", "n")), count(filter("tag-key", "Name")), count(filter("state", "pending", "available")),
				count(filter("subnet-id", subnet)), count(filter("vpc-id", s.VPC)),
				count(filter("tag:Name", "m")), count(filter("state", "failed")), count(filter("subnet-id", noSubnet)),
			)
		},
	},
	{
		name:   "subnets can be filtered by tag, zone and CIDR",
		source: "SDK, DescribeSubnetsInput.Filters",
		aws:    "1, 1, 1, 0",
		see: func(s *site) string {
			in := s.subnetInput(block)
			in.TagSpecifications = tagged(types.ResourceTypeSubnet, ourTags)
			do(s, s.EC2.CreateSubnet, in)
			count := func(filters ...types.Filter) int {
				return len(do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{Filters: filters}).Subnets)
			}
			name := filter("tag:Name", "n")
			return say(count(name), count(name, filter("availability-zone", s.Zones[0])), count(filter("cidr-block", block)), count(name, filter("availability-zone", s.Zones[1])))
		},
	},
	{
		name:   "addresses can be filtered by tag",
		source: "SDK, DescribeAddressesInput.Filters",
		aws:    "1, 0",
		see: func(s *site) string {
			s.address()
			do(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, ourTags)})
			count := func(value string) int {
				return len(do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{Filters: []types.Filter{filter("tag:Name", value)}}).Addresses)
			}
			return say(count("n"), count("m"))
		},
	},
	{
		name:   "a filter that nobody knows is refused",
		source: "boto/boto3#1299, aws/aws-cli#7225: The filter ... is invalid",
		aws:    "InvalidParameterValue",
		see:    func(s *site) string { return s.tables(filter("colour", "red")) },
	},
}
