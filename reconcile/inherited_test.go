package reconcile_test

import (
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rule 11: what was routed when the memory began is somebody's for all that is known, as long as a value cannot be
// understood; a claim of somebody else's that came around it, and went, says nothing about that.
func TestClaimAroundWhatNobodyRemembersTakesNothingAway(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	forgets(&s)
	clock(
		t, s,
		at{change: claims("nonsense")},
		at{after: time.Minute, change: claims("nonsense", "20.0.0.0/23"), want: "create route rtb-1 20.0.0.0/23\ndelete route rtb-1 20.0.0.0/24"},
		at{after: 2 * time.Minute, change: claims("nonsense"), waits: "route 20.0.1.0/24 3m0s"},
		at{after: 10 * time.Minute, change: claims("nonsense"), want: "delete route rtb-1 20.0.0.0/23\ncreate route rtb-1 20.0.0.0/24"},
	)
}
