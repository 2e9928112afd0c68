package simulation_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// The two looks of rule 9 come after every answer that was lost, not only after the first try.
func TestSecondTryForAnAddressIsLost(t *testing.T) {
	t.Parallel()
	lag, first := lagging{lists: 5 * time.Second}, episodes()[0]
	var tries atomic.Int64
	refusedThenLost := kind{name: "refused-then-lost", lasts: 2, strike: func(_ context.Context, _ *life, phase inmemory.Phase) error {
		if phase == inmemory.Before && tries.Add(1) == 1 || phase == inmemory.After && tries.Load() == 2 {
			return internalError()
		}
		return nil
	}}
	sum := &tally{}
	plain := run(t, first, lag, nil, sum, nil)
	call := inmemory.Call{Operation: "AllocateAddress", Key: "eu-central-1a", Attempt: 1}
	oneFault(t, first, lag, &fault{at: call, kind: refusedThenLost}, sum, plain)
}
