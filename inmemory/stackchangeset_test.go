package inmemory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestChangeSetSays(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *cloud, p plan) plan
		want   string
	}{
		{"a route more", func(c *cloud, p plan) plan { p.route(c, targetB, "Nat"); return p }, "Add Route9x9x9x0x24"},
		{"a route less", func(_ *cloud, p plan) plan { return p.without(routeID(targetA)) }, "Remove Route8x8x8x0x24 Delete"},
		{"an address less", func(_ *cloud, p plan) plan { return p.without(routeID(targetA), "Nat", "Eip") }, "Remove Eip Retain\nRemove Nat Delete\nRemove Route8x8x8x0x24 Delete"},
		{"a route elsewhere", func(c *cloud, p plan) plan {
			return p.set(routeID(targetA), "Properties.GatewayId", c.igw).set(routeID(targetA), "Properties.NatGatewayId", nil)
		}, "Modify Route8x8x8x0x24 False Properties/GatewayId/Static/DirectModification/ Properties/NatGatewayId/Static/DirectModification/"},
		{"a route through a new gateway", func(_ *cloud, p plan) plan {
			p.add("Nat2", "NatGateway", "SubnetId", ref("Subnet"), "AllocationId", "eipalloc-1")
			return p.set(routeID(targetA), "Properties.NatGatewayId", ref("Nat2"))
		}, "Add Nat2\nModify Route8x8x8x0x24 False Properties/NatGatewayId/Dynamic/DirectModification/"},
		{"another target under the same id", func(_ *cloud, p plan) plan {
			return p.set(routeID(targetA), "Properties.DestinationCidrBlock", targetB)
		}, "Modify Route8x8x8x0x24 True ReplaceAndDelete Properties/DestinationCidrBlock/Static/DirectModification/"},
		{"another block", func(_ *cloud, p plan) plan {
			return p.set("Subnet", "Properties.CidrBlock", "172.31.64.16/28").set("Subnet", "UpdateReplacePolicy", "Retain").set("Nat", "UpdateReplacePolicy", "Retain")
		}, strings.Join([]string{
			"Modify Nat Conditional ReplaceAndDelete Properties/SubnetId/Dynamic/ResourceReference/Subnet",
			"Modify Route8x8x8x0x24 False Properties/NatGatewayId/Dynamic/ResourceReference/Nat",
			"Modify Serves Conditional ReplaceAndDelete Properties/SubnetId/Dynamic/ResourceReference/Subnet",
			"Modify Subnet True ReplaceAndDelete Properties/CidrBlock/Static/DirectModification/",
		}, "\n")},
		// The worst of it: nothing but tags changes, and the gateway may be replaced.
		{"tags of the address", func(_ *cloud, p plan) plan { return p.set("Eip", "Properties.Tags", tagList("a", "b")) }, strings.Join([]string{
			"Modify Eip False Tags//Static/DirectModification/",
			"Modify Nat Conditional ReplaceAndDelete Properties/AllocationId/Dynamic/ResourceAttribute/Eip.AllocationId",
			"Modify Route8x8x8x0x24 False Properties/NatGatewayId/Dynamic/ResourceReference/Nat",
		}, "\n")},
		{"tags of the table", func(_ *cloud, p plan) plan { return p.set("Table", "Properties.Tags", nil) }, "Modify Table False Tags//Static/DirectModification/"},
		{"nothing", func(_ *cloud, p plan) plan { return p }, ""},
		{"the order only", func(_ *cloud, p plan) plan { return p.set("Nat", "DependsOn", []string{"Serves"}) }, ""},
		{"a policy only", func(_ *cloud, p plan) plan { return p.set("Eip", "DeletionPolicy", "Retain") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{ChangesPerPage: 2}, func(c *cloud) {
				before := func() plan { return c.plan(targetA).set("Eip", "DeletionPolicy", "RetainExceptOnCreate") }
				c.create(before())
				cs := c.submit(types.ChangeSetTypeUpdate, test.change(c, before()).text())
				if got := says(cs); got != test.want {
					t.Errorf("got\n%s\nwant\n%s", got, test.want)
				}
				if outputs := strings.Contains(test.name, "address less"); test.want == "" && !outputs {
					if cs.Status != types.ChangeSetStatusFailed || cs.ExecutionStatus != types.ExecutionStatusUnavailable || aws.ToString(cs.StatusReason) != noChanges {
						t.Errorf("got %s, %s, %s", cs.Status, cs.ExecutionStatus, aws.ToString(cs.StatusReason))
					}
					return
				}
				if cs.Status != types.ChangeSetStatusCreateComplete || cs.ExecutionStatus != types.ExecutionStatusAvailable {
					t.Errorf("got %s, %s, %s", cs.Status, cs.ExecutionStatus, aws.ToString(cs.StatusReason))
				}
			})
		})
	}
}

const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

func TestPolicyChanges(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{PolicyChanges: true}, func(c *cloud) {
		c.create(c.plan(targetA))
		cs := c.submit(types.ChangeSetTypeUpdate, c.plan(targetA).set("Table", "DeletionPolicy", "Retain").text())
		if got := says(cs); got != "Modify Table False DeletionPolicy//Static/DirectModification/" {
			t.Errorf("got %s", got)
		}
	})
}

// A policy that changed with something else is taken over, though no change set says so.
func TestPolicyComesAlong(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		c.update(c.plan(targetB).set("Eip", "DeletionPolicy", "Retain"), types.StackStatusUpdateComplete)
		c.wants(c.delete(), "")
		c.wantsEC2("address")
	})
}

func TestOutputsAndStackTagsAreChanges(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		cs := c.submit(types.ChangeSetTypeUpdate, strings.Replace(c.plan(targetA).text(), "the address", "another text", 1))
		if cs.Status != types.ChangeSetStatusCreateComplete || len(cs.Changes) != 0 {
			t.Errorf("got %s, %s", cs.Status, says(cs))
		}
		in := c.change("tags", types.ChangeSetTypeUpdate, c.plan(targetA))
		in.Tags = []types.Tag{}
		_, err := c.cfn.CreateChangeSet(c.Context(), in)
		c.wants(err, "")
		c.settle()
		out, err := c.cfn.DescribeChangeSet(c.Context(), &cloudformation.DescribeChangeSetInput{StackName: aws.String("egress"), ChangeSetName: aws.String("tags")})
		want := []string{"Modify Eip False Tags//Static/DirectModification/", "Modify Nat Conditional", "Modify Subnet False Tags", "Modify Table False Tags"}
		for _, w := range want {
			if got := says(need(c.site, out, err)); !strings.Contains(got, w) {
				t.Errorf("no %q in\n%s", w, got)
			}
		}
	})
}

// Where nothing carries tags, the stack's own still change.
func TestTagsOfTheStackOnly(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		p := plan{}
		p.add("Way", "Route", "RouteTableId", c.tableA, "DestinationCidrBlock", targetA, "GatewayId", c.igw)
		c.create(p)
		in := c.change("tags", types.ChangeSetTypeUpdate, p)
		in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
		out, err := c.cfn.CreateChangeSet(c.Context(), in)
		id := need(c.site, out, err).Id
		c.settle()
		c.execute(id)
		c.settle()
		if tags := c.stack().Tags; len(tags) != 1 || *tags[0].Key != "a" {
			t.Errorf("got %v", tags)
		}
	})
}

func TestChangeSetLife(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{Step: 10 * time.Second, ChangeSetsPerPage: 1}, func(c *cloud) {
		named := func(name string) (*cloudformation.DescribeChangeSetOutput, error) {
			return c.cfn.DescribeChangeSet(c.Context(), &cloudformation.DescribeChangeSetInput{StackName: aws.String("egress"), ChangeSetName: &name})
		}
		status := func(name string) string {
			out, err := named(name)
			if err != nil {
				return codeOf(err)
			}
			return string(out.Status) + " " + string(out.ExecutionStatus)
		}
		wants := func(name, want string) {
			t.Helper()
			if got := status(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		create := func(name string, kind types.ChangeSetType, p plan) error {
			_, err := c.cfn.CreateChangeSet(c.Context(), c.change(name, kind, p))
			return err
		}
		execute := func(name string) error {
			_, err := c.cfn.ExecuteChangeSet(c.Context(), &cloudformation.ExecuteChangeSetInput{StackName: aws.String("egress"), ChangeSetName: &name})
			return err
		}
		remove := func(name string) error {
			_, err := c.cfn.DeleteChangeSet(c.Context(), &cloudformation.DeleteChangeSetInput{StackName: aws.String("egress"), ChangeSetName: &name})
			return err
		}

		c.wants(create("one", types.ChangeSetTypeUpdate, c.plan(targetA)), "ValidationError") // no such stack
		c.wants(create("one", types.ChangeSetTypeCreate, c.plan(targetA)), "")
		c.wantsStatus(types.StackStatusReviewInProgress)
		wants("one", "CREATE_PENDING UNAVAILABLE")
		c.wants(execute("one"), "InvalidChangeSetStatus")
		c.wants(remove("one"), "InvalidChangeSetStatus")
		time.Sleep(6 * time.Second)
		wants("one", "CREATE_IN_PROGRESS UNAVAILABLE")
		time.Sleep(6 * time.Second)
		wants("one", "CREATE_COMPLETE AVAILABLE")
		c.wants(create("one", types.ChangeSetTypeCreate, c.plan(targetA)), "AlreadyExistsException")
		c.wants(create("two", types.ChangeSetTypeUpdate, c.plan(targetA)), "ValidationError") // REVIEW_IN_PROGRESS
		c.wants(create("two", types.ChangeSetTypeCreate, c.plan(targetB)), "")
		c.settle()
		var names []string
		for in := (&cloudformation.ListChangeSetsInput{StackName: aws.String("egress")}); ; {
			out, err := c.cfn.ListChangeSets(c.Context(), in)
			for _, s := range need(c.site, out, err).Summaries {
				names = append(names, *s.ChangeSetName)
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				break
			}
		}
		if fmt.Sprint(names) != "[one two]" {
			t.Errorf("got %v", names)
		}
		if c.template() != "" {
			t.Error("a stack that is reviewed has a template")
		}

		c.wants(execute("two"), "")
		wants("one", "ChangeSetNotFound")
		wants("two", "CREATE_COMPLETE EXECUTE_IN_PROGRESS")
		c.wants(remove("two"), "InvalidChangeSetStatus")
		c.wants(create("three", types.ChangeSetTypeUpdate, c.plan(targetB)), "ValidationError") // CREATE_IN_PROGRESS
		c.settle()
		wants("two", "CREATE_COMPLETE EXECUTE_COMPLETE")
		c.wants(execute("two"), "InvalidChangeSetStatus")
		c.wants(create("two", types.ChangeSetTypeUpdate, c.plan(targetA)), "AlreadyExistsException")
		c.wants(create("three", types.ChangeSetTypeCreate, c.plan(targetA)), "ValidationError") // it is there already
		c.wants(remove("two"), "")
		c.wants(remove("two"), "")
		c.wants(create("two", types.ChangeSetTypeUpdate, c.plan(targetA, taken)), "")
		c.settle()
		c.obstacle()
		c.wants(execute("two"), "")
		c.settle()
		wants("two", "CREATE_COMPLETE EXECUTE_FAILED")
		c.wantsEC2("172.31.64.0/28 9.9.9.0/24 address available table")
	})
}

func TestChangeSetOfADeletedStack(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		c.AddInterface(c.natSubnet())
		cs := c.submit(types.ChangeSetTypeUpdate, c.plan(targetB).text())
		c.wants(c.delete(), "")
		c.wantsStatus(types.StackStatusDeleteFailed)
		_, err := c.cfn.ExecuteChangeSet(c.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: cs.ChangeSetId})
		c.wants(err, "InvalidChangeSetStatus") // OBSOLETE
	})
}

func TestTemplateURL(t *testing.T) {
	bodies := map[string]string{"https://big": strings.Repeat(" ", 1<<20) + "{}"}
	fetch := func(_ context.Context, url string) ([]byte, error) {
		if body, ok := bodies[url]; ok {
			return []byte(body), nil
		}
		return nil, errors.New("NoSuchKey")
	}
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{Fetch: fetch}, func(c *cloud) {
		bodies["https://good"] = strings.Repeat(" ", 60_000) + c.plan(targetA).text()
		submit := func(body, url *string) error {
			_, err := c.cfn.CreateChangeSet(c.Context(), &cloudformation.CreateChangeSetInput{
				StackName: aws.String("egress"), ChangeSetName: aws.String("x"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: body, TemplateURL: url,
			})
			c.settle()
			return err
		}
		c.wants(submit(aws.String(bodies["https://good"]), nil), "ValidationError")
		c.wants(submit(nil, nil), "ValidationError")
		c.wants(submit(aws.String("{}"), aws.String("https://good")), "ValidationError")
		c.wants(submit(nil, aws.String("https://big")), "ValidationError")
		c.wants(submit(nil, aws.String("https://none")), "ValidationError")
		if names := c.cfn.StackNames(); len(names) > 0 {
			t.Errorf("a refused change set made the stack %v", names)
		}
		c.wants(submit(nil, aws.String("https://good")), "")
		c.wantsStatus(types.StackStatusReviewInProgress)
	})
}
