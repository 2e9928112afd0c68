package conformance

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

var gatewayFacts = []fact{
	{
		name:   "a gateway is pending, available, deleting and deleted",
		source: "SDK, NatGateway.State",
		aws:    "pending, pending, available, ok, deleting, deleted",
		see: func(s *site) string {
			g := do(s, s.EC2.CreateNatGateway, s.gatewayInput(s.subnet(block), s.address())).NatGateway
			state := func() types.NatGatewayState { return s.listedGateway(*g.NatGatewayId).State }
			pending := state()
			s.await(*g.NatGatewayId, types.NatGatewayStateAvailable)
			available, end := state(), s.deleteGateway(*g.NatGatewayId)
			deleting := state()
			s.await(*g.NatGatewayId, types.NatGatewayStateDeleted)
			return say(g.State, pending, available, end, deleting, state())
		},
	},
	{
		name:   "a pending gateway shows which allocation it is to have, and no address",
		source: "boto/boto3#779",
		aws:    "the allocation, no address",
		see: func(s *site) string {
			_, address, gateway := s.path()
			shown := s.listedGateway(gateway).NatGatewayAddresses
			if len(shown) != 1 || aws.ToString(shown[0].AllocationId) != address {
				return "not the allocation"
			}
			if shown[0].PublicIp == nil {
				return "the allocation, no address"
			}
			return "the allocation, an address"
		},
	},
	{
		name:   "an available gateway shows its address, and one of its subnet",
		source: "SDK, NatGatewayAddress",
		aws:    "its address, one of its subnet, no failure",
		see: func(s *site) string {
			_, address, gateway := s.path()
			s.await(gateway, types.NatGatewayStateAvailable)
			g := s.listedGateway(gateway)
			shown := g.NatGatewayAddresses[0]
			public, private, failure := "its address", "one of its subnet", "no failure"
			if aws.ToString(shown.PublicIp) != *s.listedAddress(address).PublicIp {
				public = "another address"
			}
			if ip, err := netip.ParseAddr(aws.ToString(shown.PrivateIp)); err != nil || !netip.MustParsePrefix(block).Contains(ip) {
				private = "one of another subnet"
			}
			if g.FailureCode != nil {
				failure = *g.FailureCode
			}
			return say(public, private, failure)
		},
	},
	{
		name:   "a gateway says where it is",
		source: "SDK, NatGateway",
		aws:    "its subnet, its VPC, public",
		see: func(s *site) string {
			subnet, _, gateway := s.path()
			g := s.listedGateway(gateway)
			return say(map[bool]string{true: "its subnet"}[*g.SubnetId == subnet], map[bool]string{true: "its VPC"}[*g.VpcId == s.VPC], g.ConnectivityType)
		},
	},
	{
		name:   "a gateway takes one address of its subnet",
		source: "SDK, CreateNatGateway: creates a network interface in the subnet",
		aws:    "10",
		see: func(s *site) string {
			subnet, _, gateway := s.path()
			s.await(gateway, types.NatGatewayStateAvailable)
			list := do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}}).Subnets
			return say(*list[0].AvailableIpAddressCount)
		},
	},
	{
		name:   "a gateway without an internet gateway fails",
		source: "SDK, NatGateway.FailureCode; " + troubleGuide,
		aws:    "failed Gateway.NotAttached",
		see: func(s *site) string {
			vpc := s.Hands.AddVPC(s.T, "10.0.0.0/16")
			in := s.subnetInput("10.0.0.0/28")
			in.VpcId = &vpc
			return s.fate(s.gatewayInput(*do(s, s.EC2.CreateSubnet, in).Subnet.SubnetId, s.address()))
		},
	},
	{
		name:   "a gateway in a full subnet fails",
		source: "SDK, NatGateway.FailureCode; " + troubleGuide,
		aws:    "failed InsufficientFreeAddressesInSubnet",
		see: func(s *site) string {
			subnet := s.subnet(block)
			for range 11 {
				s.Hands.AddInterface(s.T, subnet)
			}
			return s.fate(s.gatewayInput(subnet, s.address()))
		},
	},
	{
		name:   "a gateway for another gateway's address fails",
		source: "hashicorp/terraform-provider-aws#709; SDK, NatGateway.FailureCode",
		aws:    "failed Resource.AlreadyAssociated",
		see: func(s *site) string {
			subnet, address, first := s.path()
			s.await(first, types.NatGatewayStateAvailable)
			return s.fate(s.gatewayInput(subnet, address))
		},
	},
	{
		name:   "a gateway for a network interface's address fails",
		source: "SDK, NatGateway.FailureCode; " + troubleGuide,
		aws:    "failed Resource.AlreadyAssociated",
		see: func(s *site) string {
			subnet, address := s.subnet(block), s.address()
			s.Hands.UseAddress(s.T, address, s.Hands.AddInterface(s.T, s.subnet(block2)))
			return s.fate(s.gatewayInput(subnet, address))
		},
	},
	{
		name:   "a gateway needs a subnet",
		source: errorCodes + ", InvalidSubnetID.NotFound",
		aws:    "InvalidSubnetID.NotFound",
		see: func(s *site) string {
			return try(s, s.EC2.CreateNatGateway, s.gatewayInput(noSubnet, s.address()))
		},
	},
	{
		name:   "a gateway needs an address",
		source: "hashicorp/terraform-provider-aws#27087",
		aws:    "InvalidElasticIpID.NotFound",
		see: func(s *site) string {
			return try(s, s.EC2.CreateNatGateway, s.gatewayInput(s.subnet(block), noAddress))
		},
	},
	{
		name:   "a gateway that is not there cannot be deleted",
		source: "gruntwork-io/cloud-nuke#292",
		aws:    "NatGatewayNotFound",
		see:    func(s *site) string { return s.deleteGateway(noGateway) },
	},
	{
		name:   "a gateway can be deleted again as long as it is listed",
		source: "gruntwork-io/cloud-nuke#248: the API would not error on subsequent runs",
		aws:    "ok, deleted",
		see: func(s *site) string {
			gateway := s.availableGateway()
			s.buried(gateway)
			return say(s.deleteGateway(gateway), s.listedGateway(gateway).State)
		},
	},
	{
		name:   "without a token every call makes one more gateway",
		source: tokenGuide,
		aws:    "another",
		see: func(s *site) string {
			subnet := s.subnet(block)
			return sameText(s.gateway(subnet, s.address()), s.gateway(subnet, s.address()))
		},
	},
}

func sameText(a, b string) string {
	if a == b {
		return "the same"
	}
	return "another"
}
