package simulation_test

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// stackStep is how long CloudFormation takes for each of its steps: shorter than anything in EC2, longer than nothing, so
// that the controller looks while an operation is under way.
const stackStep = time.Second

// stackCalls numbers the calls to CloudFormation by their operation alone: the name of a change set is a hash, and tells a
// reader nothing.
type stackCalls struct {
	mu      sync.Mutex
	numbers map[inmemory.Call]inmemory.Call
	tries   map[string]int
	calls   []inmemory.Call        // those of the controller
	stacks  map[inmemory.Call]bool // the calls to EC2 that a stack made
}

func newStackCalls() *stackCalls {
	return &stackCalls{numbers: map[inmemory.Call]inmemory.Call{}, tries: map[string]int{}, stacks: map[inmemory.Call]bool{}}
}

func (s *stackCalls) number(c inmemory.Call) inmemory.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, known := s.numbers[c]
	if !known {
		s.tries[c.Operation]++
		n = inmemory.Call{Operation: c.Operation, Attempt: s.tries[c.Operation]}
		s.numbers[c] = n
		s.calls = append(s.calls, n)
	}
	return n
}

func (s *stackCalls) byStack(c inmemory.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stacks[c] = true
}

// stackHook is around the controller's calls to CloudFormation, as hook is around those to EC2.
func (st *stage) stackHook(hook inmemory.Hook) inmemory.Hook {
	return func(ctx context.Context, c inmemory.Call, phase inmemory.Phase) error {
		if lifeOf(ctx) == nil {
			return nil // our own look
		}
		return hook(ctx, st.stackCalls.number(c), phase)
	}
}

// setHook puts a hook around all calls; nil takes it away.
func (st *stage) setHook(hook inmemory.Hook) {
	st.ec2.SetHook(hook)
	switch {
	case st.cfn == nil:
	case hook == nil:
		st.cfn.SetHook(nil)
	default:
		st.cfn.SetHook(st.stackHook(hook))
	}
}

// settleStack waits until CloudFormation has ended what it does.
func (st *stage) settleStack() {
	if st.cfn == nil {
		return
	}
	if err := st.cfn.Settle(context.Background()); err != nil {
		st.t.Error(err)
	}
}

// stackBusy reports whether CloudFormation changes our stack.
func (st *stage) stackBusy() bool {
	if st.cfn == nil {
		return false
	}
	s, there := st.stack()
	return there && strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS")
}

// stack is what CloudFormation says of our stack.
func (st *stage) stack() (types.Stack, bool) {
	out, err := st.cfn.DescribeStacks(context.Background(), &cloudformation.DescribeStacksInput{StackName: aws.String(stackName)})
	if err != nil {
		return types.Stack{}, false
	}
	return out.Stacks[0], true
}

// operation is what CloudFormation does with our stack, or did last: one that is continued is the same. With it comes the
// stack as it is.
func (st *stage) operation() (which string, s types.Stack) {
	s, there := st.stack()
	if !there {
		return "", s
	}
	which = aws.ToString(s.StackId)
	if s.LastUpdatedTime != nil {
		which += s.LastUpdatedTime.String()
	}
	switch {
	case s.StackStatus == types.StackStatusReviewInProgress:
		which += " before it"
	case strings.HasPrefix(string(s.StackStatus), "DELETE"):
		which += " deleted"
	}
	return which, s
}
