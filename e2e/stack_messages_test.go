//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// What one provider made is not the other's to change: nothing is done, and it is said what to do.
func TestStackAndNoStack(t *testing.T) {
	t.Parallel()
	for name, provider := range map[string][2][]string{
		"ec2-then-stack": {{"--provider=aws-ec2"}, asStack},
		"stack-then-ec2": {asStack, {"--provider=aws-ec2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, zoneA)
			c := s.controller(t, "--configmaps="+examples(t))
			c.by(provider[0]...).once(t)
			before := s.observe(t).bytes(t)
			other := c.by(provider[1]...)
			said := told("plan", other.exec(t, "plan")) + told("run --once", other.exec(t, "run", "--once", "--timeout="+patience.String(), "--log-level=error"))
			golden(t, name, s.anonymous(t, said))
			if after := s.observe(t).bytes(t); after != before {
				t.Errorf("something was changed:\n%s", difference(before, after))
			}
			c.by(provider[0]...).planWantsNothing(t) // and the first still knows its own
		})
	}
}

// The plan says what would become of the stack, and the template is the one that is sent.
func TestStackForetold(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA) // tables are told in the order of their ids, which is another one each time
	s.want.stack("nobody")
	s.want.path("nobody", zoneA)
	var plans strings.Builder
	for _, step := range []struct {
		name    string
		targets []string
		comes   func()
	}{
		{"created", []string{"8.8.8.8/32", "9.9.9.9/32"}, func() { s.routes("8.8.8.8/32", "9.9.9.9/32") }},
		{"changed", []string{"8.8.8.8/32", "9.9.9.9/32", "4.4.4.4/32"}, func() { s.routes("4.4.4.4/32") }},
		{"left", []string{"8.8.8.8/32", "9.9.9.9/32", "4.4.4.4/32"}, func() {}},
	} {
		s.claim(step.targets...)
		plans.WriteString(told("plan", s.controller.exec(t, "plan")))
		foretold := s.controller.exec(t, "template")
		s.controller.once(t)
		step.comes()
		s.becomes(step.name)
		if sent := s.template(); foretold.code != 0 || foretold.stdout != sent {
			t.Errorf("%s: what was sent is not what was foretold:\n%s", step.name, difference(foretold.stdout, sent))
		}
	}
	golden(t, "stack-foretold", s.site.anonymous(t, plans.String()))
}

// Somebody else's stack has the name already.
func TestStackOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA)
	template := `{"Resources": {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}}}`
	call(t, s.site.cfn.CreateStack, &cloudformation.CreateStackInput{
		StackName: aws.String(stackName), TemplateBody: &template, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("network")}},
	})
	s.awaitStatus(types.StackStatusCreateComplete)
	before := s.site.observe(t).bytes(t)
	s.claim("8.8.8.8/32")
	r := s.controller.exec(t, "plan")
	golden(t, "stack-of-somebody-else", s.site.anonymous(t, told("plan", r)+
		told("run --once", s.controller.exec(t, "run", "--once", "--timeout="+patience.String(), "--log-level=error"))))
	if after := s.site.observe(t).bytes(t); after != before {
		t.Errorf("it was changed:\n%s", difference(before, after))
	}
	if text := s.template(); text != template {
		t.Errorf("its template was changed: %s", text)
	}
}

// A process dies when it has made the first change set and not executed it: the shell of a stack that is left is taken up.
func TestStackShell(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA)
	s.claim("8.8.8.8/32")
	made := make(chan struct{}, 1)
	s.calls.harm(func(c ec2Call) wire {
		if c.action != "CreateChangeSet" {
			return nil
		}
		return func(_ http.ResponseWriter, r *http.Request, cloud func() *httptest.ResponseRecorder) {
			cloud()
			made <- struct{}{}
			<-r.Context().Done()
		}
	})
	s.running = s.controller.start(t)
	<-made
	s.running.kill(t)
	s.awaitStatus(types.StackStatusReviewInProgress)
	s.calls.harm(func(ec2Call) wire { return nil })
	shell := s.stackID()
	s.build("8.8.8.8/32")
	if s.stackID() != shell {
		t.Error("another stack was made")
	}
}

func (s *stacked) awaitStatus(status types.StackStatus) {
	s.Helper()
	eventually(s.T, func() error {
		stack := call(s.T, s.site.cfn.DescribeStacks, &cloudformation.DescribeStacksInput{StackName: aws.String(stackName)}).Stacks[0]
		if stack.StackStatus != status {
			return fmt.Errorf("the stack is %s, and not %s", stack.StackStatus, status)
		}
		return nil
	})
}
