package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// An address that is lost cannot be had again: what EC2 refuses to do to one, and what brings one back.
var addressFacts = []fact{
	{
		name:   "every call allocates one more address",
		source: tokenGuide + ": AllocateAddress is not among the idempotent ones",
		aws:    "2",
		see: func(s *site) string {
			in := &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, ourTags)}
			do(s, s.EC2.AllocateAddress, in)
			do(s, s.EC2.AllocateAddress, in)
			return say(len(do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses))
		},
	},
	{
		name:   "a new address is for VPCs, and free",
		source: "SDK, Address.Domain, Address.AssociationId",
		aws:    "vpc, free",
		see: func(s *site) string {
			a := s.listedAddress(s.address())
			return say(a.Domain, holderText(a))
		},
	},
	{
		name:   "a released address is gone",
		source: "ansible/ansible#20167",
		aws:    "ok, not listed, InvalidAllocationID.NotFound",
		see: func(s *site) string {
			address := s.address()
			released, listed := s.release(address), "listed"
			if s.listedAddress(address).AllocationId == nil {
				listed = "not listed"
			}
			return say(released, listed, s.release(address))
		},
	},
	{
		name:   "a released address can be had again, without its tags",
		source: "SDK, AllocateAddressInput.Address; EC2 user guide, \"Elastic IP addresses\"",
		aws:    "the same address, another id, none",
		see: func(s *site) string {
			old := do(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: tagged(types.ResourceTypeElasticIp, ourTags)})
			do(s, s.EC2.ReleaseAddress, &ec2.ReleaseAddressInput{AllocationId: old.AllocationId})
			again := do(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{Address: old.PublicIp})
			address, id := "the same address", "another id"
			if *again.PublicIp != *old.PublicIp {
				address = "another address"
			}
			if *again.AllocationId == *old.AllocationId {
				id = "the same id"
			}
			return say(address, id, tagText(s.listedAddress(*again.AllocationId).Tags))
		},
	},
	{
		name:   "an address that is allocated cannot be had again",
		source: "EC2 user guide, \"Elastic IP addresses\": only one that was released; with which code, it does not say",
		aws:    "refused, 1",
		see: func(s *site) string {
			ip := s.listedAddress(s.address()).PublicIp
			end := refused(try(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{Address: ip}))
			return say(end, len(do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses))
		},
	},
	{
		name: "a gateway's address cannot be released until the gateway is deleted",
		source: "kubernetes/kops#938, #1604, genevieve/leftovers#33, eformat/sno-for-100#5: " +
			"AuthFailure, with all permissions, and not the SDK's InvalidIPAddress.InUse",
		aws: "pending AuthFailure, available AuthFailure, deleting AuthFailure, deleted ok",
		see: func(s *site) string {
			_, address, gateway := s.path()
			try := func() string { return fmt.Sprint(s.listedGateway(gateway).State, " ", s.release(address)) }
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
		name:   "an address that a network interface has cannot be released",
		source: "SDK, ReleaseAddress, of a nondefault VPC",
		aws:    "InvalidIPAddress.InUse",
		see: func(s *site) string {
			vpc, address := s.Hands.AddVPC(s.T, "10.0.0.0/16"), s.address()
			s.Hands.AddInternetGateway(s.T, vpc)
			in := s.subnetInput("10.0.0.0/28")
			in.VpcId = &vpc
			s.Hands.UseAddress(s.T, address, s.Hands.AddInterface(s.T, *do(s, s.EC2.CreateSubnet, in).Subnet.SubnetId))
			return s.release(address)
		},
	},
	{
		name:   "an address shows whose it is late",
		source: "kubernetes-sigs/cluster-api-provider-aws#1752: not before the gateway is available",
		aws:    "pending free, available associated",
		see: func(s *site) string {
			_, address, gateway := s.path()
			look := func() string {
				return fmt.Sprint(s.listedGateway(gateway).State, " ", holderText(s.listedAddress(address)))
			}
			pending := look()
			s.await(gateway, types.NatGatewayStateAvailable)
			return say(pending, look())
		},
	},
	{
		name:   "a deleted gateway's address is free, and can be used again",
		source: "SDK, DeleteNatGateway",
		aws:    "free, available",
		see: func(s *site) string {
			subnet, address, gateway := s.path()
			s.await(gateway, types.NatGatewayStateAvailable)
			s.buried(gateway)
			free := holderText(s.listedAddress(address))
			next := s.gateway(subnet, address)
			s.await(next, types.NatGatewayStateAvailable)
			return say(free, s.listedGateway(next).State)
		},
	},
}

func holderText(a types.Address) string {
	if aws.ToString(a.AssociationId) == "" {
		return "free"
	}
	return "associated"
}
