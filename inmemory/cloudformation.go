package inmemory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
)

var _ awscfn.API = (*CloudFormation)(nil)

// CloudFormationOptions say how a CloudFormation behaves. The zero value is one where nothing takes time but what takes
// time in its EC2.
type CloudFormationOptions struct {
	// Step is how long each action on a resource takes, and how long a change set takes to be made. At Step 0 an
	// operation still runs behind its call's back: in a bubble of testing/synctest it does not end before all others
	// wait, so who looks at once always finds it in progress.
	Step time.Duration
	// Now is the clock of what is shown, the EC2's by default. What takes time sleeps by the timers of package time.
	Now func() time.Time

	// StacksPerPage, EventsPerPage, ChangesPerPage and ChangeSetsPerPage are the most that one page has; 100 by default.
	StacksPerPage, EventsPerPage, ChangesPerPage, ChangeSetsPerPage int

	// Fetch gets the template at a TemplateURL. Without it every URL is refused.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// PolicyChanges says that a DeletionPolicy or UpdateReplacePolicy that changed alone is a change. It was not for years
	// (aws-cloudformation/cloudformation-coverage-roadmap#1543); a later account answers that it is
	// (ministackorg/ministack#1646). So both must be lived with.
	PolicyChanges bool

	// Hook, if set, is called around the effect of every API call of CloudFormation. Its calls to EC2 are in the EC2's
	// hook, where ByStack tells them from others.
	Hook Hook
	// KeepCalls keeps the sequence of calls for Calls.
	KeepCalls bool
}

// CloudFormation is one account's CloudFormation in one region, whose stacks are made of an EC2's things. Its methods may
// be called in parallel. An operation runs in a goroutine of its own, which ends with it.
type CloudFormation struct {
	ec2     *EC2
	options CloudFormationOptions

	mu      sync.Mutex
	stacks  []*stack // in the order in which they were made, deleted ones too
	ledger  ledger
	hook    Hook
	running int
	idle    chan struct{} // closed when nothing runs any more
}

// NewCloudFormation returns a CloudFormation without stacks.
func NewCloudFormation(e *EC2, o CloudFormationOptions) *CloudFormation {
	if o.Now == nil {
		o.Now = e.options.Now
	}
	o.StacksPerPage = cmp.Or(o.StacksPerPage, 100)
	o.EventsPerPage = cmp.Or(o.EventsPerPage, 100)
	o.ChangesPerPage = cmp.Or(o.ChangesPerPage, 100)
	o.ChangeSetsPerPage = cmp.Or(o.ChangeSetsPerPage, 100)
	return &CloudFormation{ec2: e, options: o, hook: o.Hook, ledger: newLedger()}
}

type stackName struct{}

// ByStack is the name of the stack that makes a call to EC2, "" if no stack does. A hook asks it of its context.
func ByStack(ctx context.Context) string {
	name, _ := ctx.Value(stackName{}).(string)
	return name
}

// begin runs work behind the back of the call that holds the lock. The work begins and ends with the lock held, and gives
// it away while it sleeps or asks EC2.
func (c *CloudFormation) begin(work func()) {
	if c.running == 0 {
		c.idle = make(chan struct{})
	}
	c.running++
	go func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		work()
		if c.running--; c.running == 0 {
			close(c.idle)
		}
	}()
}

// unlocked does something slow without the lock, which its caller holds.
func (c *CloudFormation) unlocked(slow func()) {
	c.mu.Unlock()
	defer c.mu.Lock()
	slow()
}

func (c *CloudFormation) sleep(d time.Duration) {
	c.unlocked(func() { time.Sleep(d) })
}

// step is how long an action takes: a nanosecond more than was asked for, so that in a bubble it ends neither together
// with the call that began it nor with a caller's own round intervals.
func (c *CloudFormation) step() time.Duration {
	return c.options.Step + time.Nanosecond
}

// Settle waits until no operation runs.
func (c *CloudFormation) Settle(ctx context.Context) error {
	for {
		c.mu.Lock()
		running, idle := c.running, c.idle
		c.mu.Unlock()
		if running == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SetStackStatus is a hand: a stack has a status, whatever it was doing. Without such a stack an empty one is made.
func (c *CloudFormation) SetStackStatus(name string, status types.StackStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stackNamed(name)
	if s == nil {
		s = c.newStack(name)
	}
	c.setStatus(s, status, "")
}

// StackNames lists the stacks that were not deleted.
func (c *CloudFormation) StackNames() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, s := range c.stacks {
		if s.status != types.StackStatusDeleteComplete {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	return names
}

// SetHook replaces the hook; nil takes it away.
func (c *CloudFormation) SetHook(h Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = h
}

// Counts is how often each operation of the API was called since the last ResetCounts.
func (c *CloudFormation) Counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.ledger.counts)
}

// Calls is the sequence of calls since the last ResetCounts, if KeepCalls is set.
func (c *CloudFormation) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ledger.calls)
}

// ResetCounts begins to count and to record anew. Attempts go on, so that a fault stays aimed at one call.
func (c *CloudFormation) ResetCounts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ledger.counts = map[string]int{}
	c.ledger.calls = nil
}
