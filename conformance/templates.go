package conformance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func aTag(key, value string) []types.Tag { return []types.Tag{{Key: &key, Value: &value}} }

// tagsOf are the tags of the one address, with ids and the stack's own one taken for what they are.
func (s *site) tagsOf(allocation string) string {
	s.Helper()
	var list []string
	for _, t := range s.listedAddress(allocation).Tags {
		value := aws.ToString(t.Value)
		if value == aws.ToString(s.stack(stackName).StackId) {
			value = "the stack's id"
		}
		list = append(list, aws.ToString(t.Key)+"="+value)
	}
	return sorted(list)
}

var stackTagFacts = []fact{
	{
		name:   "what a stack makes has its own tags, then the stack's, and three of CloudFormation's",
		source: tagsGuide + "; SDK, CreateChangeSetInput.Tags: CloudFormation also propagates these tags to resources",
		aws: "aws:cloudformation:logical-id=Address and aws:cloudformation:stack-id=the stack's id and " +
			"aws:cloudformation:stack-name=egress and stage=live and team=east",
		see: func(s *site) string {
			in := changeSetInput("one", creates, resources{}.add("Address", "EIP", "Domain", "vpc", "Tags", withTag("team", "east")).
				telling(map[string]any{"Id": allocation()}))
			in.Tags = append(aTag("team", "networks"), aTag("stage", "live")...)
			s.deployInput(in)
			return s.tagsOf(s.output("Id"))
		},
	},
	{
		name:   "another tag of the stack's is changed on all that it made, in place",
		source: tagsGuide + "; SDK, UpdateStackInput.Tags",
		aws:    "Modify Address False, UPDATE_COMPLETE, owner=two, owner=two",
		see: func(s *site) string {
			body := resources{}.add("Address", "EIP", "Domain", "vpc").telling(map[string]any{"Id": allocation()})
			in := changeSetInput("one", creates, body)
			in.Tags = aTag("owner", "one")
			s.deployInput(in)
			in = changeSetInput("two", updates, body)
			in.Tags = aTag("owner", "two")
			do(s, s.CloudFormation.CreateChangeSet, in)
			s.Hands.Settle(s.T, stackName)
			changes := s.changesText("two")
			s.execute("two")
			has := "another"
			if strings.Contains(s.tagsOf(s.output("Id")), "owner=two") {
				has = "owner=two"
			}
			return say(changes, s.status(), stackTags(s.stack(stackName).Tags), has)
		},
	},
	{
		name:   "no stack has a tag of AWS's own",
		source: tagsGuide + ": the prefix aws: is reserved; with which code it is refused, it does not say",
		aws:    "refused",
		see: func(s *site) string {
			in := changeSetInput("one", creates, s.declare("A").text())
			in.Tags = aTag("aws:mine", "1")
			return refused(try(s, s.CloudFormation.CreateChangeSet, in))
		},
	},
	{
		name:   "Ref of an address is the address, and an attribute is its id",
		source: "CloudFormation template reference, \"AWS::EC2::EIP\": Return values",
		aws:    "its address",
		see: func(s *site) string {
			s.deploy(creates, kept("").telling(map[string]any{"Ip": ref("Address"), "Id": allocation()}))
			if have := aws.ToString(s.listedAddress(s.output("Id")).PublicIp); have == "" || have != s.output("Ip") {
				return fmt.Sprintf("%s, and the output is %s", have, s.output("Ip"))
			}
			return "its address"
		},
	},
	{
		name:   "Ref of the others is their id",
		source: "CloudFormation template reference, \"AWS::EC2::Subnet\", \"AWS::EC2::RouteTable\", \"AWS::EC2::NatGateway\": Return values",
		rules:  Rules{Swift: true},
		aws:    "subnet, rtb, nat",
		see: func(s *site) string {
			s.deploy(creates, s.wholePath("1").telling(map[string]any{"N": ref("Net"), "T": ref("Table"), "G": ref("Gateway")}))
			kind := func(name string) string {
				kind, _, _ := strings.Cut(s.output(name), "-")
				return kind
			}
			return say(kind("N"), kind("T"), kind("G"))
		},
	},
}

var templateFacts = []fact{
	{
		name:   "a template is given back as it was submitted, to the byte",
		source: "SDK, GetTemplate, TemplateStageOriginal",
		aws:    "the same",
		see: func(s *site) string {
			body := "{ \"Resources\" :\n\t{ \"A\": {\"Type\":\"AWS::EC2::RouteTable\", \"Properties\":{\"VpcId\":\"" + s.VPC + "\"}}}}\n"
			s.deploy(creates, body)
			return s.template(map[string]string{"the same": body})
		},
	},
	{
		name:   "a change set's template is given by its name, and is the stack's when it is executed",
		source: "SDK, GetTemplateInput.ChangeSetName",
		aws:    "the new one, the old one, the new one",
		see: func(s *site) string {
			old, next := s.declare("A").text(), s.declare("B").text()
			which := map[string]string{"the old one": old, "the new one": next}
			s.deploy(creates, old)
			s.propose("one", updates, next)
			proposed := "another"
			if next == aws.ToString(do(s, s.CloudFormation.GetTemplate, &cloudformation.GetTemplateInput{StackName: aws.String(stackName), ChangeSetName: aws.String("one")}).TemplateBody) {
				proposed = "the new one"
			}
			before := s.template(which)
			s.execute("one")
			return say(proposed, before, s.template(which))
		},
	},
	{
		name:   "a call takes 51,200 bytes of a template",
		source: stackQuotas,
		aws:    "ok, ValidationError",
		see: func(s *site) string {
			body := s.declare("A").text()
			return say(s.propose("one", creates, body+strings.Repeat(" ", 51_200-len(body))), s.propose("two", creates, body+strings.Repeat(" ", 51_201-len(body))))
		},
	},
	{
		name:   "a template has at most 500 resources",
		source: stackQuotas,
		aws:    "ok, ValidationError",
		see: func(s *site) string {
			r := resources{}
			for i := range 500 {
				r.add(fmt.Sprint("A", i), "EIP")
			}
			fits := s.propose("one", creates, r.text())
			return say(fits, s.propose("two", creates, r.add("B", "EIP").text()))
		},
	},
	{
		name:   "a logical id is alphanumeric",
		source: "CloudFormation user guide, \"Resources\"",
		aws:    "ValidationError",
		see:    func(s *site) string { return s.propose("one", creates, s.declare("A-B").text()) },
	},
	{
		name:   "a template without resources is refused",
		source: "CloudFormation user guide, \"Resources\": required; seen in words: At least one Resources member must be defined",
		aws:    "ValidationError",
		see:    func(s *site) string { return s.propose("one", creates, resources{}.text()) },
	},
	{
		name:   "what is referred to must be there",
		source: "seen in words: Unresolved resource dependencies [...] in the Resources block of the template",
		aws:    "ValidationError, ValidationError",
		see: func(s *site) string {
			way := resources{}.add("Way", "Route", "RouteTableId", ref("Nowhere"), "DestinationCidrBlock", target, "GatewayId", s.InternetGateway)
			return say(s.propose("one", creates, way.text()), s.propose("two", creates, s.declare("A").with("A", "DependsOn", []string{"Nowhere"}).text()))
		},
	},
	{
		name:   "nothing waits for itself",
		source: "seen in words: Circular dependency between resources",
		aws:    "ValidationError",
		see: func(s *site) string {
			return s.propose("one", creates, s.declare("A", "B").with("A", "DependsOn", []string{"B"}).with("B", "DependsOn", []string{"A"}).text())
		},
	},
	{
		name:   "what is no template is refused",
		source: "seen in words: Template format error",
		aws:    "ValidationError, ValidationError",
		see:    func(s *site) string { return say(s.propose("one", creates, "{"), s.propose("two", creates, "[]")) },
	},
}
