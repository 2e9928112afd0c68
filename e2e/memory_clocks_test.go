//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// Deleted and created again, as kubectl replace --force does, makes no flap, with the delay that there is unless told: not at
// any time, so all calls are looked at, and not only how it is now and then.
func TestMemoryReplaceByForce(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	r.controller.pace, r.delay = r.paced(), 0
	cm := configMap(r.namespace, "partners", "dns=8.8.8.8")
	r.cluster.put(t, cm)
	r.build("8.8.8.8/32")
	r.passes(2) // the build has come to its end
	mark := r.calls.mark()
	for range 3 {
		r.cluster.remove(t, cm)
		r.cluster.put(t, cm)
	}
	r.stays("it is deleted and created again at once")
	// Slow enough that it is seen missing and would be withdrawn, and is back before anybody looks at the routes.
	for range 3 {
		r.cluster.remove(t, cm)
		r.passes(3)
		r.cluster.put(t, cm)
		r.passes(3)
	}
	r.stays("it is seen missing, and created again")
	// And by one process, and it is back before the next.
	r.cluster.remove(t, cm)
	r.until("route", "nobody claims it any more")
	r.running.kill(t)
	r.cluster.put(t, cm)
	r.start()
	r.stays("it is seen missing, and created again while no process runs")
	r.controller.planWantsNothing(t)
	for _, c := range r.calls.since(mark) {
		if c.writes() {
			t.Errorf("it called %s", c.what())
		}
	}
}

// The clocks go on over restarts. One that is lost starts again: late, never early (rule 13).
func TestMemoryClocks(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	r.controller.pace = r.paced("--withdraw-delay=1h", "--teardown-delay=1h")
	cm := configMap(r.namespace, "partners", "dns=8.8.8.8")
	r.cluster.put(t, cm)
	before := maps.Clone(r.want)
	r.build("8.8.8.8/32")
	built := r.site.observe(t).addresses()

	clock := func(kind, words string) {
		t.Helper()
		first := r.until(kind, words)
		r.running.kill(t)
		r.start()
		r.passes(2)
		if now := r.until(kind, words); !now.Equal(first) {
			t.Errorf("%s: it was until %v, and is until %v after a restart", words, first, now)
		}
		r.running.terminate(t)
		r.forget()
		r.start()
		r.passes(2)
		if now := r.until(kind, words); !now.After(first) {
			t.Errorf("%s: it was until %v, and is until %v with a clock that was lost", words, first, now)
		}
		r.running.terminate(t)
	}
	r.cluster.remove(t, cm)
	clock("route", "--withdraw-delay")
	r.controller.pace = r.paced("--withdraw-delay=1s", "--teardown-delay=1h")
	r.noRoutes("8.8.8.8/32")
	r.start()
	r.becomes("the delay is over")

	clock("", "--teardown-delay")
	r.controller.pace = r.paced("--withdraw-delay=1s", "--teardown-delay=1s")
	// What is left is what was there before, and the address.
	address := "address " + pathName(zoneA)
	before[address+": free"] = r.want[address+": in use"]
	r.want = before
	for _, call := range []string{"DeleteNatGateway", "DisassociateRouteTable", "DeleteRoute 0.0.0.0/0", "DeleteRouteTable", "DeleteSubnet"} {
		r.mayGo[call] = r.calls.mark()
	}
	r.start()
	r.becomes("the second delay is over")
	r.stays("all is gone but the address")
	if left := r.site.observe(t).addresses(); left != built {
		t.Errorf("the addresses are not those that were built:\n%s", difference(built, left))
	}
	r.controller.planWantsNothing(t)
}

// until is when what the status waits for ends: of a kind, or of any, and with a reason that contains the words.
func (r *remembering) until(kind, words string) time.Time {
	r.Helper()
	var until time.Time
	eventually(r.T, func() error {
		var status struct {
			Waiting []struct {
				Kind, Reason string
				Until        time.Time
			}
		}
		text := r.kept(statusName).Data["status.json"]
		if err := json.Unmarshal([]byte(text), &status); err != nil {
			return hopeless{err}
		}
		for _, w := range status.Waiting {
			if (kind == "" || w.Kind == kind) && strings.Contains(w.Reason, words) {
				until = w.Until
				return nil
			}
		}
		return fmt.Errorf("nothing waits as %q says: %s", words, text)
	})
	return until
}
