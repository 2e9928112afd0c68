package inmemory_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

const (
	targetA = "8.8.8.0/24"
	targetB = "9.9.9.0/24"
	taken   = "7.7.7.0/24"
)

// cloud is an EC2 with the seeded site and a CloudFormation over it, in a bubble.
type cloud struct {
	*site
	cfn *inmemory.CloudFormation
}

// inCloud runs a test in a bubble, where all that takes time is over in no time.
func inCloud(t *testing.T, o inmemory.Options, co inmemory.CloudFormationOptions, test func(c *cloud)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := seed(t, o)
		e := s.EC2
		if o.Now == nil { // the bubble's own clock, which its sleeps move
			o.Now = time.Now
			e = inmemory.Seed(o, tagKey, []string{zoneA, zoneB})
		}
		s.EC2 = e
		test(&cloud{site: s, cfn: inmemory.NewCloudFormation(e, co)})
	})
}

// plan is the template of a stack such as ours: one path in zone A, and its routes.
type plan map[string]any

func (c *cloud) plan(routes ...string) plan {
	p := plan{}
	name := []map[string]any{{"Key": "Name", "Value": "egress"}}
	p.add("Eip", "EIP", "Domain", "vpc", "Tags", name)
	p.add("Subnet", "Subnet", "VpcId", c.vpc, "CidrBlock", "172.31.64.0/28", "AvailabilityZone", zoneA, "Tags", name)
	p.add("Table", "RouteTable", "VpcId", c.vpc, "Tags", name)
	p.add("Default", "Route", "RouteTableId", ref("Table"), "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", c.igw)
	p.add("Serves", "SubnetRouteTableAssociation", "RouteTableId", ref("Table"), "SubnetId", ref("Subnet"))
	p.add("Nat", "NatGateway", "SubnetId", ref("Subnet"), "AllocationId", att("Eip", "AllocationId"), "Tags", name)
	p["Nat"].(map[string]any)["DependsOn"] = []string{"Default", "Serves"}
	for _, route := range routes {
		p.route(c, route, "Nat")
	}
	return p
}

func routeID(cidr string) string {
	return "Route" + strings.NewReplacer(".", "x", "/", "x").Replace(cidr)
}

func (p plan) route(c *cloud, cidr, gateway string) {
	p.add(routeID(cidr), "Route", "RouteTableId", c.tableA, "DestinationCidrBlock", cidr, "NatGatewayId", ref(gateway))
}

func (p plan) add(id, kind string, properties ...any) {
	values := map[string]any{}
	for i := 0; i < len(properties); i += 2 {
		values[properties[i].(string)] = properties[i+1]
	}
	p[id] = map[string]any{"Type": "AWS::EC2::" + kind, "Properties": values}
}

// set changes an attribute of a resource ("DeletionPolicy"), or a property ("Properties.Tags"); nil removes it.
func (p plan) set(id, path string, v any) plan {
	where := p[id].(map[string]any)
	if name, ok := strings.CutPrefix(path, "Properties."); ok {
		where, path = where["Properties"].(map[string]any), name
	}
	if v == nil {
		delete(where, path)
		return p
	}
	where[path] = v
	return p
}

func (p plan) without(ids ...string) plan {
	for _, id := range ids {
		delete(p, id)
	}
	return p
}

func ref(id string) map[string]any { return map[string]any{"Ref": id} }
func att(id, attribute string) map[string]any {
	return map[string]any{"Fn::GetAtt": []string{id, attribute}}
}

func tagList(key, value string) []map[string]any {
	return []map[string]any{{"Key": key, "Value": value}}
}

// text is the template.
func (p plan) text() string {
	t := map[string]any{"Resources": p}
	if _, ok := p["Eip"]; ok {
		t["Outputs"] = map[string]any{
			"Ip":         map[string]any{"Value": ref("Eip"), "Description": "the address"},
			"Allocation": map[string]any{"Value": att("Eip", "AllocationId")},
		}
	}
	text, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var changeSets = 0

// submit makes a change set and waits for it.
func (c *cloud) submit(kind types.ChangeSetType, body string) *cloudformation.DescribeChangeSetOutput {
	c.Helper()
	changeSets++
	in := &cloudformation.CreateChangeSetInput{
		StackName: aws.String("egress"), ChangeSetName: aws.String("change-" + strconv.Itoa(changeSets)), ChangeSetType: kind, TemplateBody: &body,
		Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("tests")}},
	}
	out, err := c.cfn.CreateChangeSet(c.Context(), in)
	id := need(c.site, out, err).Id
	c.settle()
	all := &cloudformation.DescribeChangeSetOutput{}
	for in := (&cloudformation.DescribeChangeSetInput{ChangeSetName: id}); ; in.NextToken = all.NextToken {
		page, err := c.cfn.DescribeChangeSet(c.Context(), in)
		changes := append(all.Changes, need(c.site, page, err).Changes...)
		all = page
		if all.Changes = changes; all.NextToken == nil {
			return all
		}
	}
}

func (c *cloud) execute(id *string, options ...func(*cloudformation.ExecuteChangeSetInput)) {
	c.Helper()
	in := &cloudformation.ExecuteChangeSetInput{ChangeSetName: id}
	for _, option := range options {
		option(in)
	}
	_, err := c.cfn.ExecuteChangeSet(c.Context(), in)
	c.wants(err, "")
}

func noRollback(in *cloudformation.ExecuteChangeSetInput) { in.DisableRollback = aws.Bool(true) }

// apply makes and executes a change set, waits, and wants the stack to be in that status then.
func (c *cloud) apply(p plan, kind types.ChangeSetType, want types.StackStatus, options ...func(*cloudformation.ExecuteChangeSetInput)) {
	c.Helper()
	cs := c.submit(kind, p.text())
	if cs.Status != types.ChangeSetStatusCreateComplete {
		c.Fatalf("the change set is %s: %s", cs.Status, aws.ToString(cs.StatusReason))
	}
	c.execute(cs.ChangeSetId, options...)
	c.settle()
	c.wantsStatus(want)
}

func (c *cloud) create(p plan) {
	c.Helper()
	c.apply(p, types.ChangeSetTypeCreate, types.StackStatusCreateComplete)
}

func (c *cloud) update(p plan, want types.StackStatus, options ...func(*cloudformation.ExecuteChangeSetInput)) {
	c.Helper()
	c.apply(p, types.ChangeSetTypeUpdate, want, options...)
}

func (c *cloud) settle() {
	c.Helper()
	c.wants(c.cfn.Settle(c.Context()), "")
}

func (c *cloud) stack() types.Stack {
	c.Helper()
	out, err := c.cfn.DescribeStacks(c.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("egress")})
	return need(c.site, out, err).Stacks[0]
}

func (c *cloud) wantsStatus(want types.StackStatus) {
	c.Helper()
	if s := c.stack(); s.StackStatus != want {
		c.Fatalf("the stack is %s (%s), want %s\n%s", s.StackStatus, aws.ToString(s.StackStatusReason), want, c.cfn.Events("egress"))
	}
}

func (c *cloud) delete(retain ...string) error {
	_, err := c.cfn.DeleteStack(c.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("egress"), RetainResources: retain})
	c.settle()
	return err
}

// has says in short what EC2 has of the stack's kinds: addresses, gateways, NAT subnets, NAT tables, routes in table A.
func (c *cloud) has() string {
	all := c.Snapshot()
	var words []string
	add := func(word string, tags inmemory.Tags) {
		if tags["aws:cloudformation:stack-name"] != "" {
			words = append(words, word)
		}
	}
	for _, a := range all.Addresses {
		add("address", a.Tags)
	}
	for _, g := range all.NATGateways {
		add(string(g.State), g.Tags)
	}
	for _, s := range all.Subnets {
		add(s.CIDR.String(), s.Tags)
	}
	for _, t := range all.RouteTables {
		add("table", t.Tags)
		for _, r := range t.Routes {
			if t.ID == c.tableA && strings.HasPrefix(r.Target, "nat-") {
				words = append(words, r.Destination.String())
			}
		}
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "deleted" })
	slices.Sort(words)
	return strings.Join(words, " ")
}

func (c *cloud) wantsEC2(want string) {
	c.Helper()
	if got := c.has(); got != want {
		c.Errorf("EC2 has %q, want %q\n%s", got, want, c.cfn.Events("egress"))
	}
}

// wantsEvents wants these lines among the events, in this order.
func (c *cloud) wantsEvents(want ...string) {
	c.Helper()
	rest := c.cfn.Events("egress")
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			c.Fatalf("no %q in due order among\n%s", w, c.cfn.Events("egress"))
		}
		rest = after
	}
}

// says is a change set's changes in short.
func says(cs *cloudformation.DescribeChangeSetOutput) string {
	var lines []string
	for _, change := range cs.Changes {
		r := change.ResourceChange
		words := []string{string(r.Action), *r.LogicalResourceId, string(r.Replacement), string(r.PolicyAction)}
		for _, d := range r.Details {
			words = append(words, strings.Join([]string{string(d.Target.Attribute), aws.ToString(d.Target.Name), string(d.Evaluation), string(d.ChangeSource), aws.ToString(d.CausingEntity)}, "/"))
		}
		lines = append(lines, strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
	}
	return strings.Join(lines, "\n")
}

func describe(name string) *cloudformation.DescribeStacksInput {
	return &cloudformation.DescribeStacksInput{StackName: &name}
}
