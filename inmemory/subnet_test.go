package inmemory_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestCreateSubnet(t *testing.T) {
	for _, test := range []struct {
		name, cidr, zone, vpc string
		want                  string
	}{
		{name: "inside", cidr: "172.31.64.0/28"},
		{name: "largest", cidr: "10.0.0.0/16"},
		{name: "not canonical", cidr: "172.31.64.5/28"},
		{name: "outside of the VPC", cidr: "10.1.0.0/28", want: "InvalidSubnet.Range"},
		{name: "too small", cidr: "172.31.64.0/29", want: "InvalidSubnet.Range"},
		{name: "too large", cidr: "10.0.0.0/15", want: "InvalidSubnet.Range"},
		{name: "around a subnet", cidr: "172.31.0.0/20", want: "InvalidSubnet.Conflict"},
		{name: "in a subnet", cidr: "172.31.0.16/28", want: "InvalidSubnet.Conflict"},
		{name: "no CIDR", cidr: "somewhere", want: "InvalidParameterValue"},
		{name: "IPv6", cidr: "fd00::/64", want: "InvalidParameterValue"},
		{name: "no zone", cidr: "172.31.64.0/28", zone: "mars-1a", want: "InvalidParameterValue"},
		{name: "no VPC", cidr: "172.31.64.0/28", vpc: "vpc-0", want: "InvalidVpcID.NotFound"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := seed(t, inmemory.Options{})
			s.AddVPCCIDR(s.vpc, "10.0.0.0/16")
			before := s.Dump()
			if test.zone == "" {
				test.zone = zoneA
			}
			if test.vpc == "" {
				test.vpc = s.vpc
			}
			_, err := s.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &test.vpc, CidrBlock: &test.cidr, AvailabilityZone: &test.zone})
			s.wants(err, test.want)
			if err != nil && s.Dump() != before {
				t.Errorf("a refused call changed something:\n%s\n%s", before, s.Dump())
			}
		})
	}
}

func TestVPCsMayOverlap(t *testing.T) {
	s := seed(t, inmemory.Options{})
	s.AddSubnet(s.CreateVPC(false, "172.31.0.0/16"), zoneA, "172.31.0.0/22", nil)
}

func TestAddVPCCIDR(t *testing.T) {
	s := seed(t, inmemory.Options{})
	s.AddVPCCIDR(s.vpc, "10.0.0.0/16")
	for _, table := range []string{s.mainTable, s.tableA} {
		if got := s.routeState(table, "10.0.0.0/16"); got != types.RouteStateActive {
			t.Errorf("the local route of %s is %q", table, got)
		}
	}
}

func TestSubnetQuota(t *testing.T) {
	s := seed(t, inmemory.Options{Quotas: inmemory.Quotas{Subnets: 3}})
	s.subnet(zoneA, "172.31.64.0/28")
	zone, cidr := zoneA, "172.31.64.16/28"
	_, err := s.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: &cidr, AvailabilityZone: &zone})
	s.wants(err, "SubnetLimitExceeded")
}

func TestDeleteSubnet(t *testing.T) {
	s := seed(t, inmemory.Options{})
	subnet := s.subnet(zoneA, "172.31.64.0/28")
	s.wants(s.associate(s.tableA, subnet), "")
	used := s.AddInterface(subnet)
	s.wants(s.deleteSubnet(subnet), "DependencyViolation")
	s.RemoveInterface(used)
	s.wants(s.deleteSubnet(subnet), "")
	for _, table := range s.Snapshot().RouteTables {
		for _, a := range table.Associations {
			if a.Subnet == subnet {
				t.Errorf("association %v outlived its subnet", a)
			}
		}
	}
	s.wants(s.deleteSubnet(subnet), "InvalidSubnetID.NotFound")
}
