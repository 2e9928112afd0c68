package simulation_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// TestFaultsOfTheHome lets what outlives the process go wrong at each call that reads or writes it, in the episodes of all
// others and in those about it (rules 11, 13, 16).
func TestFaultsOfTheHome(t *testing.T) {
	t.Parallel()
	t.Run("remembering", func(t *testing.T) {
		t.Parallel()
		faultsOf(t, remembering(), lagging{}, kinds(), func(c inmemory.Call) bool {
			return isWrite(c) && c.Operation != putStatus || c.Operation == getState || isStored(c) && c.Attempt <= 3
		})
	})
	t.Run("others", func(t *testing.T) {
		t.Parallel()
		kept := episodes()
		for i := range kept {
			kept[i].kept = true
		}
		few := without(kinds(), func(k kind) bool {
			return !slices.Contains([]string{"before", "after", "dies-before", "dies-after"}, k.name)
		})
		faultsOf(t, kept, lagging{}, few, func(c inmemory.Call) bool { return c.Operation == getState || c.Operation == putState })
	})
}

// frozen is how long a home is away.
const frozen = 187 * time.Second

// crowd are so many targets of twelve, each of which has a route of its own.
func crowd(n int) configMaps {
	m := configMaps{"crowd": {}}
	for i := range n {
		m["crowd"][fmt.Sprintf("target-%02d", i)] = fmt.Sprintf("20.0.%d.0/24", 2*i)
	}
	return m
}

// remembering are the episodes that are about what outlives a restart, and about whose it is. What happens later does so at
// odd times, when no pass is due: one that began before would be taken for one that saw it.
func remembering() []episode {
	changed := edited("team-a", "dns", "")
	changed["team-c"] = map[string]string{"api": "1.1.1.0/24"}
	out := []episode{
		{name: "nonsense-restarted", happens: becomes(edited("team-a", "bank", "nonsense")), later: []later{
			{33 * time.Second, restarted},
			{withdrawDelay + 97*time.Second, becomes(edited("team-a", "bank", ""))},
		}},
		{name: "leaving-restarted", happens: becomes(edited("team-a", "dns", "")), later: []later{{23 * time.Second, restarted}}},
		{name: "teardown-restarted", happens: becomes(nil), later: []later{{withdrawDelay + 33*time.Second, restarted}}},
		{name: "state-lost", happens: becomes(edited("team-a", "dns", "")), later: []later{{43 * time.Second, forgets((*home).lose)}}},
		{name: "state-garbled", happens: becomes(edited("team-a", "dns", "")), later: []later{{43 * time.Second, forgets((*home).garble)}}},
		{name: "state-written-by-another", happens: func(st *stage) {
			st.home.touch()
			st.ask(changed)
		}},
		{name: "state-read-only", happens: func(st *stage) {
			st.home.unwritable = "read-only"
			st.ask(changed)
			st.witness.notBefore(time.Now().Add(frozen))
		}, later: []later{{frozen, wellAgain}}},
		{name: "state-away", happens: func(st *stage) {
			st.stop()
			st.home.unreadable, st.loop, st.life = "away", nil, nil
			st.ask(changed)
			st.witness.notBefore(time.Now().Add(frozen))
		}, later: []later{{frozen, wellAgain}}},
		{name: "withdrawal-confirmed", asked: crowd(12), happens: func(st *stage) { st.says(crowd(2)) }, later: []later{
			{129 * time.Second, restarted},
			{247 * time.Second, func(st *stage) {
				st.home.word = st.word
				st.ask(crowd(2))
			}},
		}},
		{name: "withdrawal-mended", asked: crowd(12), happens: func(st *stage) { st.says(crowd(2)) }, later: []later{
			{129 * time.Second, restarted}, {247 * time.Second, becomes(crowd(12))},
		}},
		{name: "copied-id", owner: "uid-1", happens: func(st *stage) {
			st.becomesOf("uid-2")
			st.says(changed)
			st.ec2.RemoveRoute(st.table("eu-central-1b"), prefix("8.8.8.0/24"))
			st.witness.still = true
		}, later: []later{{129 * time.Second, restarted}, {1207 * time.Second, func(*stage) {}}}},
		{name: "taken-over", owner: "uid-1", happens: func(st *stage) {
			st.becomesOf("uid-2", "uid-1")
			st.ask(changed)
		}},
	}
	for i := range out {
		if out[i].kept = true; out[i].asked == nil {
			out[i].asked = base()
		}
	}
	return out
}

// restarted: the process ends, and another begins.
func restarted(st *stage) {
	st.stop()
	st.loop = nil
	st.live()
}

// forgets: what was remembered is gone, and the process with it. Whatever clock ran starts again.
func forgets(spoil func(*home)) func(*stage) {
	return func(st *stage) {
		st.stop()
		spoil(st.home)
		st.witness.notBefore(time.Now().Add(withdrawDelay))
		st.loop = nil
		st.live()
	}
}

func wellAgain(st *stage) { st.home.unreadable, st.home.unwritable = "", "" }

// becomesOf is the turn of another cluster's controller. Its home is its own.
func (st *stage) becomesOf(owner string, takesOver ...string) {
	flags(func(c *reconcile.Config) { c.TakeOver = takesOver })(st)
	st.owner, st.home = owner, &home{}
}
