package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

func (s *site) protect(on bool) string {
	s.Helper()
	return try(s, s.CloudFormation.UpdateTerminationProtection, &cloudformation.UpdateTerminationProtectionInput{
		StackName: aws.String(stackName), EnableTerminationProtection: &on,
	})
}

var stackFacts = []fact{
	{
		name:   "a stack that is not there is not found, in these words",
		source: "boto/boto3#2807; of the other three calls seen with this code in many issues",
		aws:    "ValidationError, Stack with id egress does not exist, ValidationError, ValidationError, ValidationError",
		see: func(s *site) string {
			_, err := s.CloudFormation.DescribeStacks(s.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stackName)})
			words := "Stack with id egress does not exist"
			if err == nil || !strings.Contains(err.Error(), words) {
				words = "other words"
			}
			return say(ending(err), words,
				try(s, s.CloudFormation.GetTemplate, &cloudformation.GetTemplateInput{StackName: aws.String(stackName)}),
				try(s, s.CloudFormation.DescribeStackEvents, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stackName)}),
				try(s, s.CloudFormation.ListChangeSets, &cloudformation.ListChangeSetsInput{StackName: aws.String(stackName)}))
		},
	},
	{
		name:   "a stack that is not there is deleted with success",
		source: "SDK, DeleteStack: it knows no such error",
		aws:    "ok",
		see:    func(s *site) string { return s.deleteStack() },
	},
	{
		name:   "a stack is made, changed and deleted, with all that it made",
		source: statusGuide,
		aws:    "CREATE_COMPLETE, 2 tables 0 subnets 0 addresses, UPDATE_COMPLETE, 1 tables 0 subnets 1 addresses, ok, 0 tables 0 subnets 0 addresses",
		see: func(s *site) string {
			made := s.deploy(creates, s.declare("A", "B").text())
			there := s.ours()
			changed := s.deploy(updates, s.declare("A").add("Address", "EIP", "Domain", "vpc").text())
			return say(made, there, changed, s.ours(), s.deleteStack(), s.ours())
		},
	},
	{
		name:   "a deleted stack is found by its id only, and its name is free",
		source: "SDK, DescribeStacksInput.StackName: deleted stacks, you must specify the unique stack ID",
		aws:    "ValidationError, DELETE_COMPLETE, CREATE_COMPLETE, another id",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			id := aws.ToString(s.stack(stackName).StackId)
			s.deleteStack()
			byName, byID := s.status(), s.stack(id).StackStatus
			again := s.deploy(creates, s.declare("A").text())
			which := "another id"
			if aws.ToString(s.stack(stackName).StackId) == id {
				which = "the same id"
			}
			return say(byName, byID, again, which)
		},
	},
	{
		name:   "a deleted stack has no change sets to make or to execute",
		source: "SDK, CreateChangeSetInput.ChangeSetType; with which code an execution is refused, no source says",
		aws:    "ValidationError, refused",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			s.propose("one", updates, s.declare("B").text())
			s.deleteStack()
			return say(s.propose("two", updates, s.declare("B").text()), refused(s.execute("one")))
		},
	},
	{
		name:   "a protected stack is not deleted",
		source: "SDK, UpdateTerminationProtection",
		aws:    "ok, ValidationError, CREATE_COMPLETE, ok, ok, ValidationError",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			return say(s.protect(true), s.deleteStack(), s.status(), s.protect(false), s.deleteStack(), s.status())
		},
	},
	{
		name:   "a protected stack says so, and is changed as others are",
		source: "SDK, Stack.EnableTerminationProtection",
		aws:    "false, true, UPDATE_COMPLETE, true",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			before := aws.ToBool(s.stack(stackName).EnableTerminationProtection)
			s.protect(true)
			on := aws.ToBool(s.stack(stackName).EnableTerminationProtection)
			return say(before, on, s.deploy(updates, s.declare("A", "B").text()), aws.ToBool(s.stack(stackName).EnableTerminationProtection))
		},
	},
	{
		name:   "a stack in review can be protected",
		source: "SDK, UpdateTerminationProtection: it names no status",
		aws:    "ok, ok, CREATE_COMPLETE, true",
		see: func(s *site) string {
			s.propose("one", creates, s.declare("A").text())
			return say(s.protect(true), s.execute("one"), s.status(), aws.ToBool(s.stack(stackName).EnableTerminationProtection))
		},
	},
	{
		name:   "what is gone already is deleted with success",
		source: "CloudFormation CLI guide, \"Resource type handler contract\": a delete handler that finds nothing answers NotFound, which is a success",
		rules:  Rules{Swift: true},
		aws:    "ok, ok, ok, ok, ValidationError",
		see: func(s *site) string {
			outputs := map[string]any{"A": ref("A"), "Table": ref("Table"), "Address": allocation()}
			body := s.way(target, s.availableGateway()).add("A", "RouteTable", "VpcId", s.VPC).add("Address", "EIP", "Domain", "vpc")
			s.deploy(creates, body.telling(outputs))
			return say(s.deleteTable(s.output("A")), s.deleteRoute(s.output("Table"), target), s.release(s.output("Address")), s.deleteStack(), s.status())
		},
	},
	{
		name:   "what cannot be deleted stays, and may be left behind then",
		source: statusGuide + ", DELETE_FAILED; SDK, DeleteStackInput.RetainResources",
		aws:    "ValidationError, ok, DELETE_FAILED, ok, ValidationError, 1 tables 0 subnets 0 addresses",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A", "B").telling(map[string]any{"A": ref("A")}))
			s.associate(s.output("A"), s.subnet(block))
			return say(s.deleteStack("A"), s.deleteStack(), s.status(), s.deleteStack("A"), s.status(), s.ours())
		},
	},
	{
		name:   "only a failed roll-back is continued, and only a failed operation rolled back",
		source: "SDK, ContinueUpdateRollback, RollbackStack",
		aws:    "ValidationError, ValidationError, CREATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			return say(s.resume(), try(s, s.CloudFormation.RollbackStack, &cloudformation.RollbackStackInput{StackName: aws.String(stackName)}), s.status())
		},
	},
}
