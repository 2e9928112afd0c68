package simulation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// TestFaultsOfTheEnd lets every call of the command teardown go wrong that changes something, one at a time; then it is run
// again, and ends. No address is released unless that was asked for, and what is built afterwards has those that were kept
// (rules 2, 7).
func TestFaultsOfTheEnd(t *testing.T) {
	t.Parallel()
	few := without(kinds(), func(k kind) bool {
		return !slices.Contains([]string{"before", "after", "dies-before", "dies-after", "fails"}, k.name)
	})
	for name, lag := range map[string]lagging{
		withEC2: {}, withStack: {provider: withStack}, "lists-lag": {lists: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faultsOf(t, ends(), lag, few, func(c inmemory.Call) bool { return isWrite(c) && c.Operation != putStatus })
		})
	}
}

// ends are the ways in which a controller ends for good, or is thought to.
func ends() []episode {
	return []episode{
		{name: "releasing", asked: base(), kept: true, happens: tornDown(true)},
		{name: "and-back", asked: base(), kept: true, happens: tornDown(false), later: []later{{2 * time.Minute, func(st *stage) {
			flags(func(c *reconcile.Config) { *c = usual() })(st)
			st.ask(base())
			st.live()
		}}}},
		{name: "releasing-and-back", asked: base(), kept: true, alone: true, happens: tornDown(true), later: []later{{2 * time.Minute, func(st *stage) {
			flags(func(c *reconcile.Config) { *c = usual() })(st)
			st.ask(base())
			st.live()
		}}}},
	}
}

// tornDown is what the command does for somebody who does not name the zones: the ordinary loop over a reading of nothing.
func tornDown(release bool) func(*stage) {
	return func(st *stage) {
		flags(func(c *reconcile.Config) {
			c.Zones = nil
			*c = c.TearingDown(release)
		})(st)
		st.ask(nil)
	}
}
