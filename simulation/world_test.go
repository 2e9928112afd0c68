package simulation_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when every world begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const tagKey = "AvailabilityZone"

// world is a cloud with a clock, what people ask for, and the controller that stands between them. The controller can be
// started again; the cloud stays, and so does what it keeps in its home.
type world struct {
	t       testing.TB
	now     time.Time
	ec2     *inmemory.EC2
	cfn     *inmemory.CloudFormation // nil but for aws-cfn: then the clock is that of the bubble
	config  reconcile.Config
	cloud   awsec2.Config
	reading reconcile.Reading
	home    *home
	loop    *reconcile.Loop
	report  reconcile.Report
}

// zoneBlocks are the zones of a world and their NAT CIDR blocks, in the order in which they are used.
var zoneBlocks = []reconcile.ZoneConfig{
	{Zone: "eu-central-1a", Block: netip.MustParsePrefix("172.31.64.0/28")},
	{Zone: "eu-central-1b", Block: netip.MustParsePrefix("172.31.64.16/28")},
	{Zone: "eu-central-1c", Block: netip.MustParsePrefix("172.31.64.32/28")},
}

// newWorld is a world with so many zones, each with one DMZ route table, and the controller's defaults.
func newWorld(t testing.TB, provider string, zones int, o inmemory.Options) *world {
	w := &world{
		t: t, now: start, home: &home{},
		config: reconcile.Config{
			Cluster: cluster,
			Zones:   slices.Clone(zoneBlocks[:zones]), MinPrefixLength: 16, MaxRoutes: 500,
			ReleaseDelay: 7 * 24 * time.Hour, WithdrawDelay: time.Minute, TeardownDelay: 10 * time.Minute, MaxWithdrawal: 50,
		},
		cloud:   awsec2.Config{TagKey: tagKey, Cluster: "test", Controller: "kube-static-egress-controller"},
		reading: reconcile.Reading{Clusters: []reconcile.Cluster{{}}},
	}
	o.Now = w.clock
	var names []string
	for _, z := range w.config.Zones {
		names = append(names, string(z.Zone))
	}
	if len(o.Zones) == 0 {
		o.Zones = []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"}
	}
	if provider == withStack {
		w.now = time.Now()
	}
	w.ec2 = inmemory.Seed(o, tagKey, names)
	if provider == withStack {
		w.cfn = inmemory.NewCloudFormation(w.ec2, inmemory.CloudFormationOptions{Step: stackStep})
	}
	w.restart()
	return w
}

func (w *world) clock() time.Time {
	if w.cfn != nil {
		return time.Now()
	}
	return w.now
}

// Read implements reconcile.Reader.
func (w *world) Read(context.Context) reconcile.Reading { return w.reading }

// restart starts the controller again. It remembers what it finds in its home.
func (w *world) restart() {
	w.t.Helper()
	w.cloud.Now = w.clock
	p, err := newProvider(w.t.Context(), w.ec2, w.cfn, w.cloud, w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.loop = &reconcile.Loop{
		Config: w.config, Provider: p, Reader: w, Resync: time.Minute, Now: w.clock, Store: w.home.open(),
		Report: func(r reconcile.Report) { w.report = r },
	}
}
