package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// longestPause is how long a teardown sleeps between two passes at most; what is on its way is looked at sooner.
const longestPause = 30 * time.Second

// longestLease is how long a teardown waits for the lease of a controller that died. One that lives keeps it.
const longestLease = 90 * time.Second

// teardown removes all that is ours but the addresses, and with --release-addresses those too. It is the ordinary pass with
// nothing claimed: what deletes here is what deletes always.
func teardown(ctx context.Context, s setup, p process) int {
	log := newLog(p.stderr, s)
	j := &journal{log: log}
	agreed := false
	identity, err := s.identity(p.env)
	if err != nil {
		p.complain(err.Error())
		return failed
	}
	parts, err := wire(ctx, s, p.clouds[s.provider], wires{stdin: p.stdin, log: log, identity: identity, report: func(r reconcile.Report) {
		if agreed { // before that it is a rehearsal, which is printed
			j.passed(r)
		}
	}})
	if err != nil {
		p.complain(err.Error())
		return failed
	}
	r := parts.loop.Plan(ctx)
	if code := p.unplanned(r); code != succeeded {
		return code
	}
	if code := p.showEnd(ctx, s, r, parts.asking); code != succeeded || nothingToTearDown(r) {
		return code
	}
	if blocked(r) {
		p.complain("nothing was done: what is left waits for somebody else")
		return failed
	}
	if !s.yes {
		if err := p.ask(ctx, s.cluster); err != nil {
			p.complain("nothing was done: " + err.Error())
			return failed
		}
	}
	agreed = true
	parts.loop.Agreed = reconcile.Agree(r).Covers

	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("not done within --timeout %v", s.timeout))
	defer cancel()
	err = parts.whileLeading(ctx, longestLease, func(ctx context.Context) error { return tearDown(ctx, parts.loop, p) })
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		p.complain(err.Error())
		return failed
	}
	return succeeded
}

// showEnd prints what is planned, and what somebody has to know before agreeing to it.
func (p process) showEnd(ctx context.Context, s setup, r reconcile.Report, asking func(context.Context) reconcile.Reading) int {
	var text strings.Builder
	if err := reconcile.WritePlan(&text, r); err != nil {
		p.complain(err.Error())
		return failed
	}
	switch {
	case nothingToTearDown(r):
		text.WriteString(addressesThatStay(r.Partings))
	case !blocked(r):
		fmt.Fprintf(&text, "\n%s\n", s.warning(r, asking(ctx)))
	}
	return p.print(text.String())
}

// tearDown goes round until nothing is left, and prints how things stand then.
func tearDown(ctx context.Context, loop *reconcile.Loop, p process) error {
	r, err := loop.Once(ctx)
	if err == nil {
		err = leftOver(r)
	}
	return errors.Join(err, reconcile.WriteReport(p.stdout, r))
}

// leftOver says that something stays although it should go, because somebody else has to do something first; nil if nothing
// does.
func leftOver(r reconcile.Report) error {
	if n := len(r.Plan.Waiting); n > 0 {
		return fmt.Errorf("not all is gone: %s wait for somebody else, and the report says for what", many(n, "thing"))
	}
	return nil
}

// blocked reports whether nothing can be done before somebody else does something.
func blocked(r reconcile.Report) bool {
	return r.Plan.Idle() && !slices.ContainsFunc(r.Plan.Waiting, func(w reconcile.Wait) bool { return !w.Held })
}

// nothingToTearDown reports whether nothing of ours is there but addresses that stay.
func nothingToTearDown(r reconcile.Report) bool {
	return r.Plan.Nothing() && !slices.ContainsFunc(r.Partings, func(x reconcile.Parting) bool { return x.Released })
}

// ask wants the cluster id typed in full: a y is typed too easily where the allow-lists of partners hang on it.
func (p process) ask(ctx context.Context, cluster string) error {
	if _, err := fmt.Fprintf(p.stderr, "Type the cluster id (%s) to go on:\n", cluster); err != nil {
		return err
	}
	type line struct {
		text string
		err  error
	}
	answers := make(chan line, 1) // whoever ends before somebody types reads no more
	go func() {
		text, err := bufio.NewReader(p.stdin).ReadString('\n')
		answers <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case answer := <-answers:
		word := strings.TrimSpace(answer.text)
		switch {
		case word == strings.TrimSpace(cluster):
			return nil
		case word == "" && errors.Is(answer.err, io.EOF):
			return errors.New("the input ended before there was an answer (--yes needs none)")
		case word == "" && answer.err != nil:
			return answer.err
		}
		return fmt.Errorf("%q is not the cluster id", word)
	}
}

// warning is what somebody has to know before agreeing.
func (s setup) warning(r reconcile.Report, asked reconcile.Reading) string {
	var b strings.Builder
	fmt.Fprintf(&b, "All that the cluster id %s has in the VPC goes: %s. What was routed there leaves by other addresses then, or not at all: whoever lets in only these will refuse it.",
		s.cluster, counted(r.Plan))
	if name := s.stack(); name != "" {
		fmt.Fprintf(&b, " In the end the stack %s is deleted, and retains its addresses.", name)
	}
	b.WriteString(stillAsked(asked))
	if s.provider != "inmemory" {
		b.WriteString(" A controller that still runs would build it again: stop it first.")
	}
	b.WriteString("\n")
	b.WriteString(addressesThatStay(r.Partings))
	if !s.releaseAddresses && len(r.Partings) > 0 {
		b.WriteString("With --release-addresses those of them go too that are ours to release.\n")
	}
	released := slices.DeleteFunc(slices.Clone(r.Partings), func(x reconcile.Parting) bool { return !x.Released })
	if len(released) > 0 {
		b.WriteString("These addresses are RELEASED FOR GOOD, and nobody can have them back:\n")
		b.WriteString(lines(released))
	}
	return b.String()
}

// counted says how much of what carries traffic goes.
func counted(plan reconcile.Plan) string {
	routes, gateways := 0, 0
	for _, a := range plan.Actions {
		switch {
		case a.Verb != reconcile.Delete:
		case a.Key.Kind == reconcile.TargetRoute:
			routes++
		case a.Key.Kind == reconcile.NATGateway:
			gateways++
		}
	}
	return fmt.Sprintf("%s, %s, and what they rest on", many(routes, "route"), many(gateways, "NAT gateway"))
}

func many(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// stillAsked says who loses something that is asked for now.
func stillAsked(asked reconcile.Reading) string {
	const few = 3
	var names, unread []string
	for _, c := range asked.Clusters {
		for _, m := range c.ConfigMaps {
			names = append(names, strings.TrimPrefix(c.Name+"/"+m.Namespace+"/"+m.Name, "/"))
		}
		if c.Incomplete != "" {
			unread = append(unread, c.Incomplete)
		}
	}
	text := ""
	if n := len(names); n > 0 {
		slices.Sort(names)
		if n > few {
			names = append(names[:few], fmt.Sprintf("and %d more", n-few))
		}
		text = fmt.Sprintf(" IT IS STILL ASKED FOR by %s, whose routes go all the same: %s.", many(n, "ConfigMap"), strings.Join(names, ", "))
	}
	if len(unread) > 0 {
		text += fmt.Sprintf(" Whether more is asked for could not be read: %s.", strings.Join(unread, "; "))
	}
	return text
}

func addressesThatStay(all []reconcile.Parting) string {
	stay := slices.DeleteFunc(slices.Clone(all), func(x reconcile.Parting) bool { return x.Released })
	if len(stay) == 0 {
		return ""
	}
	return "These addresses stay, to be used again for their zones:\n" + lines(stay)
}

// listed prints addresses, a line for each.
func lines(all []reconcile.Parting) string {
	var b strings.Builder
	for _, x := range all {
		ip := "not known yet"
		if x.PublicIP.IsValid() {
			ip = x.PublicIP.String()
		}
		fmt.Fprintf(&b, "  %s  %s (%s)", x.Zone, ip, x.Allocation)
		if x.Why != "" {
			b.WriteString("  " + x.Why)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// nobodyAsks is a reader that gives a complete reading of nothing: whoever tears all down asks for nothing.
type nobodyAsks struct{}

func (nobodyAsks) Read(context.Context) reconcile.Reading {
	return reconcile.Reading{Clusters: []reconcile.Cluster{{}}}
}
