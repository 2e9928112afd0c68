package reconcile

import (
	"context"
	"time"
)

// Reader reads what is asked for. It has no error: what could not be read makes the [Cluster] incomplete.
type Reader interface {
	Read(context.Context) Reading
}

// Loop goes round: read, observe, accept, desire, admit, diff, apply, report. A pass never blocks on a state that takes
// time (rule 5); the loop looks again instead.
type Loop struct {
	Config   Config
	Provider Provider
	Reader   Reader
	Resync   time.Duration   // the longest time between two passes
	Wake     <-chan struct{} // something may have changed; may be nil
	DryRun   bool            // plan each pass and apply nothing
	Report   func(Report)    // called after each pass, from the loop's goroutine; may be nil
	Now      func() time.Time

	memory Memory
}
