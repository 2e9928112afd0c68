package awscfn

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/hashicorp/go-multierror"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Apply takes the next step: what is for EC2 is done, and what is for the stack is sent to it, as far as the stack takes
// anything now. Nothing waits for the stack: its actions are deferred until a later look finds them done.
func (p *Provider) Apply(ctx context.Context, plan reconcile.Plan) (reconcile.Result, error) {
	s := p.seen.stack
	r := reconcile.Result{Outcomes: make([]reconcile.Outcome, len(plan.Actions)), Errors: make([]error, len(plan.Actions))}
	for i := range r.Outcomes {
		r.Outcomes[i] = reconcile.DeferredThen
	}
	switch s.step() {
	case wait, leave:
		if s.step() == leave {
			return r, fmt.Errorf("the stack %s is %s, by somebody else's operation: nothing can be changed until they have mended it", p.config.Stack, s.status)
		}
		return r, nil
	case remove, release, resume, undo:
		return r, p.mend(ctx, s)
	case create, change:
	}
	h := p.divide(plan, s, p.config.Now())
	err := p.byEC2(ctx, plan, h, &r)
	if ctx.Err() != nil {
		return r, err
	}
	errs := &multierror.Error{ErrorFormat: func(list []error) string { return errors.Join(list...).Error() }}
	if err != nil {
		errs = multierror.Append(errs, err)
	}
	for i := range plan.Actions {
		if why := h.left[i]; why != nil {
			r.Outcomes[i], r.Errors[i] = reconcile.FailedThen, why
			errs = multierror.Append(errs, why)
		}
	}
	if err := p.byStack(ctx, plan, h, s); err != nil {
		errs = multierror.Append(errs, err)
		for _, i := range h.stack {
			r.Outcomes[i], r.Errors[i] = reconcile.FailedThen, err
		}
	}
	return r, errs.ErrorOrNil()
}

// byEC2 has EC2 do its part, as a plan of its own.
func (p *Provider) byEC2(ctx context.Context, plan reconcile.Plan, h hands, r *reconcile.Result) error {
	if len(h.ec2) == 0 {
		return nil
	}
	part := reconcile.Plan{Goal: plan.Goal, IDs: maps.Clone(plan.IDs)}
	at := map[int]int{}
	for n, i := range h.ec2 {
		at[i] = n
	}
	for _, i := range h.ec2 {
		a := plan.Actions[i]
		a.Needs = nil
		for _, need := range plan.Actions[i].Needs {
			if n, there := at[need]; there {
				a.Needs = append(a.Needs, n)
			}
		}
		part.Actions = append(part.Actions, a)
	}
	done, err := reconcile.Execute(ctx, part, p.ec2)
	for n, i := range h.ec2 {
		r.Outcomes[i], r.Errors[i] = done.Outcomes[n], done.Errors[n]
	}
	return err
}

// byStack sends the stack its part.
func (p *Provider) byStack(ctx context.Context, plan reconcile.Plan, h hands, s stack) error {
	c := p.compose(plan, h, s)
	p.forget(s, c.out)
	d := differ(s.template, c.out)
	switch {
	case p.over(c.out, s) && s.exists():
		return p.deleteStack(ctx, s)
	case len(d) == 0 && s.exists() && s.step() == change:
		return p.protect(ctx, s)
	case len(d) == 0:
		return nil
	}
	return p.advance(ctx, s, c.out, d)
}

// over reports whether there is nothing left to keep a stack for: one without resources cannot be, and one with nothing but
// addresses is not to be where all is torn down. Somebody may have taken their policies away: those are written first.
func (p *Provider) over(out Template, s stack) bool {
	if len(out.Resources) == 0 {
		return true
	}
	for id := range out.Resources {
		if weakened(s.template.Resources[id]) {
			return false
		}
	}
	return p.config.Leave && onlyAddresses(out)
}

func onlyAddresses(t Template) bool {
	for _, r := range t.Resources {
		if _, address := r.Properties.(*EIP); !address {
			return false
		}
	}
	return true
}

// compose writes the template that a plan comes to.
func (p *Provider) compose(plan reconcile.Plan, h hands, s stack) *composition {
	c := &composition{plan: plan, stack: s, tagsFor: p.ec2.TagsFor, vpc: p.seen.vpc, seen: p.seen, frozen: p.frozen(), early: p.config.Now().Before(s.changed.Add(believed))}
	c.write(h.stack)
	return c
}

// Template is what would be sent for a plan made from the last look: what the stack has already, if nothing would.
func (p *Provider) Template(plan reconcile.Plan) ([]byte, error) {
	s := p.seen.stack
	c := p.compose(plan, p.divide(plan, s, p.config.Now()), s)
	return Render(c.out)
}

// Foretell says what would become of the stack, in a line.
func (p *Provider) Foretell(plan reconcile.Plan) string {
	s := p.seen.stack
	if strange := p.strange(s); strange != "" {
		return strange
	}
	name := "the stack " + p.config.Stack
	switch s.step() {
	case wait, leave:
		return fmt.Sprintf("%s is %s: nothing can be changed until that has ended", name, s.status)
	case remove, release, resume, undo:
		return p.report(s, p.config.Now()).Mend
	case create, change:
	}
	c := p.compose(plan, p.divide(plan, s, p.config.Now()), s)
	d := differ(s.template, c.out)
	switch {
	case len(d) == 0 && len(s.template.Resources) == 0:
		return name + " would not be made: there is nothing to put into it"
	case len(c.out.Resources) == 0:
		return name + " would be deleted: there is nothing left to put into it"
	case p.over(c.out, s):
		return name + " would be deleted, and the addresses that it made retained"
	case s.step() == create:
		return fmt.Sprintf("%s would be created, with %d resources", name, len(c.out.Resources))
	case len(d) == 0 && s.protected != p.config.Protect:
		return p.report(s, p.config.Now()).Mend
	case len(d) == 0:
		return fmt.Sprintf("%s would be left as it is, %s", name, s.status)
	}
	return fmt.Sprintf("%s would be changed in place: %s", name, d)
}
