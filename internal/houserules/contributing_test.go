package houserules

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	roomRow  = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	makeSaid = regexp.MustCompile("(?m)(?:^ {4,}|`)make ([a-z0-9-]+)")
	makeRule = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

// Whoever comes anew is shown round the house by CONTRIBUTING.md: each room of it, and none that is not there.
func TestContributingShowsTheWholeHouse(t *testing.T) {
	t.Parallel()
	shown, there := map[string]bool{}, map[string]bool{}
	for _, m := range roomRow.FindAllSubmatch(read(t, "CONTRIBUTING.md"), -1) {
		shown[string(m[1])] = true
	}
	for _, file := range tracked(t) {
		room, inside, deeper := strings.Cut(file, "/")
		if !deeper || strings.HasPrefix(room, ".") {
			continue
		}
		if room == "cmd" || room == "internal" { // what these are called says nothing
			room = path.Join(room, strings.SplitN(inside, "/", 2)[0])
		}
		there[room] = true
	}
	for _, room := range slices.Sorted(maps.Keys(there)) {
		if !shown[room] {
			t.Errorf("CONTRIBUTING.md does not say what %s is for", room)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(shown)) {
		if !there[room] {
			t.Errorf("CONTRIBUTING.md shows %s, which is not there", room)
		}
	}
}

func TestMakeInTheDocsExists(t *testing.T) {
	t.Parallel()
	rules := map[string]bool{}
	for _, m := range makeRule.FindAllSubmatch(read(t, "Makefile"), -1) {
		rules[string(m[1])] = true
	}
	said := 0
	for _, file := range tracked(t) {
		if path.Ext(file) != ".md" {
			continue
		}
		for _, m := range makeSaid.FindAllSubmatch(read(t, file), -1) {
			said++
			if !rules[string(m[1])] {
				t.Errorf("%s says make %s, and the Makefile has no such rule", file, m[1])
			}
		}
	}
	if said == 0 {
		t.Error("no page says make: is the search for it broken?")
	}
}
