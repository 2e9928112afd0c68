package simulation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// fault is one thing that goes wrong at one call. The call is named by its operation, key and attempt, for parallel calls
// have no order.
type fault struct {
	at      inmemory.Call
	kind    kind
	struck  atomic.Bool
	halfway atomic.Bool // a call that had been made was cut short by the end of its pass
}

// kind is one way of going wrong. It is asked in both phases of the call, and, if it lasts, of those that follow.
type kind struct {
	name   string
	lasts  int  // how many attempts
	dies   bool // the process ends
	reads  bool // it is worth trying at calls that only read
	stack  bool // it is for calls to EC2 that a stack makes, and for no others: who asked for them hears no answer
	strike func(ctx context.Context, l *life, phase inmemory.Phase) error
}

func (f *fault) strike(ctx context.Context, l *life, c inmemory.Call, phase inmemory.Phase) error {
	if f == nil || c.Operation != f.at.Operation || c.Key != f.at.Key || c.Attempt < f.at.Attempt || c.Attempt >= f.at.Attempt+max(1, f.kind.lasts) {
		return nil
	}
	f.struck.Store(true)
	err := f.kind.strike(ctx, l, phase)
	if isWrite(c) && !isStored(c) && err == nil && ctx.Err() != nil {
		f.halfway.Store(true)
	}
	return err
}

func isWrite(c inmemory.Call) bool {
	return !strings.HasPrefix(c.Operation, "Describe") && !strings.HasPrefix(c.Operation, "Get") &&
		!strings.HasPrefix(c.Operation, "List")
}

var errDied = errors.New("the controller is dead")

type netTimeout struct{}

func (netTimeout) Error() string   { return "dial tcp: i/o timeout" }
func (netTimeout) Timeout() bool   { return true }
func (netTimeout) Temporary() bool { return true }

func internalError() error {
	return &smithy.GenericAPIError{Code: "InternalError", Message: "An internal error has occurred", Fault: smithy.FaultServer}
}

// in answers with an error in one phase.
func in(at inmemory.Phase, fail func(context.Context) error) func(context.Context, *life, inmemory.Phase) error {
	return func(ctx context.Context, _ *life, phase inmemory.Phase) error {
		if phase != at {
			return nil
		}
		return fail(ctx)
	}
}

// hangs is a call that is never answered.
func hangs(ctx context.Context) error {
	<-ctx.Done()
	return &smithy.CanceledError{Err: ctx.Err()}
}

// dies ends the process: its contexts end, it makes no further call and hears no answer.
func dies(at inmemory.Phase) func(context.Context, *life, inmemory.Phase) error {
	return func(_ context.Context, l *life, phase inmemory.Phase) error {
		if phase != at {
			return nil
		}
		l.dead.Store(true)
		l.cancel()
		return errDied
	}
}

// unknown are the faults after which nobody knows whether the call had its effect: the answer does not come, or the one who
// waited for it is dead.
func unknown() []kind {
	return []kind{
		{name: "after", strike: in(inmemory.After, func(context.Context) error { return internalError() })},
		{name: "after-timeout", strike: in(inmemory.After, func(context.Context) error { return netTimeout{} })},
		{name: "after-hanging", strike: in(inmemory.After, hangs)},
		{name: "dies-after", dies: true, strike: dies(inmemory.After)},
	}
}

// refusals are what EC2 does to a stack: once, and so often that the stack no longer tries to delete something.
func refusals() []kind {
	refuse := in(inmemory.Before, func(context.Context) error {
		return &smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
	})
	return []kind{{name: "fails", stack: true, strike: refuse}, {name: "keeps-failing", stack: true, lasts: 3, strike: refuse}}
}

// kinds are all faults. To lose what a call reads is no other thing than not to be told, so calls that read go wrong only
// before.
func kinds() []kind {
	return append(slices.Concat(unknown(), refusals()), []kind{
		{name: "before", reads: true, strike: in(inmemory.Before, func(context.Context) error { return internalError() })},
		{name: "before-timeout", reads: true, strike: in(inmemory.Before, func(context.Context) error { return netTimeout{} })},
		{name: "before-hanging", reads: true, strike: in(inmemory.Before, hangs)},
		{name: "throttled", reads: true, lasts: 3, strike: in(inmemory.Before, func(context.Context) error {
			return &smithy.GenericAPIError{Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
		})},
		{name: "dies-before", dies: true, reads: true, strike: dies(inmemory.Before)},
		{name: "cancelled", reads: true, strike: func(_ context.Context, l *life, phase inmemory.Phase) error {
			if phase == inmemory.Before {
				l.cancel() // the process goes on, and leads again
			}
			return nil
		}},
	}...)
}
