//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// A change comes while the stack is busy with the last one. The stack takes it when it is through, and is asked for that
// often enough that nobody waits, and seldom enough that it is no bother: the intervals are those that the program has
// unless it is told otherwise. What counts are looks; how far apart they are is tested in virtual time.
func TestStackOneAfterAnother(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA, zoneB)
	c := sharedControlPlane(t)
	namespace := c.ownNamespace(t)
	s.controller = s.site.controller(t, "--kubeconfig="+c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory), "--namespace="+namespace).
		by(asStack...).through(s.calls)
	s.controller.pace = []string{"--address=", "--log-level=debug"}
	cm := configMap(namespace, "partners", "dns=8.8.8.8")
	c.put(t, cm)
	s.running = s.controller.start(t)
	s.want.stack(c.owner(t))
	s.want.path(c.owner(t), zoneA, zoneB)
	s.routes("8.8.8.8/32")
	s.becomes("the first routes")

	s.site.rule(t, rules{CFNStep: 0.7})
	mark := s.calls.mark()
	cm.Data["one"] = "4.4.4.4 5.5.5.8"
	c.put(t, cm)
	s.calls.await(t, mark, 1, action("ExecuteChangeSet"))
	<-time.After(time.Second) // as people edit
	cm.Data["another"] = "6.6.6.6"
	c.put(t, cm)
	s.routes("4.4.4.4/32", "5.5.5.8/32", "6.6.6.6/32")
	s.becomes("two changes, one second apart")

	var began, ended []time.Time
	for _, e := range s.events() {
		switch {
		case aws.ToString(e.LogicalResourceId) != stackName:
		case e.ResourceStatus == types.ResourceStatusUpdateInProgress:
			began = append(began, *e.Timestamp)
		case e.ResourceStatus == types.ResourceStatusUpdateComplete:
			ended = append(ended, *e.Timestamp)
		}
	}
	if len(began) != 2 || len(ended) != 2 {
		t.Fatalf("%d operations began and %d ended, want 2", len(began), len(ended))
	}
	looks := func(from, to time.Time) (n int) {
		for _, call := range s.calls.since(mark) {
			if call.action == "DescribeStacks" && call.ended.After(from) && call.ended.Before(to) {
				n++
			}
		}
		return n
	}
	busy, idle := ended[0].Sub(began[0]), began[1].Sub(ended[0])
	during, after := looks(began[0], ended[0]), looks(ended[0], began[1])
	t.Logf("the first took %v and was looked at %d times; %v and %d looks after its end the second began", busy, during, idle, after)
	// One that is under way, one that sees the end and makes the change set, one that executes it.
	if after > 3 || during > 15 {
		t.Errorf("the stack was looked at %d times while the first ran, and %d times until the second began", during, after)
	}
}
