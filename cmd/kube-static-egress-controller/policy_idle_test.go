package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// TestPolicyIsNotTooMuch: what no bug of ours may ever do is refused, and there is nothing in the policy that could be left
// out: without any one action or resource something that has to be done is refused, and without any one condition something
// is allowed that may not be done.
func TestPolicyIsNotTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := variants["with every flag"](t)
		s.live()
		var needs [][]iamAsk
		for _, operation := range slices.Sorted(maps.Keys(s.asked)) {
			needs = append(needs, s.asked[operation]...)
		}
		s.is()
		if stderr, code := s.run(someClaims); code != succeeded {
			t.Fatal(stderr)
		}
		refusals := s.neverEC2()
		for what, asks := range refusals {
			if s.policy.allowsAll(asks) {
				t.Errorf("%s is allowed", what)
			}
		}
		retained := "an address of ours is released"
		if s.is("--eip-reclaim-policy=Delete", "--take-over=uid-1"); !s.policy.allowsAll(refusals[retained]) {
			t.Errorf("%s is not allowed, although it is asked for", retained)
		}
		delete(refusals, retained)
		wantNothingIdle(t, s.policy, func(sid string) bool { return sid != "LookAround" }, needs, refusals)
	})
}

// neverEC2 are calls that must be refused, each with all the right but in one respect, in a site where everything stands.
func (s *guardedSite) neverEC2() map[string][]iamAsk {
	zone := threeZones[2]
	ours := func(role string, change ...string) []types.Tag {
		tags := oursIn(zone, role)
		for i := 0; i < len(change); i += 2 {
			tags[change[i]] = change[i+1]
		}
		return sdkTags(tags)
	}
	tagged := func(kind types.ResourceType, tags []types.Tag) []types.TagSpecification {
		return []types.TagSpecification{{ResourceType: kind, Tags: tags}}
	}
	mine := func(change ...string) inmemory.Tags {
		tags := inmemory.Tags{}
		for _, t := range ours(awsec2.RoleSubnet, change...) {
			tags[*t.Key] = *t.Value
		}
		return tags
	}
	otherVPC := s.CreateVPC(false, "10.0.0.0/16")
	subnet, table, address := s.of("subnet", zone), s.of("rtb", zone), s.of("eipalloc", zone)
	s.SetTags(s.brought, mine()) // as those have that were ours in former times
	owned := s.AddSubnet(s.vpc, zone, "172.31.129.0/28", mine(awsec2.TagOwner, "uid-9"))
	out := map[string]any{
		"an address of ours is released":                  &ec2.ReleaseAddressInput{AllocationId: aws.String(address)},
		"an address that was brought is released":         &ec2.ReleaseAddressInput{AllocationId: aws.String(s.brought)},
		"an address without tags is released":             &ec2.ReleaseAddressInput{AllocationId: aws.String(s.Allocate(inmemory.Tags{}))},
		"a subnet is made without tags":                   &ec2.CreateSubnetInput{VpcId: aws.String(s.vpc)},
		"a table is made without tags":                    &ec2.CreateRouteTableInput{VpcId: aws.String(s.vpc)},
		"an address is made without tags":                 &ec2.AllocateAddressInput{},
		"a gateway is made without tags":                  &ec2.CreateNatGatewayInput{SubnetId: aws.String(subnet), AllocationId: aws.String(address)},
		"a subnet is made in another VPC":                 &ec2.CreateSubnetInput{VpcId: aws.String(otherVPC), TagSpecifications: tagged("subnet", ours(awsec2.RoleSubnet))},
		"a table is made with the tag of the DMZ":         &ec2.CreateRouteTableInput{VpcId: aws.String(s.vpc), TagSpecifications: tagged("route-table", ours(awsec2.RoleNATTable, "AvailabilityZone", zone))},
		"a subnet of the workers is deleted":              &ec2.DeleteSubnetInput{SubnetId: aws.String(s.workers)},
		"a subnet of ours in another VPC is deleted":      &ec2.DeleteSubnetInput{SubnetId: aws.String(s.AddSubnet(otherVPC, zone, "10.0.0.0/28", mine()))},
		"a table of the DMZ is deleted":                   &ec2.DeleteRouteTableInput{RouteTableId: aws.String(s.dmz)},
		"a subnet of the workers gets our table":          &ec2.AssociateRouteTableInput{SubnetId: aws.String(s.workers), RouteTableId: aws.String(table)},
		"our subnet gets a table of the DMZ":              &ec2.AssociateRouteTableInput{SubnetId: aws.String(subnet), RouteTableId: aws.String(s.dmz)},
		"a subnet of the workers loses its table":         &ec2.DisassociateRouteTableInput{AssociationId: s.associationOf(s.workers)},
		"a subnet of the workers gets our table in place": &ec2.ReplaceRouteTableAssociationInput{AssociationId: s.associationOf(s.workers), RouteTableId: aws.String(table)},
		"a gateway is made in a subnet of the workers":    &ec2.CreateNatGatewayInput{SubnetId: aws.String(s.workers), AllocationId: aws.String(address), TagSpecifications: tagged("natgateway", ours(awsec2.RoleNATGateway))},
		"a gateway is made with an address without tags":  &ec2.CreateNatGatewayInput{SubnetId: aws.String(subnet), AllocationId: aws.String(s.Allocate(inmemory.Tags{})), TagSpecifications: tagged("natgateway", ours(awsec2.RoleNATGateway))},
		"our tags are written onto a foreign subnet":      &ec2.CreateTagsInput{Resources: []string{s.workers}, Tags: ours(awsec2.RoleSubnet)},
		"another tag of what is ours is changed":          &ec2.CreateTagsInput{Resources: []string{subnet}, Tags: sdkTags(map[string]string{awsec2.TagCluster: "kube-2"})},
		"somebody else's subnet is taken over":            ownedBy("uid-1", owned),
		"a foreign subnet is given an owner":              ownedBy("uid-1", s.workers),
	}
	for name, change := range map[string][2]string{"cluster": {awsec2.TagCluster, "kube-2"}, "controller": {awsec2.TagController, "other"}} {
		theirs := s.AddSubnet(s.vpc, zone, map[string]string{"cluster": "172.31.130.0/28", "controller": "172.31.131.0/28"}[name], mine(change[0], change[1]))
		theirAddress := s.Allocate(mine(change[0], change[1]))
		theirGateway := call(s.T, s.EC2.CreateNatGateway, &ec2.CreateNatGatewayInput{
			SubnetId: aws.String(theirs), AllocationId: aws.String(theirAddress), TagSpecifications: tagged("natgateway", sdkTags(mine(change[0], change[1]))),
		}).NatGateway.NatGatewayId
		maps.Copy(out, map[string]any{
			"a subnet is made for another " + name: &ec2.CreateSubnetInput{
				VpcId: aws.String(s.vpc), TagSpecifications: tagged("subnet", ours(awsec2.RoleSubnet, change[0], change[1])),
			},
			"a gateway is made for another " + name: &ec2.CreateNatGatewayInput{
				SubnetId: aws.String(subnet), AllocationId: aws.String(address), TagSpecifications: tagged("natgateway", ours(awsec2.RoleNATGateway, change[0], change[1])),
			},
			"a gateway is made with the address of another " + name: &ec2.CreateNatGatewayInput{
				SubnetId: aws.String(subnet), AllocationId: aws.String(theirAddress), TagSpecifications: tagged("natgateway", ours(awsec2.RoleNATGateway)),
			},
			"the subnet of another " + name + " is deleted":        &ec2.DeleteSubnetInput{SubnetId: aws.String(theirs)},
			"the subnet of another " + name + " is given an owner": ownedBy("uid-1", theirs),
			"the gateway of another " + name + " is deleted":       &ec2.DeleteNatGatewayInput{NatGatewayId: theirGateway},
			"the address of another " + name + " is released":      &ec2.ReleaseAddressInput{AllocationId: aws.String(theirAddress)},
		})
	}
	for what, id := range map[string]string{
		"without a tag":              s.AddRouteTable(s.vpc, inmemory.Tags{}),
		"without the tag of a zone":  s.AddRouteTable(s.vpc, inmemory.Tags{"dmz": "yes"}),
		"without the further tag":    s.AddRouteTable(s.vpc, inmemory.Tags{"AvailabilityZone": zone}),
		"with another further tag":   s.AddRouteTable(s.vpc, inmemory.Tags{"AvailabilityZone": zone, "dmz": "no"}),
		"of another VPC":             s.AddRouteTable(otherVPC, inmemory.Tags{"AvailabilityZone": zone, "dmz": "yes"}),
		"of another cluster's path":  s.AddRouteTable(s.vpc, mine(awsec2.TagCluster, "kube-2")),
		"of ours and of another VPC": s.AddRouteTable(otherVPC, mine()),
	} {
		out["a route is made in a table "+what] = &ec2.CreateRouteInput{RouteTableId: aws.String(id)}
		out["a route is changed in a table "+what] = &ec2.ReplaceRouteInput{RouteTableId: aws.String(id)}
		out["a route is deleted in a table "+what] = &ec2.DeleteRouteInput{RouteTableId: aws.String(id)}
	}
	asks := map[string][]iamAsk{}
	for what, in := range out {
		asks[what] = s.asks(in)
	}
	return asks
}

// call makes a call that must succeed.
func call[In, Out any](t *testing.T, operation func(context.Context, In, ...func(*ec2.Options)) (Out, error), in In) Out {
	t.Helper()
	out, err := operation(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *guardedSite) associationOf(subnet string) *string {
	for _, t := range s.Snapshot().RouteTables {
		for _, a := range t.Associations {
			if a.Subnet == subnet {
				return aws.String(a.ID)
			}
		}
	}
	s.Fatal("no table is associated with " + subnet)
	return nil
}

// wantNothingIdle takes every part of the statements out of a policy, one after the other.
func wantNothingIdle(t *testing.T, p iamPolicy, about func(sid string) bool, needs [][]iamAsk, refusals map[string][]iamAsk) {
	t.Helper()
	enough := func(p iamPolicy) bool {
		return !slices.ContainsFunc(needs, func(asks []iamAsk) bool { return !p.allowsAll(asks) })
	}
	tooMuch := func(p iamPolicy) bool {
		for _, asks := range refusals {
			if p.allowsAll(asks) {
				return true
			}
		}
		return false
	}
	if !enough(p) || tooMuch(p) {
		t.Fatal("the policy is wrong as it is")
	}
	for i, s := range p.Statement {
		if !about(s.Sid) {
			continue
		}
		with := func(change func(*iamStatement)) iamPolicy {
			changed := s
			changed.Action, changed.Resource = slices.Clone(s.Action), slices.Clone(s.Resource)
			changed.Condition = map[string]map[string]iamTexts{}
			for operator, keys := range s.Condition {
				changed.Condition[operator] = maps.Clone(keys)
			}
			change(&changed)
			q := iamPolicy{Version: p.Version, Statement: slices.Clone(p.Statement)}
			q.Statement[i] = changed
			return q
		}
		for j, action := range s.Action {
			if enough(with(func(s *iamStatement) { s.Action = slices.Delete(s.Action, j, j+1) })) {
				t.Errorf("%s: nothing needs %s", s.Sid, action)
			}
		}
		for j, resource := range s.Resource {
			if enough(with(func(s *iamStatement) { s.Resource = slices.Delete(s.Resource, j, j+1) })) {
				t.Errorf("%s: nothing needs %s", s.Sid, resource)
			}
			kind, id, _ := strings.Cut(resource, "/")
			if id != "*" && !tooMuch(with(func(s *iamStatement) { s.Resource[j] = kind + "/*" })) {
				t.Errorf("%s: no test needs %s to be so narrow", s.Sid, resource)
			}
		}
		for operator, keys := range s.Condition {
			for key := range keys {
				if !tooMuch(with(func(s *iamStatement) { delete(s.Condition[operator], key) })) {
					t.Errorf("%s: no test needs the condition %s", s.Sid, fmt.Sprint(operator, " ", key))
				}
			}
		}
	}
}
