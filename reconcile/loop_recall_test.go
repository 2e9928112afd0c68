package reconcile_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

var errStore = errors.New("the API server is away")

// Rule 11: what was accepted while the state could not be written keeps its meaning. To go back to the state that was written
// last would take it for a target that was asked for before, and is no longer.
func TestWhatCouldNotBeWrittenIsNotForgotten(t *testing.T) {
	t.Parallel()
	for _, written := range []bool{false, true} { // whether the save that failed had its effect
		s, on := oneRoute(), &shelf{}
		s.config.WithdrawDelay = 0
		l := looped(s, on)
		l.Pass(t.Context()) // key a asks for it
		on.save = errStore
		s.claim("8.8.8.0/24", "20.0.0.0/24") // now b does
		l.Pass(t.Context())
		l.Pass(t.Context())
		if written {
			on.save = nil
			other := looped(s, &shelf{})
			other.Store = on
			state := on.state
			other.Pass(t.Context())
			if string(on.state) == string(state) {
				t.Fatal("nothing was written")
			}
			on.save = errStore
		}
		s.claim("8.8.8.0/24", "nonsense")
		l.Pass(t.Context())
		on.save = nil
		for range 2 {
			if got := verbs(l.Pass(t.Context())); strings.Contains(got, "delete") {
				t.Errorf("written %t: it wants to %s", written, got)
			}
		}
		s.claim("8.8.8.0/24")
		if got := verbs(l.Pass(t.Context())); !strings.Contains(got, "delete route rtb-1 20.0.0.0/24") {
			t.Errorf("written %t: when the value is removed it wants to %s", written, got)
		}
	}
}

// Rule 11: so does what was accepted before the state could be read.
func TestWhatWasAcceptedBeforeTheStateCameIsNotForgotten(t *testing.T) {
	t.Parallel()
	s, on := oneRoute(), &shelf{}
	s.config.WithdrawDelay = 0
	looped(s, on).Pass(t.Context())
	on.load = errStore
	s.claim("8.8.8.0/24", "20.0.0.0/24")
	l := looped(s, on)
	l.Pass(t.Context())
	s.claim("8.8.8.0/24", "nonsense")
	l.Pass(t.Context())
	on.load = nil
	if got := verbs(l.Pass(t.Context())); strings.Contains(got, "delete") {
		t.Errorf("it wants to %s", got)
	}
}

// Rule 7: while nobody knows which address a zone had, no other takes its place. Nothing else waits for that.
func TestNoAddressWhileItIsNotKnownWhichThereWas(t *testing.T) {
	t.Parallel()
	s, on := oneRoute(), &shelf{load: errStore}
	s.cloud.things = s.cloud.things[:0]
	l := looped(s, on)
	l.Pass(t.Context())
	l.Now = func() time.Time { return s.now.Add(10 * time.Second) } // the second look (rule 16)
	got := verbs(l.Pass(t.Context()))
	if strings.Contains(got, "create address") || !strings.Contains(got, "create subnet") {
		t.Errorf("it wants to %s", got)
	}
	if _, err := l.Once(cancelled(t)); err == nil {
		t.Error("once is content")
	}
	on.load = nil
	if got := verbs(l.Pass(t.Context())); !strings.Contains(got, "create address") {
		t.Errorf("when nothing was written down it wants to %s", got)
	}
}

// A state of which half makes no sense is not believed in the other half: its clocks may be as wrong.
func TestHalfAMemoryIsNone(t *testing.T) {
	t.Parallel()
	m := reconcile.Memory{
		Complete: map[string]bool{"": true},
		Leaving:  []reconcile.Leaving{{Prefix: netip.MustParsePrefix("20.0.0.0/24")}},
		Claimed:  []netip.Prefix{netip.MustParsePrefix("20.0.0.1/24")},
	}
	state, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s := oneRoute()
	s.claim()
	if got := verbs(looped(s, &shelf{state: state}).Pass(t.Context())); got != "" {
		t.Errorf("it wants to %s", got)
	}
}

// cancelled is a context that has ended.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
