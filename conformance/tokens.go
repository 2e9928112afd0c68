package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// gatewayWith makes a gateway with a token: its id, or how the call ended.
func (s *site) gatewayWith(token string, in *ec2.CreateNatGatewayInput) string {
	with := *in
	with.ClientToken = &token
	out, err := s.EC2.CreateNatGateway(s.Context(), &with)
	if err != nil {
		return ending(err)
	}
	return *out.NatGateway.NatGatewayId
}

// tableWithToken makes a route table with the token t: its id, or how the call ended.
func (s *site) tableWithToken() string {
	out, err := s.EC2.CreateRouteTable(s.Context(), &ec2.CreateRouteTableInput{VpcId: &s.VPC, ClientToken: aws.String("t")})
	if err != nil {
		return ending(err)
	}
	return *out.RouteTable.RouteTableId
}

// What a call is worth that is made again since nobody knows how the first one ended (rule 9).
var tokenFacts = []fact{
	{
		name:   "the same token makes no second gateway",
		source: tokenGuide,
		aws:    "the same, 1",
		see: func(s *site) string {
			in := s.gatewayInput(s.subnet(block), s.address())
			same := sameText(s.gatewayWith("t", in), s.gatewayWith("t", in))
			return say(same, len(do(s, s.EC2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{}).NatGateways))
		},
	},
	{
		name:   "the same token with other parameters is refused",
		source: tokenGuide + "; " + errorCodes + ", IdempotentParameterMismatch",
		aws:    "IdempotentParameterMismatch, 1",
		see: func(s *site) string {
			subnet := s.subnet(block)
			s.gatewayWith("t", s.gatewayInput(subnet, s.address()))
			end := s.gatewayWith("t", s.gatewayInput(subnet, s.address()))
			return say(end, len(do(s, s.EC2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{}).NatGateways))
		},
	},
	{
		name:   "another token makes another gateway",
		source: tokenGuide,
		aws:    "another",
		see: func(s *site) string {
			subnet := s.subnet(block)
			return sameText(s.gatewayWith("t", s.gatewayInput(subnet, s.address())), s.gatewayWith("u", s.gatewayInput(subnet, s.address())))
		},
	},
	{
		name:   "a token remembers a gateway that is dead",
		source: "kubernetes-sigs/aws-ebs-csi-driver, CreateDisk, of volumes that failed",
		aws:    "the same, deleted",
		see: func(s *site) string {
			in := s.gatewayInput(s.subnet(block), s.address())
			gateway := s.gatewayWith("t", in)
			s.await(gateway, types.NatGatewayStateAvailable)
			s.buried(gateway)
			return say(sameText(gateway, s.gatewayWith("t", in)), s.listedGateway(gateway).State)
		},
	},
	{
		name:   "a call that was refused leaves its token free",
		source: tokenGuide + ": the request must have completed successfully",
		aws:    "InvalidSubnetID.NotFound, a gateway",
		see: func(s *site) string {
			address := s.address()
			end, again := s.gatewayWith("t", s.gatewayInput(noSubnet, address)), s.gatewayWith("t", s.gatewayInput(s.subnet(block), address))
			if strings.HasPrefix(again, "nat-") {
				again = "a gateway"
			}
			return say(end, again)
		},
	},
	{
		name:   "the same token makes no second route table",
		source: tokenGuide,
		aws:    "the same",
		see:    func(s *site) string { return sameText(s.tableWithToken(), s.tableWithToken()) },
	},
	{
		name:   "a route table's token with other parameters is refused",
		source: tokenGuide + "; " + errorCodes + ", IdempotentParameterMismatch",
		aws:    "IdempotentParameterMismatch",
		see: func(s *site) string {
			s.tableWithToken()
			in := &ec2.CreateRouteTableInput{VpcId: aws.String(s.Hands.AddVPC(s.T, "10.0.0.0/16")), ClientToken: aws.String("t")}
			return try(s, s.EC2.CreateRouteTable, in)
		},
	},
	{
		name:   "a token is of one operation",
		source: tokenGuide + ": a client token is for the same request",
		aws:    "ok",
		see: func(s *site) string {
			in := s.gatewayInput(s.subnet(block), s.address())
			in.ClientToken = aws.String("t")
			s.tableWithToken()
			return try(s, s.EC2.CreateNatGateway, in)
		},
	},
	{
		name:   "a token has at most 64 characters",
		source: "SDK, CreateNatGatewayInput.ClientToken; with which code a longer one is refused, it does not say",
		aws:    "refused",
		see: func(s *site) string {
			in := s.gatewayInput(s.subnet(block), s.address())
			in.ClientToken = aws.String(strings.Repeat("x", 65))
			return refused(try(s, s.EC2.CreateNatGateway, in))
		},
	},
}
