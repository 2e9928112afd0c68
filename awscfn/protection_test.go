package awscfn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// described is the stack.
func (w *world) described() types.Stack {
	w.t.Helper()
	return must[*cloudformation.DescribeStacksOutput](w.t)(w.cfn.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stackName)})).Stacks[0]
}

func (w *world) wantProtected(want bool) {
	w.t.Helper()
	if have := *w.described().EnableTerminationProtection; have != want {
		w.t.Errorf("the stack is protected: %t", have)
	}
}

func TestTerminationProtection(t *testing.T) {
	in(t, 2, func(w *world) {
		w.stack.Protect = true
		w.start()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.wantProtected(true)
		if _, err := w.cfn.DeleteStack(w.t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String(stackName)}); err == nil {
			t.Error("somebody could delete it")
		}
	})
}

// The flag is about the stack that stands too, and not only about what is changed in it some day.
func TestTerminationProtectionOfAStackThatStands(t *testing.T) {
	built(t, func(w *world) {
		w.wantProtected(false)
		for _, on := range []bool{true, false} {
			w.stack.Protect = on
			w.start()
			if told := w.loop.Plan(w.t.Context()).Stack; !strings.Contains(told, "protected against deletion") {
				t.Errorf("the plan says %q", told)
			}
			w.run(2 * time.Minute)
			w.wantProtected(on)
			w.converge()
		}
	})
}

// Protection is against mistakes of others. What the controller has to delete, it deletes.
func TestProtectedStackThatHasToGo(t *testing.T) {
	in(t, 1, func(w *world) {
		w.stack.Protect = true
		w.bring()
		w.start()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.values = nil
		w.run(30 * time.Minute)
		w.converge()
		w.gone()
		if names := w.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there are still the stacks %v", names)
		}
	})
}
