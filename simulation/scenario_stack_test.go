package simulation_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"
)

// otherAsStack are the stories that do not end with a stack as they do without, and why.
var otherAsStack = map[string]string{
	"duplicates":        "what EC2 made for us is not a stack's to take (rule 3), so nothing of it is a duplicate",
	"duplicates-routed": "the same",
	"two-looks":         "the subnet that serves as a lock was made with EC2, and is in the way of a stack's",
	"new-leader":        "the same",
	"gateway-pending":   "the stack is at work when the claim goes, so its delays begin later, and the story is over sooner",
	"gateway-fails":     "the stack's first operation is rolled back, and takes addresses back that nobody was told: others are made",
	"quotas":            "what failed is put aside for up to an hour, each time it fails for longer, and the story is over sooner",
}

// TestScenariosAsStack plays the same stories with a stack. What is planned on the way differs in when it is done; but where
// the last thing that a story looks at is what there is after it came to rest, that has to be the same. What a story says of
// passes is not looked at here, so pass and plan go as far as a change set that is executed.
func TestScenariosAsStack(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want, have string
			var words []datadriven.TestData // it has a timer of its own, which is not for the bubble
			datadriven.RunTest(t, file, func(_ *testing.T, d *datadriven.TestData) string {
				words = append(words, *d)
				return d.Expected
			})
			synctest.Test(t, func(t *testing.T) { want, have = asStack(t, words) })
			why, other := otherAsStack[name]
			switch same := want == have; {
			case !same && !other:
				t.Errorf("what there is at the end differs:\n%s", difference(want, have))
			case same && other:
				t.Errorf("it ends as without a stack, and is said not to: %s", why)
			}
		})
	}
}

// asStack plays a story, and gives what there should be after it last came to rest, and what there is.
func asStack(t *testing.T, words []datadriven.TestData) (want, have string) {
	var s *scenario
	defer func() {
		if err := s.world.cfn.Settle(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	defer func() {
		if p := recover(); p != nil { // a hand touches what is not there with a stack, or not yet
			want, have = "the story goes on", fmt.Sprint("it ends: ", p)
		}
	}()
	atRest := false
	for i := range words {
		d := &words[i]
		if d.Cmd == "world" {
			s = newScenario(t, withStack, d)
			continue
		}
		s.d = d
		switch d.Cmd {
		case "plan": // in which clocks begin
			s.world.report = s.world.loop.Plan(t.Context())
		case "pass":
			s.stackPasses()
			atRest = false
		case "converge":
			s.stackConverges()
			atRest = true
		case "after":
			d, err := time.ParseDuration(d.CmdArgs[0].Key)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
		case "state":
			if text := s.names.in(s.state()); atRest {
				want, have = unnumbered(d.Expected), unnumbered(text)
			}
		default:
			commands[d.Cmd](s)
		}
		s.names.learn(s.world.ec2.Snapshot())
	}
	return want, have
}

// unnumbered: which of a zone's gateways it is does not matter.
func unnumbered(state string) string { return gatewayNumbers.ReplaceAllString(state, "$1") }

var gatewayNumbers = regexp.MustCompile(`\b(nat-[a-z])[0-9]+\b`)

// stackPasses makes passes until a change set is executed, or there is nothing to do.
func (s *scenario) stackPasses() {
	for range 4 {
		if s.world.report = s.world.loop.Pass(s.t.Context()); !s.world.report.Applied {
			return
		}
		time.Sleep(3 * stackStep)
	}
}

// stackConverges is what converge is to a stack.
func (s *scenario) stackConverges() {
	began, last, since := time.Now(), "", time.Now()
	for time.Since(since) <= longWait && time.Since(began) < time.Hour {
		r := s.world.loop.Pass(s.t.Context())
		s.world.report = r
		if r.Err == nil && len(r.Plan.Actions) == 0 && !comesByItself(r) {
			return
		}
		if text := s.text(r) + fmt.Sprint(r.Err); text != last {
			last, since = text, time.Now()
		}
		time.Sleep(5 * time.Second)
	}
}
