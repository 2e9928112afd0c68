package reconcile

import "context"

// Provider is a cloud: it can be looked at, and plans can be applied to it.
type Provider interface {
	// Observe looks at everything once. Its error means that nothing is known: the pass ends there and changes nothing.
	Observe(context.Context) (Observed, error)
	// Apply carries out as much of the plan as can be done without waiting. The error joins those of all actions
	// that failed; the [Result] tells them apart.
	Apply(context.Context, Plan) (Result, error)
}

// foreteller is a provider that carries out plans through a stack, and can say beforehand what would become of it.
type foreteller interface {
	// Foretell is asked about a plan that was made from the last look.
	Foretell(Plan) string
}

// Doer performs single actions; see [Execute].
type Doer interface {
	// Do performs one action. id gives the EC2 id of what a reference leads to, also when an earlier action of the plan
	// has made it just now; it is "" if there is none.
	Do(ctx context.Context, a Action, id func(Ref) string) (Made, error)
}

// Made is what an action has brought about.
type Made struct {
	ID    string // of what was made; "" after a delete and for routes
	Ready bool   // false: it exists (or goes) but is not there (or gone) yet, so what needs it is deferred (rule 5)
}

// Outcome is how an action of a plan ended.
type Outcome string

// The outcomes.
const (
	Done         Outcome = "done"
	DeferredThen Outcome = "deferred" // what it needs exists, but is not ready
	FailedThen   Outcome = "failed"
	Skipped      Outcome = "skipped" // what it needs failed, or the context ended
)

// Result is what became of each action, at the same index as in the plan.
type Result struct {
	Outcomes []Outcome
	Errors   []error // nil but for those that failed
}
