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

// once lets the loop run until nothing is left to do, or so long.
func (w *world) once(t *testing.T, timeout time.Duration) (reconcile.Report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return w.loop.Once(ctx)
}

// --once ends when all is built and the routes lead there, and not before.
func TestOnceEndsWhenAllIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		r, err := w.once(t, 15*time.Minute)
		if err != nil || w.when() != "0s 10s 10s 15s 20s 25s 25s" || len(r.Verdicts) != 1 || r.Verdicts[0].Standing != reconcile.StandingActive {
			t.Errorf("it ends at %s with %v: %+v", w.when(), err, r.Verdicts)
		}
	})
}

// Conflicts and refusals are reported, and no failures: somebody else has to do something first.
func TestOnceDoesNotWaitForPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.situated.claim("20.0.0.0/24", "nonsense", "20.0.3.0/24")
		w.situated.cloud.routeTo("20.0.3.0/24", "pcx-1", reconcile.Active)
		r, err := w.once(t, 15*time.Minute)
		if err != nil || w.when() != "0s" || len(r.Plan.Conflicts) != 1 || r.Verdicts[1].Standing != reconcile.StandingRejected {
			t.Errorf("it ends at %s with %v: %+v", w.when(), err, r.Verdicts)
		}
	})
}

// What is wrong with the set-up is an error before anything is applied, for other zones too (--once stops where run goes on).
func TestOnceChangesNothingWhereTheSetUpIsWrong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.loop.Config.Zones = append(w.loop.Config.Zones,
			reconcile.ZoneConfig{Zone: "b", Block: nets("192.168.0.0/28")[0]}, reconcile.ZoneConfig{Zone: "z", Block: blockOf("c")})
		_, err := w.once(t, 15*time.Minute)
		want := "the NAT CIDR block 192.168.0.0/28 of b lies outside the VPC's networks 10.0.0.0/16\n" +
			"there is no availability zone z here; there are a, b, c, d"
		if err == nil || err.Error() != want || w.cloud.applied != 0 || w.when() != "0s" {
			t.Errorf("at %s, with %d plans applied, it fails with\n%v", w.when(), w.cloud.applied, err)
		}
		w.run(t, 11*time.Second)
		if w.cloud.applied == 0 {
			t.Error("and the zone that is right is not built by run either (rule 12)")
		}
	})
}

// When its time is over it says what is left, and that it was the time.
func TestOnceSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name    string
		set     func(*world)
		timeout time.Duration
		want    []string
	}{
		{"a gateway", nil, 18 * time.Second, []string{"not converged", "nat-gateway a: gateway nat-gateway-a-new6 is pending", "route rtb-1 20.0.0.0/24: "}},
		{"a call that fails", func(w *world) {
			w.cloud.fails = func(a reconcile.Action) error {
				if a.Key.Kind == reconcile.NATTable {
					return errAway
				}
				return nil
			}
		}, 18 * time.Second, []string{"not converged", "create route-table a: EC2 does not answer"}},
		{"a look that fails", func(w *world) {
			w.cloud.look = func() error { return errAway }
		}, 18 * time.Second, []string{"not converged", "EC2 does not answer"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if x.set != nil {
					x.set(w)
				}
				_, err := w.once(t, x.timeout)
				if err == nil {
					t.Fatal("it does not fail")
				}
				for _, part := range x.want {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%q is not in\n%v", part, err)
					}
				}
				if strings.Contains(err.Error(), "%!") || strings.Contains(err.Error(), "nil") {
					t.Errorf("it says\n%v", err)
				}
				if x.name == "a look that fails" && !errors.Is(err, errAway) {
					t.Errorf("the cause is lost in %v", err)
				}
			})
		})
	}
}
