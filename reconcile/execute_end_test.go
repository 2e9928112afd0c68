package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// takes is a call that lasts, unless its context ends it.
func takes(d time.Duration) do {
	return func(ctx context.Context, a reconcile.Action, id func(reconcile.Ref) string) (reconcile.Made, error) {
		select {
		case <-time.After(d):
			return ready(ctx, a, id)
		case <-ctx.Done():
			return reconcile.Made{}, ctx.Err()
		}
	}
}

// When the program is told to end nothing new begins, and what has begun comes to its end: half a call is worse than none.
// Rule 16 hangs on that end: the lease is given up after it. So a call that hangs is cut off 15 s later, and any call after 45 s.
func TestHowExecuteEnds(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name  string
		call  time.Duration // of the address
		told  time.Duration // when it is told to end; 0: never
		ends  time.Duration
		outco reconcile.Outcome
		next  reconcile.Outcome // of the gateway, which needs the address
	}{
		{"never told", 10 * time.Second, 0, 10 * time.Second, reconcile.Done, reconcile.Done},
		{"told while a call goes on", 10 * time.Second, time.Second, 10 * time.Second, reconcile.Done, reconcile.Skipped},
		{"told, and the call takes just as long as it may", 15 * time.Second, time.Second, 15 * time.Second, reconcile.Done, reconcile.Skipped},
		{"told, and the call hangs", time.Hour, time.Second, 16 * time.Second, reconcile.FailedThen, reconcile.Skipped},
		{"told late, and the call hangs", time.Hour, 40 * time.Second, 45 * time.Second, reconcile.FailedThen, reconcile.Skipped},
		{"never told, and the call hangs", time.Hour, 0, 45 * time.Second, reconcile.FailedThen, reconcile.Skipped},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if x.told > 0 {
					defer time.AfterFunc(x.told, cancel).Stop()
				}
				p := wholePath()
				begin := time.Now()
				r, err := reconcile.Execute(ctx, p, &doer{do: does{pathKey(reconcile.Address, "a"): takes(x.call)}})
				if took := time.Since(begin); took != x.ends {
					t.Errorf("it ends after %s, and not %s", took, x.ends)
				}
				if r.Outcomes[1] != x.outco || r.Outcomes[5] != x.next {
					t.Errorf("it ends with\n%s", outcomes(p, r))
				}
				if late := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded); late != (x.outco == reconcile.FailedThen) {
					t.Errorf("the error is %v", err)
				}
			})
		})
	}
}

// One that is told to end before it begins does nothing.
func TestExecuteDoesNothingAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p, d := wholePath(), &doer{}
	r, err := reconcile.Execute(ctx, p, d)
	if err != nil || len(d.begun) != 0 {
		t.Errorf("%v began, with %v", d.begun, err)
	}
	for i, o := range r.Outcomes {
		if o != reconcile.Skipped || r.Errors[i] != nil {
			t.Errorf("it ends with\n%s", outcomes(p, r))
		}
	}
	if r, err := reconcile.Execute(t.Context(), reconcile.Plan{}, d); err != nil || len(r.Outcomes) != 0 {
		t.Errorf("of an empty plan becomes %v, %v", r, err)
	}
}

// Calls in flight go on side by side while the end is awaited, and what waits for a place in the queue is skipped.
func TestQueueIsDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var p reconcile.Plan
		d := &doer{do: does{}}
		for _, prefix := range manyPrefixes(30) {
			key := reconcile.RouteKey("rtb-1", prefix)
			p.Actions = append(p.Actions, reconcile.Action{Verb: reconcile.Create, Key: key, After: &reconcile.Resource{Key: key}})
			d.do[key] = takes(5 * time.Second)
		}
		defer time.AfterFunc(time.Second, cancel).Stop()
		r, err := reconcile.Execute(ctx, p, d)
		count := map[reconcile.Outcome]int{}
		for _, o := range r.Outcomes {
			count[o]++
		}
		if err != nil || count[reconcile.Done] != 20 || count[reconcile.Skipped] != 10 {
			t.Errorf("%v, with %v", count, err)
		}
	})
}
