package inmemory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestUnknownMissingAndDry(t *testing.T) {
	s := seed(t, inmemory.Options{})
	before := s.Dump()
	cidr, zone := "172.31.64.0/28", zoneA
	for _, test := range []struct {
		name, want string
		call       func() error
	}{
		{"unknown field", "UnsupportedOperation", func() error {
			_, err := s.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &s.vpc, CidrBlock: &cidr, AvailabilityZone: &zone, Ipv6Native: aws.Bool(true)})
			return err
		}},
		{"unknown slice", "UnsupportedOperation", func() error {
			_, err := s.DescribeAvailabilityZones(t.Context(), &ec2.DescribeAvailabilityZonesInput{ZoneIds: []string{"x"}})
			return err
		}},
		{"missing", "MissingParameter", func() error {
			_, err := s.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &s.vpc, AvailabilityZone: &zone})
			return err
		}},
		{"empty", "MissingParameter", func() error {
			_, err := s.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: aws.String("")})
			return err
		}},
		{"nil", "MissingParameter", func() error {
			_, err := s.DeleteSubnet(t.Context(), nil)
			return err
		}},
		{"dry run", "DryRunOperation", func() error {
			_, err := s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{DryRun: aws.Bool(true)})
			return err
		}},
		{"dry list", "DryRunOperation", func() error {
			_, err := s.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{DryRun: aws.Bool(true)})
			return err
		}},
		{"not dry", "", func() error {
			_, err := s.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{DryRun: aws.Bool(false)})
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := codeOf(test.call()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if s.Dump() != before {
		t.Error("something changed")
	}
}

func TestTagRules(t *testing.T) {
	many := make([]string, 102)
	for i := range many {
		many[i] = fmt.Sprint("k", i)
	}
	for _, test := range []struct {
		name, want string
		tags       []types.TagSpecification
	}{
		{"fifty", "", tagged(types.ResourceTypeElasticIp, many[:100]...)},
		{"too many", "TagLimitExceeded", tagged(types.ResourceTypeElasticIp, many...)},
		{"of another kind", "InvalidParameterValue", tagged(types.ResourceTypeSubnet, "a", "b")},
		{"twice", "InvalidParameterValue", tagged(types.ResourceTypeElasticIp, "a", "b", "a", "c")},
		{"reserved", "InvalidParameterValue", tagged(types.ResourceTypeElasticIp, "aws:x", "b")},
		{"no key", "InvalidParameterValue", tagged(types.ResourceTypeElasticIp, "", "b")},
		{"long key", "InvalidParameterValue", tagged(types.ResourceTypeElasticIp, strings.Repeat("k", 129), "b")},
		{"long value", "InvalidParameterValue", tagged(types.ResourceTypeElasticIp, "k", strings.Repeat("v", 257))},
		{"no value", "", tagged(types.ResourceTypeElasticIp, "k", "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := seed(t, inmemory.Options{})
			_, err := s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{TagSpecifications: test.tags})
			s.wants(err, test.want)
		})
	}
}

func TestRetag(t *testing.T) {
	s := seed(t, inmemory.Options{})
	s.SetTags(s.tableA, inmemory.Tags{"aws:cloudformation:stack-id": "x", tagKey: zoneB})
	s.RemoveTags(s.tableA, "Name")
	for _, table := range s.Snapshot().RouteTables {
		if table.ID == s.tableA && table.Tags.String() != "{AvailabilityZone=eu-central-1b, aws:cloudformation:stack-id=x}" {
			t.Errorf("got %s", table.Tags)
		}
	}
}
