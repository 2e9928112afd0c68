package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// shelf is a store in memory that can be made to fail.
type shelf struct {
	state     []byte
	confirmed string
	status    map[string]string
	saves     int
	load      error
	save      error
}

func (s *shelf) Load(context.Context) ([]byte, error)      { return slices.Clone(s.state), s.load }
func (s *shelf) Confirmed(context.Context) (string, error) { return s.confirmed, nil }

func (s *shelf) Save(_ context.Context, state []byte) error {
	if s.save == nil {
		s.state, s.saves = slices.Clone(state), s.saves+1
	}
	return s.save
}

func (s *shelf) Show(_ context.Context, status map[string]string) error {
	s.status = status
	return nil
}

// sight is a provider that sees one situation and does nothing.
type sight struct{ s *situation }

func (p sight) Observe(context.Context) (reconcile.Observed, error) { return p.s.cloud.observed(), nil }

func (p sight) Apply(_ context.Context, plan reconcile.Plan) (reconcile.Result, error) {
	n := len(plan.Actions)
	return reconcile.Result{Outcomes: slices.Repeat([]reconcile.Outcome{reconcile.Done}, n), Errors: make([]error, n)}, nil
}

func (p sight) Read(context.Context) reconcile.Reading { return p.s.reading }

// looped is a loop over a situation whose memory is on a shelf. Each one is a process of its own.
func looped(s *situation, on *shelf) *reconcile.Loop {
	return &reconcile.Loop{Config: s.config, Provider: sight{s}, Reader: sight{s}, Store: on, Now: func() time.Time { return s.now }}
}

// oneRoute is a situation with one claim that is routed.
func oneRoute() *situation {
	s := built("20.0.0.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	return &s
}

func verbs(r reconcile.Report) string {
	var out []string
	for _, a := range r.Plan.Actions {
		out = append(out, string(a.Verb)+" "+a.Key.String())
	}
	return strings.Join(out, ", ")
}

// Rule 11: a value that is edited into nonsense keeps its route, across a restart too.
func TestNonsenseKeepsItsRouteAcrossARestart(t *testing.T) {
	t.Parallel()
	s, on := oneRoute(), &shelf{}
	looped(s, on).Pass(t.Context())
	s.config.WithdrawDelay = 0
	s.claim("nonsense")
	r := looped(s, on).Pass(t.Context())
	if got := verbs(r); got != "" {
		t.Errorf("it wants to %s", got)
	}
	if r.Verdicts[0].Standing != reconcile.StandingHeld {
		t.Errorf("got %+v", r.Verdicts)
	}
	s.claim() // removed, and not mended
	looped(s, on).Pass(t.Context())
	if got := verbs(looped(s, on).Pass(t.Context())); got != "delete route rtb-1 20.0.0.0/24" {
		t.Errorf("it wants to %s", got)
	}
}

// Rule 13: a clock that was written down goes on after a restart; one that was lost starts again: late, never early.
func TestClocksAcrossARestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		lose bool
		want string
	}{
		{"kept", false, "delete route rtb-1 20.0.0.0/24"},
		{"lost", true, ""},
	} {
		s, on := oneRoute(), &shelf{}
		looped(s, on).Pass(t.Context())
		s.claim()
		looped(s, on).Pass(t.Context())
		s.now = s.now.Add(s.config.WithdrawDelay)
		if c.lose {
			on.state = nil
		}
		if got := verbs(looped(s, on).Pass(t.Context())); got != c.want {
			t.Errorf("%s: it wants to %q", c.name, got)
		}
	}
}

// Rule 11: while the memory cannot be read or written, or was tampered with, nothing is withdrawn for lack of a claim.
func TestMemoryThatCannotBeHadFreezes(t *testing.T) {
	t.Parallel()
	away := errors.New("the API server is away")
	for name, spoil := range map[string]func(*shelf){
		"cannot be read":    func(s *shelf) { s.load = away },
		"cannot be written": func(s *shelf) { s.save = away },
	} {
		s, on := oneRoute(), &shelf{}
		l := looped(s, on)
		l.Pass(t.Context())
		s.claim()
		s.config.WithdrawDelay, s.config.TeardownDelay = 0, 0
		spoil(on)
		for range 3 {
			r := looped(s, on).Pass(t.Context())
			if got := verbs(r); got != "" {
				t.Errorf("%s: it wants to %s", name, got)
			}
			if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, away.Error()) }) {
				t.Errorf("%s: nobody is told: %q", name, r.Warnings)
			}
		}
	}
}

// A state that was tampered with is lost, which is said, and the delay begins again.
func TestTamperedMemoryIsLost(t *testing.T) {
	t.Parallel()
	for _, state := range []string{
		"nonsense", `{"formatVersion":2}`, `{"formatVersion":1,"accepted":[{"value":{"Targets":["20.0.0.1/24"]}}]}`,
		`{"formatVersion":1,"memory":{"Failures":{"a":{"Count":-1}}}}`, `{"formatVersion":1,"memory":{"Sought":{"a":{"Tries":-1}}}}`,
		`{"formatVersion":1,"memory":{"Failures":{"a":{"Count":9223372036854775807}}}}`,
	} {
		s, on := oneRoute(), &shelf{state: []byte(state)}
		s.claim()
		l := looped(s, on)
		r := l.Pass(t.Context())
		if got := verbs(r); got != "" {
			t.Errorf("%s: it wants to %s", state, got)
		}
		if again := l.Pass(t.Context()); len(again.Warnings) != len(r.Warnings)-1 {
			t.Errorf("%s: it is said again: %q", state, again.Warnings)
		}
		if len(r.Warnings) == 0 || !strings.Contains(strings.Join(r.Warnings, ";"), "is lost") {
			t.Errorf("%s: %q", state, r.Warnings)
		}
		if m, err := reconcile.UnmarshalMemory(on.state); err != nil || len(m.Leaving) != 1 {
			t.Errorf("%s: what is written then is %s, %v", state, on.state, err)
		}
	}
}

// A memory is written when it changes, and not by a plan or a dry run.
func TestMemoryIsWrittenWhenItChanges(t *testing.T) {
	t.Parallel()
	s, on := oneRoute(), &shelf{}
	l := looped(s, on)
	l.Plan(t.Context())
	l.DryRun = true
	l.Pass(t.Context())
	if on.saves != 0 || on.status != nil {
		t.Errorf("%d writes, status %v", on.saves, on.status)
	}
	l.DryRun = false
	for range 5 {
		l.Pass(t.Context())
	}
	if on.saves > 2 || on.saves == 0 {
		t.Errorf("%d writes of a memory that comes to rest", on.saves)
	}
	if !strings.Contains(on.status["report"], "20.0.0.0/24") || on.status["formatVersion"] == "" {
		t.Errorf("the status is %v", on.status)
	}
}

// A count that no counting comes to is no reason to panic: waits are doubled that often.
func TestCountsThatNobodyCounted(t *testing.T) {
	t.Parallel()
	const state = `{"formatVersion":1,"memory":{"Failures":{"a":{"Count":%d}},"Sought":{"a":{"Tries":%[1]d}}}}`
	for _, n := range []int{math.MinInt, -2, -1, 0, 9, math.MaxInt32, math.MaxInt} {
		for _, gone := range []string{"nat-a", "eipalloc-a"} {
			s := oneRoute()
			s.cloud.find("nat-a").Status = reconcile.Failed
			s.cloud.find("eipalloc-a").User = ""
			lose(t, s.cloud, s.cloud.find(gone).Key.Kind, gone)
			l := looped(s, &shelf{state: fmt.Appendf(nil, state, n)})
			for range 3 {
				l.Pass(t.Context())
			}
		}
	}
}
