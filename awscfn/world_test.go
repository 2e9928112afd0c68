package awscfn_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	stackName = "static-egress-test"
	tagKey    = "AvailabilityZone"
	zoneA     = reconcile.Zone("eu-central-1a")
	zoneB     = reconcile.Zone("eu-central-1b")
	zoneC     = reconcile.Zone("eu-central-1c")
)

// blocks are the zones and their NAT CIDR blocks.
var blocks = []reconcile.ZoneConfig{
	{Zone: zoneA, Block: netip.MustParsePrefix("172.31.64.0/28")},
	{Zone: zoneB, Block: netip.MustParsePrefix("172.31.64.16/28")},
	{Zone: zoneC, Block: netip.MustParsePrefix("172.31.64.32/28")},
}

// world is an AWS with a CloudFormation, what people ask for, and the controller between them, in a bubble of virtual time.
type world struct {
	t      *testing.T
	ec2    *inmemory.EC2
	cfn    *inmemory.CloudFormation
	api    awscfn.API // how the controller reaches it
	bucket bucket     // given to the controller by those tests that want it
	config reconcile.Config
	cloud  awsec2.Config
	stack  awscfn.Config
	values map[string]string     // of the one ConfigMap
	others []reconcile.ConfigMap // beside it
	owner  string                // who asks
	lag    time.Duration         // how far EC2's lists lag behind
	hidden string                // a route table that they leave out
	loop   *reconcile.Loop
	last   reconcile.Report
}

// How long things take: gateways, and each step of an operation.
const (
	pending  = 100 * time.Second
	deleting = 50 * time.Second
	oneStep  = 2 * time.Second
)

// in lets a test happen in a world of its own, with so many zones.
func in(t *testing.T, zones int, test func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, values: map[string]string{},
			config: reconcile.Config{
				Zones: slices.Clone(blocks[:zones]), MinPrefixLength: 16, MaxRoutes: 500,
				ReleaseDelay: 7 * 24 * time.Hour, WithdrawDelay: time.Minute, TeardownDelay: 10 * time.Minute,
			},
			cloud: awsec2.Config{TagKey: tagKey, Cluster: "test", Controller: "kube-static-egress-controller", Stack: stackName},
			stack: awscfn.Config{Stack: stackName},
		}
		w.ec2 = inmemory.Seed(inmemory.Options{
			Pending: pending, Deleting: deleting, Lag: 2 * time.Minute, LagOf: func(inmemory.Call) time.Duration { return w.lag },
			KeepCalls: true, Zones: []string{string(zoneA), string(zoneB), string(zoneC)},
		}, tagKey, names(w.config.Zones))
		w.cfn = inmemory.NewCloudFormation(w.ec2, inmemory.CloudFormationOptions{Step: oneStep, KeepCalls: true, Fetch: w.bucket.fetch})
		w.api = watched{w.cfn, t, &w.bucket}
		w.start()
		defer func() { // what runs still, ends in the bubble, whatever came of the test
			if err := w.cfn.Settle(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		test(w)
	})
}

func names(zones []reconcile.ZoneConfig) []string {
	var out []string
	for _, z := range zones {
		out = append(out, string(z.Zone))
	}
	return out
}

// start starts the controller, with an empty memory.
func (w *world) start() {
	w.t.Helper()
	w.loop = w.process()
}

func (w *world) process() *reconcile.Loop {
	w.t.Helper()
	direct, err := awsec2.New(w.t.Context(), hiding{w.ec2, w}, w.cloud)
	if err != nil {
		w.t.Fatal(err)
	}
	w.stack.Zones = nil
	for _, z := range w.config.Zones {
		w.stack.Zones = append(w.stack.Zones, z.Zone)
	}
	provider, err := awscfn.New(w.api, direct, w.stack)
	if err != nil {
		w.t.Fatal(err)
	}
	return &reconcile.Loop{
		Config: w.config, Provider: provider, Reader: w, Resync: time.Minute, Report: func(r reconcile.Report) { w.last = r },
	}
}

// Read implements reconcile.Reader.
func (w *world) Read(context.Context) reconcile.Reading {
	c := reconcile.Cluster{ConfigMaps: slices.Clone(w.others)}
	if len(w.values) > 0 {
		c.ConfigMaps = append(c.ConfigMaps, reconcile.ConfigMap{Namespace: "default", Name: "egress", Data: w.values})
	}
	return reconcile.Reading{Clusters: []reconcile.Cluster{c}, Owner: w.owner}
}

// run lets the controller run for so long.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	w.loop.Run(ctx)
}

// converge lets the controller go on until there is nothing left to do, and wants that to happen. Then it plans again, as
// one that was started just now, and wants nothing.
func (w *world) converge() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Hour)
	defer cancel()
	if _, err := w.loop.Once(ctx); err != nil {
		w.t.Fatalf("%v\n%s\n%s", err, w.plan(w.last), w.cfn.Dump())
	}
	if r := w.process().Plan(w.t.Context()); r.Err != nil || !r.Plan.Nothing() {
		w.t.Fatalf("a fresh controller wants something (%v):\n%s\n%s", r.Err, w.plan(r), w.cfn.Dump())
	}
}

func (w *world) plan(r reconcile.Report) string {
	var b strings.Builder
	if err := reconcile.WritePlan(&b, r); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// routes are those that lead to NAT gateways: "ZONE PREFIX -> ZONE STATE", sorted.
func (w *world) routes() []string {
	s := w.ec2.Snapshot()
	zones := map[string]string{}
	for _, g := range s.NATGateways {
		zones[g.ID] = g.Zone
	}
	var out []string
	for _, t := range s.RouteTables {
		for _, r := range t.Routes {
			if strings.HasPrefix(r.Target, "nat-") {
				out = append(out, strings.TrimPrefix(t.Tags["Name"], "dmz-eu-central-1")+" "+r.Destination.String()+" -> "+strings.TrimPrefix(zones[r.Target], "eu-central-1")+" "+string(r.State))
			}
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) wantRoutes(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if have := w.routes(); !slices.Equal(have, want) {
		w.t.Errorf("the routes are\n  %s\nand should be\n  %s", strings.Join(have, "\n  "), strings.Join(want, "\n  "))
	}
}

// addresses are those that exist, by zone.
func (w *world) addresses() map[string]string {
	out := map[string]string{}
	for _, a := range w.ec2.Snapshot().Addresses {
		out[a.Tags[awsec2.TagZone]] += a.ID + " " + a.IP.String()
	}
	return out
}
