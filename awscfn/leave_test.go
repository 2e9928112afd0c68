package awscfn_test

import (
	"maps"
	"strings"
	"testing"
	"time"
)

// leaves starts the program to tear all down.
func (w *world) leaves(release bool) {
	w.values, w.stack.Leave = nil, true
	w.config = w.config.TearingDown(release)
	w.start()
}

// A teardown leaves no stack, not even for the addresses that it made: those are retained, and the next stack takes them up.
func TestTeardownLeavesNoStack(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		w.stack.Protect = true
		w.start()
		w.converge()
		w.wantProtected(true)
		w.leaves(false)
		w.converge()
		w.gone()
		if names := w.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there are still the stacks %v", names)
		}
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses are %v, and were %v", after, before)
		}
	})
}

// So it does where nothing but addresses is in the stack already.
func TestTeardownOfAnIdleStack(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		w.values = nil
		w.run(30 * time.Minute)
		w.converge()
		if names := w.cfn.StackNames(); len(names) != 1 {
			t.Fatalf("there are the stacks %v", names)
		}
		w.leaves(false)
		if told := w.loop.Plan(w.t.Context()).Stack; !strings.Contains(told, "would be deleted, and the addresses that it made retained") {
			t.Errorf("the plan says %q", told)
		}
		w.converge()
		if names := w.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there are still the stacks %v", names)
		}
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses are %v, and were %v", after, before)
		}
	})
}

// Addresses are released after the stack is gone, by EC2; the stack itself retains them.
func TestTeardownReleasesWhatTheStackRetained(t *testing.T) {
	built(t, func(w *world) {
		w.leaves(true)
		w.converge()
		w.gone()
		if names := w.cfn.StackNames(); len(names) > 0 || len(w.addresses()) > 0 {
			t.Errorf("there are still the stacks %v and the addresses %v", names, w.addresses())
		}
	})
}

// Somebody has taken the policies of the addresses out of the template: they are written anew before the stack is deleted.
func TestTeardownOfAStackThatWouldLoseItsAddresses(t *testing.T) {
	for _, idle := range []bool{false, true} {
		built(t, func(w *world) {
			before := w.addresses()
			if idle {
				w.values = nil
				w.run(30 * time.Minute)
			}
			w.bare()
			w.leaves(false)
			w.converge()
			if names := w.cfn.StackNames(); len(names) > 0 {
				t.Errorf("idle %t: there are still the stacks %v", idle, names)
			}
			if after := w.addresses(); !maps.Equal(before, after) {
				t.Errorf("idle %t: the addresses are %v, and were %v", idle, after, before)
			}
		})
	}
}
