package awscfn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// An address that the user brought stands in the template by its id, and is never tagged nor released, whatever becomes of
// the stack (rule 7).
func TestBroughtAddress(t *testing.T) {
	in(t, 1, func(w *world) {
		id := w.bring()
		w.config.ReleaseAddresses, w.config.ReleaseDelay = true, time.Hour
		w.start()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active")
		if body := w.template(); strings.Contains(body, "AWS::EC2::EIP") || !strings.Contains(body, `"AllocationId":"`+id+`"`) {
			t.Errorf("the template is\n%s", body)
		}
		untagged := func() {
			t.Helper()
			list := w.ec2.Snapshot().Addresses
			if len(list) != 1 || list[0].ID != id || len(list[0].Tags) > 0 {
				t.Errorf("the addresses are %v", list)
			}
		}
		untagged()
		w.values = nil
		w.run(3 * time.Hour)
		w.converge()
		w.gone()
		untagged()
		if names := w.cfn.StackNames(); len(names) > 0 {
			t.Errorf("there are still the stacks %v", names)
		}
	})
}

// Another address for a zone interrupts its traffic, so it is asked for (rule 8). The one that the stack made is kept.
func TestBroughtAddressInsteadOfTheStacks(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		id := w.bring()
		w.start()
		w.run(waitAndSee)
		if calls := w.stackCalls(); len(calls) > 0 || !strings.Contains(w.problems(), "--allow-disruption="+string(zoneA)) {
			t.Errorf("it does %v, and says %q", calls, w.problems())
		}
		w.config.AllowDisruption = []string{string(zoneA)}
		w.start()
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		for _, g := range w.ec2.Snapshot().NATGateways {
			if g.ID == w.gateway(zoneA) && g.Allocation != id {
				t.Errorf("the gateway has the address %v", g)
			}
		}
		if after := w.addresses(); after[string(zoneA)] != before[string(zoneA)] || after[string(zoneB)] != before[string(zoneB)] {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
		for _, a := range w.ec2.Snapshot().Addresses {
			if a.ID == id && len(a.Tags) > 0 {
				t.Errorf("the one that was brought has the tags %v", a.Tags)
			}
		}
	})
}

// With --eip-reclaim-policy=Delete an address leaves the stack, retained, and EC2 releases it when its gateway has been gone
// for the delay, and not before (rule 7).
func TestAddressesAreReleasedLast(t *testing.T) {
	in(t, 2, func(w *world) {
		w.config.ReleaseAddresses, w.config.ReleaseDelay = true, 2*time.Hour
		w.start()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		released := w.addresses()[string(zoneB)]

		w.config.Zones, w.config.AllowDisruption = w.config.Zones[:1], []string{string(zoneB)}
		w.start()
		w.run(2*time.Hour - time.Minute)
		if after := w.addresses(); after[string(zoneB)] != released {
			t.Errorf("before the delay is over the addresses are %v, without %s", after, released)
		}
		w.run(15 * time.Minute)
		if after := w.addresses(); len(after) != 1 || after[string(zoneA)] == "" {
			t.Errorf("after the delay the addresses are %v", after)
		}
		w.wantRoutes("a 8.8.8.8/32 -> a active")

		w.values = nil
		w.run(2 * time.Hour)
		if after := w.addresses(); len(after) != 1 {
			t.Errorf("before the delay is over the addresses are %v", after)
		}
		w.run(30 * time.Minute)
		w.gone()
		if after, names := w.addresses(), w.cfn.StackNames(); len(after) > 0 || len(names) > 0 {
			t.Errorf("in the end there are the addresses %v and the stacks %v", after, names)
		}
	})
}

// Nobody asks for anything yet, and the paths stand.
func TestPreallocate(t *testing.T) {
	in(t, 2, func(w *world) {
		w.converge()
		if names := w.cfn.StackNames(); len(names) > 0 || len(w.addresses()) > 0 {
			t.Errorf("nobody asks for anything, and there are the stacks %v and the addresses %v", names, w.addresses())
		}
		w.config.Preallocate = true
		w.start()
		w.converge()
		before := w.addresses()
		if len(before) != 2 || strings.Count(w.template(), `"Type":`) != 12 {
			t.Errorf("there are the addresses %v and the stack\n%s", before, w.template())
		}
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		w.values = nil
		w.run(time.Hour)
		w.converge()
		w.wantRoutes()
		for _, g := range w.ec2.Snapshot().NATGateways {
			if z := reconcile.Zone(g.Tags[awsec2.TagZone]); g.ID != w.gateway(z) {
				t.Errorf("the gateway %s of %s is %s", g.ID, z, g.State)
			}
		}
	})
}
