package main

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// TestPolicyIsEnoughForAStack: what a stack calls with our rights is in the policy, and what is mended with EC2 is allowed.
func TestPolicyIsEnoughForAStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGuardedSite(t)
		s.stack = inmemory.NewCloudFormation(s.EC2, inmemory.CloudFormationOptions{})
		var mu sync.Mutex
		called := map[string]bool{}
		s.SetHook(func(ctx context.Context, c inmemory.Call, _ inmemory.Phase) error {
			mu.Lock()
			defer mu.Unlock()
			if inmemory.ByStack(ctx) != "" {
				called["ec2:"+c.Operation] = true
			}
			return nil
		})
		s.is()
		s.must("build", someClaims)
		google := netip.MustParsePrefix("8.8.8.8/32")
		s.RemoveRoute(s.dmz, google)
		s.AddRoute(s.dmz, inmemory.Route{Destination: google, Target: s.of("nat", threeZones[1])})
		s.RemoveRoute(s.of("rtb", threeZones[1]), netip.MustParsePrefix("0.0.0.0/0"))
		s.Settle()
		s.must("repair", someClaims)
		s.flags = append(s.flags, "--aws-tag=team=network")
		s.is()
		s.must("other tags", strings.ReplaceAll(someClaims, "9.9.9.9", "9.9.9.10"))
		s.flags = s.flags[:len(s.flags)-1]
		s.is()
		s.must("fewer tags", someClaims)
		s.must("take down", noClaims)
		for _, operation := range []string{"ec2:CreateTags", "ec2:DeleteTags", "ec2:CreateNatGateway", "ec2:DeleteRoute"} {
			if !called[operation] {
				t.Errorf("%s was not called", operation)
			}
		}
		for operation := range called {
			if !slices.Contains(s.policy.actions(), operation) {
				t.Errorf("%s is called by the stack, and not allowed", operation)
			}
		}
		if len(s.asked["ReplaceRoute"]) == 0 || len(s.asked["CreateRoute"]) == 0 {
			t.Error("nothing was mended with EC2")
		}
	})
}

// TestPolicyOfAStackIsNotTooMuch is the other half: only the one stack, by our own change sets, and no tag by which things
// are known as ours is ever taken off.
func TestPolicyOfAStackIsNotTooMuch(t *testing.T) {
	p := policyOf(t, "--provider=aws-cfn --cluster-id=kube-1 --stack-name=egress --cf-template-bucket=templates --aws-tag=team=network")
	stack := func(action, name, changeSet string) []iamAsk {
		a := iamAsk{"cloudformation:" + action, "arn:aws:cloudformation:eu-central-1:123456789012:stack/" + name + "/uuid-1", map[string][]string{}}
		if changeSet != "" {
			a.context["cloudformation:changesetname"] = []string{changeSet}
		}
		return []iamAsk{a}
	}
	object := func(action, name string) []iamAsk {
		return []iamAsk{{"s3:" + action, "arn:aws:s3:::" + name, nil}}
	}
	thing := func(action, kind, cluster, controller string, keys ...string) []iamAsk {
		return []iamAsk{{"ec2:" + action, someARN(kind, "x-1"), map[string][]string{
			"aws:resourcetag/static-egress/cluster": {cluster}, "aws:resourcetag/static-egress/controller": {controller}, "aws:tagkeys": keys,
		}}}
	}
	ours := []string{awsec2.TagOwner, "team", "aws:cloudformation:stack-name"}
	needs := [][]iamAsk{object("PutObject", "templates/egress/static-egress-1.json"), object("GetObject", "templates/egress/static-egress-1.json")}
	for _, action := range []string{"CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet"} {
		needs = append(needs, stack(action, "egress", "static-egress-1"))
	}
	for _, action := range []string{
		"DescribeStacks", "DescribeStackEvents", "ListChangeSets", "GetTemplate", "DeleteStack", "RollbackStack", "ContinueUpdateRollback",
		"UpdateTerminationProtection", "TagResource", "UntagResource",
	} {
		needs = append(needs, stack(action, "egress", ""))
	}
	for _, kind := range []string{"elastic-ip", "natgateway", "route-table", "subnet"} {
		needs = append(needs, thing("CreateTags", kind, "kube-1", program, ours...), thing("DeleteTags", kind, "kube-1", program, awsec2.TagOwner, "formerly"))
	}
	refusals := map[string][]iamAsk{
		"another stack is deleted":                   stack("DeleteStack", "egress-2", ""),
		"another stack is read":                      stack("GetTemplate", "other", ""),
		"another stack is changed":                   stack("ExecuteChangeSet", "other", "static-egress-1"),
		"somebody's change set is executed":          stack("ExecuteChangeSet", "egress", "by-hand"),
		"somebody's change set is deleted":           stack("DeleteChangeSet", "egress", "by-hand"),
		"the stack is changed without a change set":  stack("UpdateStack", "egress", ""),
		"another object is written":                  object("PutObject", "templates/other/static-egress-1.json"),
		"another object is read":                     object("GetObject", "templates/secret"),
		"another bucket is written":                  object("PutObject", "other/egress/static-egress-1.json"),
		"a tag of another cluster's is taken off":    thing("DeleteTags", "subnet", "kube-2", program, "team"),
		"a tag of another controller's is taken off": thing("DeleteTags", "subnet", "kube-1", "other", "team"),
		"another cluster's thing is tagged":          thing("CreateTags", "subnet", "kube-2", program, "team"),
		"another controller's thing is tagged":       thing("CreateTags", "subnet", "kube-1", "other", "team"),
		"ours gets the tag of the DMZ":               thing("CreateTags", "route-table", "kube-1", program, "AvailabilityZone"),
		"an address is released":                     thing("ReleaseAddress", "elastic-ip", "kube-1", program),
		"an address is taken away from what uses it": thing("DisassociateAddress", "elastic-ip", "kube-1", program),
		"another cluster's subnet is set up":         thing("ModifySubnetAttribute", "subnet", "kube-2", program),
		"the tag of the cluster is taken off":        thing("DeleteTags", "elastic-ip", "kube-1", program, awsec2.TagCluster),
		"the tag of the zone is taken off, and more": thing("DeleteTags", "elastic-ip", "kube-1", program, "team", awsec2.TagZone),
		"the tag of the role is taken off":           thing("DeleteTags", "natgateway", "kube-1", program, awsec2.TagRole),
		"the tag of the controller is taken off too": thing("DeleteTags", "natgateway", "kube-1", program, awsec2.TagController, "team"),
	}
	if !p.allowsAll(thing("ModifySubnetAttribute", "subnet", "kube-1", program)) {
		t.Error("our subnets cannot be set up")
	}
	about := []string{"ReadTheStack", "ChangeTheStackByOurChangeSets", "MendTheStack", "TemplatesInTheBucket", "TagWhatIsOurs", "TakeOffOtherTags"}
	wantNothingIdle(t, p, func(sid string) bool { return slices.Contains(about, sid) }, needs, refusals)
}
