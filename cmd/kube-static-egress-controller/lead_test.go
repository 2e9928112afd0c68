package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/kube"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// turns is a lease that is held for some times, each given by when it begins after the one before has ended, and how long it
// lasts until it is lost; then it is held by another one.
type turns struct {
	waits, lasts []time.Duration
	trouble      string
}

func (l *turns) Holder() string  { return "another" }
func (l *turns) Trouble() string { return l.trouble }

func (l *turns) Hold(ctx context.Context, work func(context.Context)) (bool, error) {
	if len(l.waits) == 0 {
		<-ctx.Done()
		return false, nil
	}
	wait, last := l.waits[0], l.lasts[0]
	l.waits, l.lasts = l.waits[1:], l.lasts[1:]
	pause(ctx, wait)
	if ctx.Err() != nil {
		return false, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(last, func() { cancel(kube.ErrLost) }).Stop()
	work(ctx)
	return true, nil
}

// stage is a loop over nothing, with what is asked of it.
type stage struct {
	reads, looks, saved atomic.Int32
}

func (s *stage) Read(context.Context) reconcile.Reading {
	s.reads.Add(1)
	return reconcile.Reading{Clusters: []reconcile.Cluster{{}}}
}

func (s *stage) Observe(context.Context) (reconcile.Observed, error) {
	s.looks.Add(1)
	return reconcile.Observed{Site: reconcile.Site{VPC: "vpc-1", InternetGateway: "igw-1"}}, nil
}

func (s *stage) Apply(context.Context, reconcile.Plan) (reconcile.Result, error) {
	return reconcile.Result{}, nil
}
func (s *stage) Load(context.Context) ([]byte, error)          { return nil, nil }
func (s *stage) Save(context.Context, []byte) error            { return nil }
func (s *stage) Confirmed(context.Context) (string, error)     { return "", nil }
func (s *stage) Show(context.Context, map[string]string) error { s.saved.Add(1); return nil }

func (s *stage) wired(l lease) wired {
	config := reconcile.Config{Zones: []reconcile.ZoneConfig{{Zone: "a", Block: netip.MustParsePrefix("10.0.0.0/28")}}}
	return wired{lease: l, loop: &reconcile.Loop{Config: config, Provider: s, Reader: s, Store: s, Resync: time.Minute, Now: time.Now}}
}

// Rule 16: each time that it leads it begins anew, however long AWS lets it wait for that; and while it does not lead it
// reads what is claimed, and looks at nothing.
func TestTermsOfALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &stage{}, &stage{}
		l := &turns{waits: []time.Duration{10 * time.Minute, 10 * time.Minute}, lasts: []time.Duration{10 * time.Minute, time.Hour}}
		away := 3
		var leads []string
		began := time.Now()
		var ticks atomic.Int32
		c := candidate{
			first: first.wired(l),
			wire: func(context.Context) (wired, error) {
				if away--; away >= 0 {
					return wired{}, errors.New("EC2 does not answer")
				}
				return second.wired(l), nil
			},
			leads: func(yes bool) {
				leads = append(leads, map[bool]string{true: "leads ", false: "ends "}[yes]+time.Since(began).String())
			},
			tick: func() { ticks.Add(1) }, resync: time.Minute, log: slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.run(ctx) }()

		time.Sleep(9*time.Minute + time.Second)
		if first.reads.Load() != 10 || ticks.Load() != 10 || first.looks.Load() != 0 {
			t.Errorf("standing by for 9 minutes: %d readings, %d ticks, %d looks", first.reads.Load(), ticks.Load(), first.looks.Load())
		}
		time.Sleep(15 * time.Minute) // in the middle of the second time
		looked, shown := first.looks.Load(), first.saved.Load()
		if looked < 10 {
			t.Errorf("leading for 10 minutes it looked %d times", looked)
		}
		time.Sleep(10 * time.Minute)
		if first.looks.Load() != looked || first.saved.Load() != shown {
			t.Error("what was made for the first time is used in the second")
		}
		if second.looks.Load() == 0 {
			t.Error("it does not lead a second time")
		}
		shown = second.saved.Load()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := second.saved.Load(); got != shown+1 {
			t.Errorf("at its end it wrote the status %d times, want once", got-shown)
		}
		if got, want := strings.Join(leads, ", "), "leads 10m0s, ends 20m0s, leads 30m0s, ends 34m1s"; got != want {
			t.Errorf("it %s, want: %s", got, want)
		}
	})
}

// What has an end waits for the lease only so long, and says who has it or why it cannot be had.
func TestWaitingForTheLease(t *testing.T) {
	for trouble, want := range map[string]string{
		"":                     "nothing was done: another leads, and there can be only one: stop it first",
		"leases are forbidden": "nothing was done, for want of the lease: leases are forbidden",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := (&stage{}).wired(&turns{trouble: trouble})
			began := time.Now()
			err := w.whileLeading(t.Context(), time.Minute, func(context.Context) error { return nil })
			if err == nil || err.Error() != want || time.Since(began) != time.Minute {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			w = (&stage{}).wired(&turns{waits: []time.Duration{time.Second}, lasts: []time.Duration{time.Hour}})
			if err := w.whileLeading(t.Context(), time.Minute, func(ctx context.Context) error {
				pause(ctx, 10*time.Minute) // longer than it would have waited
				return ctx.Err()
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

// A container that is started again in its Pod is who it was before; all else is somebody new each time.
func TestIdentity(t *testing.T) {
	pod := func(name string) (string, bool) {
		value, ok := map[string]string{"POD_NAME": "one", "POD_UID": "1-2-3"}[name]
		return value, ok
	}
	nowhere := func(string) (string, bool) { return "", false }
	for name, c := range map[string]struct {
		s    setup
		env  func(string) (string, bool)
		same bool
	}{
		"in a Pod":             {setup{}, pod, true},
		"once, in a Pod":       {setup{once: true}, pod, false},
		"a teardown, in a Pod": {setup{teardown: true}, pod, false},
		"elsewhere":            {setup{}, nowhere, false},
	} {
		first, err := c.s.identity(c.env)
		second, wrong := c.s.identity(c.env)
		if err != nil || wrong != nil {
			t.Error(name, err, wrong)
		}
		if (first == second) != c.same || first == "" {
			t.Errorf("%s: it is %q, and then %q", name, first, second)
		}
	}
}
