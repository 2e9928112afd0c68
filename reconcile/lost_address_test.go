package reconcile_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// notThere is what a provider says of an address that is to be had back and that somebody else has by now.
type notThere struct{}

func (notThere) Error() string  { return "InvalidAddress.NotFound: it is not available." }
func (notThere) NotFound() bool { return true }

// taken is a world whose zone has lost its gateway, and its address to somebody else. tries are when that was asked for
// again.
func taken(t *testing.T) (w *world, tries *[]time.Duration) {
	t.Helper()
	w, tries = finished(), new([]time.Duration)
	w.situated.cloud.find("eipalloc-a").PublicIP = netip.MustParseAddr("198.51.100.10")
	w.run(t, time.Second)
	lose(t, w.situated.cloud, reconcile.NATGateway, "nat-a")
	lose(t, w.situated.cloud, reconcile.Address, "eipalloc-a")
	w.cloud.fails = func(a reconcile.Action) error {
		if a.Key.Kind != reconcile.Address {
			return nil
		}
		if got := a.After.Spec.IP.String(); got != "198.51.100.10" {
			t.Errorf("it asks for %s", got)
		}
		*tries = append(*tries, time.Since(w.begin))
		return notThere{}
	}
	return w, tries
}

// Rule 7: an address that somebody else has by now is asked for again ever more seldom, down to once an hour; nothing is
// done meanwhile, nothing waited for, and it stands in every report how another can be had.
func TestLostAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, tries := taken(t)
		w.run(t, 6*time.Hour)
		got := strings.Trim(fmt.Sprint(*tries), "[]")
		if want := "11s 1m12s 2m13s 4m14s 7m15s 13m16s 24m17s 46m18s 1h29m19s 2h29m20s 3h29m21s 4h29m22s 5h29m23s"; got != want {
			t.Errorf("it is asked for again at\n%s, and should be at\n%s", got, want)
		}
		r := w.reports[len(w.reports)-1]
		if r.Err != nil || len(r.Plan.Actions) != 0 || slices.ContainsFunc(r.Plan.Waiting, func(w reconcile.Wait) bool { return !w.Held }) {
			t.Errorf("it does not rest: %v, %v, %v", r.Err, r.Plan.Actions, r.Plan.Waiting)
		}
		const says = "the address 198.51.100.10 of a is gone and cannot be had again (InvalidAddress.NotFound: it is not available), " +
			"and no other takes its place unasked (--allow-disruption=a gives the zone another)"
		if len(r.Plan.Conflicts) != 1 || r.Plan.Conflicts[0].Reason != says {
			t.Errorf("it says %v", r.Plan.Conflicts)
		}
	})
}

// For --once that is something that somebody has to decide: reported, and not waited for.
func TestOnceDoesNotWaitForALostAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, tries := taken(t)
		r, err := w.once(t, 15*time.Minute)
		if err != nil || len(*tries) != 1 || len(r.Plan.Conflicts) != 1 || time.Since(w.begin) > time.Minute {
			t.Errorf("after %s and %d tries it ends with %v, and says %v", time.Since(w.begin), len(*tries), err, r.Plan.Conflicts)
		}
	})
}

// A quota is no such answer: it can be raised at any moment, and somebody else be quicker. The address is asked for at least
// every five minutes, and --once does not call that done.
func TestLostAddressOverAQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, tries := taken(t)
		w.cloud.fails = func(a reconcile.Action) error {
			if a.Key.Kind == reconcile.Address {
				*tries = append(*tries, time.Since(w.begin))
				return errAway
			}
			return nil
		}
		if _, err := w.once(t, 15*time.Minute); err == nil {
			t.Error("it ends well")
		}
		w.run(t, 2*time.Hour)
		for i, at := range *tries {
			if i > 0 && at-(*tries)[i-1] > 6*time.Minute {
				t.Errorf("it is asked for again at %s", *tries)
			}
		}
	})
}

// What was said of the lost address does not hold up another one, once that is allowed.
func TestAnotherAddressIsNotHeldUp(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.memory = s.decide().Memory
	lose(t, s.cloud, reconcile.NATGateway, "nat-a")
	lose(t, s.cloud, reconcile.Address, "eipalloc-a")
	s.memory.Sought["a"] = reconcile.Search{Since: noon, Tries: 12, Refused: "it is not there"}
	s.config.AllowDisruption = []string{"a"}
	clock(
		t, s,
		at{after: 10*time.Second - 1, waits: "address a 10s"},
		at{after: 10 * time.Second, want: "create address a\ncreate nat-gateway a\nreplace route rtb-1 20.0.0.0/24"},
	)
}
