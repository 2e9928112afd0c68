package houserules

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/szuecs/kube-static-egress-controller"
)

// bans says what a package and all below it must not reach, directly or through others. A banned path means the
// package and all below it too. Every entry is also a depguard rule in .golangci.yml, which names the line but sees
// direct imports only. A package that does not exist (yet) breaks nothing.
var bans = []struct {
	from string
	to   []string
}{
	{"reconcile", []string{module, "github.com/aws", "k8s.io", "sigs.k8s.io"}},
	{"kube", []string{module + "/awsec2", module + "/awscfn", module + "/inmemory", "github.com/aws"}},
	{"awsec2", []string{module + "/awscfn", module + "/inmemory", module + "/kube", "k8s.io"}},
	{"awscfn", []string{module + "/awsec2", module + "/inmemory", module + "/kube", "k8s.io"}},
	{"inmemory", []string{module + "/kube", "k8s.io"}},
	{"conformance", []string{module + "/inmemory", module + "/kube", "k8s.io"}},
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Doc        string
}

func TestImportsAlsoThroughOthers(t *testing.T) {
	t.Parallel()
	pkgs := list(t, "-deps", "./...")
	for _, ban := range bans {
		for _, chain := range breaches(pkgs, ban.from, ban.to) {
			t.Errorf("%s must not reach %s: %s", ban.from, chain[len(chain)-1], strings.Join(chain, " -> "))
		}
	}
}

func TestBreachesAreFoundAndNamed(t *testing.T) {
	t.Parallel()
	pkgs := []pkg{
		{ImportPath: module + "/reconcile", Imports: []string{"sort", "example.org/graph"}},
		{ImportPath: module + "/reconcile/conformance", Imports: []string{module + "/reconcile", module + "/kube"}},
		{ImportPath: module + "/kube", Imports: []string{module + "/reconcile", "k8s.io/api/core/v1"}},
		{ImportPath: "example.org/graph", Imports: []string{"github.com/aws/smithy-go", "k8s.iota"}},
	}
	got := breaches(pkgs, "reconcile", bans[0].to)
	want := [][]string{
		{module + "/reconcile", "example.org/graph", "github.com/aws/smithy-go"},
		{module + "/reconcile/conformance", module + "/kube"},
	}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("breaches are\n%q, want\n%q", got, want)
	}
	if got := breaches(pkgs, "kube", bans[1].to); len(got) != 1 || got[0][len(got[0])-1] != "github.com/aws/smithy-go" {
		t.Errorf("kube reaches the SDK through two others, found %q", got)
	}
	if got := breaches(pkgs, "awscfn", bans[3].to); got != nil {
		t.Errorf("a package that does not exist breaks nothing, found %q", got)
	}
}

// breaches gives one shortest chain of imports for each package at or below from that reaches something banned. A
// package may always reach what is at or below from itself.
func breaches(pkgs []pkg, from string, banned []string) [][]string {
	imports := map[string][]string{}
	for _, p := range pkgs {
		imports[p.ImportPath] = p.Imports
	}
	from = module + "/" + from
	var found [][]string
	for _, p := range pkgs {
		if !within(p.ImportPath, from) {
			continue
		}
		seen := map[string]bool{p.ImportPath: true}
		for queue := [][]string{{p.ImportPath}}; len(queue) > 0; queue = queue[1:] {
			chain := queue[0]
			last := chain[len(chain)-1]
			if !within(last, from) && slices.ContainsFunc(banned, func(b string) bool { return within(last, b) }) {
				found = append(found, chain)
				break
			}
			for _, next := range imports[last] {
				if !seen[next] {
					seen[next] = true
					queue = append(queue, append(slices.Clone(chain), next))
				}
			}
		}
	}
	return found
}

func within(importPath, parent string) bool {
	return importPath == parent || strings.HasPrefix(importPath, parent+"/")
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	pkgs := list(t, "./...")
	if len(pkgs) == 0 {
		t.Fatal("go list found no package")
	}
	for _, p := range pkgs {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// A file that is called after no subject collects whatever has no place yet.
func TestFilesAreCalledAfterTheirSubject(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t) {
		if nameSaysNothing(file) {
			t.Errorf("%s: call it after what it is about", file)
		}
	}
	for file, want := range map[string]bool{
		"kube/util.go": true, "kube/aws_helpers_test.go": true, "util/name.go": true, "common/v1/a.go": true,
		"kube/utilisation.go": false, "docs/common.md": false, "reconcile/diff_test.go": false,
	} {
		if nameSaysNothing(file) != want {
			t.Errorf("nameSaysNothing(%q) is %t", file, !want)
		}
	}
}

var emptyName = regexp.MustCompile(`(^|[/_])(utils?|helpers?|managers?|base|common)([/_]|\.go$)`)

func nameSaysNothing(file string) bool {
	return path.Ext(file) == ".go" && emptyName.MatchString(file)
}

// The slashes are put in afterwards, so that this file does not match itself.
var machinePath = regexp.MustCompile(strings.ReplaceAll(`(^|[^\w./-])~(work~|root~|tmp~bash_jobs)`, "~", "/"))

// A path of one machine in a file says nothing anywhere else.
func TestNoFileNamesAMachinePath(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t) {
		for i, line := range bytes.Split(read(t, file), []byte("\n")) {
			if found := machinePath.Find(line); found != nil {
				t.Errorf("%s:%d names a path of one machine: %q", file, i+1, bytes.TrimSpace(found))
			}
		}
	}
	for line, want := range map[string]bool{
		"see ~work~notes": true, "~root~x": true, `"~tmp~bash_jobs.0~a"`: true,
		"https:~~example.org~work~1": false, ".~work~x": false, "frame~work~x": false,
	} {
		if line = strings.ReplaceAll(line, "~", "/"); machinePath.MatchString(line) != want {
			t.Errorf("machinePath matches %q: %t", line, !want)
		}
	}
}

var (
	ruleDefined = regexp.MustCompile(`(?m)^(\d+)\. \*\*`)
	ruleCited   = regexp.MustCompile(`\b[Rr]ules? (\d+)\b`)
)

// Code, tests and golden files cite the rules by number; a number that means nothing misleads.
func TestRulesThatAreCitedExist(t *testing.T) {
	t.Parallel()
	rules := map[string]bool{}
	for _, m := range ruleDefined.FindAllSubmatch(read(t, "docs/rules.md"), -1) {
		rules[string(m[1])] = true
	}
	if len(rules) == 0 {
		t.Fatal("docs/rules.md defines no rule")
	}
	for _, file := range tracked(t) {
		for _, m := range ruleCited.FindAllSubmatch(read(t, file), -1) {
			if !rules[string(m[1])] {
				t.Errorf("%s cites %q, which docs/rules.md does not have", file, m[0])
			}
		}
	}
}

var (
	safetyRow  = regexp.MustCompile(`(?m)^\| (\d+) \|.*\| ([^|]*) \|$`)
	safetyTest = regexp.MustCompile("`(Test\\w+|[a-z-]+\\.txt)`")
)

// docs/safety.md promises for each rule that a test shows it: every rule has its row, every test that a row names is there,
// and every rule is cited by some test or scenario.
func TestEveryRuleIsShown(t *testing.T) {
	t.Parallel()
	there, cited := map[string]bool{}, map[string]bool{}
	for _, file := range tracked(t) {
		isTest := strings.HasSuffix(file, "_test.go")
		if !isTest && !strings.HasPrefix(file, "simulation/testdata/") {
			continue
		}
		content := read(t, file)
		there[path.Base(file)] = len(content) > 0
		if isTest {
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(content, -1) {
				there[string(m[1])] = true
			}
		}
		for _, m := range ruleCited.FindAllSubmatch(content, -1) {
			cited[string(m[1])] = true
		}
	}
	rows := map[string]string{}
	for _, m := range safetyRow.FindAllSubmatch(read(t, "docs/safety.md"), -1) {
		rows[string(m[1])] = string(m[2])
	}
	for _, m := range ruleDefined.FindAllSubmatch(read(t, "docs/rules.md"), -1) {
		rule := string(m[1])
		if !cited[rule] {
			t.Errorf("no test cites rule %s", rule)
		}
		tests := safetyTest.FindAllStringSubmatch(rows[rule], -1)
		if len(tests) == 0 {
			t.Errorf("docs/safety.md names no test for rule %s", rule)
		}
		for _, test := range tests {
			if !there[test[1]] {
				t.Errorf("docs/safety.md says that %s shows rule %s, and there is no such test", test[1], rule)
			}
		}
	}
}

// list asks the go command, which also knows what build constraints leave out. With -e it lists a package whose files
// are broken too, so that these tests do not fail for what the compiler says better.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	out := output(t, "go", append([]string{"list", "-e", "-json=ImportPath,Imports,Doc"}, args...)...)
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// tracked gives the files that belong to the project, as git knows them.
func tracked(t *testing.T) []string {
	t.Helper()
	// A checkout may belong to another user than the one who tests; git refuses that unless told.
	out := output(t, "git", "-c", "safe.directory=*", "ls-files", "-z")
	files := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	if len(files) < 2 {
		t.Fatalf("git tracks only %q here", files)
	}
	return files
}

func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}

// read gives a tracked file's content; nothing if it was just removed and that is not committed yet.
func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return content
}
