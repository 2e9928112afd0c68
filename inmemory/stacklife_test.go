package inmemory_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

const wholePath = "172.31.64.0/28 8.8.8.0/24 address available table"

func TestStackLife(t *testing.T) {
	inCloud(t, inmemory.Options{Pending: 90 * time.Second, Deleting: time.Minute}, inmemory.CloudFormationOptions{Step: 2 * time.Second}, func(c *cloud) {
		c.create(c.plan(targetA))
		c.wantsEC2(wholePath)
		c.wantsEvents("REVIEW_IN_PROGRESS egress User Initiated\n", "CREATE_IN_PROGRESS egress User Initiated\n", "CREATE_IN_PROGRESS Eip\n", "CREATE_IN_PROGRESS Eip Resource creation Initiated\n", "CREATE_COMPLETE Eip\n", "CREATE_COMPLETE Nat\n", "CREATE_COMPLETE Route8x8x8x0x24\n", "CREATE_COMPLETE egress\n")
		outputs := map[string]string{}
		for _, o := range c.stack().Outputs {
			outputs[*o.OutputKey] = *o.OutputValue
		}
		a := c.Snapshot().Addresses[0]
		if outputs["Ip"] != a.IP.String() || outputs["Allocation"] != a.ID {
			t.Errorf("outputs %v of %v", outputs, a)
		}

		c.update(c.plan(targetA, targetB), types.StackStatusUpdateComplete)
		c.wantsEC2("172.31.64.0/28 8.8.8.0/24 9.9.9.0/24 address available table")
		c.update(c.plan(targetB), types.StackStatusUpdateComplete)
		c.wantsEC2("172.31.64.0/28 9.9.9.0/24 address available table")
		c.wantsEvents("UPDATE_IN_PROGRESS egress User Initiated\n", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS egress\n", "DELETE_COMPLETE Route8x8x8x0x24\n", "UPDATE_COMPLETE egress\n")

		id := c.stack().StackId
		c.wants(c.delete(), "")
		c.wantsEC2("")
		_, err := c.cfn.DescribeStacks(c.Context(), describe("egress"))
		c.wants(err, "ValidationError")
		out, err := c.cfn.DescribeStacks(c.Context(), describe(*id))
		if got := need(c.site, out, err).Stacks[0]; got.StackStatus != types.StackStatusDeleteComplete || got.DeletionTime == nil {
			t.Errorf("got %v", got)
		}
		c.create(c.plan(targetA)) // the name is free again
		if *c.stack().StackId == *id {
			t.Error("another stack has the same id")
		}
	})
}

// What takes how long: the actions that do not need each other go side by side, and a gateway is waited for.
func TestStackTakesItsTime(t *testing.T) {
	o := inmemory.Options{Pending: 90 * time.Second, Deleting: time.Minute}
	inCloud(t, o, inmemory.CloudFormationOptions{Step: 2 * time.Second}, func(c *cloud) {
		cs := c.submit(types.ChangeSetTypeCreate, c.plan(targetA, targetB).text())
		began := time.Now()
		c.execute(cs.ChangeSetId)
		c.wantsStatus(types.StackStatusCreateInProgress)
		time.Sleep(time.Minute)
		c.wantsStatus(types.StackStatusCreateInProgress)
		c.settle()
		// the begin, then address, subnet and table, then route and association, then the gateway and its 90 s, then the routes
		if took := time.Since(began).Round(time.Second); took != 100*time.Second {
			t.Errorf("took %s\n%s", took, c.cfn.Events("egress"))
		}
	})
}

// At Step 0 too, who looks at once sees the operation in progress.
func TestStackWithoutSteps(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		cs := c.submit(types.ChangeSetTypeCreate, c.plan(targetA).text())
		c.execute(cs.ChangeSetId)
		for range 1000 { // an operation that took no time would be through before long
			runtime.Gosched()
		}
		c.wantsStatus(types.StackStatusCreateInProgress)
		time.Sleep(time.Millisecond)
		c.wantsStatus(types.StackStatusCreateComplete)
		c.wantsEC2(wholePath)
	})
}

func TestStackTags(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA).set("Eip", "Properties.Tags", append(tagList("owner", "itself"), tagList("old", "x")...)))
		id := *c.stack().StackId
		tags := c.Snapshot().Addresses[0].Tags.String()
		if want := "{aws:cloudformation:logical-id=Eip, aws:cloudformation:stack-id=" + id + ", aws:cloudformation:stack-name=egress, old=x, owner=itself}"; tags != want {
			t.Errorf("got  %s\nwant %s", tags, want)
		}
		gateway := c.Snapshot().NATGateways[0]
		if gateway.Tags["owner"] != "tests" || gateway.Tags["Name"] != "egress" {
			t.Errorf("got %s", gateway.Tags)
		}
		c.update(c.plan(targetA).set("Eip", "Properties.Tags", tagList("new", "y")), types.StackStatusUpdateComplete)
		tags = c.Snapshot().Addresses[0].Tags.String()
		if want := "{aws:cloudformation:logical-id=Eip, aws:cloudformation:stack-id=" + id + ", aws:cloudformation:stack-name=egress, new=y, owner=tests}"; tags != want {
			t.Errorf("got  %s\nwant %s", tags, want)
		}
		if after := c.Snapshot().NATGateways; len(after) != 1 || after[0].ID != gateway.ID {
			t.Error("the gateway was replaced")
		}
	})
}

// A replacement is made first and the old thing deleted last.
func TestStackReplaces(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		old := c.Snapshot().Addresses[0].ID
		// Another address, so another gateway, so the route leads to that one.
		p := c.plan(targetA).without("Eip")
		p.add("Eip2", "EIP", "Domain", "vpc")
		p.set("Nat", "Properties.AllocationId", att("Eip2", "AllocationId"))
		c.update(p, types.StackStatusUpdateComplete)
		c.wantsEC2(wholePath)
		if c.Snapshot().Addresses[0].ID == old {
			t.Error("it is the old address")
		}
		c.wantsEvents("UPDATE_IN_PROGRESS Nat Requested update requires the creation of a new physical resource; hence creating one.\n", "UPDATE_COMPLETE Nat\n",
			"UPDATE_COMPLETE Route8x8x8x0x24\n", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "DELETE_COMPLETE Nat\n", "DELETE_COMPLETE Eip\n", "UPDATE_COMPLETE egress\n")
	})
}

func TestPoliciesOfAnUpdate(t *testing.T) {
	for _, test := range []struct {
		name, policy, value, want string
		change                    func(c *cloud, p plan) plan
	}{
		{"removed", "DeletionPolicy", "Delete", "172.31.64.0/28 table", (*cloud).pathGone},
		{"removed and retained", "DeletionPolicy", "Retain", "172.31.64.0/28 address table", (*cloud).pathGone},
		{"removed, not on create", "DeletionPolicy", "RetainExceptOnCreate", "172.31.64.0/28 address table", (*cloud).pathGone},
		{"replaced", "UpdateReplacePolicy", "Delete", wholePath, (*cloud).pathReplaced},
		{"replaced and retained", "UpdateReplacePolicy", "Retain", "172.31.64.0/28 8.8.8.0/24 address address available table", (*cloud).pathReplaced},
		{"replaced, deletion only", "DeletionPolicy", "Retain", wholePath, (*cloud).pathReplaced},
	} {
		t.Run(test.name, func(t *testing.T) {
			inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
				c.create(c.plan(targetA).set("Eip", test.policy, test.value))
				c.update(test.change(c, c.plan(targetA).set("Eip", test.policy, test.value)), types.StackStatusUpdateComplete)
				c.wantsEC2(test.want)
			})
		})
	}
}

// pathGone leaves only the subnet and its table.
func (c *cloud) pathGone(p plan) plan { return p.without("Eip", "Nat", routeID(targetA)) }

// pathReplaced asks for a recovered address, which replaces the address and with it the gateway.
func (c *cloud) pathReplaced(p plan) plan {
	a := c.Allocate(nil)
	for _, address := range c.Snapshot().Addresses {
		if address.ID == a {
			p.set("Eip", "Properties.Address", address.IP.String())
		}
	}
	c.wants(c.release(a), "")
	return p
}
