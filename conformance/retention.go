package conformance

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// kept is a template with an address that has a policy for deletions.
func kept(policy string) resources {
	r := resources{}.add("Address", "EIP", "Domain", "vpc")
	if policy != "" {
		r.with("Address", "DeletionPolicy", policy)
	}
	return r
}

// retained says what is left of an address with each policy.
func (s *site) retained(fate func(policy string)) string {
	s.Helper()
	var out []any
	before := 0
	for _, policy := range []string{"", "Delete", "RetainExceptOnCreate", "Retain"} {
		fate(policy)
		word := "gone"
		if n := s.addresses(); n > before {
			before, word = n, "kept"
		}
		out = append(out, word)
	}
	return say(out...)
}

var retentionFacts = []fact{
	{
		name:   "what is retained outlives its stack",
		source: deletionGuide,
		aws:    "gone, gone, kept, kept",
		see: func(s *site) string {
			return s.retained(func(policy string) {
				s.deploy(creates, kept(policy).text())
				s.deleteStack()
			})
		},
	},
	{
		name:   "what is retained outlives its place in the template",
		source: deletionGuide + ": also when you remove the resource from the template",
		aws:    "gone, gone, kept, kept",
		see: func(s *site) string {
			return s.retained(func(policy string) {
				r := kept(policy)
				r.add("A", "RouteTable", "VpcId", s.VPC)
				s.deploy(creates, r.text())
				s.deploy(updates, s.declare("A").text())
				s.deleteStack()
			})
		},
	},
	{
		name:   "of a stack that is rolled back only Retain keeps what was made",
		source: deletionGuide + ", RetainExceptOnCreate",
		aws:    "gone, gone, gone, kept",
		see: func(s *site) string {
			return s.retained(func(policy string) {
				bad := s.obstacle(kept(policy)).with("Obstacle", "DependsOn", []string{"Address"})
				s.deploy(creates, bad.text())
				s.deleteStack()
			})
		},
	},
	{
		name:   "of a change that is rolled back only Retain keeps what was made",
		source: deletionGuide + ", RetainExceptOnCreate",
		aws:    "gone, gone, gone, kept",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			return s.retained(func(policy string) {
				bad := s.obstacle(kept(policy)).with("Obstacle", "DependsOn", []string{"Address"})
				s.deploy(updates, bad.add("A", "RouteTable", "VpcId", s.VPC).text())
			})
		},
	},
	{
		name:   "the policy with which something leaves the template is the last one that it had there",
		source: deletionGuide,
		aws:    "UPDATE_COMPLETE, UPDATE_COMPLETE, 1 tables 0 subnets 1 addresses",
		see: func(s *site) string {
			tags := withTag("v", "2")
			s.deploy(creates, kept("").add("A", "RouteTable", "VpcId", s.VPC).text())
			next := kept("Retain").add("A", "RouteTable", "VpcId", s.VPC, "Tags", tags)
			first := s.deploy(updates, next.text())
			return say(first, s.deploy(updates, resources{}.add("A", "RouteTable", "VpcId", s.VPC, "Tags", tags).text()), s.ours())
		},
	},
	{
		name:   "what is replaced is kept for UpdateReplacePolicy, and not for DeletionPolicy",
		source: replaceGuide + "; " + deletionGuide + ": not for resources that are replaced",
		aws:    "gone, kept",
		see: func(s *site) string {
			nets := func(one, two string) resources {
				r := s.net(one).with("Net", "DeletionPolicy", "Retain")
				return r.add("Other", "Subnet", "VpcId", s.VPC, "CidrBlock", two, "AvailabilityZone", s.Zones[0]).with("Other", "UpdateReplacePolicy", "Retain")
			}
			s.deploy(creates, nets(block, block2).text())
			s.deploy(updates, nets("172.31.64.32/28", "172.31.64.48/28").text())
			left := map[bool]string{true: "kept", false: "gone"}
			return say(left[s.hasSubnet(block)], left[s.hasSubnet(block2)])
		},
	},
}

func (s *site) hasSubnet(cidr string) bool {
	s.Helper()
	return slices.ContainsFunc(do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{}).Subnets, func(n types.Subnet) bool {
		return aws.ToString(n.CidrBlock) == cidr
	})
}
