//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

// stackState is all that CloudFormation says of a stack, but for its events.
type stackState struct {
	types.Stack
	Resources  []types.StackResourceSummary
	ChangeSets []types.ChangeSetSummary // that were not executed
}

// stacks looks at all stacks that there are. One that goes meanwhile is none.
func (s *site) stacks(t *testing.T) []stackState {
	t.Helper()
	out := []stackState{}
	for _, stack := range call(t, s.cfn.DescribeStacks, &cloudformation.DescribeStacksInput{}).Stacks {
		resources, err := s.cfn.ListStackResources(t.Context(), &cloudformation.ListStackResourcesInput{StackName: stack.StackId})
		if isGone(err) {
			continue
		}
		sets, err2 := s.cfn.ListChangeSets(t.Context(), &cloudformation.ListChangeSetsInput{StackName: stack.StackId})
		if isGone(err2) {
			continue
		}
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		sortBy(stack.Outputs, func(o types.Output) string { return aws.ToString(o.OutputKey) })
		sortBy(stack.Tags, func(tag types.Tag) string { return aws.ToString(tag.Key) })
		sortBy(resources.StackResourceSummaries, func(r types.StackResourceSummary) string { return aws.ToString(r.LogicalResourceId) })
		out = append(out, stackState{stack, resources.StackResourceSummaries, slices.DeleteFunc(sets.Summaries, func(set types.ChangeSetSummary) bool {
			return set.ExecutionStatus == types.ExecutionStatusExecuteComplete
		})})
	}
	sortBy(out, func(s stackState) string { return aws.ToString(s.StackName) })
	return out
}

func isGone(err error) bool {
	api := smithy.APIError(nil)
	return errors.As(err, &api) && api.ErrorCode() == "ValidationError"
}

// anyStack is a stack's id; the end of it is another each time.
var anyStack = regexp.MustCompile(`arn:aws:cloudformation:[^:]+:\d+:stack/([^/]+)/[0-9a-f-]+`)

// about is the first line. How a stack came to rest does not matter: it stands, and takes what comes next.
func (s stackState) about() string {
	about := string(s.StackStatus)
	if slices.Contains([]types.StackStatus{
		types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
	}, s.StackStatus) {
		about = "at rest"
	}
	if aws.ToBool(s.EnableTerminationProtection) {
		about += ", protected"
	}
	return about
}

func (s stackState) tags() []ec2types.Tag {
	var tags []ec2types.Tag
	for _, tag := range s.Tags {
		tags = append(tags, ec2types.Tag{Key: tag.Key, Value: tag.Value})
	}
	return tags
}

// lines say what the stack holds, what it shows, and which change sets were left behind.
func (s stackState) lines(n names) []string {
	inLogicalIDs := []string{}
	for id, name := range n {
		if table, is := strings.CutPrefix(name, "table "); is {
			inLogicalIDs = append(inLogicalIDs, strings.ReplaceAll(id, "-", "X"), "<"+table+">")
		}
	}
	readable := strings.NewReplacer(inLogicalIDs...)
	var lines []string
	for _, r := range s.Resources {
		line := "holds " + readable.Replace(aws.ToString(r.LogicalResourceId))
		if name := n[aws.ToString(r.PhysicalResourceId)]; name != "" {
			line += ": " + name
		}
		if strings.HasSuffix(string(r.ResourceStatus), "_FAILED") {
			line += ", " + string(r.ResourceStatus)
		}
		lines = append(lines, line)
	}
	for _, o := range s.Outputs {
		lines = append(lines, fmt.Sprintf("shows %s: %s", aws.ToString(o.OutputKey), n.of(o.OutputValue)))
	}
	for _, set := range s.ChangeSets {
		lines = append(lines, fmt.Sprintf("has a change set: %s, %s", set.Status, set.ExecutionStatus))
	}
	return lines
}
