package inmemory

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// rollBackCreate deletes what a failed creation has made.
func (c *CloudFormation) rollBackCreate(s *stack, reason string) {
	c.setStatus(s, types.StackStatusRollbackInProgress, reason)
	s.outputs = nil
	if failed := c.emptyOut(s, leaks); len(failed) > 0 {
		c.setStatus(s, types.StackStatusRollbackFailed, failedTo("delete", failed))
		return
	}
	c.setStatus(s, types.StackStatusRollbackComplete, "")
}

// rollBackUpdate goes back to what was there before a failed update: first all that was changed is changed back, and only
// then what was made is deleted. What cannot be changed back stops it, with all that was made still there.
func (c *CloudFormation) rollBackUpdate(s *stack, reason string, skip []string) {
	c.setStatus(s, types.StackStatusUpdateRollbackInProgress, reason)
	jobs := map[string]job{}
	for id, before := range s.stable.resources {
		jobs[id] = job{after: before.declared.needs(), begin: func() *action { return c.undo(s, before, slices.Contains(skip, id)) }}
	}
	if failed := c.run(s, jobs, goOn); len(failed) > 0 {
		s.stuck = failed
		c.setStatus(s, types.StackStatusUpdateRollbackFailed, failedTo("update", failed))
		return
	}
	for _, id := range slices.Sorted(maps.Keys(s.resources)) {
		if _, before := s.stable.resources[id]; !before {
			s.leaving = append(s.leaving, leaving{s.resources[id], leaks(s.resources[id])})
			delete(s.resources, id)
		}
	}
	s.template, s.tags, s.outputs = s.stable.template, s.stable.tags, s.stable.outputs
	c.setStatus(s, types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
	reason = c.cleanUp(s)
	s.settleDown()
	c.setStatus(s, types.StackStatusUpdateRollbackComplete, reason)
}

// undo makes a resource what it was before; nil if it is.
func (c *CloudFormation) undo(s *stack, before stackResource, skip bool) *action {
	now, there := s.resources[before.logical]
	switch {
	case there && now.ec2 != before.ec2:
		s.leaving = append(s.leaving, leaving{now, leaks(now)})
		s.resources[before.logical] = before
		return nil
	case !there || now.properties.equal(before.properties) && !now.unfinished:
		s.resources[before.logical] = before
		return nil
	case skip: // its properties stay as they are, and nobody knows of it (SDK doc comment on ResourcesToSkip)
		s.resources[before.logical] = before
		c.event(s, before, types.ResourceStatusUpdateComplete, "")
		return nil
	}
	a := c.change(s, now, before)
	end := a.end
	a.end = func(err error) {
		end(err)
		if err != nil { // still what the update made of it, as far as one knows
			now.unfinished = true
			s.resources[before.logical] = now
		}
	}
	return a
}

var continueUpdateRollback = stackCall[cloudformation.ContinueUpdateRollbackInput, cloudformation.ContinueUpdateRollbackOutput]{
	name:     "ContinueUpdateRollback",
	required: []string{"StackName"},
	optional: []string{"ResourcesToSkip", "ClientRequestToken"},
	key:      func(in *cloudformation.ContinueUpdateRollbackInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.ContinueUpdateRollbackInput) (*cloudformation.ContinueUpdateRollbackOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, err := c.live(in.StackName)
		switch {
		case err != nil:
			return nil, err
		case s.status != types.StackStatusUpdateRollbackFailed:
			return nil, invalid("Stack:%s is in %s state and can not continue rolling back.", s.id, s.status)
		}
		for _, id := range in.ResourcesToSkip {
			if !slices.Contains(s.stuck, id) { // SDK doc comment on ResourcesToSkip
				return nil, invalid("Resource [%s] is not in UPDATE_FAILED state because of a roll back and cannot be skipped", id)
			}
		}
		s.token = aws.ToString(in.ClientRequestToken)
		s.status = types.StackStatusUpdateRollbackInProgress
		c.begin(func() { c.rollBackUpdate(s, byUser, in.ResourcesToSkip) })
		return &cloudformation.ContinueUpdateRollbackOutput{}, nil
	},
}

// ContinueUpdateRollback tries once more to go back from an update that failed.
func (c *CloudFormation) ContinueUpdateRollback(ctx context.Context, in *cloudformation.ContinueUpdateRollbackInput, _ ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	return continueUpdateRollback.call(ctx, c, in)
}

// rollbackStack: without a last stable state the stack is deleted (SDK doc comment on the call). That its roll-back then
// ends with DELETE_COMPLETE, and that deletion policies hold as in a roll-back, is assumed.
var rollbackStack = stackCall[cloudformation.RollbackStackInput, cloudformation.RollbackStackOutput]{
	name:     "RollbackStack",
	required: []string{"StackName"},
	optional: []string{"ClientRequestToken"},
	key:      func(in *cloudformation.RollbackStackInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.RollbackStackInput) (*cloudformation.RollbackStackOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, err := c.live(in.StackName)
		if err != nil {
			return nil, err
		}
		s.token = aws.ToString(in.ClientRequestToken)
		switch s.status { //nolint:exhaustive // the SDK's doc comment on the call names these two; no other can be rolled back
		case types.StackStatusUpdateFailed:
			s.obsolete()
			s.status = types.StackStatusUpdateRollbackInProgress
			c.begin(func() { c.rollBackUpdate(s, byUser, nil) })
		case types.StackStatusCreateFailed:
			s.obsolete()
			c.setStatus(s, types.StackStatusDeleteInProgress, byUser)
			c.begin(func() { c.deleteStack(s, leaks) })
		default:
			return nil, invalid("Stack:%s is in %s state and can not be rolled back.", s.id, s.status)
		}
		return &cloudformation.RollbackStackOutput{StackId: aws.String(s.id)}, nil
	},
}

// RollbackStack goes back from an operation that failed and was told to leave everything as it was.
func (c *CloudFormation) RollbackStack(ctx context.Context, in *cloudformation.RollbackStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.RollbackStackOutput, error) {
	return rollbackStack.call(ctx, c, in)
}
