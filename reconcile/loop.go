package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reader reads what is asked for. It has no error: what could not be read makes the [Cluster] incomplete.
type Reader interface {
	Read(context.Context) Reading
}

// Loop goes round: read, observe, accept, desire, admit, diff, apply, report. A pass never blocks on a state that takes
// time (rule 5); the loop looks again instead. It is used by one goroutine at a time.
type Loop struct {
	Config   Config
	Provider Provider
	Reader   Reader
	Resync   time.Duration   // the longest time between two passes
	Wake     <-chan struct{} // something may have changed; may be nil
	DryRun   bool            // plan each pass and apply nothing
	Tell     func([]News)    // told what is new, after each pass that changes things; must not block; may be nil
	Report   func(Report)    // called after each pass, from the loop's goroutine; may be nil
	// Agreed says what is wrong with carrying out a plan: Once ends with that error then, and carries out nothing of it. Nil: all
	// is agreed to.
	Agreed func(Plan) error
	Store  Store // where the memory outlives the process; nil: it does not
	Now    func() time.Time

	memory Memory
	began  time.Time // when this pass did
	first  time.Time // when it first looked and saw, since it leads; zero: not yet
	kept   keeping
	shown  string // why the status could not be written; empty if it could
	busy   int    // passes in a row that did something
	failed int    // passes in a row that failed
}

// The pace of the loop.
const (
	pollPending = 5 * time.Second // how often something that takes its time is looked at
	firstRetry  = time.Second     // after a failure; doubles up to the resync
)

// Run goes round until ctx ends; then it starts nothing new, lets what has been started come to its end, and returns. It
// returns no other way: a pass that fails is reported, and tried again. Whoever led meanwhile, it knows nothing of that.
func (l *Loop) Run(ctx context.Context) {
	l.first = time.Time{}
	for ctx.Err() == nil {
		r := l.Pass(ctx)
		l.sleep(ctx, l.pause(r))
	}
}

// Leave is for the end, when Run has returned and the lease is still held: it looks once more, changes nothing, and writes down
// what it saw, so that the status tells how things stand and not what was about to be done.
func (l *Loop) Leave(ctx context.Context) {
	if l.Store == nil || l.DryRun {
		return
	}
	d := l.decide(ctx, true)
	l.memory = d.Memory
	l.show(ctx, d.Report)
	l.tell(d.Report.News)
}

func (l *Loop) tell(news []News) {
	if l.Tell != nil && len(news) > 0 {
		l.Tell(news)
	}
}

// Plan makes one pass that applies nothing.
func (l *Loop) Plan(ctx context.Context) Report { return l.pass(ctx, false) }

// Pass makes one pass.
func (l *Loop) Pass(ctx context.Context) Report { return l.pass(ctx, !l.DryRun) }

// Once goes round until there is nothing left to do but what somebody else has to do first. It fails at once, and changes
// nothing, where the set-up has problems; and when ctx ends, saying what is left.
func (l *Loop) Once(ctx context.Context) (Report, error) {
	for {
		r := l.once(ctx)
		switch {
		case len(r.Problems) > 0:
			return r, problems(r.Problems)
		case converged(r) && len(r.Incomplete) > 0:
			return r, fmt.Errorf("all is done for what could be read, and not all could be: %s", strings.Join(r.Incomplete, "; "))
		case converged(r):
			return r, nil
		}
		l.sleep(ctx, l.pause(r))
		if ctx.Err() != nil {
			why := errors.Join(append(left(r), undone(r), r.Err)...)
			return r, fmt.Errorf("not converged: %w", cmp.Or(why, ctx.Err()))
		}
	}
}

// once makes a pass that applies only if the set-up is sound, and what is planned agreed to.
func (l *Loop) once(ctx context.Context) Report {
	d := l.decide(ctx, true)
	if l.Agreed != nil && d.Report.Err == nil {
		if err := l.Agreed(d.Report.Plan); err != nil {
			d.Report.Problems = append(d.Report.Problems, Problem{Reason: err.Error()})
		}
	}
	return l.carryOut(ctx, d, len(d.Report.Problems) == 0)
}

func problems(ps []Problem) error {
	var errs []error
	for _, p := range ps {
		errs = append(errs, errors.New(p.Reason))
	}
	return errors.Join(errs...)
}

func converged(r Report) bool {
	return r.Err == nil && r.Plan.Idle() && len(left(r)) == 0
}

// undone says how many actions could not be carried out yet; nil if all were.
func undone(r Report) error {
	n := 0
	for _, o := range r.Result.Outcomes {
		if o == Skipped || o == DeferredThen {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("actions that could not be carried out yet: %d", n)
}

// left says what a plan still waits for, but for what is held: to wait for that makes no sense.
func left(r Report) []error {
	var errs []error
	for _, w := range r.Plan.Waiting {
		if !w.Held {
			errs = append(errs, fmt.Errorf("%s: %s", w.Key, w.Reason))
		}
	}
	return errs
}

func (l *Loop) pass(ctx context.Context, apply bool) Report {
	return l.carryOut(ctx, l.decide(ctx, apply), apply)
}

func (l *Loop) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

// decide reads, looks and decides, and writes down what has to be remembered unless it is only a rehearsal. When looking
// fails nothing is known, and the memory stays as it was.
func (l *Loop) decide(ctx context.Context, write bool) Decision {
	l.began = l.now()
	freeze := l.recall(ctx)
	reading := l.Reader.Read(ctx)
	reading.Confirmed = l.confirmed(ctx)
	now := l.now() // before the look: what it does not show was not there then, or lists lag
	o, err := l.Provider.Observe(ctx)
	if err != nil {
		return Decision{Report: Report{At: l.now(), Err: err}, Memory: l.memory}
	}
	c := l.Config
	if c.Freeze = freeze; !l.kept.ever {
		c.Unrecalled = freeze
	}
	if write { // a rehearsal makes nothing, so it need not wait
		if l.first.IsZero() {
			l.first = now
		}
		c.Look = l.first.Add(secondLook)
	}
	d := Decide(c, o, reading, l.memory, now)
	if write && freeze == "" {
		if c.Freeze = l.save(ctx, d.Memory); c.Freeze != "" {
			d = Decide(c, o, reading, l.memory, now)
		}
	}
	if f, asStack := l.Provider.(foreteller); asStack && len(d.Report.Problems) == 0 {
		d.Report.Stack = f.Foretell(d.Report.Plan)
	}
	for _, c := range reading.Clusters {
		if c.Incomplete != "" {
			d.Report.Incomplete = append(d.Report.Incomplete, strings.TrimPrefix(c.Name+": "+c.Incomplete, ": "))
		}
	}
	d.Report.Warnings = append(d.Report.Warnings, d.Report.Incomplete...)
	for _, w := range []string{c.Freeze, l.kept.warned, l.shown} {
		if w != "" {
			d.Report.Warnings = append(d.Report.Warnings, w)
		}
	}
	if write && c.Freeze == "" {
		l.kept.warned = "" // it is written anew now, and was said
	}
	return d
}

func (l *Loop) carryOut(ctx context.Context, d Decision, apply bool) Report {
	r := d.Report
	l.memory = d.Memory
	if r.Err == nil && apply && !r.Plan.Idle() {
		r.Result, r.Err = l.Provider.Apply(ctx, r.Plan)
		r.Applied = true
		explain(&r)
		l.memory = Learn(d.seen, r.Plan, r.Result, l.memory, l.now())
		var quotas []News
		quotas, l.memory = tellQuotas(r.Plan, r.Result, l.memory)
		r.News = append(r.News, quotas...)
	}
	l.count(r)
	if apply && ctx.Err() == nil { // else it could only fail; Leave writes it
		l.show(ctx, r)
	}
	if apply {
		l.tell(r.News) // after the status is there, which some of it is about
	}
	r.Took = l.now().Sub(l.began)
	if cut := ctx.Err() != nil && r.Err != nil && !r.Applied; l.Report != nil && !cut {
		l.Report(r) // but not of a look that was cut short by the end
	}
	return r
}

func (l *Loop) count(r Report) {
	l.busy, l.failed = l.busy+1, l.failed+1
	// An operation of the stack's that runs is what was done, and takes its time: it is no sign that something undoes it.
	if !r.Applied || !stackWait(r.Plan).IsZero() {
		l.busy = 0
	}
	if r.Err == nil {
		l.failed = 0
	}
}

// pause is how long the loop sleeps after a pass. What was just done is looked at again at once, but a loop that never
// comes to rest slows down: something undoes what it does, and neither side must be hurried.
func (l *Loop) pause(r Report) time.Duration {
	p := l.Resync
	if busy := stackWait(r.Plan); !busy.IsZero() { // nothing can be done before, whatever else failed
		return min(p, max(0, busy.Sub(l.now())))
	}
	switch {
	case l.failed > 0:
		return min(p, firstRetry<<min(l.failed-1, 10))
	case l.busy > 0:
		return min(p, time.Duration(l.busy-1)*firstRetry, pollPending)
	}
	for _, w := range r.Plan.Waiting {
		switch {
		case w.Held:
		case w.Until.IsZero():
			if moving(r) {
				p = min(p, pollPending)
			}
		default:
			p = min(p, max(0, w.Until.Sub(l.now())))
		}
	}
	return p
}

// moving reports whether a gateway is on its way: that changes by itself, so it is worth looking at soon.
func moving(r Report) bool {
	return slices.ContainsFunc(r.Zones, func(z ZoneReport) bool {
		return z.State == stateNames[Pending] || z.State == stateNames[Deleting]
	})
}

// sleep waits for the time to pass, for an event, or for the end.
func (l *Loop) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-l.Wake:
	case <-t.C:
	}
}
