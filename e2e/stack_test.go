//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// stacked is a site that is kept as one stack, and the controller that keeps it. What is asked for stands in a manifest.
type stacked struct {
	*testing.T
	site       *site
	calls      *awsProxy // sees those of the controller; what the stack does is no call of its
	controller *controller
	running    *process
	manifest   string
	want       picture
}

func newStacked(t *testing.T, zones ...string) *stacked {
	t.Helper()
	s := &stacked{T: t, site: newSite(t, zones...), calls: newAWSProxy(t), manifest: filepath.Join(t.TempDir(), "egress.yaml")}
	s.want = pictureOf(s.site.snapshot(t))
	s.controller = s.program(zones...)
	return s
}

// program is the controller, told of these zones.
func (s *stacked) program(zones ...string) *controller {
	told := *s.site
	told.zones = zones
	c := told.controller(s.T, "--configmaps="+s.manifest).by(asStack...).through(s.calls)
	c.pace = []string{"--address=", "--resync-interval=1s", "--withdraw-delay=100ms", "--teardown-delay=100ms", "--log-level=debug"}
	return c
}

// claim asks for these targets and no others.
func (s *stacked) claim(targets ...string) {
	s.Helper()
	writeManifest(s.T, s.manifest, targets)
}

// build lets the first targets be asked for, and waits for their routes.
func (s *stacked) build(targets ...string) {
	s.Helper()
	s.claim(targets...)
	s.running = s.controller.start(s.T)
	s.want.stack("nobody")
	s.want.path("nobody", s.site.zones...)
	s.routes(targets...)
	s.becomes("the first routes")
}

// routes are there in each zone's table.
func (s *stacked) routes(targets ...string) {
	for _, zone := range s.site.zones {
		s.want.route("dmz-"+zone, zone, targets...)
	}
}

func (s *stacked) noRoutes(targets ...string) {
	for _, zone := range s.site.zones {
		s.want.noRoute("dmz-"+zone, targets...)
	}
}

// becomes waits until the whole account is as wanted, and wants nothing to be left to do.
func (s *stacked) becomes(what string) {
	s.Helper()
	started := time.Now()
	if err := poll(s.Context(), patience, func() error { return s.site.compare(s.T, s.want.String()) }); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	s.Logf("%-60s %6s", what, time.Since(started).Round(time.Millisecond))
	s.controller.planWantsNothing(s.T)
	if s.Failed() {
		s.FailNow()
	}
}

// restart ends the program and starts it again, as another if need be.
func (s *stacked) restart(as *controller) {
	s.Helper()
	s.running.terminate(s.T)
	s.controller = as
	s.running = as.start(s.T)
}

// deleteStack deletes the stack by hand, and waits until it is gone.
func (s *stacked) deleteStack() {
	s.Helper()
	id := s.stackID()
	call(s.T, s.site.cfn.DeleteStack, &cloudformation.DeleteStackInput{StackName: &id})
	eventually(s.T, func() error {
		stack := call(s.T, s.site.cfn.DescribeStacks, &cloudformation.DescribeStacksInput{StackName: &id}).Stacks[0]
		if stack.StackStatus != types.StackStatusDeleteComplete {
			return fmt.Errorf("the stack is %s", stack.StackStatus)
		}
		return nil
	})
}

func (s *stacked) stackID() string {
	s.Helper()
	return aws.ToString(call(s.T, s.site.cfn.DescribeStacks, &cloudformation.DescribeStacksInput{StackName: aws.String(stackName)}).Stacks[0].StackId)
}

// events are the stack's, oldest first.
func (s *stacked) events() []types.StackEvent {
	s.Helper()
	id := s.stackID()
	var out []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(s.site.cfn, &cloudformation.DescribeStackEventsInput{StackName: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, page.StackEvents...)
	}
	slices.Reverse(out)
	return out
}

// template is the one that the stack has, byte for byte.
func (s *stacked) template() string {
	s.Helper()
	return aws.ToString(call(s.T, s.site.cfn.GetTemplate, &cloudformation.GetTemplateInput{StackName: aws.String(stackName)}).TemplateBody)
}

// count is how many calls of an action came since a mark.
func (s *stacked) count(mark int, name string) int {
	n := 0
	for _, c := range s.calls.since(mark) {
		if c.action == name {
			n++
		}
	}
	return n
}

// says wants a line of the log with all these words.
func (s *stacked) says(words ...string) {
	s.Helper()
	text, err := os.ReadFile(s.controller.log)
	if err != nil {
		s.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			return
		}
	}
	s.Errorf("no line of the log says all of %q", words)
}
