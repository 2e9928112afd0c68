package awscfn

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// A status that the table forgets would wait for ever, so the SDK's own list is gone through.
func TestEveryStatusHasItsStep(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		s, listed := steps[status]
		if !listed {
			t.Errorf("%s is not in the table", status)
		}
		if running := strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress; running != (s == wait) {
			t.Errorf("%s: %s", status, s)
		}
	}
	if len(steps) != len(types.StackStatus("").Values()) {
		t.Errorf("the table has %d statuses, and the SDK %d", len(steps), len(types.StackStatus("").Values()))
	}
}

func TestUnknownStatusWaits(t *testing.T) {
	if s := stepOf("ASTONISHED"); s != wait {
		t.Errorf("a status that nobody knows: %s", s)
	}
}

func TestWhatHasToBeMendedIsSaid(t *testing.T) {
	for _, s := range []step{remove, release, resume, undo} {
		if mends[s] == "" {
			t.Errorf("%s is not said", s)
		}
	}
	for _, s := range []step{change, create, wait, leave} {
		if mends[s] != "" {
			t.Errorf("%s mends nothing, and says %q", s, mends[s])
		}
	}
}
