package simulation_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// firstSeed begins the histories that are the same in every run.
const firstSeed = 1000

// TestHistories plays random histories, the same in every run: what a change is judged by must not differ from the last
// time. make simulate is for others. SIM_HISTORIES says how many, or it is a few. A history is a list of steps that can be
// read, and depends on its seed alone.
func TestHistories(t *testing.T) {
	t.Parallel()
	for _, provider := range providers {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			sum := &tally{}
			t.Cleanup(func() { t.Logf("%s from seed %d on", sum, firstSeed) })
			for i := range setting(t, "SIM_HISTORIES", fewHistories) {
				seed := firstSeed + i
				t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
					t.Parallel()
					playSeed(t, provider, seed, sum)
				})
			}
		})
	}
}

// TestSimulate plays histories, one after the other, from SIM_SEED on until SIM_STEPS steps are done (make simulate), with
// the provider SIM_PROVIDER.
func TestSimulate(t *testing.T) {
	steps := setting(t, "SIM_STEPS", 0)
	if steps == 0 {
		t.Skip("make simulate")
	}
	seed := setting(t, "SIM_SEED", rand.Uint64N(1<<40))
	provider := cmp.Or(os.Getenv("SIM_PROVIDER"), withEC2)
	sum := &tally{}
	for ; uint64(sum.steps.Load()) < steps && !t.Failed(); seed++ { //nolint:gosec // a count
		playSeed(t, provider, seed, sum)
		if sum.runs.Load()%1000 == 0 {
			t.Logf("%s; the next seed is %d", sum, seed+1)
		}
	}
	t.Log(sum)
}

// TestHistoriesThatFailedOnce plays those that found bugs, as short as they could be made.
func TestHistoriesThatFailedOnce(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no histories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			steps := without(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool { return strings.HasPrefix(line, "#") })
			for _, provider := range providers {
				for _, broken := range play(t, provider, steps, &tally{}) {
					t.Error(provider, broken)
				}
			}
		})
	}
}

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// playSeed plays the history of a seed. One that fails is made as short as it can be, and printed with the line that
// replays it.
func playSeed(t *testing.T, provider string, seed uint64, sum *tally) {
	debug.SetGCPercent(800)
	steps := drawHistory(seed)
	broken := play(t, provider, steps, sum)
	if len(broken) == 0 {
		return
	}
	if sum.failed.Add(1) == 1 { // which takes its time, and often one failure is all of them
		steps, broken = shortened(t, provider, steps, broken)
	}
	t.Errorf("make simulate PROVIDER=%s SEED=%d STEPS=1\n%s\n\nA history that fails so, for testdata/histories:\n%s",
		provider, seed, strings.Join(broken, "\n"), strings.Join(steps, "\n"))
}

// shortened leaves out what can be left out of a history that fails, so that it still fails in the same way.
func shortened(t *testing.T, provider string, steps, broken []string) (fewer, why []string) {
	for size, plays := len(steps)/2, 0; size > 0; size /= 2 {
		for from := 0; from+size <= len(steps) && plays < 300; plays++ {
			fewer := slices.Delete(slices.Clone(steps), from, from+size)
			if b := play(t, provider, fewer, &tally{}); len(b) > 0 && wayOf(b[0]) == wayOf(broken[0]) {
				steps, broken = fewer, b
			} else {
				from += size
			}
		}
	}
	return steps, broken
}

// wayOf is how a history fails: the rule, if one was broken.
func wayOf(broken string) string {
	if _, rule, found := strings.Cut(broken, "rule "); found {
		return strings.SplitAfterN(rule, " ", 4)[0]
	}
	return strings.SplitAfterN(broken, " ", 3)[0]
}

// String says what was done.
func (s *tally) String() string {
	return fmt.Sprintf("%d histories, %d steps, %d faults, %d looks at the invariants", s.runs.Load(), s.steps.Load(), s.faults.Load(), s.looks.Load())
}

// play plays a history in a bubble of its own, and says which rules were broken.
func play(t *testing.T, provider string, steps []string, sum *tally) (broken []string) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, provider, slices.Contains(steps, "references lag"), slices.Contains(steps, "home"))
		for _, step := range steps {
			h.step(step)
			if len(h.witness.broken) > 0 {
				break
			}
		}
		if len(h.witness.broken) == 0 {
			h.end()
		}
		h.stop()
		h.settleStack()
		broken = h.witness.broken
		sum.runs.Add(1)
		sum.steps.Add(int64(len(steps)))
		sum.looks.Add(int64(h.witness.looks))
		sum.faults.Add(h.struck.Load())
	})
	return broken
}
