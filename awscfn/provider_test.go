package awscfn_test

import (
	"maps"
	"testing"
	"time"
)

// The main job: the example's targets, in every zone, through a stack.
func TestFirstBuild(t *testing.T) {
	in(t, 3, func(w *world) {
		w.values = map[string]string{"service": "192.112.1.0/21", "dns": "8.8.8.8"}
		w.converge()
		w.wantRoutes(
			"a 192.112.0.0/21 -> a active", "a 8.8.8.8/32 -> a active",
			"b 192.112.0.0/21 -> b active", "b 8.8.8.8/32 -> b active",
			"c 192.112.0.0/21 -> c active", "c 8.8.8.8/32 -> c active",
		)
		built := w.addresses()

		w.values["more"] = "9.9.9.9"
		w.converge()
		delete(w.values, "dns")
		w.run(2 * time.Minute)
		w.converge()
		w.wantRoutes(
			"a 192.112.0.0/21 -> a active", "a 9.9.9.9/32 -> a active",
			"b 192.112.0.0/21 -> b active", "b 9.9.9.9/32 -> b active",
			"c 192.112.0.0/21 -> c active", "c 9.9.9.9/32 -> c active",
		)
		if now := w.addresses(); !maps.Equal(now, built) {
			t.Errorf("the addresses were %v and are %v", built, now)
		}
	})
}
