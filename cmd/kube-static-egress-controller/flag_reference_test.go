package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

const flagPage = "../../docs/flags.md"

// TestFlagReference: docs/flags.md is what the program's own flags say.
func TestFlagReference(t *testing.T) {
	got, err := flagReference(newApp(process{}, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(flagPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(flagPage)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("docs/flags.md is stale; this writes it anew: go test ./cmd/%s -run '^TestFlagReference$' -update\n%s", program, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < min(len(w), len(g)) && w[i] == g[i] {
		i++
	}
	return fmt.Sprintf("line %d is\n%s\nand should be\n%s", i+1, strings.Join(w[i:min(i+1, len(w))], ""), strings.Join(g[i:min(i+1, len(g))], ""))
}

const flagPageHead = `# The flags

This page is generated from the program's own flags: ` + "`go test ./cmd/" + program + " -run '^TestFlagReference$' -update`" + ` writes it anew.

Flags come after the command; without a command, ` + "`run`" + ` is meant. A flag goes before its environment variable. Where a flag
can be repeated, the flag and the variable are cut at newlines and commas too, tags at newlines only. Empty means not set.
`

// flagReference is the page about the flags of an app: a table for each heading of the help, in its order, and a line for
// each flag. A flag that does not mean the same to all commands has several.
func flagReference(app *cli.App) (string, error) {
	type line struct {
		group, cells, meaning string
		commands              []string
	}
	var lines []*line
	var groups, takers []string
	for _, c := range app.Commands {
		if len(c.Flags) > 0 {
			takers = append(takers, c.Name)
		}
		for _, f := range c.Flags {
			o, ok := f.(*option)
			if !ok {
				return "", fmt.Errorf("%s: the flag %s is no option, so it is not known what to write of it", c.Name, f.Names())
			}
			l := line{group: o.group, cells: fmt.Sprintf("%s | %s | %s", codeLines(dashedNames(o)), codeLines(o.GetEnvVars()), codeLines([]string{o.preset})), meaning: o.usage}
			if o.IsSliceFlag() {
				l.meaning += "; can be repeated"
			}
			i := slices.IndexFunc(lines, func(m *line) bool { return m.group == l.group && m.cells == l.cells && m.meaning == l.meaning })
			if i < 0 {
				lines = append(lines, &l)
				i = len(lines) - 1
			}
			lines[i].commands = append(lines[i].commands, c.Name)
			if !slices.Contains(groups, o.group) {
				groups = append(groups, o.group)
			}
		}
	}
	slices.Sort(groups)
	var b strings.Builder
	b.WriteString(flagPageHead)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| flag | environment | default | meaning | commands |\n| --- | --- | --- | --- | --- |\n", group)
		for _, l := range lines {
			if l.group != group {
				continue
			}
			commands := strings.Join(l.commands, ", ")
			if len(l.commands) == len(takers) {
				commands = "all"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", l.cells, strings.ReplaceAll(l.meaning, "|", `\|`), commands)
		}
	}
	return b.String(), nil
}

func dashedNames(o *option) []string {
	var names []string
	for _, n := range o.Names() {
		names = append(names, strings.TrimSpace(dashed(n)+" "+o.value))
	}
	return names
}

// codeLines are texts as code, one below the other in a cell of a table.
func codeLines(texts []string) string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, "`"+strings.ReplaceAll(t, "|", `\|`)+"`")
		}
	}
	return strings.Join(out, "<br>")
}

// TestFlagReferenceTellsCommandsApart: a flag that means something else to another command has a line of its own.
func TestFlagReferenceTellsCommandsApart(t *testing.T) {
	one := &option{name: "xx", aliases: []string{"y"}, value: "A|B", preset: "a", group: "G", usage: "this"}
	two := &option{name: "xx", value: "A|B", preset: "a", group: "G", usage: "that", cut: listed}
	got, err := flagReference(&cli.App{Commands: []*cli.Command{
		{Name: "first", Flags: []cli.Flag{one}}, {Name: "second", Flags: []cli.Flag{two}}, {Name: "third", Flags: []cli.Flag{one}}, {Name: "none"},
	}})
	want := "| `--xx A\\|B`<br>`-y A\\|B` | `KUBE_STATIC_EGRESS_CONTROLLER_XX` | `a` | this | first, third |\n" +
		"| `--xx A\\|B` | `KUBE_STATIC_EGRESS_CONTROLLER_XX` | `a` | that; can be repeated | second |\n"
	if _, table, _ := strings.Cut(got, "--- |\n"); err != nil || table != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, table, want)
	}
	if _, err := flagReference(&cli.App{Commands: []*cli.Command{{Name: "first", Flags: []cli.Flag{&cli.BoolFlag{Name: "z"}}}}}); err == nil {
		t.Error("a flag that is no option is left out unseen")
	}
}
