package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// stackName is the one stack of each fact.
const stackName = "egress"

var (
	creates = types.ChangeSetTypeCreate
	updates = types.ChangeSetTypeUpdate
)

// resources are a template's, by logical id.
type resources map[string]map[string]any

// add adds a resource; properties are names and values in turn.
func (r resources) add(id, kind string, properties ...any) resources {
	values := map[string]any{}
	for i := 0; i < len(properties); i += 2 {
		values[properties[i].(string)] = properties[i+1] //nolint:forcetypeassert // a name
	}
	r[id] = map[string]any{"Type": "AWS::EC2::" + kind, "Properties": values}
	return r
}

// with gives a resource an attribute, such as a policy.
func (r resources) with(id, name string, v any) resources {
	r[id][name] = v
	return r
}

func (r resources) text() string { return r.telling(nil) }

// telling is the template with outputs.
func (r resources) telling(outputs map[string]any) string {
	t := map[string]any{"Resources": r}
	if len(outputs) > 0 {
		values := map[string]any{}
		for name, v := range outputs {
			values[name] = map[string]any{"Value": v}
		}
		t["Outputs"] = values
	}
	text, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func ref(id string) map[string]any { return map[string]any{"Ref": id} }

// allocation is the id of the resource Address.
func allocation() map[string]any {
	return map[string]any{"Fn::GetAtt": []string{"Address", "AllocationId"}}
}

func withTag(key, value string) []map[string]any {
	return []map[string]any{{"Key": key, "Value": value}}
}

// declare is a template with route tables, which are made in no time and hinder nobody.
func (s *site) declare(ids ...string) resources {
	r := resources{}
	for _, id := range ids {
		r.add(id, "RouteTable", "VpcId", s.VPC)
	}
	return r
}

// obstacle is a resource that cannot be made: its block is somebody's.
func (s *site) obstacle(r resources) resources {
	s.Helper()
	if s.hindered == "" {
		s.hindered = s.subnet("172.31.200.0/28")
	}
	return r.add("Obstacle", "Subnet", "VpcId", s.VPC, "CidrBlock", "172.31.200.0/28", "AvailabilityZone", s.Zones[0])
}

func changeSetInput(name string, kind types.ChangeSetType, body string) *cloudformation.CreateChangeSetInput {
	return &cloudformation.CreateChangeSetInput{
		StackName: aws.String(stackName), ChangeSetName: &name, ChangeSetType: kind, TemplateBody: &body,
	}
}

// propose tries to make a change set, and waits until that has ended.
func (s *site) propose(name string, kind types.ChangeSetType, body string) string {
	s.Helper()
	end := try(s, s.CloudFormation.CreateChangeSet, changeSetInput(name, kind, body))
	s.Hands.Settle(s.T, stackName)
	return end
}

// proposed is a change set with all pages of its changes.
func (s *site) proposed(name string) *cloudformation.DescribeChangeSetOutput {
	s.Helper()
	var all *cloudformation.DescribeChangeSetOutput
	pages := cloudformation.NewDescribeChangeSetPaginator(s.CloudFormation, &cloudformation.DescribeChangeSetInput{
		StackName: aws.String(stackName), ChangeSetName: &name,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		if all != nil {
			page.Changes = slices.Concat(all.Changes, page.Changes)
		}
		all = page
	}
	return all
}

func (s *site) execute(name string) string {
	s.Helper()
	end := try(s, s.CloudFormation.ExecuteChangeSet, &cloudformation.ExecuteChangeSetInput{StackName: aws.String(stackName), ChangeSetName: &name})
	s.Hands.Settle(s.T, stackName)
	return end
}

// deploy makes and executes a change set, and gives the stack's status in the end.
func (s *site) deploy(kind types.ChangeSetType, body string) string {
	s.Helper()
	return s.deployInput(changeSetInput(s.nextName(), kind, body))
}

func (s *site) deployInput(in *cloudformation.CreateChangeSetInput) string {
	s.Helper()
	do(s, s.CloudFormation.CreateChangeSet, in)
	s.Hands.Settle(s.T, stackName)
	if end := s.execute(*in.ChangeSetName); end != ok {
		return end + ", " + s.status()
	}
	return s.status()
}

func (s *site) nextName() string {
	s.changeSets++
	return fmt.Sprint("change-", s.changeSets)
}

// stack is the stack of that name or id.
func (s *site) stack(name string) types.Stack {
	s.Helper()
	return do(s, s.CloudFormation.DescribeStacks, &cloudformation.DescribeStacksInput{StackName: &name}).Stacks[0]
}

// status is the stack's, or how the question ended.
func (s *site) status() string {
	s.Helper()
	out, err := s.CloudFormation.DescribeStacks(s.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stackName)})
	if err != nil {
		return ending(err)
	}
	return string(out.Stacks[0].StackStatus)
}

func (s *site) deleteStack(retain ...string) string {
	s.Helper()
	end := try(s, s.CloudFormation.DeleteStack, &cloudformation.DeleteStackInput{StackName: aws.String(stackName), RetainResources: retain})
	s.Hands.Settle(s.T, stackName)
	return end
}

// template is what GetTemplate gives, compared with others.
func (s *site) template(of map[string]string) string {
	s.Helper()
	body := aws.ToString(do(s, s.CloudFormation.GetTemplate, &cloudformation.GetTemplateInput{StackName: aws.String(stackName)}).TemplateBody)
	for name, text := range of {
		if body == text {
			return name
		}
	}
	return "another"
}

// events are the stack's, the oldest first: "LOGICAL-ID STATUS".
func (s *site) events() []string {
	s.Helper()
	var list []string
	pages := cloudformation.NewDescribeStackEventsPaginator(s.CloudFormation, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stackName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range page.StackEvents {
			list = append(list, aws.ToString(e.LogicalResourceId)+" "+string(e.ResourceStatus))
		}
	}
	slices.Reverse(list)
	return list
}

// inOrder says in which order some events happened.
func (s *site) inOrder(events ...string) string {
	s.Helper()
	var found []string
	for _, e := range s.events() {
		if slices.Contains(events, e) && !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	return strings.Join(found, " then ")
}

// changesText is a change set's changes: "ACTION ID REPLACEMENT POLICY", sorted.
func (s *site) changesText(name string) string {
	s.Helper()
	var list []string
	for _, c := range s.proposed(name).Changes {
		r := c.ResourceChange
		words := []string{string(r.Action), aws.ToString(r.LogicalResourceId), string(r.Replacement), string(r.PolicyAction)}
		list = append(list, strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
	}
	return sorted(list)
}

// ours counts what EC2 has that a stack made.
func (s *site) ours() string {
	s.Helper()
	by := func(list []ec2types.Tag) bool {
		return slices.ContainsFunc(list, func(t ec2types.Tag) bool {
			return aws.ToString(t.Key) == "aws:cloudformation:stack-name" && aws.ToString(t.Value) == stackName
		})
	}
	var tables, subnets, addresses int
	for _, t := range do(s, s.EC2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{}).RouteTables {
		if by(t.Tags) {
			tables++
		}
	}
	for _, n := range do(s, s.EC2.DescribeSubnets, &ec2.DescribeSubnetsInput{}).Subnets {
		if by(n.Tags) {
			subnets++
		}
	}
	for _, a := range do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses {
		if by(a.Tags) {
			addresses++
		}
	}
	return fmt.Sprintf("%d tables %d subnets %d addresses", tables, subnets, addresses)
}

// output is one of the stack's, "none" if there is none of that name.
func (s *site) output(name string) string {
	s.Helper()
	for _, o := range s.stack(stackName).Outputs {
		if aws.ToString(o.OutputKey) == name {
			return aws.ToString(o.OutputValue)
		}
	}
	return "none"
}
