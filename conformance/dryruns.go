package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// dry is a fact about a dry run: it answers as if the call had been refused, and does nothing.
func dry(name string, see func(*site) string) fact {
	return fact{
		name:   "a dry run of " + name + " does nothing",
		source: "SDK, DryRun of each input; " + errorCodes + ", DryRunOperation",
		aws:    "DryRunOperation, nothing",
		see:    see,
	}
}

// done says whether a dry run did something.
func done(was bool) string {
	if was {
		return "it is done"
	}
	return "nothing"
}

// The controller makes no dry runs; whoever tries a policy by hand, and whoever makes one here by mistake, does.
var dryRunFacts = []fact{
	dry("AllocateAddress", func(s *site) string {
		end := try(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{DryRun: aws.Bool(true)})
		return say(end, done(len(do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses) != 0))
	}),
	dry("ReleaseAddress", func(s *site) string {
		address := s.address()
		end := try(s, s.EC2.ReleaseAddress, &ec2.ReleaseAddressInput{AllocationId: &address, DryRun: aws.Bool(true)})
		return say(end, done(s.listedAddress(address).AllocationId == nil))
	}),
	dry("CreateSubnet", func(s *site) string {
		in := s.subnetInput(block)
		in.DryRun = aws.Bool(true)
		end := try(s, s.EC2.CreateSubnet, in)
		return say(end, done(try(s, s.EC2.CreateSubnet, s.subnetInput(block)) != ok))
	}),
	dry("DeleteSubnet", func(s *site) string {
		subnet := s.subnet(block)
		end := try(s, s.EC2.DeleteSubnet, &ec2.DeleteSubnetInput{SubnetId: &subnet, DryRun: aws.Bool(true)})
		return say(end, done(s.deleteSubnet(subnet) != ok))
	}),
	dry("CreateRouteTable", func(s *site) string {
		before := s.tables()
		end := try(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.VPC, DryRun: aws.Bool(true)})
		return say(end, done(s.tables() != before))
	}),
	dry("CreateNatGateway", func(s *site) string {
		in := s.gatewayInput(s.subnet(block), s.address())
		in.DryRun = aws.Bool(true)
		end := try(s, s.EC2.CreateNatGateway, in)
		return say(end, done(len(do(s, s.EC2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{}).NatGateways) != 0))
	}),
	dry("DeleteNatGateway", func(s *site) string {
		gateway := s.availableGateway()
		end := try(s, s.EC2.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: &gateway, DryRun: aws.Bool(true)})
		return say(end, done(s.listedGateway(gateway).State != types.NatGatewayStateAvailable))
	}),
	dry("CreateRoute", func(s *site) string {
		table := s.table()
		end := try(s, s.EC2.CreateRoute, &ec2.CreateRouteInput{
			RouteTableId: &table, DestinationCidrBlock: aws.String(target), GatewayId: &s.InternetGateway, DryRun: aws.Bool(true),
		})
		return say(end, done(s.routes(table) != "none"))
	}),
	dry("DeleteRoute", func(s *site) string {
		table := s.table()
		s.internetRoute(table, target, s.InternetGateway)
		end := try(s, s.EC2.DeleteRoute, &ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String(target), DryRun: aws.Bool(true)})
		return say(end, done(s.routes(table) == "none"))
	}),
}
