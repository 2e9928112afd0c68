//go:build e2e

package e2e

import "testing"

// The first that everybody does: the example's two targets, three zones, and nothing there yet.
func TestFirstBuildFromManifests(t *testing.T) {
	t.Parallel()
	s := newSite(t, allZones...)
	want := pictureOf(s.snapshot(t))
	c := s.controller(t, "--configmaps="+examples(t))

	if r := c.exec(t, "plan", "--detailed-exitcode"); r.code != 2 {
		t.Errorf("with everything left to do, plan ended with %v", r)
	}
	s.wantState(t, want.String()) // a plan changes nothing

	c.once(t)
	want.path("nobody", s.zones...)
	for _, zone := range s.zones {
		want.route("dmz-"+zone, zone, "192.112.0.0/21", "8.8.8.8/32")
	}
	s.wantState(t, want.String())
	c.planWantsNothing(t)

	// And nothing is done when there is nothing to do.
	before := s.observe(t).bytes(t)
	c.once(t)
	if after := s.observe(t).bytes(t); after != before {
		t.Errorf("a second run changed something:\n%s", difference(before, after))
	}
}
