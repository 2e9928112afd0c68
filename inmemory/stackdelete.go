package inmemory

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// deleteStackCall: to delete a stack that is not there is a success, and so is to delete one that is being deleted (the
// SDK's doc comment knows no error but TokenAlreadyExists). That a stack that is being changed cannot be deleted is so for
// updates; a creation can be interrupted in AWS, here it cannot.
var deleteStackCall = stackCall[cloudformation.DeleteStackInput, cloudformation.DeleteStackOutput]{
	name:     "DeleteStack",
	required: []string{"StackName"},
	optional: []string{"RetainResources", "ClientRequestToken"},
	key:      func(in *cloudformation.DeleteStackInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, err := c.live(in.StackName)
		if err != nil || s.status == types.StackStatusDeleteInProgress {
			return &cloudformation.DeleteStackOutput{}, nil
		}
		if err := s.deletable(in.RetainResources); err != nil {
			return nil, err
		}
		s.token = aws.ToString(in.ClientRequestToken)
		s.obsolete()
		c.setStatus(s, types.StackStatusDeleteInProgress, byUser)
		c.begin(func() {
			c.deleteStack(s, func(r stackResource) bool { return retained(r) || slices.Contains(in.RetainResources, r.logical) })
		})
		return &cloudformation.DeleteStackOutput{}, nil
	},
}

// DeleteStack begins to delete a stack with all that it has made and need not retain.
func (c *CloudFormation) DeleteStack(ctx context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	return deleteStackCall.call(ctx, c, in)
}

func (s *stack) deletable(retain []string) error {
	switch {
	case s.protected: // seen in many issues in these words
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
	case busy(s.status):
		return invalid("Stack [%s] cannot be deleted while in status %s", s.name, s.status)
	case len(retain) > 0 && s.status != types.StackStatusDeleteFailed: // SDK doc comment on RetainResources
		return invalid("Invalid operation on stack [%s]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.", s.id)
	}
	for _, id := range retain {
		if !slices.Contains(s.stuck, id) { // assumed
			return invalid("Resource [%s] is not in the DELETE_FAILED state and cannot be retained", id)
		}
	}
	return nil
}

func (c *CloudFormation) deleteStack(s *stack, keep func(stackResource) bool) {
	c.sleep(c.step()) // an empty stack takes its time too
	s.outputs = nil
	if failed := c.emptyOut(s, keep); len(failed) > 0 {
		c.setStatus(s, types.StackStatusDeleteFailed, failedTo("delete", failed))
		return
	}
	s.changeSets = nil
	c.setStatus(s, types.StackStatusDeleteComplete, "")
}
