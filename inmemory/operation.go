package inmemory

import (
	"context"

	"github.com/aws/smithy-go"
)

// operation is one API call. A field of its input that is neither required nor optional is unknown to the fake, and an
// error when it is set.
type operation[In, Out any] struct {
	name     string
	required []string
	optional []string
	key      func(*In) string // nil: ""
	reads    bool             // answers from lists, which lag
	effect   func(moment, *In) (*Out, error)
}

// call performs the operation. Errors come wrapped as the SDK's client wraps them.
func (o operation[In, Out]) call(ctx context.Context, e *EC2, in *In) (*Out, error) {
	if in == nil {
		in = new(In) // as the SDK's client does
	}
	out, err := o.counted(ctx, e, in)
	if err != nil {
		return nil, &smithy.OperationError{ServiceID: "EC2", OperationName: o.name, Err: err}
	}
	return out, nil
}

func (o operation[In, Out]) counted(ctx context.Context, e *EC2, in *In) (*Out, error) {
	if err := ctx.Err(); err != nil {
		return nil, &smithy.CanceledError{Err: err}
	}
	c := Call{Operation: o.name}
	if o.key != nil {
		c.Key = o.key(in)
	}
	c, hook := e.enter(c)
	return hooked(ctx, c, hook, func() (*Out, error) { return o.perform(ctx, e, c, in) })
}

// hooked performs a call between its hooks.
func hooked[Out any](ctx context.Context, c Call, hook Hook, perform func() (*Out, error)) (*Out, error) {
	if hook == nil {
		return perform()
	}
	if err := hook(ctx, c, Before); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &smithy.CanceledError{Err: err}
	}
	out, err := perform()
	if lost := hook(ctx, c, After); lost != nil {
		return nil, lost
	}
	return out, err
}

// perform checks the input and has the effect.
func (o operation[In, Out]) perform(ctx context.Context, e *EC2, c Call, in *In) (*Out, error) {
	if err := checkInput(in, o.required, o.optional); err != nil {
		return nil, err
	}
	if o.reads {
		return o.effect(e.shown(e.lagOf(c)), in)
	}
	var out *Out
	err := e.update(func(m moment) (err error) {
		m.byStack = ByStack(ctx) != ""
		out, err = o.effect(m, in)
		return err
	})
	return out, err
}
