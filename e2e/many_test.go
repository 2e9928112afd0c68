//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// memoryAim is what the program should need at most in a big cluster. It is an aim and no limit: the peak is printed.
const memoryAim = 40 << 20

// A big cluster: 1,000 ConfigMaps that ask, with 10 targets each, among 10,000 that do not.
func TestMany(t *testing.T) {
	t.Parallel()
	const asking, targets, others, namespaces = 1000, 10, 10_000, 20
	s := newSite(t, allZones...)
	c := newControlPlane(t)
	want := pictureOf(s.snapshot(t))
	for i := range namespaces {
		c.addNamespace(t, fmt.Sprint("team-", i))
	}
	calls := newAWSProxy(t)
	control := s.controller(t, "--kubeconfig="+c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)).through(calls)
	control.pace = []string{"--address=", "--resync-interval=1s"}
	running := control.start(t)
	calls.passes(t, 3)
	idle := running.peakMemory(t)
	running.terminate(t)

	work := make(chan func(), 100)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for f := range work {
				f()
			}
		})
	}
	for i := range asking {
		cm := configMap(fmt.Sprint("team-", i%namespaces), fmt.Sprint("egress-", i))
		for j := range targets {
			n := i*targets + j
			cm.Data[fmt.Sprint("target-", j)] = fmt.Sprintf("20.0.%d.%d/32", n/256, n%256)
		}
		work <- func() { c.put(t, cm) }
	}
	for i := range others {
		cm := configMap(fmt.Sprint("team-", i%namespaces), fmt.Sprint("other-", i), "content="+strings.Repeat("x", 1000))
		cm.ObjectMeta.Labels = map[string]string{"app": "other"}
		work <- func() { c.put(t, cm) }
	}
	close(work)
	group.Wait()
	if t.Failed() {
		return
	}

	running = control.start(t)
	want.path(c.owner(t), allZones...)
	for _, zone := range allZones {
		// 10,000 addresses in a row, as few networks as they fit in.
		want.route("dmz-"+zone, zone, "20.0.0.0/19", "20.0.32.0/22", "20.0.36.0/23", "20.0.38.0/24", "20.0.39.0/28")
	}
	s.eventuallyState(t, want.String())
	control.planWantsNothing(t)
	// And one of them changes while it runs.
	cm := configMap("team-0", "egress-0", "one-more=20.0.39.16/28")
	for j := range targets {
		cm.Data[fmt.Sprint("target-", j)] = fmt.Sprintf("20.0.0.%d/32", j)
	}
	c.put(t, cm)
	for _, zone := range allZones {
		want.noRoute("dmz-"+zone, "20.0.39.0/28")
		want.route("dmz-"+zone, zone, "20.0.39.0/27")
	}
	s.eventuallyState(t, want.String())
	peak := running.peakMemory(t)
	list, err := c.admin.CoreV1().ConfigMaps("").List(t.Context(), metav1.ListOptions{LabelSelector: "egress=static"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d ConfigMaps with %d targets each, among %d others: the peak memory was %d MB (the aim is %d MB); with no ConfigMap it is %d MB",
		len(list.Items), targets, others, peak>>20, memoryAim>>20, idle>>20)
}
