package inmemory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

const (
	stackType      = "AWS::CloudFormation::Stack"
	byUser         = "User Initiated"
	created        = "Resource creation Initiated"
	createCanceled = "Resource creation cancelled"
	updateCanceled = "Resource update cancelled"
)

// setStatus gives a stack a status, and says so among its events.
func (c *CloudFormation) setStatus(s *stack, status types.StackStatus, reason string) {
	s.status, s.reason = status, reason
	if status == types.StackStatusDeleteComplete {
		s.deleted = c.options.Now()
	}
	c.event(s, stackResource{logical: s.name, identity: identity{physical: s.id}, declared: declaration{kind: stackType}}, types.ResourceStatus(status), reason)
}

func (c *CloudFormation) event(s *stack, r stackResource, status types.ResourceStatus, reason string) {
	s.events = append(s.events, types.StackEvent{
		EventId:              aws.String(fmt.Sprintf("%s-%s-%d", r.logical, status, len(s.events)+1)),
		StackId:              aws.String(s.id),
		StackName:            aws.String(s.name),
		LogicalResourceId:    aws.String(r.logical),
		PhysicalResourceId:   aws.String(r.physical), // empty, not missing, while there is none
		ResourceType:         aws.String(r.declared.kind),
		ResourceStatus:       status,
		ResourceStatusReason: optional(reason),
		ClientRequestToken:   optional(s.token),
		Timestamp:            aws.Time(c.options.Now()),
	})
}

// handlerSays is an error of EC2's as an event's reason. The words are those of the resource handlers, which leave EC2's
// error code out (seen throughout issues that quote events).
func handlerSays(err error) string {
	code, message := "InternalFailure", err.Error()
	var api smithy.APIError
	if errors.As(err, &api) {
		code, message = api.ErrorCode(), api.ErrorMessage()
	}
	if code == "NotStabilized" {
		return fmt.Sprintf("Resource handler returned message: %q (HandlerErrorCode: NotStabilized)", message)
	}
	return fmt.Sprintf("Resource handler returned message: \"%s (Service: Ec2, Status Code: 400)\" (HandlerErrorCode: %s)", message, handlerCode(code))
}

func handlerCode(code string) string {
	switch {
	case strings.Contains(code, "NotFound"):
		return "NotFound"
	case strings.Contains(code, "AlreadyExists"), strings.Contains(code, "AlreadyAssociated"), strings.Contains(code, "Conflict"):
		return "AlreadyExists"
	case strings.Contains(code, "LimitExceeded"):
		return "ServiceLimitExceeded"
	case code == "UnauthorizedOperation", code == "AuthFailure":
		return "AccessDenied"
	case code == "InternalFailure":
		return "InternalFailure"
	}
	return "InvalidRequest"
}

// isGone tells whether EC2 says that a thing is not there.
func isGone(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorCode(), "NotFound")
}

// failedTo is the reason of a stack's failure.
func failedTo(verb string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("The following resource(s) failed to %s: [%s]. ", verb, strings.Join(ids, ", "))
}

var describeStackEvents = stackCall[cloudformation.DescribeStackEventsInput, cloudformation.DescribeStackEventsOutput]{
	name:     "DescribeStackEvents",
	required: []string{"StackName"},
	optional: []string{"NextToken"},
	key:      func(in *cloudformation.DescribeStackEventsInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s := c.stackNamed(*in.StackName)
		if s == nil {
			return nil, invalid("Stack [%s] does not exist", *in.StackName)
		}
		p, err := pageOf("events "+s.id, len(s.events), c.options.EventsPerPage, in.NextToken)
		if err != nil {
			return nil, err
		}
		newest := slices.Clone(s.events[:p.total])
		slices.Reverse(newest)
		return &cloudformation.DescribeStackEventsOutput{StackEvents: newest[p.from:p.to], NextToken: p.next}, nil
	},
}

// DescribeStackEvents lists what happened to a stack, the latest first.
func (c *CloudFormation) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	return describeStackEvents.call(ctx, c, in)
}
