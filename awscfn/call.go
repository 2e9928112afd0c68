package awscfn

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// The SDK's standard retrying: three attempts, with pauses of at most 20 s (aws/retry, DefaultMaxAttempts and
// DefaultMaxBackoff).
const (
	attempts   = 3
	maxBackoff = 20 * time.Second
)

// ask makes one call that only reads: bounded, counted, and named in its error.
func ask[In, Out any](ctx context.Context, p *Provider, operation string,
	f func(context.Context, *In, ...func(*cloudformation.Options)) (*Out, error), in *In,
) (*Out, error) {
	return funnel(ctx, p, operation, func(ctx context.Context) (*Out, error) { return f(ctx, in) })
}

// lastCalls is how long a call that has been started may still take when the pass is told to end: as in package reconcile,
// so that the process is out within the 20 s that we promise after a SIGTERM.
const lastCalls = 15 * time.Second

// act makes a call that changes something. When ctx ends none is started, and one that has been started comes to its end:
// half a call is worse than none.
func act[In, Out any](ctx context.Context, p *Provider, operation string,
	f func(context.Context, *In, ...func(*cloudformation.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := ctx.Err(); err != nil {
		return nil, &CallError{Operation: operation, Err: err}
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		late := time.AfterFunc(lastCalls, cancel)
		context.AfterFunc(own, func() { late.Stop() })
	})()
	return ask(own, p, operation, f, in)
}

// next reads the next page of a list: a call of its own.
func next[Out any](ctx context.Context, p *Provider, operation string, pages interface {
	NextPage(context.Context, ...func(*cloudformation.Options)) (*Out, error)
},
) (*Out, error) {
	return funnel(ctx, p, operation, func(ctx context.Context) (*Out, error) { return pages.NextPage(ctx) })
}

func funnel[Out any](ctx context.Context, p *Provider, operation string, call func(context.Context) (*Out, error)) (*Out, error) {
	bounded, cancel := context.WithTimeout(ctx, attempts*p.config.Timeout+(attempts-1)*maxBackoff)
	defer cancel()
	began := p.config.Now()
	out, err := call(bounded)
	took := p.config.Now().Sub(began)
	p.config.OnCall(operation, code(err), took)
	if err != nil {
		p.config.Log.Debug("call failed", "operation", operation, "took", took, "error", err)
		return nil, &CallError{Operation: operation, Err: err}
	}
	p.config.Log.Debug("call", "operation", operation, "took", took)
	return out, nil
}
