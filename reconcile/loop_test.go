package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// When the loop looks: each pass is made at the time that it says, and at no other.
func TestWhenTheLoopLooks(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		set  func() *world
		run  time.Duration
		want string
	}{
		{
			"rules 5 and 16: two looks come first; what was done is looked at again at once, and a pending gateway every 5 s",
			newWorld, 90 * time.Second,
			"0s 10s 10s 15s 20s 25s 25s 1m25s",
		},
		{
			"nothing to do: a resync a minute",
			finished, 3*time.Minute - 1,
			"0s 1m0s 2m0s",
		},
		{
			"looking fails: it backs off up to the resync",
			func() *world {
				w := newWorld()
				w.cloud.look = func() error { return errAway }
				return w
			}, 5*time.Minute - 1,
			"0s 1s 3s 7s 15s 31s 1m3s 2m3s 3m3s 4m3s",
		},
		{
			"looking fails for a while: then the pace is as ever, and a new failure is a first one",
			func() *world {
				w := finished()
				w.cloud.look = func() error {
					if since := time.Since(w.begin); since < 7*time.Second || since == 2*time.Minute+7*time.Second {
						return errAway
					}
					return nil
				}
				return w
			}, 3*time.Minute + 30*time.Second,
			"0s 1s 3s 7s 1m7s 2m7s 2m8s 3m8s",
		},
		{
			"a call fails: it backs off too",
			func() *world {
				w := newWorld()
				w.cloud.fails = func(a reconcile.Action) error {
					if a.Key.Kind == reconcile.Subnet {
						return errAway
					}
					return nil
				}
				return w
			}, 2*time.Minute - 1,
			"0s 10s 11s 13s 17s 25s 41s 1m13s",
		},
		{
			"somebody undoes what it does: it slows down",
			func() *world {
				w := finished()
				w.cloud.after = func(c *cloud) { c.routes = nil }
				w.situated.cloud.routes = nil
				return w
			}, 30*time.Second - 1,
			"0s 0s 1s 3s 6s 10s 15s 20s 25s",
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := x.set()
				w.run(t, x.run)
				if got := w.when(); got != x.want {
					t.Errorf("it looks at %s\nand should at %s", got, x.want)
				}
			})
		})
	}
}

// An event wakes the loop; however many come while it looks make one more pass, which sees them all.
func TestEventsWakeTheLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		defer time.AfterFunc(20*time.Second, func() {
			for range 5 {
				w.wakes()
			}
		}).Stop()
		w.run(t, 70*time.Second)
		if got, want := w.when(), "0s 20s 20s"; got != want {
			t.Errorf("it looks at %s, and should at %s", got, want)
		}
	})
}

// Events during a pass are not lost: one more pass follows it at once, however many they are.
func TestEventsDuringAPassAreNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.cloud.lookTakes = 4 * time.Second
		for i := range 3 {
			defer time.AfterFunc(time.Duration(i+1)*time.Second, w.wakes).Stop()
		}
		w.run(t, 50*time.Second)
		if got, want := w.when(), "4s 8s"; got != want {
			t.Errorf("it looks at %s, and should at %s", got, want)
		}
	})
}

// Rule 11: the clock of a withdrawal wakes the loop on time, however rarely it resyncs; nothing is withdrawn before.
func TestWithdrawalIsOnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.loop.Resync = time.Hour
		defer time.AfterFunc(10*time.Second, func() { w.edits("20.0.7.0/24") }).Stop()
		w.run(t, 30*time.Minute)
		if got, want := w.when(), "0s 10s 10s 1m10s 1m10s"; got != want {
			t.Errorf("it looks at %s, and should at %s", got, want)
		}
		if got, want := strings.Join(w.cloud.calls, ", "), "create route rtb-1 20.0.7.0/24, delete route rtb-1 20.0.0.0/24"; got != want {
			t.Errorf("it did %s", got)
		}
	})
}

// Rule 13: a clock is not lost when a look fails meanwhile, nor does it run out in one.
func TestClockOutlivesAFailedLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.situated.claim("20.0.7.0/24")
		w.cloud.look = func() error {
			if since := time.Since(w.begin); since > 0 && since < time.Minute {
				return errAway
			}
			return nil
		}
		w.run(t, 30*time.Second)
		w.run(t, 80*time.Second)
		if got, want := w.situated.cloud.routeAt("rtb-1", nets("20.0.0.0/24")[0]), (*reconcile.Found)(nil); got != want {
			t.Errorf("after %s the route is still there", w.when())
		}
	})
}

// Rule 13: the clock of the teardown wakes it too, and the address stays.
func TestTeardownIsOnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.loop.Resync = time.Hour
		w.situated.claim()
		w.run(t, 30*time.Minute)
		if got, want := w.when(), "0s 1m0s 1m0s 11m0s 11m0s"; got != want {
			t.Errorf("it looks at %s, and should at %s", got, want)
		}
		if w.situated.cloud.find("eipalloc-a") == nil || w.situated.cloud.find("nat-a") != nil {
			t.Errorf("there is\n%s", w.situated.cloud)
		}
	})
}

// With --dry-run each pass is planned and none applied.
func TestDryRunAppliesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.loop.DryRun = true
		w.run(t, 3*time.Minute-1)
		if got := w.when(); got != "0s 1m0s 2m0s" || w.cloud.applied != 0 {
			t.Errorf("it looks at %s, and applies %d plans", got, w.cloud.applied)
		}
		if r := w.reports[2]; len(r.Plan.Actions) != 7 || r.Applied {
			t.Errorf("it wants to do %d things, and applied is %t", len(r.Plan.Actions), r.Applied)
		}
	})
}

// Plan makes one pass that applies nothing, whatever the loop does else.
func TestPlanAppliesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		if r := w.loop.Plan(t.Context()); len(r.Plan.Actions) != 7 || r.Applied || w.cloud.applied != 0 {
			t.Errorf("it wants to do %d things, and applies %d plans", len(r.Plan.Actions), w.cloud.applied)
		}
		w.loop.Pass(t.Context()) // the first of two looks (rule 16)
		time.Sleep(10 * time.Second)
		if r := w.loop.Pass(t.Context()); !r.Applied || w.cloud.applied != 1 || !r.At.Equal(w.begin.Add(10*time.Second)) {
			t.Errorf("a pass applies %d plans", w.cloud.applied)
		}
	})
}

// Rule 11: what cannot be looked at changes nothing, memory included; and a cluster that does not answer is warned about.
func TestFailedLookIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.loop.Pass(t.Context())
		w.situated.claim()
		w.cloud.look = func() error { return errAway }
		if r := w.loop.Pass(t.Context()); !errors.Is(r.Err, errAway) || r.Applied || len(r.Zones) != 0 {
			t.Errorf("it reports %+v", r)
		}
		time.Sleep(time.Hour)
		w.cloud.look = nil
		w.situated.reading.Clusters[0].Incomplete = "does not answer"
		r := w.loop.Pass(t.Context())
		if len(r.Plan.Actions) != 0 || len(w.cloud.calls) != 0 {
			t.Errorf("it did %v", w.cloud.calls)
		}
		if len(r.Warnings) != 1 || r.Warnings[0] != "does not answer" {
			t.Errorf("it warns of %q", r.Warnings)
		}
		w.situated.reading.Clusters[0].Name = "prod"
		if r := w.loop.Pass(t.Context()); len(r.Warnings) != 1 || r.Warnings[0] != "prod: does not answer" {
			t.Errorf("with a name it warns of %q", r.Warnings)
		}
	})
}

// Rule 16, "the loop ends before the lease is given up": told to end in the middle of a pass, it begins no call, lets those
// that have begun come to their end, reports that pass and returns.
func TestEndInTheMiddleOfAPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.cloud.applyTakes = 4 * time.Second
		w.run(t, 16*time.Second) // in the middle of the second call, after two looks
		if took := time.Since(w.begin); took != 18*time.Second {
			t.Errorf("it ends after %s", took)
		}
		if got, want := strings.Join(w.cloud.calls, ", "), "create subnet a, create address a, create route-table a"; got != want && got != "create subnet a, create route-table a, create address a" {
			t.Errorf("it did %s, and should: %s", got, want)
		}
		if len(w.reports) != 2 || !w.reports[1].Applied || w.reports[1].Err != nil || w.reports[1].Result.Outcomes[5] != reconcile.Skipped {
			t.Errorf("it reports %+v", w.reports)
		}
	})
}

// A look that the end cut short is not reported as a failure: nobody is to be alarmed by a restart.
func TestLookThatTheEndCutShortIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		ctx, cancel := context.WithCancel(t.Context())
		w.cloud.look = func() error {
			cancel()
			return context.Canceled
		}
		w.loop.Run(ctx)
		if len(w.reports) != 0 {
			t.Errorf("it reports %+v", w.reports)
		}
	})
}

// The clock can be anybody's, and nobody has to listen.
func TestLoopWithAnotherClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.loop.Now, w.loop.Report, w.loop.Wake = func() time.Time { return noon }, nil, nil
		if r := w.loop.Pass(t.Context()); !r.At.Equal(noon) {
			t.Errorf("it is %s", r.At)
		}
		w.run(t, time.Second)
	})
}

// Rule 16: whoever is told to end writes down how things stand after its last calls, not what it was about to do; and
// changes nothing for that.
func TestLeaveWritesHowThingsStand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, on := newWorld(), &shelf{}
		w.loop.Store, w.cloud.applyTakes = on, 4*time.Second
		w.run(t, 16*time.Second) // in the middle of the call for an address
		if strings.Contains(on.status["report"], "address-a") {
			t.Fatalf("the address is told before it is there:\n%s", on.status["report"])
		}
		calls, saved := len(w.cloud.calls), string(on.state)
		w.loop.Leave(t.Context())
		if !strings.Contains(on.status["report"], "address-a") {
			t.Errorf("the last status has no address:\n%s", on.status["report"])
		}
		if len(w.cloud.calls) != calls {
			t.Errorf("it did %q", w.cloud.calls[calls:])
		}
		if string(on.state) == saved {
			t.Error("what the last pass taught is not written down")
		}
	})
}
