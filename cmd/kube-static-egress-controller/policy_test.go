package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// everyFlag are flags that each add something to the policy.
const everyFlag = " --cluster-id=aws:123456789012:eu-central-1:kube-1 --controller-id=egress --vpc-id=vpc-0123456789abcdef0 --tag-key=dmz" +
	" --aws-route-table-tag=team=net${work} --aws-tag=team=network --aws-tag=cost*=1 --take-over=01234567-89ab-cdef-0123-456789abcdef" +
	" --aws-eip-allocation-id=eu-central-1a=eipalloc-0123456789abcdef0 --eip-reclaim-policy=Delete"

func TestPolicyCommand(t *testing.T) {
	for _, s := range []story{
		{name: "policy-ec2", args: "policy --provider=aws-ec2 --cluster-id=kube-1"},
		{name: "policy-ec2-every-flag", args: "policy --provider=aws-ec2" + everyFlag},
		{name: "policy-cfn", args: "policy --provider=aws-cfn --cluster-id=kube-1"},
		{name: "policy-cfn-every-flag", args: "policy --provider=aws-cfn --stack-name=egress --cf-template-bucket=templates" + everyFlag},
		{name: "policy-refused", args: strings.TrimSpace(`
			policy
			policy --provider=inmemory
			policy --provider=aws-ec2
			policy --provider=aws-ec2 --cluster-id=kube-1 --stack-name=x --aws-az=eu-central-1a
			policy --provider=aws-ec2 --cluster-id=kube-1 --aws-eip-allocation-id=a=eipalloc-1,a=eipalloc-2,b=eipalloc-1,c
			policy --provider=aws-ec2 --cluster-id=кластер`)},
	} {
		t.Run(s.name, s.check)
	}
}

// TestPolicyTooLong: what IAM would not take is not printed.
func TestPolicyTooLong(t *testing.T) {
	args := []string{"policy", "--provider=aws-ec2", "--cluster-id=kube-1"}
	for i := range 44 { // as many as EC2 takes
		args = append(args, fmt.Sprintf("--aws-tag=%d%s=x", i, strings.Repeat("k", 100)))
	}
	stdout, stderr, code := execute(t.Context(), story{}, args)
	if code != failed || stdout != "" || !strings.Contains(stderr, "6144") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

// policyOf prints a policy as a user does, and reads it as IAM does.
func policyOf(t *testing.T, args string) iamPolicy {
	t.Helper()
	stdout, stderr, code := execute(t.Context(), story{}, append([]string{"policy"}, strings.Fields(args)...))
	if code != succeeded {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	return readPolicy(t, stdout)
}

func (p iamPolicy) actions() []string {
	var all []string
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestPolicyHasWhatIsCalled: each call that the code can make is an action of the policy, and there is no other action but
// those that are listed here with their reason.
func TestPolicyHasWhatIsCalled(t *testing.T) {
	calls := func(prefix string, api reflect.Type) []string {
		var out []string
		for i := range api.NumMethod() {
			out = append(out, prefix+api.Method(i).Name)
		}
		return out
	}
	const release = "ec2:ReleaseAddress"
	ofEC2 := calls("ec2:", reflect.TypeFor[awsec2.API]())
	ofStack := slices.Concat(ofEC2, calls("cloudformation:", reflect.TypeFor[awscfn.API]()))
	ofBucket := calls("s3:", reflect.TypeFor[awscfn.BucketAPI]())
	byCloudFormation := []string{ // what nobody calls here:
		"cloudformation:TagResource",   // no call: the right to tag a stack
		"cloudformation:UntagResource", // and to let a tag of it go
		"ec2:DeleteTags",               // a tag has another value, or is no longer asked for
		"ec2:DescribeNetworkAcls",      // it reads a subnet so
		"ec2:ModifySubnetAttribute",    // it makes a subnet so
	}
	const byName = "s3:GetObject" // it reads the template with our rights
	for args, want := range map[string][]string{
		"--provider=aws-ec2 --cluster-id=a":                                                       without(ofEC2, release),
		"--provider=aws-ec2 --cluster-id=a --eip-reclaim-policy=Delete":                           ofEC2,
		"--provider=aws-cfn --cluster-id=a":                                                       without(slices.Concat(ofStack, byCloudFormation), release),
		"--provider=aws-cfn --cluster-id=a --eip-reclaim-policy=Delete --cf-template-bucket=some": slices.Concat(ofStack, byCloudFormation, ofBucket, []string{byName}),
	} {
		slices.Sort(want)
		if got := policyOf(t, args).actions(); !slices.Equal(got, want) {
			t.Errorf("%s: the policy has\n%s\nand called is\n%s", args, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func without(list []string, what string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == what })
}

// TestPolicyIsOneThatIAMTakes: each Sid is there once and is made of letters, lists are sorted, and there is room for names
// that are as long as is usual, and longer.
func TestPolicyIsOneThatIAMTakes(t *testing.T) {
	for _, provider := range []string{"--provider=aws-ec2", "--provider=aws-cfn --stack-name=egress --cf-template-bucket=templates"} {
		args := provider + everyFlag
		sids := map[string]bool{}
		for _, s := range policyOf(t, args).Statement {
			if sids[s.Sid] || s.Sid == "" || strings.Trim(s.Sid, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
				t.Errorf("%s: the Sid %q", provider, s.Sid)
			}
			sids[s.Sid] = true
			if !slices.IsSorted(s.Action) || !slices.IsSorted(s.Resource) {
				t.Errorf("%s: %s is not sorted: %s, %s", provider, s.Sid, s.Action, s.Resource)
			}
		}
	}
	roomy := "--provider=aws-cfn --eip-reclaim-policy=Delete --cf-template-bucket=" + strings.Repeat("b", 40) + " --vpc-id=vpc-0123456789abcdef0" +
		" --cluster-id=aws:123456789012:eu-central-1:kube-1 --stack-name=static-egress-kube-1 --take-over=01234567-89ab-cdef-0123-456789abcdef" +
		" --aws-route-table-tag=team=network --aws-tag=team=network --aws-tag=cost-center=1 --aws-tag=application=egress" +
		" --aws-eip-allocation-id=a=eipalloc-0123456789abcdef0,b=eipalloc-0123456789abcdef1,c=eipalloc-0123456789abcdef2"
	stdout, _, code := execute(t.Context(), story{}, append([]string{"policy"}, strings.Fields(roomy)...))
	n := utf8.RuneCountInString(strings.Join(strings.Fields(stdout), ""))
	if code != succeeded || n > maxPolicy {
		t.Errorf("exit %d, %d characters", code, n)
	}
	t.Logf("%d of %d characters", n, maxPolicy)
}

// TestEveryStatementIsExplained: docs/iam.md says of each statement what it is for, and of no other.
func TestEveryStatementIsExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[A-Z].*?) \\|").FindAllSubmatch(page, -1) {
		for _, sid := range regexp.MustCompile("[A-Za-z]+").FindAllString(string(row[1]), -1) {
			explained[sid] = true
		}
	}
	printed := map[string]bool{}
	for _, provider := range []string{"--provider=aws-ec2", "--provider=aws-cfn --stack-name=egress --cf-template-bucket=templates"} {
		for _, s := range policyOf(t, provider+everyFlag).Statement {
			printed[s.Sid] = true
		}
	}
	if !maps.Equal(explained, printed) {
		t.Errorf("explained are\n%s\nand there are\n%s", slices.Sorted(maps.Keys(explained)), slices.Sorted(maps.Keys(printed)))
	}
}

// guardedSite is the site of the README with IAM before it.
type guardedSite struct {
	*testing.T
	*guarded
	flags         []string                 // of policy and of run
	stack         *inmemory.CloudFormation // nil: aws-ec2 is tried
	vpc, internet string
	dmz, workers  string // of the first zone
	brought       string // the address of the first zone, where it is not ours
}

func newGuardedSite(t *testing.T, flags ...string) *guardedSite {
	t.Helper()
	s := &guardedSite{
		T: t, flags: append(flags, "--cluster-id=kube-1"),
		guarded: &guarded{EC2: inmemory.Seed(inmemory.Options{Pending: time.Second, Deleting: time.Second}, "AvailabilityZone", threeZones), asked: map[string][][]iamAsk{}},
	}
	all := s.Snapshot()
	s.vpc, s.internet = all.VPCs[0].ID, all.InternetGateways[0].ID
	for _, table := range all.RouteTables {
		if table.Tags["AvailabilityZone"] == threeZones[0] {
			s.dmz, s.workers = table.ID, table.Associations[0].Subnet
		}
	}
	return s
}

// is gives the site the policy that is printed for these flags.
func (s *guardedSite) is(flags ...string) {
	s.Helper()
	provider := "--provider=aws-ec2"
	if s.stack != nil {
		provider = "--provider=aws-cfn"
	}
	s.policy = policyOf(s.T, strings.Join(slices.Concat([]string{provider}, s.flags, flags), " "))
}

// run brings all to what the ConfigMaps say, with what the policy allows.
func (s *guardedSite) run(configmaps string, flags ...string) (stderr string, code int) {
	s.Helper()
	provider := "--provider=inmemory"
	if s.stack != nil {
		provider = "--provider=aws-cfn"
	}
	args := slices.Concat([]string{
		"run", "--once", provider, "--configmaps=-", "--aws-az=" + strings.Join(threeZones, ","),
		"--aws-nat-cidr-block=172.31.64.0/28,172.31.64.16/28,172.31.64.32/28",
	}, s.flags, flags)
	cloud := func(context.Context, setup, *slog.Logger) (apis, error) {
		a := apis{ec2: s.guarded}
		if s.stack != nil {
			a.cfn = s.stack
		}
		return a, nil
	}
	_, stderr, code = execute(s.Context(), story{stdin: configmaps, cloud: cloud}, args)
	return stderr, code
}

const (
	someClaims = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a, labels: {egress: static}}\ndata: {a: 8.8.8.8/32, b: 9.9.9.9/32}\n"
	noClaims   = "kind: List\napiVersion: v1\nitems: []\n"
)

// live builds everything, repairs what somebody breaks, writes owners and takes all down again, with the very policy that is
// printed for it.
func (s *guardedSite) live() {
	s.Helper()
	s.is()
	s.must("build", someClaims)
	table, subnet, gateway := s.of("rtb", threeZones[0]), s.of("subnet", threeZones[0]), s.of("nat", threeZones[1])
	everywhere, google := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("8.8.8.8/32")
	s.RemoveRoute(table, everywhere)
	s.AddRoute(table, inmemory.Route{Destination: everywhere, Target: "eni-1"})
	s.RemoveRoute(s.dmz, google)
	s.AddRoute(s.dmz, inmemory.Route{Destination: google, Target: gateway})
	s.Associate(s.AddRouteTable(s.vpc, inmemory.Tags{}), subnet)
	s.Settle()
	s.must("repair", someClaims)
	s.RemoveGateway(gateway)
	s.Settle()
	s.must("make again", someClaims)
	for _, id := range []string{table, subnet, s.of("nat", threeZones[0]), s.of("eipalloc", threeZones[1])} {
		for _, owner := range []string{"uid-1", "uid-2"} { // the first takes nobody's things, the second is told to take them over
			if owner == "uid-2" {
				s.is("--take-over=uid-1")
			}
			if _, err := s.CreateTags(s.Context(), ownedBy(owner, id)); err != nil {
				s.Errorf("%s cannot own %s: %v", owner, id, err)
			}
		}
		s.RemoveTags(id, awsec2.TagOwner)
		s.is()
	}
	s.must("take down", noClaims)
	s.is("--eip-reclaim-policy=Delete")
	s.must("release", noClaims, "--eip-reclaim-policy=Delete", "--release-delay=0s")
}

// must runs, and nothing is denied.
func (s *guardedSite) must(what, configmaps string, flags ...string) {
	s.Helper()
	if stderr, code := s.run(configmaps, flags...); code != succeeded || len(s.denied) > 0 {
		s.Fatalf("%s: exit %d, denied are %s\n%s", what, code, strings.Join(s.denied, "\n"), stderr)
	}
}

func ownedBy(owner string, ids ...string) *ec2.CreateTagsInput {
	return &ec2.CreateTagsInput{Resources: ids, Tags: sdkTags(map[string]string{awsec2.TagOwner: owner})}
}

func sdkTags(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

// of is the thing of ours in a zone, by the beginning of its id.
func (s *guardedSite) of(kind, zone string) string {
	s.Helper()
	all := s.Snapshot()
	var ids []string
	add := func(id string, tags inmemory.Tags) {
		if tags[awsec2.TagZone] == zone && strings.HasPrefix(id, kind+"-") {
			ids = append(ids, id)
		}
	}
	for _, x := range all.Addresses {
		add(x.ID, x.Tags)
	}
	for _, x := range all.NATGateways {
		if x.Deleted.IsZero() {
			add(x.ID, x.Tags)
		}
	}
	for _, x := range all.RouteTables {
		add(x.ID, x.Tags)
	}
	for _, x := range all.Subnets {
		add(x.ID, x.Tags)
	}
	if len(ids) != 1 {
		s.Fatalf("in %s there is of %s: %s", zone, kind, ids)
	}
	return ids[0]
}

// variants are the ways in which a policy and what runs with it can be set up.
var variants = map[string]func(*testing.T) *guardedSite{
	"plain": func(t *testing.T) *guardedSite { return newGuardedSite(t) },
	"with every flag": func(t *testing.T) *guardedSite {
		s := newGuardedSite(t, "--aws-tag=team=network", "--aws-route-table-tag=dmz=yes")
		for _, table := range s.Snapshot().RouteTables {
			if table.Tags["AvailabilityZone"] != "" {
				s.SetTags(table.ID, inmemory.Tags{"dmz": "yes"})
			}
		}
		s.brought = s.Allocate(inmemory.Tags{})
		s.Settle()
		s.flags = append(s.flags, "--vpc-id="+s.vpc, "--aws-eip-allocation-id="+threeZones[0]+"="+s.brought)
		return s
	},
}

// oursIn are the tags of what is ours.
func oursIn(zone, role string) inmemory.Tags {
	return inmemory.Tags{
		awsec2.TagCluster: "kube-1", awsec2.TagController: program, awsec2.TagRole: role, awsec2.TagZone: zone, "Name": "kube-1-static-egress-" + zone,
	}
}

// TestPolicyIsEnough: what has to be done is allowed, and everything that can be called is called here.
func TestPolicyIsEnough(t *testing.T) {
	for name, stage := range variants {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := stage(t)
				s.live()
				api := reflect.TypeFor[awsec2.API]()
				for i := range api.NumMethod() {
					operation := api.Method(i).Name
					reads := strings.HasPrefix(operation, "Describe") || strings.HasPrefix(operation, "Get")
					if !reads && len(s.asked[operation]) == 0 {
						t.Errorf("%s was not called", operation)
					}
				}
			})
		})
	}
}

// TestPolicyRetains: under Retain not even a program that wants to can release an address.
func TestPolicyRetains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGuardedSite(t)
		s.is()
		if stderr, code := s.run(someClaims); code != succeeded {
			t.Fatal(stderr)
		}
		stderr, code := s.run(noClaims, "--eip-reclaim-policy=Delete", "--release-delay=0s")
		if code == succeeded || !strings.Contains(stderr, "UnauthorizedOperation") || len(s.Snapshot().Addresses) != len(threeZones) {
			t.Errorf("exit %d, %d addresses are left\n%s", code, len(s.Snapshot().Addresses), stderr)
		}
	})
}
