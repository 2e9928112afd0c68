package reconcile

import "time"

// Resource is one thing that should be there. References in its Spec are keys wherever they lead to what is ours.
type Resource struct {
	Key  Key
	Spec Spec
}

// Desired is what should be there, sorted by key, each key once.
type Desired struct {
	Resources []Resource
	Holds     []Wait    // what is not to be made yet, such as a gateway whose predecessors failed
	Release   []string  // allocation ids of the addresses that may be released now: nothing else ever is (rule 7)
	Look      time.Time // until then no gateway goes: a new leader does not see yet all that the last one did (rule 16); zero if it does
}
