package conformance

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// states says how a change set stands.
func (s *site) states(name string) string {
	s.Helper()
	cs := s.proposed(name)
	return string(cs.Status) + " " + string(cs.ExecutionStatus)
}

func (s *site) listed() string {
	s.Helper()
	var list []string
	pages := cloudformation.NewListChangeSetsPaginator(s.CloudFormation, &cloudformation.ListChangeSetsInput{StackName: aws.String(stackName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		for _, cs := range page.Summaries {
			list = append(list, aws.ToString(cs.ChangeSetName)+" "+string(cs.ExecutionStatus))
		}
	}
	return sorted(list)
}

func named(name string) *cloudformation.DescribeChangeSetInput {
	return &cloudformation.DescribeChangeSetInput{StackName: aws.String(stackName), ChangeSetName: &name}
}

func (s *site) deleteChangeSet(name string) string {
	s.Helper()
	return try(s, s.CloudFormation.DeleteChangeSet, &cloudformation.DeleteChangeSetInput{StackName: aws.String(stackName), ChangeSetName: &name})
}

var changeSetFacts = []fact{
	{
		name:   "a change set for a new stack leaves it in review, with nothing in it",
		source: "SDK, CreateChangeSetInput.ChangeSetType: REVIEW_IN_PROGRESS, no template or resources until you execute",
		aws:    "ok, REVIEW_IN_PROGRESS, CREATE_COMPLETE AVAILABLE, 0 tables 0 subnets 0 addresses",
		see: func(s *site) string {
			return say(s.propose("one", creates, s.declare("A").text()), s.status(), s.states("one"), s.ours())
		},
	},
	{
		name:   "a stack that is not there is created, not updated",
		source: "SDK, CreateChangeSetInput.ChangeSetType",
		aws:    "ValidationError, ValidationError",
		see: func(s *site) string {
			return say(s.propose("one", updates, s.declare("A").text()), s.status())
		},
	},
	{
		name:   "a stack in review is created, not updated",
		source: "SDK, CreateChangeSetInput.ChangeSetType: you can't use the UPDATE type to create a change set for a new stack",
		aws:    "ValidationError, ok, CREATE_COMPLETE AVAILABLE",
		see: func(s *site) string {
			s.propose("one", creates, s.declare("A").text())
			return say(s.propose("two", updates, s.declare("A").text()), s.propose("three", creates, s.declare("A", "B").text()), s.states("three"))
		},
	},
	{
		name:   "a stack that stands is updated, not created",
		source: "SDK, CreateChangeSetInput.ChangeSetType: or the CREATE type to create a change set for an existing stack",
		aws:    "CREATE_COMPLETE, ValidationError, ok",
		see: func(s *site) string {
			return say(s.deploy(creates, s.declare("A").text()), s.propose("two", creates, s.declare("B").text()), s.propose("three", updates, s.declare("B").text()))
		},
	},
	{
		name:   "a change set without changes fails, says so, and cannot be executed",
		source: "ansible-collections/amazon.aws#507, which also saw: No updates are to be performed",
		aws:    "FAILED UNAVAILABLE, didn't contain changes, InvalidChangeSetStatus, CREATE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			s.propose("same", updates, s.declare("A").text())
			reason := aws.ToString(s.proposed("same").StatusReason)
			if why := "didn't contain changes"; strings.Contains(reason, why) {
				reason = why
			}
			return say(s.states("same"), reason, s.execute("same"), s.status())
		},
	},
	{
		name:   "a stack does not notice what is gone",
		source: "CloudFormation user guide, \"Detect unmanaged configuration changes\": only when it is asked for",
		aws:    "ok, FAILED UNAVAILABLE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").telling(map[string]any{"A": ref("A")}))
			gone := s.deleteTable(s.output("A"))
			s.propose("same", updates, s.declare("A").telling(map[string]any{"A": ref("A")}))
			return say(gone, s.states("same"))
		},
	},
	{
		name:   "a change set's name is taken as long as it is there",
		source: "SDK, AlreadyExistsException; SDK, CreateChangeSetInput.ChangeSetName: unique among all change sets of the stack",
		aws:    "ok, AlreadyExistsException, ok, ok",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			body := s.declare("A", "B").text()
			return say(s.propose("one", updates, body), s.propose("one", updates, body), s.deleteChangeSet("one"), s.propose("one", updates, body))
		},
	},
	{
		name:   "an executed change set's name is taken too",
		source: "aws-cdk, deploy-stack.ts: it deletes the change set of that name first",
		aws:    "ok, AlreadyExistsException",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			s.propose("one", updates, s.declare("A", "B").text())
			return say(s.execute("one"), s.propose("one", updates, s.declare("A").text()))
		},
	},
	{
		name:   "a change set with the same token is the same one",
		source: "SDK, CreateChangeSetInput.ClientToken",
		aws:    "the same id",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			in := changeSetInput("one", updates, s.declare("A", "B").text())
			in.ClientToken = aws.String("token")
			first := do(s, s.CloudFormation.CreateChangeSet, in)
			s.Hands.Settle(s.T, stackName)
			out, err := s.CloudFormation.CreateChangeSet(s.Context(), in)
			switch {
			case err != nil:
				return ending(err)
			case *out.Id != *first.Id:
				return "another id"
			}
			return "the same id"
		},
	},
	{
		name:   "a change set's name begins with a letter",
		source: "SDK, CreateChangeSetInput.ChangeSetName",
		aws:    "ValidationError, ValidationError, ok",
		see: func(s *site) string {
			body := s.declare("A").text()
			return say(s.propose("1-a", creates, body), s.propose("a_b", creates, body), s.propose("a-1", creates, body))
		},
	},
	{
		name:   "a change set that is not there is not found, and deleted with success",
		source: "SDK, ChangeSetNotFoundException; aws-cdk, deploy-stack.ts: it deletes, whether there is one or not",
		aws:    "ChangeSetNotFound, ChangeSetNotFound, ok",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			return say(try(s, s.CloudFormation.DescribeChangeSet, named("none")), s.execute("none"), s.deleteChangeSet("none"))
		},
	},
	{
		name:   "a change set of a stack that is not there is not found",
		source: "SDK, DescribeChangeSet; with which code it is refused, it does not say",
		aws:    "refused",
		see:    func(s *site) string { return refused(try(s, s.CloudFormation.DescribeChangeSet, named("none"))) },
	},
	{
		name:   "an execution deletes the stack's other change sets, and is not repeated",
		source: "SDK, ExecuteChangeSet: CloudFormation deletes all change sets associated with the stack",
		aws:    "ok, UPDATE_COMPLETE, ChangeSetNotFound, InvalidChangeSetStatus, two EXECUTE_COMPLETE",
		see: func(s *site) string {
			s.deploy(creates, s.declare("A").text())
			s.deleteChangeSet("change-1")
			s.propose("one", updates, s.declare("A", "B").text())
			s.propose("two", updates, s.declare("A", "C").text())
			return say(s.execute("two"), s.status(), s.execute("one"), s.execute("two"), s.listed())
		},
	},
	{
		name:   "a change set has all its changes on its pages, and so has their list",
		source: "SDK, DescribeChangeSetOutput.NextToken, ListChangeSetsOutput.NextToken",
		aws:    "30 changes, 3 change sets",
		see: func(s *site) string {
			var ids []string
			for i := range 30 {
				ids = append(ids, fmt.Sprint("T", i))
			}
			body := s.declare(ids...).text()
			for _, name := range []string{"one", "two", "three"} {
				s.propose(name, creates, body)
			}
			return say(fmt.Sprint(len(s.proposed("one").Changes), " changes"), fmt.Sprint(strings.Count(s.listed(), "AVAILABLE"), " change sets"))
		},
	},
	{
		name:   "deleting the last change set of a stack in review leaves the stack there",
		source: "aws/aws-cdk-cli#1534: it is left behind, and has to be deleted; go-to-k/delstack#646: DeleteStack does",
		aws:    "ok, REVIEW_IN_PROGRESS, ok, ValidationError",
		see: func(s *site) string {
			s.propose("one", creates, s.declare("A").text())
			return say(s.deleteChangeSet("one"), s.status(), s.deleteStack(), s.status())
		},
	},
	{
		name:   "a change set shows the tags that the stack is to have",
		source: "SDK, DescribeChangeSetOutput.Tags",
		aws:    "team=networks, none",
		see: func(s *site) string {
			in := changeSetInput("one", creates, s.declare("A").text())
			in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("networks")}}
			do(s, s.CloudFormation.CreateChangeSet, in)
			s.Hands.Settle(s.T, stackName)
			return say(stackTags(s.proposed("one").Tags), stackTags(s.stack(stackName).Tags))
		},
	},
}

func stackTags(tags []types.Tag) string {
	var list []string
	for _, t := range tags {
		list = append(list, aws.ToString(t.Key)+"="+aws.ToString(t.Value))
	}
	return sorted(list)
}
