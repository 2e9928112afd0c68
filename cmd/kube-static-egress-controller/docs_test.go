package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	continued   = regexp.MustCompile(`\\\n\s*`)
	typed       = regexp.MustCompile(`(?m)^\s+(?:bin/)?` + program + ` (.*)$`)
	placeholder = regexp.MustCompile(`<[^<>]*>`)
	setting     = regexp.MustCompile(envPrefix + `[A-Z0-9_]+`)
)

// docPages are the pages that people type from, by their paths.
func docPages(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no such page, %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pages[file] = string(text)
		}
	}
	return pages
}

// A command in the docs is typed as it stands there, by somebody who does not know better.
func TestCommandsInTheDocs(t *testing.T) {
	t.Parallel()
	commands := map[string]bool{}
	for page, text := range docPages(t, "*.md", "docs/*.md") {
		for _, m := range typed.FindAllStringSubmatch(continued.ReplaceAllString(text, ""), -1) {
			line, _, _ := strings.Cut(placeholder.ReplaceAllString(m[1], "uid"), " > ")
			words := strings.Fields(line)
			commands[words[0]] = true
			for _, why := range mistakesIn(words[0], words[1:]) {
				t.Errorf("%s: %s %s: %s", page, program, line, why)
			}
		}
	}
	for _, name := range []string{"run", "plan", "template", "policy", "teardown"} {
		if !commands[name] {
			t.Errorf("the docs show no %s: is the search for commands broken?", name)
		}
	}
}

// mistakesIn are those of a command line, before anything is done.
func mistakesIn(command string, args []string) []string {
	if !isCommand(command) {
		return []string{"there is no such command"}
	}
	options := optionsOf(command)
	line := parse(args, options)
	_, more := check(line.given, options)
	var texts []string
	for _, m := range append(line.mistakes, more...) {
		texts = append(texts, m.text)
	}
	for _, stray := range line.strays {
		texts = append(texts, strayMistake(stray, command, false))
	}
	return texts
}

func TestMistakesInCommandsAreFound(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{"plna": 1, "plan stray --cluster-di=a --aws-az=b": 5, "run " + good: 0} {
		words := strings.Fields(line)
		if got := mistakesIn(words[0], words[1:]); len(got) != want {
			t.Errorf("%s has the mistakes %q, want %d", line, got, want)
		}
	}
}

// So is a setting, and one that no flag has does nothing at all.
func TestSettingsInTheDocs(t *testing.T) {
	t.Parallel()
	var known []string
	for _, command := range commandNames() {
		for _, o := range optionsOf(command) {
			known = append(known, o.GetEnvVars()...)
		}
	}
	for page, text := range docPages(t, "*.md", "docs/*.md", "deploy/*/*.env", "deploy/*/*.yaml", "deploy/*/*/*.yaml") {
		for _, name := range setting.FindAllString(text, -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: no flag has the variable %s", page, name)
			}
		}
	}
}
