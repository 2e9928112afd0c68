package inmemory_test

import (
	"context"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// obstacle is somebody's route where the stack wants to put its own.
func (c *cloud) obstacle() {
	c.AddRoute(c.tableA, inmemory.Route{Destination: prefix(taken), Target: c.igw})
}

// onceBy fails the first calls of a stack of an operation, as often as it says.
func onceBy(operation string, times int, phase inmemory.Phase) inmemory.Hook {
	return func(ctx context.Context, call inmemory.Call, p inmemory.Phase) error {
		if call.Operation == operation && p == phase && inmemory.ByStack(ctx) == "egress" && times > 0 {
			times--
			return errFault
		}
		return nil
	}
}

func TestFailedCreate(t *testing.T) {
	for _, test := range []struct{ policy, left string }{
		{"Delete", ""},
		{"Retain", "address"}, // AWS.md E: it leaks
		{"RetainExceptOnCreate", ""},
	} {
		t.Run(test.policy, func(t *testing.T) {
			inCloud(t, inmemory.Options{Pending: time.Minute, Deleting: time.Minute}, inmemory.CloudFormationOptions{Step: time.Second}, func(c *cloud) {
				c.obstacle()
				c.apply(c.plan(targetA, taken).set("Eip", "DeletionPolicy", test.policy), types.ChangeSetTypeCreate, types.StackStatusRollbackComplete)
				c.wantsEC2(test.left)
				c.wantsEvents("CREATE_FAILED Route7x7x7x0x24 Resource handler returned message: \"The route identified by 7.7.7.0/24 already exists. (Service: Ec2, Status Code: 400)\" (HandlerErrorCode: AlreadyExists)\n",
					"ROLLBACK_IN_PROGRESS egress The following resource(s) failed to create: [Route7x7x7x0x24]. Rollback requested by user.\n", "DELETE_COMPLETE Nat\n", "ROLLBACK_COMPLETE egress\n")
				_, err := c.cfn.CreateChangeSet(c.Context(), c.change("late", types.ChangeSetTypeUpdate, c.plan(targetA)))
				c.wants(err, "ValidationError")
				if want := "is in ROLLBACK_COMPLETE state and can not be updated."; !strings.Contains(err.Error(), want) {
					t.Errorf("got %v", err)
				}
				c.wants(c.delete(), "")
				c.wantsEC2(test.left)
			})
		})
	}
}

// One failure cancels what takes longer; what was begun of it is undone too.
func TestCancelledByAFailure(t *testing.T) {
	inCloud(t, inmemory.Options{Pending: time.Minute}, inmemory.CloudFormationOptions{Step: time.Second}, func(c *cloud) {
		p := c.plan()
		p.add("Bad", "Subnet", "VpcId", ref("Late"), "CidrBlock", "10.0.0.0/28", "AvailabilityZone", zoneA)
		p.set("Bad", "Properties.VpcId", c.vpc).set("Bad", "DependsOn", []string{"Default", "Serves"})
		p.add("Good", "Subnet", "VpcId", c.vpc, "CidrBlock", "172.31.64.16/28", "AvailabilityZone", zoneA)
		p.set("Good", "DependsOn", []string{"Default", "Serves"})
		p.add("Later", "RouteTable", "VpcId", att("Good", "VpcId"))
		c.apply(p, types.ChangeSetTypeCreate, types.StackStatusRollbackComplete)
		c.wantsEC2("")
		if events := c.cfn.Events("egress"); !strings.Contains(events, "CREATE_COMPLETE Good") || strings.Contains(events, "Later") {
			t.Errorf("something began after the failure, or what was due with it was not done:\n%s", events)
		}
		c.wantsEvents("CREATE_IN_PROGRESS Nat Resource creation Initiated\n", "CREATE_FAILED Nat Resource creation cancelled\n", "failed to create: [Bad, Nat]. Rollback", "DELETE_COMPLETE Nat\n")
	})
}

func TestFailedGateway(t *testing.T) {
	fail := func(inmemory.Creation) string { return "InternalError" }
	inCloud(t, inmemory.Options{Pending: time.Minute, Fail: fail}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.apply(c.plan(targetA), types.ChangeSetTypeCreate, types.StackStatusRollbackComplete)
		c.wantsEvents("CREATE_FAILED Nat Resource handler returned message: \"NatGateway nat-", "is in state failed and hence failed to stabilize.", "(InternalError)", "NotStabilized")
		c.wantsEC2("")
	})
}

// gone is what Dump tells of things that once were.
var gone = regexp.MustCompile(`(?m)^(nat-gateway \S+ deleted|released) .*\n`)

func TestFailedUpdate(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{Step: time.Second}, func(c *cloud) {
		c.create(c.plan(targetA))
		before, old := c.Dump(), c.plan(targetA).text()
		c.obstacle()
		// Everything at once: an address and a gateway replaced, tags changed, a route removed, one added, one impossible.
		p := c.plan(targetB).set("Eip", "Properties.Tags", tagList("Name", "other"))
		p.add("Eip2", "EIP", "Domain", "vpc")
		p.set("Nat", "Properties.AllocationId", att("Eip2", "AllocationId"))
		p.route(c, taken, "Nat")
		cs := c.submit(types.ChangeSetTypeUpdate, p.text())
		c.execute(cs.ChangeSetId)
		if got := c.template(); got != p.text() {
			t.Errorf("during the update the template is %s", got)
		}
		c.settle()
		c.wantsStatus(types.StackStatusUpdateRollbackComplete)
		c.RemoveRoute(c.tableA, prefix(taken))
		if got := gone.ReplaceAllString(c.Dump(), ""); got != before {
			t.Errorf("got\n%s\nwant\n%s", got, before)
		}
		if got := c.template(); got != old {
			t.Errorf("after the roll-back the template is %s", got)
		}
		c.wantsEvents("UPDATE_ROLLBACK_IN_PROGRESS egress The following resource(s) failed to create: [Route7x7x7x0x24]. \n", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS egress\n", "UPDATE_ROLLBACK_COMPLETE egress\n")
		c.update(p, types.StackStatusUpdateComplete)
		c.wantsEC2("172.31.64.0/28 7.7.7.0/24 9.9.9.0/24 address address available table")
	})
}

// A resource that an update made and that says Retain stays when the update is rolled back.
func TestFailedUpdateLeaks(t *testing.T) {
	for _, test := range []struct{ policy, left string }{{"Retain", wholePathAnd("address")}, {"RetainExceptOnCreate", wholePath}} {
		inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
			c.create(c.plan(targetA))
			c.obstacle()
			p := c.plan(targetA, taken)
			p.add("Eip2", "EIP", "Domain", "vpc")
			c.update(p.set("Eip2", "DeletionPolicy", test.policy), types.StackStatusUpdateRollbackComplete)
			c.wantsEC2(test.left)
		})
	}
}

func wholePathAnd(more string) string {
	return strings.Replace(wholePath, "address", "address "+more, 1)
}

// What a clean-up cannot delete stays in EC2 and is forgotten; a fault that passes is tried over.
func TestCleanUpForgets(t *testing.T) {
	for _, test := range []struct {
		faults int
		left   string
	}{{2, "172.31.64.0/28 address available table"}, {3, wholePath}} {
		inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
			c.create(c.plan(targetA))
			c.SetHook(onceBy("DeleteRoute", test.faults, inmemory.Before))
			c.update(c.plan(), types.StackStatusUpdateComplete)
			c.wantsEC2(test.left)
			c.wantsEvents("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "DELETE_FAILED Route8x8x8x0x24", "UPDATE_COMPLETE egress")
			if reason := aws.ToString(c.stack().StackStatusReason); (reason != "") != (test.faults == 3) {
				t.Errorf("after %d faults: %q", test.faults, reason)
			}
		})
	}
}

// What was deleted behind the stack's back: its deletion succeeds, its update fails, and so does the way back.
func TestGoneBehindItsBack(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		p := c.plan(targetA, targetB)
		p.add("Eip2", "EIP", "Domain", "vpc")
		p.add("Subnet2", "Subnet", "VpcId", c.vpc, "CidrBlock", "172.31.64.16/28", "AvailabilityZone", zoneA)
		p.add("Nat2", "NatGateway", "SubnetId", ref("Subnet2"), "AllocationId", att("Eip2", "AllocationId"))
		c.create(p)
		c.RemoveRoute(c.tableA, prefix(targetA))
		c.update(p.set(routeID(targetA), "Properties.NatGatewayId", ref("Nat2")), types.StackStatusUpdateRollbackFailed)
		c.wantsEvents("UPDATE_FAILED Route8x8x8x0x24 Resource handler returned message: \"There is no route defined", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_FAILED Route8x8x8x0x24", "UPDATE_ROLLBACK_FAILED egress The following resource(s) failed to update: [Route8x8x8x0x24]. ")

		c.wants(c.goOn(), "") // nothing has changed
		c.wantsStatus(types.StackStatusUpdateRollbackFailed)
		c.wants(c.goOn("Nat"), "ValidationError") // did not fail
		c.wants(c.goOn(routeID(targetA)), "")
		c.wantsStatus(types.StackStatusUpdateRollbackComplete)
		c.wants(c.goOn(), "ValidationError")

		c.update(p.without(routeID(targetA)), types.StackStatusUpdateComplete)
		c.RemoveGateway(c.Snapshot().NATGateways[0].ID)
		c.RemoveRoute(c.tableA, prefix(targetB))
		c.wants(c.delete(), "")
		c.wantsEC2("")
	})
}

// A way back that could not be gone is gone when nothing is in the way any more.
func TestContinueUpdateRollback(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		before := c.Dump()
		c.obstacle()
		c.SetHook(onceBy("DeleteTags", 1, inmemory.Before))
		c.update(c.plan(targetA, taken).set("Eip", "Properties.Tags", append(tagList("Name", "egress"), tagList("more", "x")...)), types.StackStatusUpdateRollbackFailed)
		c.wants(c.delete("Eip"), "ValidationError")
		c.wants(c.goOn(), "")
		c.wantsStatus(types.StackStatusUpdateRollbackComplete)
		c.RemoveRoute(c.tableA, prefix(taken))
		if got := c.Dump(); got != before {
			t.Errorf("got\n%s\nwant\n%s", got, before)
		}
	})
}

// A lost answer leaves a thing that no stack knows.
func TestLostAnswerLeaks(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.SetHook(onceBy("AllocateAddress", 1, inmemory.After))
		c.apply(c.plan(targetA), types.ChangeSetTypeCreate, types.StackStatusRollbackComplete)
		c.wantsEC2("address")
	})
}

func TestFailedDelete(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA).set("Eip", "DeletionPolicy", "RetainExceptOnCreate"))
		c.AddInterface(c.natSubnet())
		c.wants(c.delete("Subnet"), "ValidationError") // not DELETE_FAILED yet
		c.wants(c.delete(), "")
		c.wantsStatus(types.StackStatusDeleteFailed)
		c.wantsEC2("172.31.64.0/28 address")
		c.wantsEvents("DELETE_SKIPPED Eip\n", "DELETE_FAILED Subnet Resource handler", "DELETE_FAILED egress The following resource(s) failed to delete: [Subnet]. \n")
		c.wants(c.delete("Nat"), "ValidationError")
		c.wants(c.delete("Subnet"), "")
		if names := c.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there is %v", names)
		}
		c.wantsEC2("172.31.64.0/28 address")
	})
}

// What a thing needs that could not be deleted is not even tried; the second time all goes.
func TestDeleteTriedAgain(t *testing.T) {
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.create(c.plan(targetA))
		c.SetHook(onceBy("DeleteNatGateway", 1, inmemory.Before))
		c.wants(c.delete(), "")
		c.wantsStatus(types.StackStatusDeleteFailed)
		c.wantsEC2("172.31.64.0/28 address available table")
		if events := c.cfn.Events("egress"); strings.Contains(events, "DELETE_IN_PROGRESS Subnet") {
			t.Errorf("got\n%s", events)
		}
		c.wants(c.delete(), "")
		c.wantsEC2("")
	})
}

// Nobody knows what a change that failed has done, so it is done again, in whatever direction.
func TestUnfinishedChange(t *testing.T) {
	for _, phase := range []inmemory.Phase{inmemory.Before, inmemory.After} {
		inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
			there := func() plan { return c.plan(targetA) }
			elsewhere := there().set(routeID(targetA), "Properties.NatGatewayId", nil).set(routeID(targetA), "Properties.GatewayId", c.igw)
			leads := func(want string) {
				t.Helper()
				for _, table := range c.Snapshot().RouteTables {
					for _, r := range table.Routes {
						if table.ID == c.tableA && r.Destination == prefix(targetA) && !strings.HasPrefix(r.Target, want) {
							t.Errorf("the route leads to %s, want %s", r.Target, want)
						}
					}
				}
			}
			fault := func() { c.SetHook(onceBy("ReplaceRoute", 1, phase)) }
			c.create(there())
			fault()
			c.update(elsewhere, types.StackStatusUpdateRollbackComplete)
			leads("nat-")
			fault()
			c.update(elsewhere, types.StackStatusUpdateFailed, noRollback)
			c.SetHook(onceBy("ReplaceRoute", 1, inmemory.Before))
			c.update(there(), types.StackStatusUpdateRollbackComplete) // back to where it is said to be
			leads("nat-")
			fault()
			c.update(elsewhere, types.StackStatusUpdateFailed, noRollback)
			c.update(elsewhere, types.StackStatusUpdateComplete)
			leads("igw-")
		})
	}
}

// Without a roll-back everything stays as it is; then it can be rolled back or tried again.
func TestRollbackStack(t *testing.T) {
	rollBack := func(c *cloud) error {
		_, err := c.cfn.RollbackStack(c.Context(), &cloudformation.RollbackStackInput{StackName: aws.String("egress")})
		c.settle()
		return err
	}
	inCloud(t, inmemory.Options{}, inmemory.CloudFormationOptions{}, func(c *cloud) {
		c.obstacle()
		c.apply(c.plan(targetA, taken), types.ChangeSetTypeCreate, types.StackStatusCreateFailed, noRollback)
		c.wantsEC2(wholePath)
		c.wants(rollBack(c), "")
		if names := c.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there is %v", names)
		}
		c.wantsEC2("")

		c.create(c.plan(targetA))
		c.wants(rollBack(c), "ValidationError")
		c.update(c.plan(targetB, taken), types.StackStatusUpdateFailed, noRollback)
		c.wantsEC2("172.31.64.0/28 8.8.8.0/24 9.9.9.0/24 address available table")
		c.update(c.plan(targetB, taken), types.StackStatusUpdateFailed, noRollback)
		c.wants(rollBack(c), "")
		c.wantsStatus(types.StackStatusUpdateRollbackComplete)
		c.wantsEC2(wholePath)
		c.update(c.plan(targetB, taken), types.StackStatusUpdateFailed, noRollback)
		c.RemoveRoute(c.tableA, prefix(taken))
		c.update(c.plan(targetB, taken), types.StackStatusUpdateComplete)
		c.wantsEC2("172.31.64.0/28 7.7.7.0/24 9.9.9.0/24 address available table")
	})
}

func (c *cloud) goOn(skip ...string) error {
	_, err := c.cfn.ContinueUpdateRollback(c.Context(), &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String("egress"), ResourcesToSkip: skip})
	c.settle()
	return err
}

func (c *cloud) template() string {
	out, err := c.cfn.GetTemplate(c.Context(), &cloudformation.GetTemplateInput{StackName: aws.String("egress")})
	return aws.ToString(need(c.site, out, err).TemplateBody)
}

func (c *cloud) natSubnet() string {
	for _, n := range c.Snapshot().Subnets {
		if n.CIDR == netip.MustParsePrefix("172.31.64.0/28") {
			return n.ID
		}
	}
	return ""
}

func (c *cloud) change(name string, kind types.ChangeSetType, p plan) *cloudformation.CreateChangeSetInput {
	return &cloudformation.CreateChangeSetInput{StackName: aws.String("egress"), ChangeSetName: &name, ChangeSetType: kind, TemplateBody: aws.String(p.text())}
}
