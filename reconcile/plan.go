package reconcile

import "time"

// Verb says what an action does.
type Verb string

// The verbs. Deleting an address releases it.
const (
	Create  Verb = "create"
	Replace Verb = "replace" // in place: ReplaceRoute, ReplaceRouteTableAssociation
	Delete  Verb = "delete"
	Retag   Verb = "retag" // writes our owner onto what is ours by all other tags (rule 16)
)

// Action is one step: what is there before, what is there after, and which other actions of the plan come first.
type Action struct {
	Verb   Verb
	Key    Key
	Before *Found    // nil for a create, but for a gateway: its dead predecessor, if EC2 still lists one
	After  *Resource // nil for a delete
	Needs  []int     // indices of the actions that must be done first, sorted
	Reason string
}

// Conflict is something that is wanted and cannot be had, or that we must not touch: reported, left out, and everything
// else goes on (rules 3 and 12).
type Conflict struct {
	Key     Key
	Reason  string
	Sources []Source // who asked for it; empty where nobody did
}

// Wait is something that is to be done, but not yet.
type Wait struct {
	Key    Key
	Reason string
	Until  time.Time // when it is due; zero if that is not a matter of the clock
	Held   bool      // not even that: somebody has to do something first, so it makes no sense to look again soon
}

// Plan leads from what exists to a goal. Equal input gives an equal plan, to the byte.
type Plan struct {
	Goal      Desired
	Actions   []Action
	Conflicts []Conflict
	Waiting   []Wait
	IDs       map[Key]string // what exists of the goal's keys, by EC2 id; a key that is not here is yet to be made
	Mend      string         // what has to be done to the stack itself, where one carries out the plan; empty if nothing
}

// Nothing reports whether there is nothing to do and nothing to wait for.
func (p Plan) Nothing() bool { return p.Idle() && len(p.Waiting) == 0 }

// Idle reports whether there is nothing to do now.
func (p Plan) Idle() bool { return len(p.Actions) == 0 && p.Mend == "" }
