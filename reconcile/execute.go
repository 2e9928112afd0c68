package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"time"

	"github.com/hashicorp/go-multierror"
)

// parallel is how many actions run at once. EC2's token buckets for writing calls hold about this many for a burst.
const parallel = 20

// actionTime is the longest that one action may take: with it a pass ends, whatever the network does. It is more than the
// SDK needs for its attempts.
const actionTime = 45 * time.Second

// lastCalls is how long what has been started may still take when the pass is told to end: long enough for any call that
// EC2 answers at all, and short enough to be out within the 20 s that we promise after a SIGTERM.
const lastCalls = 15 * time.Second

// Execute performs the plan's actions with the doer: each after those that it needs, those that do not need each other in
// bounded parallelism. An action is done, deferred (what it needs exists, but is not ready), failed, or skipped (what it
// needs failed, or ctx ended). When ctx ends nothing new is started, and what has been started comes to its end: half a
// call is worse than none.
//
// The error joins those of the actions that failed, in the plan's order, each naming its action; a panic becomes one.
func Execute(ctx context.Context, p Plan, doer Doer) (Result, error) {
	e := newExecution(p, doer)
	e.run(ctx)
	var joined *multierror.Error
	for _, err := range e.result.Errors {
		if err != nil {
			joined = multierror.Append(joined, err)
		}
	}
	if joined != nil {
		joined.ErrorFormat = oneALine
	}
	return e.result, joined.ErrorOrNil()
}

func oneALine(errs []error) string { return errors.Join(errs...).Error() }

// execution keeps the books in one goroutine; the workers only answer.
type execution struct {
	plan       Plan
	doer       Doer
	ids        map[Key]string
	result     Result
	dependents [][]int
	open       []int     // how many needs of each action are not settled yet
	hindered   []Outcome // what becomes of each action for its needs' sake; empty if nothing hinders it
	queue      []int     // what can be started
	answers    chan answer
}

type answer struct {
	index int
	made  Made
	err   error
}

func newExecution(p Plan, doer Doer) *execution {
	n := len(p.Actions)
	e := &execution{
		plan: p, doer: doer, ids: map[Key]string{}, answers: make(chan answer),
		result:     Result{Outcomes: make([]Outcome, n), Errors: make([]error, n)},
		dependents: make([][]int, n), open: make([]int, n), hindered: make([]Outcome, n),
	}
	maps.Copy(e.ids, p.IDs)
	for i, a := range p.Actions {
		e.open[i] = len(a.Needs)
		for _, need := range a.Needs {
			e.dependents[need] = append(e.dependents[need], i)
		}
		if len(a.Needs) == 0 {
			e.queue = append(e.queue, i)
		}
	}
	return e
}

func (e *execution) run(ctx context.Context) {
	running := 0
	for {
		for running < parallel && len(e.queue) > 0 && ctx.Err() == nil {
			i := e.queue[0]
			e.queue = e.queue[1:]
			running++
			go e.perform(ctx, i, e.known(e.plan.Actions[i]))
		}
		if running == 0 {
			break
		}
		e.take(<-e.answers)
		running--
	}
	for i, o := range e.result.Outcomes {
		if o == "" { // ctx ended first
			e.result.Outcomes[i] = Skipped
		}
	}
}

// settle writes down how an action ended, and what follows for those that need it. A failure weighs more than a delay.
func (e *execution) settle(i int, o Outcome, ready bool) {
	e.result.Outcomes[i] = o
	for _, j := range e.dependents[i] {
		e.open[j]--
		switch {
		case o == FailedThen || o == Skipped:
			e.hindered[j] = Skipped
		case !ready && e.hindered[j] == "":
			e.hindered[j] = DeferredThen
		}
		if e.open[j] > 0 {
			continue
		}
		if e.hindered[j] != "" {
			e.settle(j, e.hindered[j], false)
		} else {
			e.queue = append(e.queue, j)
		}
	}
}

// known copies the ids that an action may ask for, so that the books stay with one goroutine.
func (e *execution) known(a Action) map[Key]string {
	out := map[Key]string{}
	note := func(r Ref) {
		if id, ok := e.ids[r.key()]; ok {
			out[r.key()] = id
		}
	}
	note(To(a.Key.Kind, a.Key.Zone))
	for kind := range kindNames {
		note(To(kind, a.Key.Zone))
	}
	if a.After != nil {
		note(a.After.Spec.Target)
	}
	return out
}

func (e *execution) perform(ctx context.Context, i int, ids map[Key]string) {
	a := e.plan.Actions[i]
	out := answer{index: i}
	defer func() {
		if p := recover(); p != nil {
			out.err = fmt.Errorf("%s %s: panic: %v\n%s", a.Verb, a.Key, p, debug.Stack())
		}
		e.answers <- out
	}()
	told := ctx
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTime)
	defer cancel()
	defer context.AfterFunc(told, func() {
		late := time.AfterFunc(lastCalls, cancel)
		context.AfterFunc(ctx, func() { late.Stop() })
	})()
	out.made, out.err = e.doer.Do(ctx, a, func(r Ref) string {
		if r.ID != "" {
			return r.ID
		}
		return ids[r.key()]
	})
	if out.err != nil {
		out.err = fmt.Errorf("%s %s: %w", a.Verb, a.Key, out.err)
	}
}

func (e *execution) take(a answer) {
	if isNotYet(a.err) {
		e.settle(a.index, DeferredThen, false)
		return
	}
	if a.err != nil {
		e.result.Errors[a.index] = a.err
		e.settle(a.index, FailedThen, false)
		return
	}
	if action := e.plan.Actions[a.index]; action.Verb == Create && a.made.ID != "" {
		e.ids[action.Key] = a.made.ID
	}
	e.settle(a.index, Done, a.made.Ready)
}

// isNotYet reports whether an action failed only because EC2 does not know yet what we made a moment ago. That is no
// trouble, but a state that takes time. Providers say so by an error with this method.
func isNotYet(err error) bool {
	var early interface{ NotYet() bool }
	return errors.As(err, &early) && early.NotYet()
}

// isTableFull reports whether EC2 said that a route table takes no more routes. Providers say so by an error with this method;
// which code means it is theirs to know.
func isTableFull(err error) bool {
	var full interface{ TableFull() bool }
	return errors.As(err, &full) && full.TableFull()
}
