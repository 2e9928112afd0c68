package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// slowCloud is a provider over a cloud in which a gateway takes its time, told by the bubble's clock.
type slowCloud struct {
	gatewayTakes time.Duration
	lookTakes    time.Duration
	applyTakes   time.Duration                // each call
	look         func() error                 // what an Observe fails with; nil: with nothing
	fails        func(reconcile.Action) error // what an action fails with; nil: with nothing
	after        func(*cloud)                 // somebody else's doing after each Apply; nil: nobody's

	mu      sync.Mutex
	cloud   *cloud
	ready   map[string]time.Time // when a gateway that is pending is available
	applied int
	calls   []string
}

func (p *slowCloud) Observe(context.Context) (reconcile.Observed, error) {
	time.Sleep(p.lookTakes) // without the lock: one that is contended would stop the bubble's clock
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.look != nil {
		if err := p.look(); err != nil {
			return reconcile.Observed{}, err
		}
	}
	for id, at := range p.ready {
		if !time.Now().Before(at) {
			p.cloud.find(id).Status = reconcile.Active
			delete(p.ready, id)
		}
	}
	return p.cloud.observed(), nil
}

func (p *slowCloud) Apply(ctx context.Context, plan reconcile.Plan) (reconcile.Result, error) {
	p.mu.Lock()
	p.applied++
	p.mu.Unlock()
	r, err := reconcile.Execute(ctx, plan, p)
	if p.after != nil {
		p.after(p.cloud)
	}
	return r, err
}

func (p *slowCloud) Do(_ context.Context, a reconcile.Action, id func(reconcile.Ref) string) (reconcile.Made, error) {
	time.Sleep(p.applyTakes)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, fmt.Sprintf("%s %s", a.Verb, a.Key))
	if p.fails != nil {
		if err := p.fails(a); err != nil {
			return reconcile.Made{}, err
		}
	}
	ids := map[reconcile.Key]string{}
	for k := reconcile.Subnet; k <= reconcile.NATGateway; k++ {
		ids[pathKey(k, a.Key.Zone)] = id(reconcile.To(k, a.Key.Zone))
	}
	if a.After != nil && a.After.Spec.Target.Kind == reconcile.NATGateway {
		ids[pathKey(reconcile.NATGateway, a.After.Spec.Target.Zone)] = id(a.After.Spec.Target)
	}
	if err := p.cloud.apply(a, ids); err != nil {
		return reconcile.Made{}, err
	}
	made := reconcile.Made{Ready: true}
	if a.Verb == reconcile.Create {
		made.ID = ids[a.Key]
	}
	if a.Verb == reconcile.Create && a.Key.Kind == reconcile.NATGateway && p.gatewayTakes > 0 {
		p.cloud.find(made.ID).Status = reconcile.Pending
		p.ready[made.ID] = time.Now().Add(p.gatewayTakes)
		made.Ready = false
	}
	return made, nil
}

// world is a loop over a slow cloud, with what happened when.
type world struct {
	loop     reconcile.Loop
	cloud    *slowCloud
	situated situation
	begin    time.Time
	wake     chan struct{}
	reports  []reconcile.Report
	passes   []time.Duration // when each pass was reported, since the beginning
}

func (w *world) Read(context.Context) reconcile.Reading {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	return w.situated.reading
}

// edits changes what people ask for, and wakes the loop.
func (w *world) edits(values ...string) {
	w.cloud.mu.Lock()
	w.situated.claim(values...)
	w.cloud.mu.Unlock()
	w.wakes()
}

// newWorld is a loop with one zone, of which nothing is there yet, and one claim. It is to be made in a bubble.
func newWorld() *world {
	w := &world{situated: built("20.0.0.0/24"), begin: time.Now(), wake: make(chan struct{}, 1)}
	w.situated.cloud = &cloud{site: w.situated.cloud.site}
	w.situated.cloud.site.Tables = w.situated.cloud.site.Tables[:1]
	w.cloud = &slowCloud{cloud: w.situated.cloud, ready: map[string]time.Time{}, gatewayTakes: 12 * time.Second}
	w.loop = reconcile.Loop{
		Config: w.situated.config, Provider: w.cloud, Reader: w, Resync: time.Minute, Wake: w.wake,
		Report: func(r reconcile.Report) {
			w.reports = append(w.reports, r)
			w.passes = append(w.passes, time.Since(w.begin))
		},
	}
	return w
}

// finished is a world in which all is built.
func finished() *world {
	w := newWorld()
	w.situated.cloud.path("a")
	w.situated.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	return w
}

// run lets the loop run for so long. Goroutines of the bubble that do not end would fail the test.
func (w *world) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	w.loop.Run(ctx)
	synctest.Wait()
}

// wakes tells the loop that something may have changed, as the reader does: never waiting.
func (w *world) wakes() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *world) when() string { return strings.Trim(fmt.Sprint(w.passes), "[]") }

var errAway = errors.New("EC2 does not answer")
