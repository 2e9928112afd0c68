package reconcile

import (
	"fmt"
	"net/netip"
	"time"
)

// Stack is the CloudFormation stack, where one carries out the plans.
type Stack struct {
	Name      string
	Status    string            // CloudFormation's; empty if there is none
	Strange   string            // why nothing may be changed through it, such as that it is somebody else's; empty if it may
	Busy      time.Time         // since when an operation runs, ours or somebody else's: until its end nothing can be changed; zero if none does
	Mend      string            // what has to be done to the stack itself before anything else; empty if nothing has
	Room      int               // how many routes it can take yet
	Full      string            // what it is that leaves no more room
	Addresses map[Zone]Recorded // the addresses that it made
}

// Recorded is an address that a stack remembers to have made.
type Recorded struct {
	Allocation string
	PublicIP   netip.Addr
}

// How soon a running operation is looked at again: after an eighth of the time that it has run, so that what takes long is
// asked for seldom and what is short is not waited for.
const (
	soonestLook = 250 * time.Millisecond
	latestLook  = pollPending
)

// wait is what a plan waits for while the stack is busy.
func (s *Stack) wait(now time.Time) []Wait {
	if s == nil || s.Busy.IsZero() {
		return nil
	}
	look := min(max(now.Sub(s.Busy)/8, soonestLook), latestLook)
	return []Wait{{
		Key: Key{Kind: CloudFormationStack}, Reason: fmt.Sprintf("the stack %s is %s", s.Name, s.Status), Until: now.Add(look),
	}}
}

// stackWait is when a busy stack is to be looked at again; zero if none is busy.
func stackWait(p Plan) time.Time {
	for _, w := range p.Waiting {
		if w.Key.Kind == CloudFormationStack {
			return w.Until
		}
	}
	return time.Time{}
}

func (s *Stack) room() *int {
	if s == nil {
		return nil
	}
	return &s.Room
}

func (s *Stack) mend() string {
	if s == nil {
		return ""
	}
	return s.Mend
}

// recorded completes a memory by what a stack remembers: an address that it made and that is gone must be missed, even by
// somebody who never saw it (rule 7).
func (m Memory) recorded(s *Stack) Memory {
	if s == nil {
		return m
	}
	for z, r := range s.Addresses {
		if m.Address[z] == "" {
			m.Address[z], m.PublicIP[z] = r.Allocation, r.PublicIP
		}
	}
	return m
}
