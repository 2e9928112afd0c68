package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// command is one word that can come first.
type command struct {
	name, usage, description string
	options                  func() []*option
	act                      func(context.Context, setup, process) int // nil for those that need no set-up
}

func commands() []command {
	return []command{
		{
			name: "run", usage: "keep static addresses and routes as ConfigMaps ask for them; meant where no command is given",
			options: runOptions, act: run,
		},
		{
			name: "plan", usage: "print what run would do, and exit",
			description: "Nothing is changed. Conflicts alone are no reason for another exit code than 0: run could do nothing about them.",
			options:     planOptions, act: plan,
		},
		{
			name: "template", usage: "print the CloudFormation template that run would send, and exit",
			description: "It is that of --provider=aws-cfn, or of a cloud of that kind held in memory. Nothing is changed.",
			options:     templateOptions, act: printTemplate,
		},
		{
			name: "policy", usage: "print the IAM policy that run needs, and exit",
			description: "It allows what the provider does with these flags, and nothing else. No call is made. Addresses can be released with " +
				"--eip-reclaim-policy=Delete only.",
			options: policyOptions, act: printPolicy,
		},
		{
			name: "teardown", usage: "remove all that run has made, but for the addresses",
			description: "It prints what will go, and asks. The zones need not be named: what is there says whose it is. Nothing that is claimed counts,\n" +
				"nor do the flags about that, which are taken so that those of run can be copied. With --configmaps, which is not read, no cluster\n" +
				"stands behind what is there. Exit 0: nothing is left, 1: something is, or nothing was done.",
			options: teardownOptions, act: teardown,
		},
		{name: "version", usage: "print which build this is", options: func() []*option { return nil }},
		{name: "help", usage: "print this, or the flags of a command", options: func() []*option { return nil }},
	}
}

func commandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

func isCommand(word string) bool { return slices.Contains(commandNames(), word) }

func optionsOf(name string) []*option {
	for _, c := range commands() {
		if c.name == name {
			return c.options()
		}
	}
	return nil
}

const aboutFlags = `Flags come after the command; without a command, run is meant. Each flag can be set by an
environment variable too: --aws-az by ` + envPrefix + `AWS_AZ. The flag goes before
the variable. Lists are cut at newlines and commas, tags at newlines only. Empty means not set.
AWS itself is set up as for every AWS program: AWS_REGION, AWS_PROFILE and so on.`

// newApp is the program as urfave/cli knows it: commands, flags and the help drawn from them. Its own help flag and
// command are off, because they keep their state in a package variable.
func newApp(p process, act func(c command, args []string) int, code *int) *cli.App {
	app := &cli.App{
		Name:                      program,
		Usage:                     "let pods leave the cluster from addresses that never change",
		UsageText:                 program + " [command] [flags]",
		Description:               aboutFlags,
		HideHelp:                  true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // for a flag that is not an option some day: urfave/cli cuts at commas
		Reader:                    p.stdin,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		ExitErrHandler:            func(*cli.Context, error) {}, // the default one ends the process
	}
	for _, c := range commands() {
		app.Commands = append(app.Commands, &cli.Command{
			Name: c.name, Usage: c.usage, Description: c.description, Flags: asFlags(c.options()),
			HideHelp: true, SkipFlagParsing: true,
			Action: func(cCtx *cli.Context) error {
				*code = act(c, cCtx.Args().Slice())
				return nil
			},
		})
	}
	return app
}

// dispatch finds the command and runs it. A word that could have been meant in two ways is an error: a plan that was
// taken for a run would change things.
func dispatch(ctx context.Context, args []string, p process) int {
	implied := len(args) == 0 || strings.HasPrefix(args[0], "-")
	switch {
	case len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help"):
		args = append([]string{"help"}, args[1:]...)
	case implied:
		args = append([]string{"run"}, args...)
	case !isCommand(args[0]):
		text := fmt.Sprintf("%q: there is no such command; there are %s", args[0], strings.Join(commandNames(), ", "))
		if n := nearest(args[0], commandNames()); n != "" {
			text = fmt.Sprintf("%q: there is no such command; did you mean %s?", args[0], n)
		}
		p.complain(text)
		return failed
	}
	code := failed
	var app *cli.App
	app = newApp(p, func(c command, args []string) int { return start(ctx, app, c, args, implied, p) }, &code)
	if err := app.RunContext(ctx, append([]string{program}, args...)); err != nil {
		p.complain(err.Error())
		return failed
	}
	return code
}

// start reads the words after a command and lets it act if all of them are right.
func start(ctx context.Context, app *cli.App, c command, args []string, implied bool, p process) int {
	if c.name == "help" {
		return help(app, args, p)
	}
	options := c.options()
	line := parse(args, options)
	if line.help {
		return help(app, []string{c.name}, p)
	}
	mistakes := line.mistakes
	for _, stray := range line.strays {
		text := strayMistake(stray, c.name, implied)
		if isCommand(stray) {
			// Another command was meant, so what is wrong with the flags of this one would only hide it.
			p.complain(text)
			return failed
		}
		mistakes = append(mistakes, mistake{text: text})
	}
	var s setup
	if c.act != nil {
		line.given.addEnv(options, p.env)
		var more []mistake
		s, more = check(line.given, options)
		mistakes = append(mistakes, more...)
	}
	if len(mistakes) > 0 {
		p.complain(tell(mistakes))
		return failed
	}
	if c.act == nil {
		return p.print(versionLine() + "\n")
	}
	return c.act(ctx, s, p)
}

func tell(mistakes []mistake) string {
	var b strings.Builder
	b.WriteString("nothing was done, because of ")
	if len(mistakes) == 1 {
		b.WriteString("a mistake:")
	} else {
		fmt.Fprintf(&b, "%d mistakes:", len(mistakes))
	}
	for _, m := range mistakes {
		b.WriteString("\n  " + m.text)
	}
	return b.String()
}

// help prints the help of the program, or of one command.
func help(app *cli.App, args []string, p process) int {
	args = slices.DeleteFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" })
	var text strings.Builder
	switch {
	case len(args) == 0:
		cli.HelpPrinter(&text, cli.AppHelpTemplate, app)
	case len(args) == 1 && isCommand(args[0]):
		cli.HelpPrinter(&text, cli.CommandHelpTemplate, app.Command(args[0]))
	default:
		word := args[min(len(args)-1, 1)]
		if !isCommand(args[0]) {
			word = args[0]
		}
		p.complain(fmt.Sprintf("%q: there is no help about it; there is about %s", word, strings.Join(commandNames(), ", ")))
		return failed
	}
	return p.print(text.String())
}

// print writes to stdout. Whoever reads it must not take half of it for the whole, so an error is an exit code.
func (p process) print(text string) int {
	if _, err := io.WriteString(p.stdout, text); err != nil {
		p.complain(err.Error())
		return failed
	}
	return succeeded
}

// plan prints what one pass would do.
func plan(ctx context.Context, s setup, p process) int {
	parts, err := wire(ctx, s, p.clouds[s.provider], wires{stdin: p.stdin, log: newLog(p.stderr, s)})
	if err != nil {
		p.complain(err.Error())
		return failed
	}
	r := parts.loop.Plan(ctx)
	if code := p.unplanned(r); code != succeeded {
		return code
	}
	write := reconcile.WritePlan
	if s.json {
		write = reconcile.WritePlanJSON
	}
	var text strings.Builder
	if err := write(&text, r); err != nil {
		p.complain(err.Error())
		return failed
	}
	if code := p.print(text.String()); code != succeeded {
		return code
	}
	if code := p.incomplete(r); code != succeeded {
		return code
	}
	return s.planCode(r.Plan)
}

// printTemplate prints what would be sent to CloudFormation.
func printTemplate(ctx context.Context, s setup, p process) int {
	if s.template = true; s.stack() == "" {
		p.complain(fmt.Sprintf("--provider %q: it keeps no stack, so there is no template; aws-cfn does, and inmemory is there to try it", s.provider))
		return failed
	}
	parts, err := wire(ctx, s, p.clouds[s.provider], wires{stdin: p.stdin, log: newLog(p.stderr, s)})
	if err != nil {
		p.complain(err.Error())
		return failed
	}
	r := parts.loop.Plan(ctx)
	if code := p.unplanned(r); code != succeeded {
		return code
	}
	text, err := parts.template(r.Plan)
	if err != nil {
		p.complain(err.Error())
		return failed
	}
	if code := p.print(string(text)); code != succeeded {
		return code
	}
	return p.incomplete(r)
}

// unplanned says why there is no plan to be printed, if there is none: a plan around a problem would look like the one that
// was asked for.
func (p process) unplanned(r reconcile.Report) int {
	if r.Err != nil {
		p.complain(r.Err.Error())
		return failed
	}
	for _, problem := range r.Problems {
		p.complain(problem.Reason)
	}
	if len(r.Problems) > 0 {
		return failed
	}
	return succeeded
}

// incomplete says what could not be read. What is printed is a plan for the rest only; to call that all would be wrong.
func (p process) incomplete(r reconcile.Report) int {
	for _, why := range r.Incomplete {
		p.complain("not all claims could be read: " + why)
	}
	if len(r.Incomplete) > 0 {
		return failed
	}
	return succeeded
}

// planCode is the exit code of a plan that could be made.
func (s setup) planCode(p reconcile.Plan) int {
	if s.detailed && !p.Nothing() {
		return pending
	}
	return succeeded
}

// run keeps going round until the context ends, or, with --once, until nothing is left to do.
func run(ctx context.Context, s setup, p process) int {
	log := newLog(p.stderr, s)
	m, v, j := newMetrics(), newVitals(s.resync, time.Now), &journal{log: log}
	fail := func(err error) int {
		if s.logJSON {
			log.Error("ended", "error", err.Error()) // whoever reads JSON must get nothing else
		} else {
			p.complain(err.Error()) // a list of what is wrong stays legible
		}
		return failed
	}
	if s.address != "" {
		stop, err := serve(ctx, s.address, handler(m, v, log), log)
		if err != nil {
			return fail(err)
		}
		defer stop()
	}
	identity, err := s.identity(p.env)
	if err != nil {
		return fail(err)
	}
	ready := func(ctx context.Context) (wired, error) {
		return wire(ctx, s, p.clouds[s.provider], wires{
			stdin: p.stdin, log: log, onCall: m.called, identity: identity,
			saw: func(r reconcile.Reading) {
				v.saw(r)
				m.read(r, time.Now())
			},
			report: func(r reconcile.Report) {
				v.tick()
				m.passed(r, time.Now())
				j.passed(r)
				if s.dryRun && r.Err == nil {
					if err := reconcile.WritePlan(p.stdout, r); err != nil {
						log.Error("the plan could not be printed", "error", err.Error())
					}
				}
			},
		})
	}
	work := func(ctx context.Context) error {
		parts, err := ready(ctx)
		if err != nil {
			return err
		}
		log.Info("started", "version", buildVersion(), "provider", s.provider, "cluster", s.cluster, "dryRun", s.dryRun)
		if s.once {
			return parts.whileLeading(ctx, s.timeout, func(ctx context.Context) error {
				m.leads(true)
				return once(ctx, parts.loop, p)
			})
		}
		return candidate{first: parts, wire: ready, leads: m.leads, tick: v.tick, resync: s.resync, log: log}.run(ctx)
	}
	defer context.AfterFunc(ctx, func() { log.Info("told to end; calls in flight may finish") })()
	if s.once {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("not done within --timeout %v", s.timeout))
		defer cancel()
	}
	err = work(ctx)
	switch {
	case ctx.Err() != nil && !s.once:
		log.Info("stopped")
		return succeeded
	case err != nil:
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return fail(err)
	}
	return succeeded
}

// run goes round until ctx ends, and lets what watches end too.
func (w wired) run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	if w.watch != nil {
		watching.Go(func() { w.watch(ctx) })
	}
	w.loop.Run(ctx)
}

// telling lets people be told of what work does, and returns when they have been told of the last of it.
func (w wired) telling(ctx context.Context, work func()) {
	if w.tell == nil {
		work()
		return
	}
	ctx, done := context.WithCancel(context.WithoutCancel(ctx))
	var told sync.WaitGroup
	told.Go(func() { w.tell(ctx) })
	work()
	done()
	told.Wait()
}

// once prints the report whatever came of it: where the time did not suffice, it says what is still missing.
func once(ctx context.Context, loop *reconcile.Loop, p process) error {
	r, err := loop.Once(ctx)
	return errors.Join(err, reconcile.WriteReport(p.stdout, r))
}
