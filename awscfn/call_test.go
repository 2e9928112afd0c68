package awscfn_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// A call that changes the stack comes to its end though the pass is told to end meanwhile; one that is never answered does
// not hold up the end for long.
func TestCallsComeToTheirEnd(t *testing.T) {
	for _, operation := range []string{"CreateChangeSet", "UpdateTerminationProtection", "ExecuteChangeSet"} {
		for _, hangs := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s hangs=%t", operation, hangs), func(t *testing.T) {
				in(t, 1, func(w *world) { w.toldToEnd(operation, hangs) })
			})
		}
	}
}

func (w *world) toldToEnd(operation string, hangs bool) {
	w.values, w.stack.Protect = map[string]string{"dns": "8.8.8.8"}, true
	w.start()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Hour)
	defer cancel()
	var told time.Time
	w.cfn.SetHook(func(of context.Context, c inmemory.Call, phase inmemory.Phase) error {
		if c.Operation != operation || phase != inmemory.Before {
			return nil
		}
		cancel()
		told = time.Now()
		time.Sleep(time.Second)
		if of.Err() != nil {
			w.t.Errorf("it was cut short: %v", of.Err())
		}
		if hangs {
			<-of.Done()
		}
		return of.Err()
	})
	w.loop.Run(ctx)
	if told.IsZero() || time.Since(told) > 20*time.Second {
		w.t.Errorf("it was told to end at %s, and ended at %s", told, time.Now())
	}
}
