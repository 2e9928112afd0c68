package simulation_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// TestScenarios plays the stories in testdata/scenarios. Each is told in these words:
//
//   - world zones=N: begins; every zone has one DMZ route table. A gateway is pending for 2m and deleting for 1m.
//   - flags [keep-memory]: the controller starts again with these flags, and what it kept in its home is lost unless it is
//     said to be kept. What is not said is at its default: the flags of an earlier line do not go on.
//   - restart: it starts again with the same flags.
//   - home: what happens to what it keeps there; see [homes].
//   - cluster UID: another cluster's controller runs now, or again; each has a home of its own.
//   - confirm: somebody writes the word that the last report asks for, or the one given.
//   - claims [cluster=NAME]: all that is claimed there now: NAMESPACE/CONFIGMAP KEY=VALUE ..., @YEAR of its creation.
//   - incomplete, complete [cluster=NAME]: a cluster cannot be read in full, for the reason given; it can again.
//   - aws: what somebody else's hand does; see [hands].
//   - after DURATION: moves the clock, and nothing looks meanwhile.
//   - plan, pass: a pass that applies nothing, or one that does.
//   - converge: passes, at the loop's pace, until nothing is left to do but what waits for the clock or for somebody.
//     Says which writing calls were made, and what waits and conflicts then.
//   - state: what exists, but for the routes that every VPC has.
//
// What every pass has to keep is checked besides, and needs no word: see [scenario.round]. A file is written anew with
// -rewrite; read its diff, because that blesses mistakes too.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			var s *scenario
			datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
				if d.Cmd == "world" {
					s = newScenario(t, withEC2, d)
					return ""
				}
				out := commands[d.Cmd]
				if s == nil || out == nil {
					d.Fatalf(t, "what is %q?", d.Cmd)
				}
				s.d = d
				text := out(s)
				s.names.learn(s.world.ec2.Snapshot())
				return s.names.in(text)
			})
		})
	}
}

var commands = map[string]func(*scenario) string{
	"flags": (*scenario).flags, "claims": (*scenario).claims, "incomplete": (*scenario).incomplete, "complete": (*scenario).complete,
	"aws": (*scenario).aws, "after": (*scenario).after, "plan": (*scenario).plan, "pass": (*scenario).onePass,
	"converge": (*scenario).converge, "state": (*scenario).state,
	"restart": (*scenario).restart, "home": (*scenario).atHome, "cluster": (*scenario).ofCluster, "confirm": (*scenario).confirm,
}

// scenario is a world with a reader: it gives things names, and watches what must not happen.
type scenario struct {
	t     *testing.T
	d     *datadriven.TestData
	world *world
	names names
	watch *watch

	quotas map[string]int    // by operation: how many there may be of what it makes
	denied map[string]bool   // operations that are not authorized
	fates  map[string]string // by zone: the failure code of gateways to come
	read   map[string][]reconcile.ConfigMap
	away   map[string]string
	homes  map[string]*home // by the cluster's UID
	// namespaces are those that may ask; all if there are none
	namespaces []string
}

func newScenario(t *testing.T, provider string, d *datadriven.TestData) *scenario {
	zones := 1
	if d.HasArg("zones") {
		d.ScanArgs(t, "zones", &zones)
	}
	s := &scenario{
		t: t, d: d, names: newNames(), watch: newWatch(),
		quotas: map[string]int{}, denied: map[string]bool{}, fates: map[string]string{},
		read: map[string][]reconcile.ConfigMap{}, away: map[string]string{}, homes: map[string]*home{},
	}
	s.world = newWorld(t, provider, zones, inmemory.Options{
		Pending: 2 * time.Minute, Deleting: time.Minute, KeepCalls: true, Hook: s.hook,
		Fail: func(c inmemory.Creation) string { return s.fates[c.Zone] },
	})
	s.names.learn(s.world.ec2.Snapshot())
	s.firstLook()
	s.begin()
	return s
}

// firstLook is that of a new leader (rule 16). It came before the story, unless that says that the controller starts again.
func (s *scenario) firstLook() {
	w := s.world
	if w.cfn != nil {
		reading := w.reading
		w.reading = reconcile.Reading{}
		w.loop.Pass(s.t.Context())
		w.reading = reading
		time.Sleep(soon)
		return
	}
	now, reading := w.now, w.reading
	w.now, w.reading = now.Add(-soon), reconcile.Reading{}
	w.loop.Pass(s.t.Context())
	w.now, w.reading = now, reading
}

// begin puts the watch between the controller and the cloud.
func (s *scenario) begin() {
	if s.world.cfn != nil {
		return // what a pass decides is the same with a stack, and looked at without one
	}
	s.watch.Provider = s.world.loop.Provider
	s.world.loop.Provider = s.watch
}

// after moves the clock.
func (s *scenario) after() string {
	d, err := time.ParseDuration(s.d.CmdArgs[0].Key)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	s.world.now = s.world.now.Add(d)
	return s.world.now.Format(time.RFC3339)
}

func (s *scenario) plan() string {
	return s.planned(s.round(s.world.loop.Plan))
}

func (s *scenario) onePass() string {
	r := s.round(s.world.loop.Pass)
	counts := map[reconcile.Outcome]int{}
	for _, o := range r.Result.Outcomes {
		counts[o]++
	}
	var b strings.Builder
	b.WriteString(s.planned(r))
	if r.Applied {
		var outcomes []string
		for _, o := range []reconcile.Outcome{reconcile.Done, reconcile.DeferredThen, reconcile.FailedThen, reconcile.Skipped} {
			if counts[o] > 0 {
				outcomes = append(outcomes, fmt.Sprintf("%d %s", counts[o], o))
			}
		}
		b.WriteString("Outcome: " + strings.Join(outcomes, ", ") + "\n")
	}
	return b.String() + errorLines(r.Err)
}

func errorLines(err error) string {
	if err == nil {
		return ""
	}
	return "Error: " + strings.ReplaceAll(err.Error(), "\n", "\nError: ") + "\n"
}

// longWait is how long converge goes on while nothing changes: EC2's lists may lag for five minutes (rule 9).
const longWait = 10 * time.Minute

// converge goes on until nothing is left to do but what waits for the clock or for somebody, or until nothing changes any
// more.
func (s *scenario) converge() string {
	s.world.ec2.ResetCounts()
	began, last, same, acted, failed, busy := s.world.now, "", 0, 0, 0, 0
	var since time.Time
	for n := 1; ; n++ {
		r := s.round(s.world.loop.Pass)
		text := s.text(r) + fmt.Sprint(r.Err)
		if same++; text != last {
			last, same, since = text, 0, s.world.now
		}
		if failed++; r.Err == nil {
			failed = 0
		}
		if busy++; !r.Applied {
			busy = 0
		}
		acted += min(busy, 1)
		done, coming := r.Err == nil && len(r.Plan.Actions) == 0, comesByItself(r)
		if done && !coming || same >= 5 && s.world.now.Sub(since) > longWait {
			took := s.world.now.Sub(began)
			return fmt.Sprintf("%d of %d passes acted, %s went by\n", acted, n, took) + s.calls() + s.ended(r, done && !coming)
		}
		switch {
		case failed > 0:
			s.world.now = s.world.now.Add(min(time.Minute, time.Second<<min(failed-1, 6)))
		case busy > 0:
			s.world.now = s.world.now.Add(min(time.Duration(busy-1)*time.Second, 5*time.Second))
		default:
			s.world.now = s.world.now.Add(5 * time.Second)
		}
	}
}

// soon is how long converge waits for the clock: for a second look, not for the delays that a story is about.
const soon = 10 * time.Second

// comesByItself reports whether something is waited for that is no matter of somebody, nor of the clock for long. A route that
// waits does so for something that is waited for as well, or that nobody can bring.
func comesByItself(r reconcile.Report) bool {
	return slices.ContainsFunc(r.Plan.Waiting, func(w reconcile.Wait) bool {
		return !w.Held && w.Until.Sub(r.At) <= soon && w.Key.Kind != reconcile.TargetRoute
	})
}

// calls lists the writing calls.
func (s *scenario) calls() string {
	s.names.learn(s.world.ec2.Snapshot())
	counts := map[string]int{}
	for _, c := range s.world.ec2.Calls() {
		if !strings.HasPrefix(c.Operation, "Describe") && !strings.HasPrefix(c.Operation, "Get") {
			counts[s.names.in(c.Operation+" "+c.Key)]++
		}
	}
	var lines []string
	for call, n := range counts {
		if n > 1 {
			call += fmt.Sprintf(" (%d times)", n)
		}
		lines = append(lines, call+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// ended says what is left after converge, claims aside.
func (s *scenario) ended(r reconcile.Report, good bool) string {
	if good {
		s.wantNothing()
		r.Verdicts = nil
		return strings.TrimPrefix(s.planned(r), "Nothing to do.\n")
	}
	r.Verdicts = nil
	return "It comes to no end:\n" + s.planned(r) + errorLines(r.Err)
}
