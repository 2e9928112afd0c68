package inmemory

import (
	"context"
	"maps"
	"slices"
	"time"
)

// job is what an operation does with one resource. Jobs that do not need each other are done side by side: they begin
// together, and each takes its time; but one goroutine does it all, in the order of their ids, so that equal runs are
// equal.
type job struct {
	after []string
	begin func() *action // nil: there is nothing to do
}

// action is what a job does. All but call run with the lock held.
type action struct {
	call    func(context.Context) error // asks EC2
	called  func()                      // nil: nothing is noted down in between
	waits   func() (time.Duration, error)
	end     func(error)
	cancel  func() // not asked for but by stopAll
	tries   int    // how often call may still fail
	calling bool
	due     time.Duration
	since   time.Duration
}

// whenFailed says what becomes of the other jobs when one fails.
type whenFailed int

const (
	stopAll   whenFailed = iota // nothing more begins, and what is not due at the same time is cancelled
	stopThose                   // the jobs that come after it do not begin
	goOn
)

// timeToStabilize is how long a thing may take to be made (assumed: the default of the handlers' schema, timeoutInMinutes).
const timeToStabilize = 2 * time.Hour

// course is a run of jobs.
type course struct {
	*CloudFormation
	*stack
	policy  whenFailed
	jobs    map[string]job
	running map[string]*action
	done    map[string]bool // whether a job ended well; missing: not begun
	elapsed time.Duration
	stopped bool
}

// run does the jobs, and returns those that failed. What could not begin is in none of the lists.
func (c *CloudFormation) run(s *stack, jobs map[string]job, policy whenFailed) (failed []string) {
	r := &course{CloudFormation: c, stack: s, policy: policy, jobs: jobs, running: map[string]*action{}, done: map[string]bool{}}
	for r.start(); len(r.running) > 0; r.start() {
		next := slices.MinFunc(slices.Collect(maps.Values(r.running)), func(a, b *action) int { return int(a.due - b.due) }).due
		c.sleep(next - r.elapsed)
		r.elapsed = next
		for _, id := range slices.Sorted(maps.Keys(r.running)) {
			if a := r.running[id]; a.due <= r.elapsed {
				r.advance(id, a)
			}
		}
		if r.stopped {
			r.cancelAll()
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.done)) {
		if !r.done[id] {
			failed = append(failed, id)
		}
	}
	return failed
}

// start begins all jobs whose time has come, also those whose forerunners had nothing to do.
func (r *course) start() {
	for again := true; again && !r.stopped; {
		again = false
		for _, id := range slices.Sorted(maps.Keys(r.jobs)) {
			_, ended := r.done[id]
			if ended || r.running[id] != nil || !r.ready(r.jobs[id]) {
				continue
			}
			a := r.jobs[id].begin()
			if a == nil {
				r.done[id], again = true, true
				continue
			}
			a.calling, a.since, a.due = true, r.elapsed, r.elapsed+r.step()
			r.running[id] = a
		}
	}
}

func (r *course) ready(j job) bool {
	return !slices.ContainsFunc(j.after, func(id string) bool {
		well, ended := r.done[id]
		return !ended || !well && r.policy != goOn
	})
}

// advance does what is due of an action.
func (r *course) advance(id string, a *action) {
	if a.calling {
		ctx := context.WithValue(context.Background(), stackName{}, r.name)
		var err error
		r.unlocked(func() { err = a.call(ctx) })
		switch {
		case err != nil && a.tries > 1:
			a.tries--
			a.due = r.elapsed + r.step()
			a.end(err)
			return
		case err != nil:
			r.finish(id, a, err)
			return
		}
		a.calling = false
		if a.called != nil {
			a.called()
		}
	}
	var wait time.Duration
	var err error
	if a.waits != nil {
		wait, err = a.waits()
	}
	if err == nil && wait > 0 && r.elapsed-a.since > timeToStabilize {
		err = failure("NotStabilized", "Exceeded attempts to wait")
	}
	if err != nil || wait == 0 {
		r.finish(id, a, err)
		return
	}
	a.due = r.elapsed + wait
}

func (r *course) finish(id string, a *action, err error) {
	delete(r.running, id)
	r.done[id] = err == nil
	a.end(err)
	r.stopped = r.stopped || err != nil && r.policy == stopAll
}

// cancelAll: the cancelled are listed with the failed (seen in ks888/LambStatus#6).
func (r *course) cancelAll() {
	for _, id := range slices.Sorted(maps.Keys(r.running)) {
		r.running[id].cancel()
		delete(r.running, id)
		r.done[id] = false
	}
}
