package simulation_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// looking are the calls of one look, pages aside.
var looking = []string{
	"DescribeAddresses", "DescribeInternetGateways", "DescribeNatGateways", "DescribeRouteTables", "DescribeSubnets",
}

// busy is a cloud in which so many targets are routed in each of several tables.
type busy struct {
	t       testing.TB
	now     time.Time
	ec2     *inmemory.EC2
	loop    *reconcile.Loop
	targets int
	tables  int
}

// newBusy is three zones with so many DMZ route tables each. Its clock moves between passes only.
func newBusy(t testing.TB, targets, perZone int, o inmemory.Options) *busy {
	b := &busy{t: t, now: start, targets: targets, tables: 3 * perZone}
	clock := func() time.Time { return b.now }
	config := reconcile.Config{Zones: zoneBlocks, MinPrefixLength: 16, MaxRoutes: 2000, WithdrawDelay: time.Minute}
	o.Now, o.Pending, o.Quotas.RoutesPerTable = clock, time.Minute, 2000
	var zones []string
	for _, z := range config.Zones {
		zones = append(zones, string(z.Zone))
	}
	e := inmemory.Seed(o, tagKey, zones)
	for _, z := range zones {
		for n := range perZone - 1 {
			e.AddRouteTable(e.Snapshot().VPCs[0].ID, inmemory.Tags{tagKey: z, "Name": fmt.Sprintf("dmz-%s-%d", z, n)})
		}
	}
	p, err := awsec2.New(t.Context(), e, awsec2.Config{TagKey: tagKey, Cluster: cluster, Controller: controller, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	b.ec2 = e
	b.loop = &reconcile.Loop{Config: config, Provider: p, Reader: b, Resync: time.Minute, Now: clock}
	return b
}

// Read implements reconcile.Reader: ConfigMaps of 250 targets each, no two of which can be merged.
func (b *busy) Read(context.Context) reconcile.Reading {
	var maps []reconcile.ConfigMap
	for n := range b.targets {
		if n%250 == 0 {
			maps = append(maps, reconcile.ConfigMap{Namespace: "default", Name: fmt.Sprintf("team-%d", n/250), Data: map[string]string{}})
		}
		maps[len(maps)-1].Data[fmt.Sprintf("target-%d", n)] = manyTargets(n).String()
	}
	return reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: maps}}}
}

// manyTargets is the n-th of many targets: every second /24 of 20.0.0.0/8.
func manyTargets(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{20, byte(n >> 7), byte(n << 1), 0}), 24)
}

// rest makes passes until there is nothing left to do.
func (b *busy) rest() {
	b.t.Helper()
	for range 20 {
		r := b.loop.Pass(b.t.Context())
		if r.Err != nil {
			b.t.Fatal(r.Err)
		}
		if r.Plan.Nothing() {
			return
		}
		b.now = b.now.Add(5 * time.Second)
	}
	b.t.Fatal("no rest after 20 passes")
}

// pass counts the calls of one pass.
func (b *busy) pass() map[string]int {
	b.t.Helper()
	b.ec2.ResetCounts()
	if r := b.loop.Pass(b.t.Context()); r.Err != nil {
		b.t.Fatal(r.Err)
	}
	return b.ec2.Counts()
}

// together lets calls of some sorts go on only when so many of them are under way at once, and counts how often that was.
// In a bubble, if they do not come side by side, the minute passes and they fail.
type together struct {
	wanted func(inmemory.Call) bool
	size   int

	mu    sync.Mutex
	here  int
	met   int
	enter chan struct{}
}

func meet(size int, wanted func(inmemory.Call) bool) *together {
	return &together{wanted: wanted, size: size, enter: make(chan struct{})}
}

func (m *together) hook(_ context.Context, c inmemory.Call, phase inmemory.Phase) error {
	if phase == inmemory.After || !m.wanted(c) {
		return nil
	}
	select {
	case <-m.arrive():
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("%s %s waited for %d calls at once in vain", c.Operation, c.Key, m.size)
	}
}

// arrive is closed when all are there.
func (m *together) arrive() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	enter := m.enter
	if m.here++; m.here == m.size {
		close(m.enter)
		m.here, m.enter = 0, make(chan struct{})
		m.met++
	}
	return enter
}

func reads(c inmemory.Call) bool { return !isWrite(c) }

// An idle pass makes five calls, all at once, however many targets there are; one target more makes one CreateRoute for
// each table, all at once, and one look more.
func TestCalls(t *testing.T) {
	t.Parallel()
	for _, targets := range []int{1, 100, 1000} {
		if targets > mostTargets {
			continue
		}
		t.Run(fmt.Sprintf("%d-targets", targets), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { calls(t, targets) })
		})
	}
}

func calls(t *testing.T, targets int) {
	b := newBusy(t, targets, 2, inmemory.Options{})
	b.rest()

	side := meet(len(looking), reads)
	b.ec2.SetHook(side.hook)
	idle := b.pass()
	for _, operation := range looking {
		if idle[operation] != 1 {
			t.Errorf("an idle pass makes %d calls of %s, not 1", idle[operation], operation)
		}
	}
	if n := sum(idle); n > 5 {
		t.Errorf("an idle pass makes %d calls: %v", n, idle)
	}
	if side.met != 1 {
		t.Error("the calls of a look are not made side by side")
	}

	b.targets++
	routes := meet(b.tables, func(c inmemory.Call) bool { return c.Operation == "CreateRoute" })
	b.ec2.SetHook(routes.hook)
	more := b.pass()
	if more["CreateRoute"] != b.tables || sum(more) != 5+b.tables {
		t.Errorf("one target more makes these calls for %d tables: %v", b.tables, more)
	}
	if routes.met != 1 {
		t.Error("the routes of one target are not made side by side")
	}
	b.ec2.SetHook(nil)
	if r := b.loop.Pass(t.Context()); !r.Plan.Nothing() {
		t.Errorf("more is left to do:\n%s", planText(r))
	}
	t.Logf("%d targets in %d tables: an idle pass makes %d calls at once, one target more %d CreateRoute at once and a look", targets, b.tables, sum(idle), more["CreateRoute"])
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// Pages come one after the other, but those of different lists side by side; so their number is what the longest list
// takes. None depends on the number of targets: routes come with their table.
func TestCallsWithPages(t *testing.T) {
	t.Parallel()
	b := newBusy(t, 10, 3, inmemory.Options{PageSize: 5})
	b.rest()
	few := b.pass()
	b.targets = 100
	b.rest()
	many := b.pass()
	var lines []string
	for _, operation := range looking {
		if few[operation] != many[operation] {
			t.Errorf("%s: %d pages with 10 targets and %d with 100", operation, few[operation], many[operation])
		}
		lines = append(lines, fmt.Sprintf("%s %d", operation, many[operation]))
	}
	if many["DescribeRouteTables"] < 2 {
		t.Error("the pages are too large to see what they cost")
	}
	t.Logf("pages of 5: %s", strings.Join(lines, ", "))
}
