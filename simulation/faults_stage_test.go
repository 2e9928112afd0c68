package simulation_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// stage is a cloud, what people ask for, and a controller that may die and be started again. All of it lives in one bubble
// of virtual time, so the controller keeps its own pace: what is tested is Loop.Run, not a pass.
type stage struct {
	t       testing.TB
	lag     time.Duration
	ec2     *inmemory.EC2
	cfn     *inmemory.CloudFormation // nil but for aws-cfn
	config  reconcile.Config
	reading reconcile.Reading
	witness *witness
	fault   *fault
	quotas  map[string]string       // operations that meet a quota: the code that EC2 answers with
	fates   map[string]bool         // the zones whose gateways to come fail
	later   []later                 // what else happens, in the order of time
	reads   func()                  // is called when a pass begins; may be nil
	home    *home                   // what outlives a process; nil: nothing does
	owner   string                  // who asks (rule 16); empty: owners are not told apart
	meant   map[string]netip.Prefix // what each value last meant, by ConfigMap and key
	word    string                  // what the last held withdrawal is confirmed with

	loop    *reconcile.Loop // nil: the next life starts with an empty memory
	life    *life
	wake    chan struct{}
	reports chan reconcile.Report
	last    reconcile.Report
	lives   int

	stackCalls *stackCalls
}

// later is something that happens so long after the episode began.
type later struct {
	after   time.Duration
	happens func(*stage)
}

// life is the time in which one process runs, or leads.
type life struct {
	cancel context.CancelFunc
	dead   atomic.Bool
	ended  chan struct{}
}

type lifeKey struct{}

// lifeOf says whose call it is; nil for calls of other people.
func lifeOf(ctx context.Context) *life {
	l, _ := ctx.Value(lifeKey{}).(*life)
	return l
}

// Gateways take so long here: longer than a look, so that a pass has to defer, and no longer than a few.
const (
	pending     = 7 * time.Second
	deleting    = 6 * time.Second
	associating = 4 * time.Second
)

// The delays are shorter than the defaults, so that fewer passes with nothing to do have to be played.
const (
	withdrawDelay = time.Minute
	teardownDelay = 2 * time.Minute
	releaseDelay  = 10 * time.Second // so short that an address which goes unasked goes within an episode
)

// usual are the flags of most controllers here.
func usual() reconcile.Config {
	return reconcile.Config{
		Zones: slices.Clone(zoneBlocks[:2]), MinPrefixLength: 16, MaxRoutes: 500,
		ReleaseDelay: releaseDelay, WithdrawDelay: withdrawDelay, TeardownDelay: teardownDelay, MaxWithdrawal: 50,
	}
}

// newStage is two zones in a VPC in which others live too.
func newStage(t testing.TB, o lagging) *stage {
	st := &stage{
		t: t, lag: o.lists, stackCalls: newStackCalls(), fates: map[string]bool{}, meant: map[string]netip.Prefix{}, wake: make(chan struct{}, 1), reports: make(chan reconcile.Report),
		config:  usual(),
		reading: reconcile.Reading{Clusters: []reconcile.Cluster{{}}},
	}
	var zones []string
	for _, z := range st.config.Zones {
		zones = append(zones, string(z.Zone))
	}
	st.ec2 = inmemory.Seed(inmemory.Options{
		Pending: pending, Deleting: deleting, Associating: associating, Lag: o.lists, ReferenceLag: o.references,
		LagOf: func(c inmemory.Call) time.Duration {
			if o.only != "" && c.Operation != o.only {
				return 0
			}
			return st.lag
		},
		Fail: func(c inmemory.Creation) string {
			if st.fates[c.Zone] {
				return "InternalError"
			}
			return ""
		},
		KeepCalls: true, Quotas: inmemory.Quotas{Addresses: 12}, Zones: []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"},
	}, tagKey, zones)
	if o.provider == withStack {
		st.cfn = inmemory.NewCloudFormation(st.ec2, inmemory.CloudFormationOptions{Step: stackStep})
	}
	st.others()
	st.witness = newWitness(st)
	return st
}

// others puts into the VPC what is foreign, and must stay as it is.
func (st *stage) others() {
	e := st.ec2
	sn := e.Snapshot()
	vpc, workers := sn.VPCs[0].ID, sn.Subnets[0].ID
	e.AddSubnet(vpc, "eu-central-1a", "172.31.100.0/24", inmemory.Tags{"Name": "databases"})
	private := e.AddRouteTable(vpc, inmemory.Tags{"Name": "private"})
	e.AddRoute(private, inmemory.Route{Destination: prefix("10.9.0.0/16"), Target: "pcx-0a"})
	e.AddRoute(st.table("eu-central-1a"), inmemory.Route{Destination: prefix("10.9.0.0/16"), Target: "pcx-0a"})
	e.AddRoute(st.table("eu-central-1b"), inmemory.Route{Destination: prefix("8.8.4.0/24"), Target: "tgw-0a"})
	e.Allocate(inmemory.Tags{"Name": "a bastion's"})
	address := e.Allocate(inmemory.Tags{"Name": "somebody's gateway's"})
	e.Settle()
	out, err := e.CreateNatGateway(st.t.Context(), &ec2.CreateNatGatewayInput{
		SubnetId: aws.String(workers), AllocationId: aws.String(address),
	})
	if err != nil {
		st.t.Fatal(err)
	}
	e.AddRoute(private, inmemory.Route{Destination: prefix("0.0.0.0/0"), Target: *out.NatGateway.NatGatewayId})
	time.Sleep(time.Hour) // of the bubble: what others have has been there for long
	e.Settle()
}

// table is the id of the first DMZ route table of a zone.
func (st *stage) table(zone string) string { return st.tableNamed("dmz-" + zone) }

func (st *stage) tableNamed(name string) string {
	for _, t := range st.ec2.Snapshot().RouteTables {
		if t.Tags["Name"] == name {
			return t.ID
		}
	}
	st.t.Fatalf("no route table %s", name)
	return ""
}

// ask is what all ConfigMaps say from now on. The loop sleeps while this is called; what wakes it comes after.
func (st *stage) ask(maps configMaps) { st.witness.claims(st.says(maps)) }

// says is what the controller reads from now on, and gives what that means: nonsense means what its value meant before.
func (st *stage) says(maps configMaps) (asked []netip.Prefix) {
	var list []reconcile.ConfigMap
	for _, name := range sortedNames(maps) {
		list = append(list, reconcile.ConfigMap{Namespace: "default", Name: name, Data: maps[name]})
	}
	st.reading.Clusters[0].ConfigMaps = list
	before := st.meant
	st.meant = map[string]netip.Prefix{}
	for name, m := range maps {
		for key, value := range m {
			p, err := netip.ParsePrefix(value)
			if err != nil {
				p = before[name+" "+key]
			}
			st.meant[name+" "+key] = p
			asked = append(asked, p)
		}
	}
	return asked
}

// Read implements reconcile.Reader.
func (st *stage) Read(context.Context) reconcile.Reading {
	if st.reads != nil {
		st.reads()
	}
	return reconcile.Reading{Clusters: slices.Clone(st.reading.Clusters), Owner: st.owner}
}

// hook is around every call. A dead process makes no calls and hears no answers; but what it asked for before its end may
// still happen.
func (st *stage) hook(ctx context.Context, c inmemory.Call, phase inmemory.Phase) error {
	if phase == inmemory.After {
		st.witness.look(c)
	}
	l, byStack := lifeOf(ctx), inmemory.ByStack(ctx) != ""
	switch {
	case byStack:
		st.stackCalls.byStack(c)
	case l == nil:
		return nil
	case l.dead.Load():
		return errDied
	}
	if code := st.quotas[c.Operation]; code != "" && phase == inmemory.Before {
		return &smithy.GenericAPIError{Code: code, Message: "The limit is reached."}
	}
	return st.fault.strike(ctx, l, c, phase)
}

// live starts a process, or lets the old one lead again.
func (st *stage) live() {
	l := &life{ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), lifeKey{}, l))
	l.cancel = cancel
	st.life = l
	st.lives++
	go func() {
		defer close(l.ended)
		if st.loop == nil {
			loop, err := st.process(ctx)
			if err != nil {
				time.Sleep(time.Second) // it exits, and is started again
				return
			}
			st.loop = loop
		}
		st.loop.Run(ctx)
	}()
}

// process is a controller that has just been started: it remembers what its home does.
func (st *stage) process(ctx context.Context) (*reconcile.Loop, error) {
	cloud := awsec2.Config{TagKey: tagKey, Cluster: cluster, Controller: controller, Owner: st.owner}
	p, err := newProvider(ctx, st.ec2, st.cfn, cloud, st.config)
	if err != nil {
		return nil, err
	}
	loop := &reconcile.Loop{
		Config: st.config, Provider: p, Reader: st, Resync: time.Minute, Wake: st.wake,
		Report: func(r reconcile.Report) {
			st.witness.tells(r)
			st.reports <- r
		},
	}
	if st.home != nil {
		loop.Store = st.home.open()
	}
	return loop, nil
}

// settle lets the controller run until it has nothing left to do, and says how long that took. A list that lags shows
// what somebody did, or the controller itself, only later: nothing that is seen before then counts.
func (st *stage) settle(bound time.Duration) (took time.Duration, settled bool) {
	began, end := time.Now(), time.After(bound)
	changed, next := began, st.after(0)
	if st.life == nil {
		st.live()
	} else {
		st.wake <- struct{}{}
	}
	for {
		select {
		case r := <-st.reports:
			st.last = r
			if word := wordOf(r); word != "" {
				st.word = word
			}
			if r.Applied {
				changed = time.Now()
			}
			if next == nil && atRest(r) && !froze(r) && r.At.Sub(changed) >= st.lag {
				return time.Since(began), true
			}
		case <-next:
			synctest.Wait() // the loop sleeps, or a call of its hangs
			event, now := st.later[0], time.Since(began)
			st.later = st.later[1:]
			event.happens(st)
			st.witness.rebase()
			changed, next = time.Now(), st.after(now)
			select {
			case st.wake <- struct{}{}:
			default: // it is awake
			}
		case <-st.life.ended:
			if st.life.dead.Load() {
				if st.loop = nil; st.home == nil {
					st.witness.forgets()
				}
			}
			st.live()
		case <-end:
			return bound, false
		}
	}
}

// froze reports whether a pass withdrew nothing because it could not read or write its home: the next one may.
func froze(r reconcile.Report) bool {
	return slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "what ") && strings.Contains(w, " cannot be ") })
}

// after is when the next thing happens, now being so long after the beginning; nil if nothing does.
func (st *stage) after(now time.Duration) <-chan time.Time {
	if len(st.later) == 0 {
		return nil
	}
	return time.After(st.later[0].after - now)
}

// atRest: nothing is left to do, nor to wait for, but what somebody else has to do first.
func atRest(r reconcile.Report) bool {
	return r.Err == nil && len(r.Plan.Actions) == 0 && !slices.ContainsFunc(r.Plan.Waiting, func(w reconcile.Wait) bool { return !w.Held })
}

// stop ends the controller, as a SIGTERM does.
func (st *stage) stop() {
	st.life.cancel()
	for {
		select {
		case <-st.reports:
		case <-st.life.ended:
			return
		}
	}
}

// planAgain wants nothing of a plan: neither of the controller that got here, nor of one that was started just now and
// remembers nothing. (House habit: after every apply, plan again and want nothing.)
func (st *stage) planAgain() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.Sleep(st.lag) // one that was just started sees only what lists show
	go func() {        // nobody else listens any more
		for {
			select {
			case <-st.reports:
			case <-ctx.Done():
				return
			}
		}
	}()
	fresh, err := st.process(ctx)
	if err != nil {
		st.t.Fatal(err)
	}
	fresh.Store = nil
	for name, loop := range map[string]*reconcile.Loop{"the same": st.loop, "another": fresh} {
		if r := loop.Plan(ctx); !atRest(r) {
			st.t.Errorf("%s controller's next plan is not empty:\n%s", name, planText(r))
		}
	}
}

func planText(r reconcile.Report) string {
	var b strings.Builder
	if r.Err != nil {
		b.WriteString("error: " + r.Err.Error() + "\n")
	}
	for i, a := range r.Plan.Actions {
		b.WriteString("  " + string(a.Verb) + " " + a.Key.String() + ": " + a.Reason)
		if len(r.Result.Outcomes) > i {
			b.WriteString(" (" + string(r.Result.Outcomes[i]) + ")")
		}
		b.WriteString("\n")
	}
	for _, w := range r.Plan.Waiting {
		b.WriteString("  wait " + w.Key.String() + ": " + w.Reason + "\n")
	}
	for _, p := range r.Problems {
		b.WriteString("  problem " + p.Reason + "\n")
	}
	return b.String()
}
