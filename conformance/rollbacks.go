package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

func (s *site) resume(skip ...string) string {
	s.Helper()
	end := try(s, s.CloudFormation.ContinueUpdateRollback, &cloudformation.ContinueUpdateRollbackInput{
		StackName: aws.String(stackName), ResourcesToSkip: skip,
	})
	s.Hands.Settle(s.T, stackName)
	return end
}

// stuck brings about a roll-back that fails: the gateway that a route is to go back to is gone.
func (s *site) stuckRollback() string {
	s.Helper()
	one := s.availableGateway()
	two := s.gateway(s.subnet(block2), s.address())
	s.deploy(creates, s.way(target, one).text())
	s.buried(one)
	bad := s.way(target, two)
	s.obstacle(bad)["Obstacle"]["DependsOn"] = []string{"Way"}
	return s.deploy(updates, bad.text())
}

var rollbackFacts = []fact{
	{
		name:   "a stack that cannot be made is rolled back, and can only be deleted",
		source: statusGuide + ", ROLLBACK_COMPLETE",
		aws:    "ROLLBACK_COMPLETE, 0 tables 0 subnets 0 addresses, ValidationError, ValidationError, ok, ValidationError",
		see: func(s *site) string {
			end := s.deploy(creates, s.obstacle(s.declare("A")).text())
			return say(end, s.ours(), s.propose("two", updates, s.declare("A").text()), s.propose("three", creates, s.declare("A").text()), s.deleteStack(), s.status())
		},
	},
	{
		name:   "a change that cannot be made is undone, and the stack takes the next one",
		source: statusGuide + ", UPDATE_ROLLBACK_COMPLETE",
		aws:    "UPDATE_ROLLBACK_COMPLETE, 1 tables 0 subnets 0 addresses, UPDATE_COMPLETE, 2 tables 0 subnets 0 addresses",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			end := s.deploy(updates, s.obstacle(s.declare("A", "B")).text())
			there := s.ours()
			return say(end, there, s.deploy(updates, s.declare("A", "C").text()), s.ours())
		},
	},
	{
		name:   "what leaves the template is still there when the change is undone",
		source: updateGuide + ": deletions are in the clean-up, after all else is made",
		aws:    "UPDATE_ROLLBACK_COMPLETE, the same table",
		see: func(s *site) string {
			outputs := map[string]any{"A": ref("A")}
			s.deploy(creates, s.declare("A", "B").telling(outputs))
			before := s.output("A")
			end := s.deploy(updates, s.obstacle(s.declare("B")).text())
			which := "another table"
			if s.output("A") == before && s.listedTable(before).RouteTableId != nil {
				which = "the same table"
			}
			return say(end, which)
		},
	},
	{
		name:   "a route goes back to where it led",
		source: statusGuide + ", UPDATE_ROLLBACK_COMPLETE",
		rules:  Rules{Swift: true},
		aws:    "UPDATE_ROLLBACK_COMPLETE, the first gateway",
		see: func(s *site) string {
			one := s.availableGateway()
			two := s.gateway(s.subnet(block2), s.address())
			outputs := map[string]any{"Table": ref("Table")}
			s.deploy(creates, s.way(target, one).telling(outputs))
			bad := s.obstacle(s.way(target, two)).with("Obstacle", "DependsOn", []string{"Way"})
			end := s.deploy(updates, bad.telling(outputs))
			which := "another gateway"
			for _, r := range s.listedTable(s.output("Table")).Routes {
				if aws.ToString(r.NatGatewayId) == one {
					which = "the first gateway"
				}
			}
			return say(end, which)
		},
	},
	{
		name:   "the tags, outputs and template of a change that was undone are undone",
		source: "ministackorg/ministack#1641, for the template; for the rest assumed",
		aws:    "UPDATE_ROLLBACK_COMPLETE, v=1, the old one, old",
		see: func(s *site) string {
			old := s.declare("A").telling(map[string]any{"Say": "old"})
			bad := s.obstacle(s.declare("A")).telling(map[string]any{"Say": "new"})
			in := changeSetInput("one", creates, old)
			in.Tags = aTag("v", "1")
			s.deployInput(in)
			in = changeSetInput("two", updates, bad)
			in.Tags = aTag("v", "2")
			end := s.deployInput(in)
			return say(end, stackTags(s.stack(stackName).Tags), s.template(map[string]string{"the old one": old, "the new one": bad}), s.output("Say"))
		},
	},
	{
		name:   "a roll-back that fails is continued, or does without what cannot be put back",
		source: continueGuide + "; SDK, ContinueUpdateRollbackInput.ResourcesToSkip",
		rules:  Rules{Swift: true},
		aws:    "UPDATE_ROLLBACK_FAILED, ValidationError, ok, UPDATE_ROLLBACK_FAILED, ValidationError, ok, UPDATE_ROLLBACK_COMPLETE",
		see: func(s *site) string {
			end := s.stuckRollback()
			return say(end, s.propose("two", updates, s.declare("A").text()), s.resume(), s.status(), s.resume("Table"), s.resume("Way"), s.status())
		},
	},
	{
		name:   "a stack whose roll-back failed can be deleted",
		source: continueGuide + "; CloudFormation user guide, \"Troubleshooting CloudFormation\"",
		rules:  Rules{Swift: true},
		aws:    "UPDATE_ROLLBACK_FAILED, ok, ValidationError",
		see:    func(s *site) string { return say(s.stuckRollback(), s.deleteStack(), s.status()) },
	},
	{
		name:   "an event says what failed, and why",
		source: "SDK, StackEvent.ResourceStatusReason; CloudFormation user guide, \"Troubleshooting CloudFormation\"",
		aws:    "Obstacle CREATE_FAILED: conflicts with another subnet",
		see: func(s *site) string {
			s.deploy(creates, s.obstacle(s.declare("A")).text())
			out := do(s, s.CloudFormation.DescribeStackEvents, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stackName)})
			for _, e := range out.StackEvents {
				if e.ResourceStatus == "CREATE_FAILED" && strings.Contains(aws.ToString(e.ResourceStatusReason), "conflicts with another subnet") {
					return aws.ToString(e.LogicalResourceId) + " CREATE_FAILED: conflicts with another subnet"
				}
			}
			return "no such event"
		},
	},
}
