//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// replica is one of several Pods of one Deployment.
type replica struct {
	*controller
	calls   *awsProxy
	running *process
	begun   int // where in the log its last start begins
}

// troupe are the replicas over one site, and what is wanted of them.
type troupe struct {
	*testing.T
	site      *site
	cluster   *controlPlane
	namespace string // where ConfigMaps ask
	home      string
	flags     []string
	want      picture
}

func newTroupe(t *testing.T, c *controlPlane) *troupe {
	t.Helper()
	s := newSite(t, zoneA, zoneB)
	namespace := c.ownNamespace(t)
	kubeconfig := c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)
	return &troupe{
		T: t, site: s, cluster: c, namespace: namespace, home: "home-" + strings.ToLower(fileName(t)),
		flags: []string{"--kubeconfig=" + kubeconfig, "--namespace=" + namespace}, want: pictureOf(s.snapshot(t)),
	}
}

// replica is a Pod of that name. It is not started yet.
func (tr *troupe) replica(name string) *replica {
	tr.Helper()
	calls := newAWSProxy(tr.T)
	r := &replica{controller: tr.site.controller(tr.T, tr.flags...).through(calls).with("POD_NAME=" + name), calls: calls}
	r.log += "-" + name
	r.pace = []string{"--address=127.0.0.1:0", "--resync-interval=1s", "--withdraw-delay=1s", "--log-level=debug"}
	return r
}

func (r *replica) begin(t *testing.T) {
	t.Helper()
	r.begun = r.heard(t)
	r.running = r.start(t)
}

func (r *replica) says(t *testing.T, words string) {
	t.Helper()
	r.controller.says(t, r.begun, words)
}

var served = regexp.MustCompile(`msg="serving metrics and probes" address=(\S+)`)

// get asks it over HTTP, as a probe or Prometheus does.
func (r *replica) get(t *testing.T, path string) (int, string) {
	t.Helper()
	r.says(t, "serving metrics and probes")
	text, err := os.ReadFile(r.log)
	if err != nil {
		t.Fatal(err)
	}
	m := served.FindSubmatch(text[r.begun:])
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get("http://" + string(m[1]) + path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// isWell waits until a probe of it succeeds.
func (r *replica) isWell(t *testing.T, path string) {
	t.Helper()
	eventually(t, func() error {
		if have, body := r.get(t, path); have != http.StatusOK {
			return fmt.Errorf("%s is %d: %s", path, have, body)
		}
		return nil
	})
}

// asks puts a ConfigMap, and waits until what it asks for is routed.
func (tr *troupe) asks(what, name, target string) {
	tr.Helper()
	tr.cluster.put(tr.T, configMap(tr.namespace, name, "target="+target))
	for _, zone := range tr.site.zones {
		tr.want.route("dmz-"+zone, zone, target)
	}
	tr.wants(what)
}

func (tr *troupe) wants(what string) {
	tr.Helper()
	if err := poll(tr.Context(), patience, func() error { return tr.site.compare(tr.T, tr.want.String()) }); err != nil {
		tr.Fatalf("%s: %v", what, err)
	}
}

func (tr *troupe) lease() *coordinationv1.Lease {
	tr.Helper()
	lease, err := tr.cluster.admin.CoordinationV1().Leases(tr.home).Get(tr.Context(), "static-egress-leader", metav1.GetOptions{})
	if err != nil {
		tr.Fatal(err)
	}
	return lease
}

// wrote are the calls of a replica that changed something, from a mark on.
func (r *replica) wrote(mark int) (calls []ec2Call) {
	for _, c := range r.calls.since(mark) {
		if c.writes() {
			calls = append(calls, c)
		}
	}
	return calls
}

// Rule 16: of two replicas one leads and one stands by. Whatever ends the one, the other takes over, nothing is made twice, and
// never do both change something.
func TestReplicas(t *testing.T) {
	t.Parallel()
	tr := newTroupe(t, sharedControlPlane(t))
	one, two := tr.replica("one"), tr.replica("two")
	one.begin(t)
	one.says(t, "msg=leading")
	two.begin(t)
	two.says(t, `msg="another one leads" holder=one_`)
	tr.want.path(tr.cluster.owner(t), tr.site.zones...)
	tr.asks("the first routes", "first", "8.8.8.8/32")
	built := tr.site.observe(t).ids()
	for _, r := range []*replica{one, two} {
		r.isWell(t, "/readyz")
		r.isWell(t, "/healthz")
	}

	one.running.kill(t)
	tr.asks("the leader was killed", "second", "9.9.9.9/32")
	if calls := two.wrote(0); len(calls) != len(tr.site.zones) {
		t.Errorf("the other one made %d calls to route one target in %d zones", len(calls), len(tr.site.zones))
	}

	one.begin(t) // it held the lease once, and now another one does
	one.says(t, `msg="another one leads" holder=two_`)
	mark := one.calls.mark()
	two.running.terminate(t)
	tr.asks("the leader was ended", "third", "1.1.1.1/32")
	before, after := two.wrote(0), one.wrote(mark)
	if last := before[len(before)-1].ended; !last.Before(after[0].ended) {
		t.Errorf("one changed something at %v, and two still at %v", after[0].ended, last)
	}

	if now := tr.site.observe(t).ids(); now != built {
		t.Errorf("something was made anew:\n%s", difference(built, now))
	}
	one.planWantsNothing(t)
}

// SIGTERM lets calls in flight finish, writes the status, and only then gives up the lease.
func TestEndOfALeader(t *testing.T) {
	t.Parallel()
	tr := newTroupe(t, sharedControlPlane(t))
	one := tr.replica("one")
	one.begin(t)
	tr.want.path(tr.cluster.owner(t), tr.site.zones...)
	tr.asks("the first routes", "first", "8.8.8.8/32")

	begun, ended := make(chan struct{}, 10), make(chan struct{})
	one.calls.harm(func(c ec2Call) wire {
		if c.action != "CreateRoute" {
			return nil
		}
		return func(w http.ResponseWriter, _ *http.Request, cloud func() *httptest.ResponseRecorder) {
			begun <- struct{}{}
			<-ended
			deliver(w, cloud())
		}
	})
	tr.cluster.put(t, configMap(tr.namespace, "second", "target=9.9.9.9/32"))
	<-begun
	ending := make(chan error, 1)
	go func() { ending <- one.running.end(syscall.SIGTERM, patience) }()
	one.says(t, "msg=\"told to end")
	if holder := aws.ToString(tr.lease().Spec.HolderIdentity); !strings.HasPrefix(holder, "one_") {
		t.Errorf("calls are in flight, and the lease is held by %q", holder)
	}
	close(ended)
	if err := <-ending; err != nil {
		t.Fatal(err)
	}
	if code := one.running.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, zone := range tr.site.zones {
		tr.want.route("dmz-"+zone, zone, "9.9.9.9/32")
	}
	tr.site.wantState(t, tr.want.String())
	lease := tr.lease()
	if holder := aws.ToString(lease.Spec.HolderIdentity); holder != "" {
		t.Errorf("the lease is still held by %q", holder)
	}
	status, err := tr.cluster.admin.CoreV1().ConfigMaps(tr.home).Get(t.Context(), statusName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report := status.Data["report"]; !strings.Contains(report, "9.9.9.9/32  "+tr.namespace+"/second/target") {
		t.Errorf("the status does not tell of the last calls:\n%s", report)
	}
	// In one etcd, versions count all writes.
	if version(t, status.ResourceVersion) > version(t, lease.ResourceVersion) {
		t.Error("the lease was given up before the status was written")
	}
}

func version(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// While the API server is down nobody can lead, so nothing is changed; but nobody dies of it either.
func TestFrozen(t *testing.T) {
	t.Parallel()
	tr := newTroupe(t, newControlPlane(t))
	one := tr.replica("one")
	one.begin(t)
	tr.want.path(tr.cluster.owner(t), tr.site.zones...)
	tr.asks("the first routes", "first", "8.8.8.8/32")

	tr.cluster.stop(t)
	one.says(t, "the lease was lost, and nothing is changed until it is held again")
	lost := one.calls.mark()
	call(t, tr.site.ec2.DeleteRoute, &ec2.DeleteRouteInput{
		RouteTableId: aws.String(tr.site.tables["dmz-"+zoneA]), DestinationCidrBlock: aws.String("8.8.8.8/32"),
	})
	one.isWell(t, "/healthz")
	one.isWell(t, "/readyz")
	if one.running.ended() {
		t.Fatal("it has ended")
	}
	frozen := one.calls.mark()
	one.begun = one.heard(t)
	tr.cluster.start(t)
	one.says(t, "msg=leading")
	tr.wants("the API server is there again")
	for _, c := range one.calls.since(lost)[:frozen-lost] {
		t.Errorf("it called %s while nobody led", c.what())
	}
	tr.asks("and is watched again", "second", "9.9.9.9/32")
}
