package inmemory_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func (s *site) shownAddress(allocation string) types.Address {
	s.Helper()
	out, err := s.DescribeAddresses(s.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{allocation}})
	return need(s, out, err).Addresses[0]
}

func TestEachAllocationIsAnother(t *testing.T) {
	s := seed(t, inmemory.Options{Quotas: inmemory.Quotas{Addresses: 2}})
	first, second := s.allocate(zoneA), s.allocate(zoneA)
	if first == second || s.Snapshot().Addresses[0].IP == s.Snapshot().Addresses[1].IP {
		t.Error("two calls gave the same address")
	}
	_, err := s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	s.wants(err, "AddressLimitExceeded")
}

func TestRelease(t *testing.T) {
	s := seed(t, inmemory.Options{})
	allocation := s.allocate(zoneA)
	s.wants(s.release(allocation), "")
	s.wants(s.release(allocation), "InvalidAllocationID.NotFound")
}

// In a default VPC, EC2 takes the address from the instance that has it; elsewhere it refuses.
func TestReleaseOfAnInstancesAddress(t *testing.T) {
	s := seed(t, inmemory.Options{})
	allocation := s.allocate(zoneA)
	elsewhere := s.CreateVPC(false, "10.0.0.0/16")
	s.AssociateAddress(allocation, s.AddInterface(s.AddSubnet(elsewhere, zoneA, "10.0.0.0/24", nil)))
	s.wants(s.release(allocation), "InvalidIPAddress.InUse")
	s.AssociateAddress(allocation, s.AddInterface(s.workersA))
	s.wants(s.release(allocation), "")

	unknown := s.allocate(zoneA)
	s.AssociateAddress(unknown, "eni-1")
	s.wants(s.release(unknown), "")
}

func TestRecover(t *testing.T) {
	s := seed(t, inmemory.Options{})
	allocation := s.allocate(zoneA)
	ip := s.Snapshot().Addresses[0].IP
	again := func() (*ec2.AllocateAddressOutput, error) {
		return s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Address: aws.String(ip.String())})
	}
	_, err := again()
	s.wants(err, "InvalidAddress.NotFound") // not released
	s.TakeAddress(allocation)
	if got := s.Snapshot().Released; len(got) != 1 || got[0] != ip {
		t.Errorf("released: %v", got)
	}
	out, err := again()
	if s.wants(err, ""); *out.PublicIp != ip.String() || *out.AllocationId == allocation {
		t.Errorf("recovered %s as %s", *out.PublicIp, *out.AllocationId)
	}
	s.TakeAddress(*out.AllocationId)
	s.GiveAway(ip)
	_, err = again()
	s.wants(err, "InvalidAddress.NotFound")
}

// DescribeAddresses goes on to show an address as free when its gateway is available already.
func TestAssociationIsShownLate(t *testing.T) {
	s := seed(t, inmemory.Options{Pending: time.Minute, Associating: 30 * time.Second})
	_, allocation, gateway := s.path()
	s.clock.advance(89 * time.Second)
	s.wantsState(gateway, types.NatGatewayStateAvailable)
	if got := s.shownAddress(allocation); got.AssociationId != nil || got.NetworkInterfaceId != nil {
		t.Errorf("shown too early: %+v", got)
	}
	s.wants(s.release(allocation), "AuthFailure")
	s.clock.advance(time.Second)
	shown, of := s.shownAddress(allocation), s.listed(gateway).NatGatewayAddresses[0]
	if aws.ToString(shown.AssociationId) != aws.ToString(of.AssociationId) || aws.ToString(shown.NetworkInterfaceId) != aws.ToString(of.NetworkInterfaceId) || of.AssociationId == nil {
		t.Errorf("address %+v, gateway %+v", shown, of)
	}
}

func TestDescribeAddressesByIP(t *testing.T) {
	s := seed(t, inmemory.Options{})
	s.allocate(zoneA)
	s.allocate(zoneB)
	for _, a := range s.Snapshot().Addresses {
		out, err := s.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{PublicIps: []string{a.IP.String()}})
		if s.wants(err, ""); len(out.Addresses) != 1 || *out.Addresses[0].AllocationId != a.ID {
			t.Errorf("got %+v", out.Addresses)
		}
	}
	_, err := s.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{PublicIps: []string{"198.51.100.1"}})
	s.wants(err, "InvalidAddress.NotFound")
	_, err = s.DescribeAddresses(t.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{"eipalloc-0"}})
	s.wants(err, "InvalidAllocationID.NotFound")
}
