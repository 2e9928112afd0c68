package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// small is a quota that can be used up, and leaves room for a default VPC's own things.
const small = 5

// use repeats a call until it is refused, and says with which code; a quota allows at most small of them.
func use(call func(n int) string) string {
	for n := range small + 1 {
		if end := call(n); end != ok {
			return end
		}
	}
	return "no limit"
}

var quotaFacts = []fact{
	{
		name:   "there is a quota of addresses",
		source: quotaGuide + "; " + errorCodes + ", AddressLimitExceeded",
		rules:  Rules{Addresses: small},
		aws:    "AddressLimitExceeded, ok, ok",
		see: func(s *site) string {
			allocate := func(int) string { return try(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{}) }
			end := use(allocate)
			first := do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses[0]
			return say(end, s.release(*first.AllocationId), allocate(0))
		},
	},
	{
		name:   "there is a quota of subnets in a VPC",
		source: quotaGuide + "; " + errorCodes + ", SubnetLimitExceeded",
		rules:  Rules{Subnets: small},
		aws:    "SubnetLimitExceeded",
		see: func(s *site) string {
			return use(func(n int) string {
				return try(s, s.EC2.CreateSubnet, s.subnetInput(fmt.Sprintf("172.31.64.%d/28", 16*n)))
			})
		},
	},
	{
		name:   "there is a quota of route tables in a VPC",
		source: quotaGuide + "; " + errorCodes + ", RouteTableLimitExceeded",
		rules:  Rules{RouteTables: small},
		aws:    "RouteTableLimitExceeded",
		see: func(s *site) string {
			return use(func(int) string { return try(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.VPC}) })
		},
	},
	{
		name:   "there is a quota of NAT gateways in a zone, and deleting ones count",
		source: quotaGuide + ": in the pending, active, or deleting state; " + errorCodes + ", NatGatewayLimitExceeded",
		rules:  Rules{NATGateways: small},
		aws:    "NatGatewayLimitExceeded, deleting NatGatewayLimitExceeded, deleted ok",
		see: func(s *site) string {
			subnet, last := s.subnet(block), ""
			create := func(int) string {
				out, err := s.EC2.CreateNatGateway(s.Context(), s.gatewayInput(subnet, s.address()))
				if err == nil {
					last = *out.NatGateway.NatGatewayId
				}
				return ending(err)
			}
			end := use(create)
			s.await(last, types.NatGatewayStateAvailable)
			going := last
			s.deleteGateway(going)
			deleting := fmt.Sprint(s.listedGateway(going).State, " ", create(0))
			s.await(going, types.NatGatewayStateDeleted)
			return say(end, deleting, fmt.Sprint(s.listedGateway(going).State, " ", create(0)))
		},
	},
	{
		name:   "there is a quota of routes in a table",
		source: quotaGuide + "; " + errorCodes + ", RouteLimitExceeded",
		rules:  Rules{Routes: small},
		aws:    "RouteLimitExceeded, another table ok, replaced ok, deleted ok, ok",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			create := func(n int) string { return s.route(table, fmt.Sprintf("9.9.%d.0/24", n), gateway) }
			end := use(create)
			return say(
				end,
				"another table "+s.route(s.table(), target, gateway),
				"replaced "+s.replaceRoute(table, "9.9.0.0/24", gateway),
				"deleted "+s.deleteRoute(table, "9.9.0.0/24"),
				create(0),
			)
		},
	},
}
