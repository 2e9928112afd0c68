package inmemory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestTemplatesThatAreRefused(t *testing.T) {
	many := plan{}
	for i := range 501 {
		many.add(fmt.Sprint("Eip", i), "EIP", "Domain", "vpc")
	}
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		good := func() plan { return c.plan(targetA) }
		for name, test := range map[string]struct{ body, want string }{
			"no JSON":            {"Resources:", "Template format error"},
			"unknown section":    {`{"Resources":{"A":{"Type":"AWS::EC2::EIP"}},"Rules":{}}`, "unknown field"},
			"another version":    {`{"AWSTemplateFormatVersion":"1","Resources":{"A":{"Type":"AWS::EC2::EIP"}}}`, "AWSTemplateFormatVersion"},
			"no resources":       {`{"Resources":{}}`, "At least one Resources member must be defined"},
			"too many":           {many.text(), "Number of resources, 501"},
			"a name":             {`{"Resources":{"A-1":{"Type":"AWS::EC2::EIP"}}}`, "non alphanumeric"},
			"unknown type":       {`{"Resources":{"A":{"Type":"AWS::EC2::Instance"}}}`, "Unrecognized resource types: [AWS::EC2::Instance]"},
			"unknown attribute":  {good().set("Eip", "UpdatePolicy", "x").text(), "unknown field"},
			"unknown property":   {good().set("Nat", "Properties.Mode", "x").text(), "unsupported property Mode"},
			"tags on a route":    {good().set("Default", "Properties.Tags", tagList("a", "b")).text(), "unsupported property Tags"},
			"missing property":   {good().set("Subnet", "Properties.CidrBlock", nil).text(), "required key [CidrBlock] not found"},
			"a tag twice":        {good().set("Eip", "Properties.Tags", append(tagList("a", "b"), tagList("a", "c")...)).text(), "twice"},
			"a list":             {good().set("Subnet", "Properties.CidrBlock", []string{"x"}).text(), "neither a text nor"},
			"a function":         {good().set("Subnet", "Properties.CidrBlock", map[string]any{"Fn::Sub": "x"}).text(), "neither a text nor"},
			"unresolved Ref":     {good().set("Nat", "Properties.SubnetId", ref("None")).text(), "Unresolved resource dependencies [None] in the Resources block"},
			"unresolved need":    {good().set("Nat", "DependsOn", "None").text(), "Unresolved resource dependencies [None] in the Resources block"},
			"unresolved output":  {`{"Resources":{"A":{"Type":"AWS::EC2::EIP"}},"Outputs":{"O":{"Value":{"Ref":"B"}}}}`, "[B] in the Outputs block"},
			"output without one": {`{"Resources":{"A":{"Type":"AWS::EC2::EIP"}},"Outputs":{"O":{}}}`, "missing"},
			"unknown GetAtt":     {good().set("Nat", "Properties.AllocationId", att("Eip", "Id")).text(), "does not support attribute type Id"},
			"a circle":           {good().set("Subnet", "DependsOn", "Nat").text(), "Circular dependency between resources: [Nat, "},
			"unknown policy":     {good().set("Eip", "DeletionPolicy", "Keep").text(), "Unrecognized DeletionPolicy"},
			"no such policy":     {good().set("Eip", "UpdateReplacePolicy", "RetainExceptOnCreate").text(), "Unrecognized UpdateReplacePolicy"},
		} {
			_, err := c.cfn.CreateChangeSet(c.Context(), &cloudformation.CreateChangeSetInput{
				StackName: aws.String("egress"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &test.body,
			})
			if codeOf(err) != "ValidationError" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		c.create(good())
		p := good().without(routeID(targetA))
		p.add(routeID(targetA), "EIP")
		_, err := c.cfn.CreateChangeSet(c.Context(), c.change("x", types.ChangeSetTypeUpdate, p))
		c.wants(err, "ValidationError")
	})
}
