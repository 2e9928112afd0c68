package simulation_test

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// lagging says how far a cloud lags behind its writes, and who keeps what is in it.
type lagging struct {
	provider   string // aws-ec2 if empty
	lists      time.Duration
	only       string // the only list that lags; all of them if empty
	references time.Duration
}

// tally counts over all runs of a test.
type tally struct {
	points, runs, looks   atomic.Int64
	steps, faults, failed atomic.Int64 // of histories
	longest               atomic.Int64 // the longest that a fault made an episode take more
}

// ended is how a run ended.
type ended struct {
	calls []inmemory.Call
	stack map[inmemory.Call]bool // those of them that a stack made
	took  time.Duration
	left  string
}

// allowance is how much longer an episode may take when one call goes wrong: as long as the clocks of rules 11 and 13 run,
// which start again after a restart, and half a minute for what has to be tried again.
const allowance = withdrawDelay + teardownDelay + 30*time.Second

// restarting is how much longer it may take if the process dies and nothing is forgotten: the clocks go on (rule 13).
const restarting = 30 * time.Second

// run plays an episode once, in a bubble of its own.
func run(t *testing.T, s episode, lag lagging, f *fault, sum *tally, plain *ended) (out ended) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t, lag)
		if st.owner = s.owner; s.kept {
			st.home = &home{}
		}
		if s.asked != nil {
			st.ask(s.asked)
			if _, ok := st.settle(time.Hour); !ok {
				st.stop()
				t.Fatalf("the beginning does not settle:\n%s", planText(st.last))
			}
			st.witness.look(inmemory.Call{Operation: "the beginning"}) // which address each zone has, before anybody takes it
		}
		st.ec2.ResetCounts()
		st.fault, st.later = f, s.later
		s.happens(st)
		st.witness.rebase()
		st.setHook(st.hook)
		if st.home != nil {
			st.home.hook = st.hook
			st.home.forgetCalls()
		}
		bound := 2 * time.Hour
		if plain != nil {
			bound = plain.took + allowance
		}
		switch {
		case f == nil || !s.kept:
		case f.kind.dies:
			bound = plain.took + restarting
		default: // a home is tried again in the next pass
			bound += time.Duration(f.kind.lasts) * time.Minute
		}
		if lag.provider == withStack && lag.lists > 0 {
			bound += 5 * time.Minute // so long the stack's own word counts against lists that may be late (rule 9)
		}
		if f != nil && f.kind.stack {
			// So long what fails is put aside (rule 12), and counts what the operation may have made all the same (rule 9).
			bound += time.Minute<<max(1, f.kind.lasts) + 5*time.Minute*time.Duration(max(1, f.kind.lasts))
		}
		var ok bool
		out.took, ok = st.settle(bound)
		out.calls = st.ec2.Calls()
		st.stop()
		st.settleStack()
		st.setHook(nil)
		out.calls, out.stack = append(out.calls, st.stackCalls.calls...), st.stackCalls.stacks
		if st.home != nil {
			out.calls = append(out.calls, st.home.calls...)
			st.home.hook = nil
		}
		st.witness.look(inmemory.Call{Operation: "the end"})
		for _, broken := range st.witness.broken {
			t.Error(broken)
		}
		sum.runs.Add(1)
		sum.looks.Add(int64(st.witness.looks))
		if !ok {
			t.Fatalf("not settled after %s; the last plan is\n%s", bound, planText(st.last))
		}
		st.planAgain()
		out.left = leftBehind(st.ec2.Snapshot())
		for ip := range st.witness.undone.taken {
			out.left = strings.ReplaceAll(out.left, "released "+ip+"\n", "")
		}
	})
	return out
}

// TestFaults lets every call of every episode go wrong in every way, one at a time (rule 12). To see one again:
// go test -run 'TestFaults/aws-ec2/first-build/CreateSubnet_172.31.64.0_28_1/after' ./simulation
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			faults(t, lagging{provider: provider}, kinds())
		})
	}
}

// TestFaultsWhileListsLag loses every answer of every episode while lists show what was true 5 s ago (rule 9).
func TestFaultsWhileListsLag(t *testing.T) {
	t.Parallel()
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			faults(t, lagging{provider: provider, lists: 5 * time.Second}, unknown())
		})
	}
}

// TestFaultsWhileOneListLags is about lists that contradict each other: one shows what was true 5 s ago, the others know
// more.
func TestFaultsWhileOneListLags(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"DescribeAddresses", "DescribeSubnets", "DescribeRouteTables", "DescribeNatGateways"} {
		t.Run(list, func(t *testing.T) {
			t.Parallel()
			faults(t, lagging{lists: 5 * time.Second, only: list}, without(unknown(), func(k kind) bool {
				return k.name == "after-timeout" || k.name == "after-hanging"
			}))
		})
	}
}

// TestReferencesLag plays the episodes where EC2's writes do not find what was made just now.
func TestReferencesLag(t *testing.T) {
	t.Parallel()
	faults(t, lagging{lists: 5 * time.Second, references: 3 * time.Second}, unknown())
}

func faults(t *testing.T, lag lagging, kinds []kind) {
	t.Helper()
	faultsOf(t, episodes(), lag, kinds, func(inmemory.Call) bool { return true })
}

// faultsOf lets those calls go wrong that are worth it. A stack is looked at all the time while it works, and each look is
// five calls to EC2 besides, so of the calls that only read each goes wrong in one way then, another one than the one before.
func faultsOf(t *testing.T, episodes []episode, lag lagging, kinds []kind, worth func(inmemory.Call) bool) {
	t.Helper()
	debug.SetGCPercent(800) // thousands of small worlds that are thrown away at once: nearly half the time went into that
	sum := &tally{}
	t.Cleanup(func() {
		t.Logf("%d fault points, %d runs, %d looks at the invariants; a fault delayed the end by %s at most",
			sum.points.Load(), sum.runs.Load(), sum.looks.Load(), time.Duration(sum.longest.Load()))
	})
	for _, s := range episodes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			plain := run(t, s, lag, nil, sum, nil)
			if t.Failed() || s.alone {
				return
			}
			oneIn := oneKindIn
			if lag.provider == withStack {
				oneIn = stackKindIn
			}
			for i, c := range inOrder(without(plain.calls, func(c inmemory.Call) bool { return !worth(c) })) {
				possible := without(kinds, func(k kind) bool { return !isWrite(c) && !k.reads || k.stack != plain.stack[c] })
				if len(possible) == 0 {
					continue
				}
				sum.points.Add(1)
				t.Run(callName(c), func(t *testing.T) {
					for j, k := range possible {
						if (i+j)%oneIn != 0 || lag.provider == withStack && !isWrite(c) && (i+j)%len(possible) != 0 {
							continue
						}
						t.Run(k.name, func(t *testing.T) {
							t.Parallel()
							oneFault(t, s, lag, &fault{at: c, kind: k}, sum, plain)
						})
					}
				})
			}
		})
	}
}

func oneFault(t *testing.T, s episode, lag lagging, f *fault, sum *tally, plain ended) {
	got := run(t, s, lag, f, sum, &plain)
	if t.Failed() {
		return
	}
	if !f.struck.Load() {
		t.Error("the call was not made, so the fault did not strike")
	}
	if f.halfway.Load() {
		t.Error("a call that had been made was cut short when the pass was told to end")
	}
	if got.left != plain.left {
		t.Errorf("what is left behind differs from a run without the fault:\n%s", difference(plain.left, got.left))
	}
	for more := int64(got.took - plain.took); ; {
		if was := sum.longest.Load(); more <= was || sum.longest.CompareAndSwap(was, more) {
			return
		}
	}
}

// inOrder sorts calls, so that the subtests come in one order.
func inOrder(calls []inmemory.Call) []inmemory.Call {
	out := slices.Clone(calls)
	slices.SortFunc(out, func(a, b inmemory.Call) int { return strings.Compare(callName(a), callName(b)) })
	return out
}

func callName(c inmemory.Call) string {
	name := fmt.Sprintf("%s_%s_%d", c.Operation, c.Key, c.Attempt)
	return strings.NewReplacer(" ", "_", "/", "_", "__", "_").Replace(name)
}
