package inmemory

import (
	"context"
	"maps"
	"slices"
)

// Call is one API call. Key names the thing that it is about in a way that does not depend on the order of calls, so
// that a fault can be aimed at one of many parallel calls: the id that is deleted, the table and CIDR of a route, the
// zone tag (else the Name tag) of what is made, "" where something is described. Attempt counts from 1 for each
// Operation and Key.
type Call struct {
	Operation string
	Key       string
	Attempt   int
}

// Phase says where in a call a hook is called.
type Phase int

// The phases. An error from Before fails the call before its effect. At After the effect has happened, and an error
// takes the place of the answer: the answer is lost.
const (
	Before Phase = iota
	After
)

// Hook is called around every call's effect, with no lock held: it may wait, and may use the EC2's methods.
type Hook func(context.Context, Call, Phase) error

// SetHook replaces the hook; nil takes it away.
func (e *EC2) SetHook(h Hook) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.hook = h
}

// ledger keeps count of the calls.
type ledger struct {
	attempts map[Call]int // by the call without its attempt
	counts   map[string]int
	calls    []Call
}

func newLedger() ledger {
	return ledger{attempts: map[Call]int{}, counts: map[string]int{}}
}

// enter counts a call, and returns it with its attempt, and the hook that goes with it.
func (e *EC2) enter(c Call) (Call, Hook) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ledger.enter(c, e.options.KeepCalls), e.hook
}

func (l *ledger) enter(c Call, keep bool) Call {
	l.attempts[c]++
	l.counts[c.Operation]++
	c.Attempt = l.attempts[c]
	if keep {
		l.calls = append(l.calls, c)
	}
	return c
}

// Counts is how often each operation was called since the last ResetCounts, failed and dry runs included.
func (e *EC2) Counts() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.ledger.counts)
}

// Calls is the sequence of calls since the last ResetCounts, if Options.KeepCalls is set.
func (e *EC2) Calls() []Call {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.ledger.calls)
}

// ResetCounts begins to count and to record anew. Attempts go on, so that a fault stays aimed at one call.
func (e *EC2) ResetCounts() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ledger.counts = map[string]int{}
	e.ledger.calls = nil
}
