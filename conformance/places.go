package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// What a site is found by.
var placeFacts = []fact{
	{
		name:   "the default VPC says so",
		source: "SDK, Vpc.IsDefault, DescribeVpcsInput.Filters",
		aws:    "172.31.0.0/16, true, 1",
		see: func(s *site) string {
			s.Hands.AddVPC(s.T, "10.0.0.0/16")
			vpc := do(s, s.EC2.DescribeVpcs, &ec2.DescribeVpcsInput{VpcIds: []string{s.VPC}}).Vpcs[0]
			list := do(s, s.EC2.DescribeVpcs, &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("is-default", "true")}}).Vpcs
			return say(*vpc.CidrBlock, *vpc.IsDefault, len(list))
		},
	},
	{
		name:   "an internet gateway is found by its VPC, and is available",
		source: "SDK, InternetGatewayAttachment.State, DescribeInternetGatewaysInput.Filters",
		aws:    "1 available, 0",
		see: func(s *site) string {
			attached := func(vpc string) []types.InternetGateway {
				return do(s, s.EC2.DescribeInternetGateways, &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("attachment.vpc-id", vpc)}}).InternetGateways
			}
			here, elsewhere := attached(s.VPC), attached(s.Hands.AddVPC(s.T, "10.0.0.0/16"))
			return say(fmt.Sprint(len(here), " ", here[0].Attachments[0].State), len(elsewhere))
		},
	},
	{
		name:   "zones are listed, and say that they are available",
		source: "SDK, AvailabilityZone.State",
		aws:    "available, available",
		see: func(s *site) string {
			list := do(s, s.EC2.DescribeAvailabilityZones, &ec2.DescribeAvailabilityZonesInput{ZoneNames: s.Zones[:]}).AvailabilityZones
			return say(list[0].State, list[1].State)
		},
	},
	{
		name:   "a VPC is made with a main table that has its local route",
		source: tablesGuide,
		aws:    "main, 10.0.0.0/16 local active CreateRouteTable",
		see: func(s *site) string {
			table := s.mainTable(s.Hands.AddVPC(s.T, "10.0.0.0/16"))
			main := "not main"
			if aws.ToBool(table.Associations[0].Main) && table.Associations[0].SubnetId == nil {
				main = "main"
			}
			return say(main, routeText(table.Routes))
		},
	},
}
