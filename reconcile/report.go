package reconcile

import (
	"net/netip"
	"time"
)

// Report is what one pass saw, decided and did. All that is shown to people is drawn from it: the printed plan, the
// status, the metrics, the events.
type Report struct {
	At       time.Time
	Zones    []ZoneReport // sorted by zone
	Plan     Plan
	Stack    string    // what would become of the stack; empty where none carries out the plan
	Result   Result    // empty if the plan was not applied
	Verdicts []Verdict // sorted by source, then target
	Partings []Parting // of a teardown: what becomes of each address; sorted by zone
	Problems []Problem // sorted by zone; those without a zone first
	Warnings []string  // what is odd and hinders nothing; sorted
	// Incomplete says what could not be read of what is claimed. Nothing is withdrawn for it, and a plan does not know all.
	Incomplete []string
	News       []News // what is to be told once; nobody is told of a plan that is not carried out
	Err        error  // looking failed (nothing else is set then), or some actions failed
	Applied    bool
	Tables     []TableReport // sorted by table
	Withheld   Withheld
	// Frozen says why nothing at all is withdrawn: the memory cannot be read or written, or a cluster was never read. Empty
	// if things are.
	Frozen    string
	StackRoom *int          // how many routes the stack can take yet; nil where none carries out the plan
	Took      time.Duration // from the beginning of the pass to its end; 0 where no loop made it
}

// ZoneReport is the egress path of one zone.
type ZoneReport struct {
	Zone       Zone       `json:"zone"`
	Configured bool       `json:"configured"`
	Allocation string     `json:"allocation,omitempty"`
	PublicIP   netip.Addr `json:"address"`
	Brought    bool       `json:"brought,omitempty"` // the user brought the address
	Spares     []string   `json:"spares,omitempty"`  // other addresses of ours for this zone: kept, and to be looked at by somebody
	Gateway    string     `json:"gateway,omitempty"`
	State      string     `json:"state"` // of the gateway, or "none"
	Tables     []string   `json:"tables,omitempty"`
	Ready      bool       `json:"-"` // target routes may lead to the gateway (rule 15)
	Missing    string     `json:"-"` // the allocation id of the address that the zone is known by, if that is gone (rule 7)
}

// TableReport is one route table that is a DMZ table or has routes of ours. Each route that is wanted in it or ours is
// counted once.
type TableReport struct {
	Table   string
	Zone    Zone // that its tag names; empty without a tag
	Active  int  // wanted, there, and leading where they should
	Broken  int  // wanted and there, but black holes, or leading elsewhere or to a gateway that is not ready
	Pending int  // wanted and not there
	Leaving int  // there and not wanted any more, before this pass took them out
	Limit   int  // how many routes it can have: --max-routes-per-table, or what EC2 called full within the last hour
	Free    int  // how many can be added yet
}

// Withheld counts the networks that our routes carry and nobody claims, by why they stay. Each is counted once.
type Withheld struct {
	Delayed int // until --withdraw-delay is over
	Braked  int // until somebody confirms that so much shall go at once (rule 11)
	Unclear int // they may be what a refused value once meant
	Frozen  int // for what Report.Frozen says
}

// Problem is a mistake in the set-up. One that concerns a zone stops plan and --once, but in run only that zone.
type Problem struct {
	Zone   Zone   `json:"zone,omitempty"` // empty: all of them
	Reason string `json:"reason"`
}

// Standing is how a claim stands.
type Standing string

// The standings, the best first.
const (
	StandingActive   Standing = "Active"  // routed in every DMZ route table
	StandingPending  Standing = "Pending" // on its way
	StandingHeld     Standing = "Held"    // no longer asked for in a way that is accepted, but kept
	StandingFull     Standing = "TableFull"
	StandingConflict Standing = "Conflict"
	StandingRejected Standing = "Rejected"
)

// Verdict says how one claim stands, and why. The whole value is meant where Target is not valid.
type Verdict struct {
	Source   Source
	Target   netip.Prefix
	Standing Standing
	Reason   string
	Routes   []Way // the way from the claim to its routes (rule 10); sorted by table and prefix
}

// Way is one route that carries a claim, or a part of it.
type Way struct {
	Table  string       `json:"table"`
	Zone   Zone         `json:"zone"`
	Prefix netip.Prefix `json:"prefix"` // as merged
	Active bool         `json:"active"`
}
