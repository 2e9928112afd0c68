//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// remembering is what happens to a site of one zone, and to what its controller remembers: whatever that is, no route that
// somebody wants goes, nor one of which nobody knows whether it is wanted ("What outlives a restart", in the design).
type remembering struct {
	*testing.T
	site       *site
	cluster    *controlPlane
	namespace  string // where the ConfigMaps are that ask
	account    string // the controller's service account
	controller *controller
	running    *process
	calls      *awsProxy
	want       picture
	mayGo      map[string]int // of what may be withdrawn, the call from which on it may
	delay      time.Duration  // how long the program waits before it withdraws, if that is waited for
	bell       string         // a namespace whose ConfigMaps wake the program; empty if there is none
	heard      int            // so much of the log is about what happened before
}

// The names of what a controller keeps.
const (
	stateName  = "static-egress-state"
	statusName = "static-egress-status"
)

// remember sets a controller up. It has a ConfigMap's namespace of its own in a cluster that others use too.
func remember(t *testing.T, s *site, c *controlPlane) *remembering {
	t.Helper()
	r := &remembering{
		T: t, site: s, cluster: c, namespace: c.ownNamespace(t), account: strings.ToLower(fileName(t)),
		calls: newAWSProxy(t), want: pictureOf(s.snapshot(t)), mayGo: map[string]int{}, delay: 100 * time.Millisecond,
	}
	r.bell = r.namespace
	t.Cleanup(r.nothingElseWent)
	kubeconfig := c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)
	r.controller = s.controller(t, "--kubeconfig="+kubeconfig, "--namespace="+r.namespace).through(r.calls)
	r.controller.pace = r.paced("--withdraw-delay=" + r.delay.String())
	return r
}

// paced is the pace of a program, with these flags too.
func (r *remembering) paced(flags ...string) []string {
	return append([]string{"--address=", "--resync-interval=1s", "--log-level=debug"}, flags...)
}

// start starts the program, with these flags too.
func (r *remembering) start(flags ...string) {
	r.Helper()
	r.listen()
	changed := *r.controller
	changed.pace = slices.Concat(changed.pace, flags)
	r.running = changed.start(r.T)
}

// listen lets only what is said from now on count.
func (r *remembering) listen() {
	r.Helper()
	r.heard = r.controller.heard(r.T)
}

// says waits until the log says it.
func (r *remembering) says(words string) {
	r.Helper()
	r.controller.says(r.T, r.heard, words)
}

// saysNot wants that the log has not said it.
func (r *remembering) saysNot(words string) {
	r.Helper()
	text, err := os.ReadFile(r.controller.log)
	if err != nil {
		r.Fatal(err)
	}
	if strings.Contains(string(text[r.heard:]), words) {
		r.Errorf("it says %q", words)
	}
}

// becomes waits until the account is as wanted.
func (r *remembering) becomes(what string) {
	r.Helper()
	check := func() error {
		if r.running.ended() {
			return hopeless{fmt.Errorf("the program has ended: %v", r.running.cmd.ProcessState)}
		}
		return r.site.compare(r.T, r.want.String())
	}
	if err := poll(r.Context(), patience, check); err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// stays wants the account to be as it was after so many passes that a withdrawal would be done, and nothing to have been
// written on the way.
func (r *remembering) stays(what string) {
	r.Helper()
	mark := r.calls.mark()
	// One that may have read before, one that starts the clock, and the begin of the next.
	r.passes(3)
	for clock := time.Now(); time.Since(clock) < r.delay; {
		r.passes(1)
	}
	// One that may have decided before, one that withdraws, and the begin of the next.
	r.passes(3)
	if err := r.site.compare(r.T, r.want.String()); err != nil {
		r.Fatalf("%s: %v", what, err)
	}
	for _, c := range r.calls.since(mark) {
		if c.writes() {
			r.Fatalf("%s: it called %s", what, c.what())
		}
	}
}

// passes waits until the program has looked at everything n times more. It is woken for that, by a ConfigMap that asks for
// nothing: by itself it looks once in a second.
func (r *remembering) passes(n int) {
	r.Helper()
	for range n {
		mark := r.calls.mark()
		if r.bell != "" {
			bell := configMap(r.bell, "bell")
			bell.Annotations = map[string]string{"rung": fmt.Sprint(mark, time.Now())}
			r.cluster.put(r.T, bell)
		}
		r.calls.await(r.T, mark, 1, action("DescribeRouteTables"))
	}
}

// nothingElseWent wants that in the whole test no call took anything away but what it was allowed to, at that time. Who looks
// now and then does not see a route that goes and comes back.
func (r *remembering) nothingElseWent() {
	for i, c := range r.calls.since(0) {
		if from, may := r.mayGo[c.what()]; c.takesAway() && !(may && i >= from) {
			r.Errorf("call %d took away what has to stay: %s", i, c.what())
		}
	}
}

func (r *remembering) routes(prefixes ...string) {
	r.want.route("dmz-"+zoneA, zoneA, prefixes...)
}

// noRoutes lets routes go from now on, so it comes before what lets the program withdraw them.
func (r *remembering) noRoutes(prefixes ...string) {
	r.want.noRoute("dmz-"+zoneA, prefixes...)
	for _, prefix := range prefixes {
		r.mayGo["DeleteRoute "+prefix] = r.calls.mark()
	}
}

// build starts the program and waits for the first routes.
func (r *remembering) build(prefixes ...string) {
	r.Helper()
	r.start()
	r.want.path(r.cluster.owner(r.T), zoneA)
	r.routes(prefixes...)
	r.becomes("the first routes")
}

// keeps gives one of the two ConfigMaps as it is now.
func (r *remembering) keeps(name string) (*corev1.ConfigMap, error) {
	return r.cluster.admin.CoreV1().ConfigMaps("home-"+r.account).Get(r.Context(), name, metav1.GetOptions{})
}

// kept is one of the two ConfigMaps, which has to be there.
func (r *remembering) kept(name string) *corev1.ConfigMap {
	r.Helper()
	cm, err := r.keeps(name)
	if err != nil {
		r.Fatal(err)
	}
	return cm
}

// keptAgain waits until one that was deleted is there again. A pass that began before the deletion does not know of it, and
// how many begin until one has written is the machine's matter.
func (r *remembering) keptAgain(name string) {
	r.Helper()
	eventually(r.T, func() error {
		_, err := r.keeps(name)
		return err
	})
}

func (r *remembering) forget() {
	r.Helper()
	r.cluster.remove(r.T, r.kept(stateName))
}
