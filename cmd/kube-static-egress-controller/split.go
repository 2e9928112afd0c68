package main

import (
	"fmt"
	"strconv"
	"strings"
)

// word is one value of a flag, and where it was given: its mistake must name what the user has to change.
type word struct {
	text string
	from string // "--aws-az" or "$KUBE_STATIC_EGRESS_CONTROLLER_AWS_AZ"
}

// given holds all values, by the name of the flag. A flag that is not in it was not given.
type given map[string][]word

// mistake is something wrong with one flag; at is the flag's position, for the order in which mistakes are told.
type mistake struct {
	at   int
	text string
}

// commandLine is what the words after a command turned out to be.
type commandLine struct {
	given    given
	strays   []string // words that belong to no flag
	help     bool
	mistakes []mistake
}

// parse takes the words after a command apart. It goes on after a mistake, so that all of them are told at once.
func parse(args []string, options []*option) commandLine {
	line := commandLine{given: given{}}
	wrong := func(format string, a ...any) {
		line.mistakes = append(line.mistakes, mistake{at: -1, text: fmt.Sprintf(format, a...)})
	}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			line.strays = append(line.strays, args...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			line.strays = append(line.strays, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if name == "h" || name == "help" {
			line.help = true
			continue
		}
		o := find(options, name)
		if o == nil {
			wrong("%s: there is no such flag here%s", dashed(name), maybe(name, options))
			// What follows was most likely meant as its value; to report it as a stray word too would be noise.
			if !hasValue && len(args) > 0 && !strings.HasPrefix(args[0], "-") && !isCommand(args[0]) {
				args = args[1:]
			}
			continue
		}
		switch {
		case o.cut == truth && !hasValue:
			value = "true"
		case o.cut == truth && strings.TrimSpace(value) == "":
			// Not "unset": --dry-run=$DRY_RUN with a variable that is not there would be a run that changes things.
			wrong("%s=: neither true nor false", dashed(name))
			continue
		case !hasValue && (len(args) == 0 || len(args[0]) > 1 && args[0][0] == '-'):
			// --cluster-id --dry-run is a value that was forgotten, not a cluster of that name.
			wrong("%s: needs a value%s", dashed(name), dashHint(name, args))
			continue
		case !hasValue:
			value, args = args[0], args[1:]
		}
		words := o.split(value, dashed(name))
		if len(words) > 0 && len(line.given[o.name]) > 0 && !o.IsSliceFlag() {
			wrong("%s %q: was given already, as %q", dashed(name), words[0].text, line.given[o.name][0].text)
			continue
		}
		line.given[o.name] = append(line.given[o.name], words...)
		if len(line.given[o.name]) == 0 {
			delete(line.given, o.name)
		}
	}
	return line
}

func dashHint(name string, args []string) string {
	if len(args) == 0 {
		return ""
	}
	return fmt.Sprintf("; if %s is the value, write %s=%s", args[0], dashed(name), args[0])
}

// split cuts one value as the flag wants it. Spaces around a value are never meant: they come from YAML blocks and
// from secrets that end in a newline. Nothing is left of what is empty.
func (o *option) split(value, from string) []word {
	pieces := []string{value}
	switch o.cut {
	case listed:
		pieces = strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == ',' })
	case tagged:
		pieces = strings.Split(value, "\n")
	case single, truth, optText:
	}
	var words []word
	for _, p := range pieces {
		p = strings.TrimSpace(p)
		if p != "" || o.cut == optText {
			words = append(words, word{text: p, from: from})
		}
	}
	return words
}

// addEnv adds what the environment says about flags that were not given on the command line.
func (g given) addEnv(options []*option, env func(string) (string, bool)) {
	for _, o := range options {
		if len(g[o.name]) > 0 {
			continue
		}
		for _, name := range o.GetEnvVars() {
			value, ok := env(name)
			if !ok || strings.TrimSpace(value) == "" {
				continue // empty means unset, for --address too
			}
			g[o.name] = append(g[o.name], o.split(value, "$"+name)...)
		}
	}
}

// strayMistake says what is wrong with a word that belongs to no flag, and what was probably meant by it.
func strayMistake(stray string, command string, implied bool) string {
	text := fmt.Sprintf("%q: a word that belongs to no flag", stray)
	switch _, err := strconv.ParseBool(stray); {
	case isCommand(stray) && implied:
		text = fmt.Sprintf("%q: flags come after the command; write %s %s and then the flags", stray, program, stray)
	case isCommand(stray):
		text = fmt.Sprintf("%q: the command is %s already; there can be only one", stray, command)
	case len(stray) > 1 && stray[0] == '-':
		text = fmt.Sprintf("%q: stands after --, where no flag is looked for", stray)
	case err == nil:
		text += fmt.Sprintf("; a flag that is true or false is written --flag=%s", stray)
	default:
		if c := nearest(stray, commandNames()); c != "" {
			text += fmt.Sprintf("; the command %s comes first, before all flags", c)
		}
	}
	return text
}
