package inmemory

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// executeChangeSet deletes all other change sets of the stack (SDK doc comment on the call). The executed one stays, and
// its name with it, until it is deleted; so aws-cdk, which has one name for all of its change sets, deletes the old one
// first.
var executeChangeSet = stackCall[cloudformation.ExecuteChangeSetInput, cloudformation.ExecuteChangeSetOutput]{
	name:     "ExecuteChangeSet",
	required: []string{"ChangeSetName"},
	optional: []string{"StackName", "DisableRollback", "ClientRequestToken"},
	key: func(in *cloudformation.ExecuteChangeSetInput) string {
		return changeSetKey(in.StackName, in.ChangeSetName)
	},
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.ExecuteChangeSetInput) (*cloudformation.ExecuteChangeSetOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, cs, err := c.changeSet(in.StackName, in.ChangeSetName)
		switch {
		case err != nil:
			return nil, err
		case cs.execution != types.ExecutionStatusAvailable:
			return nil, notExecutable(cs)
		case cs.creates != (s.status == types.StackStatusReviewInProgress) || !cs.creates && !updatable(s.status):
			return nil, cannotUpdate(s)
		}
		s.changeSets = []*changeSet{cs}
		cs.execution = types.ExecutionStatusExecuteInProgress
		s.executed, s.token = cs.id, aws.ToString(in.ClientRequestToken)
		s.tags, s.template = cs.tags, cs.template
		if cs.creates {
			c.setStatus(s, types.StackStatusCreateInProgress, byUser)
		} else {
			s.updated = c.options.Now()
			c.setStatus(s, types.StackStatusUpdateInProgress, byUser)
		}
		c.begin(func() { c.execute(s, cs, aws.ToBool(in.DisableRollback)) })
		return &cloudformation.ExecuteChangeSetOutput{}, nil
	},
}

// ExecuteChangeSet begins to do to a stack what a change set says.
func (c *CloudFormation) ExecuteChangeSet(ctx context.Context, in *cloudformation.ExecuteChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error) {
	return executeChangeSet.call(ctx, c, in)
}

// The words are those of saksdirect/nova#10.
func notExecutable(cs *changeSet) error {
	status := string(cs.status)
	if cs.status == types.ChangeSetStatusCreateComplete {
		status = string(cs.execution)
	}
	message := fmt.Sprintf("ChangeSet [%s] cannot be executed in its current status of [%s]", cs.id, status)
	return &types.InvalidChangeSetStatusException{Message: &message}
}

// execute is the operation. GetTemplate shows the new template from its begin until a roll-back is through: that it shows
// the old one then was measured (ministackorg/ministack#1641), what it shows in between is assumed.
func (c *CloudFormation) execute(s *stack, cs *changeSet, leave bool) {
	c.sleep(c.step())
	failed := c.apply(s, cs.template)
	if len(failed) == 0 {
		cs.execution = types.ExecutionStatusExecuteComplete
		c.succeed(s, cs)
		return
	}
	cs.execution = types.ExecutionStatusExecuteFailed
	reason := s.whyFailed(failed)
	switch {
	case leave && cs.creates:
		c.setStatus(s, types.StackStatusCreateFailed, reason)
	case leave:
		c.setStatus(s, types.StackStatusUpdateFailed, reason)
	case cs.creates:
		c.rollBackCreate(s, reason+"Rollback requested by user.")
	default:
		c.rollBackUpdate(s, reason, nil)
	}
}

// whyFailed lists what failed to be made and what failed to be changed.
func (s *stack) whyFailed(failed []string) string {
	var created, updated []string
	for _, id := range failed {
		if _, there := s.stable.resources[id]; there {
			updated = append(updated, id)
			continue
		}
		created = append(created, id)
	}
	return failedTo("create", created) + failedTo("update", updated)
}

// succeed ends an operation whose resources are all made: what has no place any more is deleted. An update says that it
// cleans up even if there is nothing to clean up.
func (c *CloudFormation) succeed(s *stack, cs *changeSet) {
	s.outputs = s.outputsOf(cs.template)
	if cs.creates {
		s.settleDown()
		c.setStatus(s, types.StackStatusCreateComplete, "")
		return
	}
	for _, id := range slices.Sorted(maps.Keys(s.resources)) {
		if _, stays := cs.template.resources[id]; !stays {
			s.leaving = append(s.leaving, leaving{s.resources[id], retained(s.resources[id])})
			delete(s.resources, id)
		}
	}
	for _, old := range inOrder(s.stable.resources) {
		if now, there := s.resources[old.logical]; there && now.ec2 != old.ec2 {
			keep := old.declared.updateReplace == policyRetain && now.declared.updateReplace == policyRetain
			s.leaving = append(s.leaving, leaving{old, keep})
		}
	}
	s.settleDown()
	c.setStatus(s, types.StackStatusUpdateCompleteCleanupInProgress, "")
	c.sleep(c.step())
	reason := c.cleanUp(s)
	c.setStatus(s, types.StackStatusUpdateComplete, reason)
}

func (s *stack) outputsOf(t *template) []types.Output {
	var outputs []types.Output
	for _, id := range slices.Sorted(maps.Keys(t.outputs)) {
		text, err := s.resolve(t.outputs[id].value)
		must(err)
		outputs = append(outputs, types.Output{OutputKey: aws.String(id), OutputValue: aws.String(text), Description: optional(t.outputs[id].description)})
	}
	return outputs
}
