package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
)

// fact is something that EC2 does.
type fact struct {
	name   string
	source string
	rules  Rules
	aws    string             // what EC2 shows
	see    func(*site) string // what a cloud shows: calls, and as text how they ended or what they gave
}

// facts gives all facts, in the order in which they are tried.
func facts() []fact {
	return slices.Concat(
		tagFacts, filterFacts, pageFacts, missingFacts, placeFacts, addressFacts, subnetFacts, tableFacts, gatewayFacts,
		tokenFacts, routeFacts, quotaFacts, prefixListFacts, dryRunFacts,
		changeSetFacts, changeFacts, stackFacts, rollbackFacts, retentionFacts, orderFacts, stackTagFacts, templateFacts,
	)
}

// Run tries every fact on a cloud of its own.
func Run(t *testing.T, h Harness) {
	for _, f := range facts() {
		t.Run(f.name, func(t *testing.T) {
			got := f.see(&site{T: t, Cloud: h.New(t, f.rules)})
			if problem := judge(f, h.Name, got); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// judge says what is wrong with what a cloud shows, "" if nothing is.
func judge(f fact, cloud, got string) string {
	d, listed := differenceOf(cloud, f.name)
	switch {
	case !listed && got != f.aws:
		return fmt.Sprintf("%s shows\n\t%s\nand AWS\n\t%s\n(%s)", cloud, got, f.aws, f.source)
	case listed && got == f.aws:
		return fmt.Sprintf("%s shows what AWS does, and no longer %q: take the difference out of the table", cloud, d.Shows)
	case listed && got != d.Shows:
		return fmt.Sprintf("%s shows\n\t%s\nthe table of differences says\n\t%s\nand AWS shows\n\t%s", cloud, got, d.Shows, f.aws)
	}
	return ""
}

// site is a cloud in the test of one fact.
type site struct {
	*testing.T
	Cloud

	changeSets int    // how many were made
	hindered   string // the subnet that hinders stacks
}

// operation is a call of EC2's or of CloudFormation's; Option is their options, which the facts do without.
type operation[In, Out, Option any] func(context.Context, *In, ...func(*Option)) (*Out, error)

// ok is how a call ends that succeeds.
const ok = "ok"

// try makes a call and says how it ended: ok, or the error's code.
func try[In, Out, Option any](s *site, call operation[In, Out, Option], in *In) string {
	s.Helper()
	_, err := call(s.Context(), in)
	return ending(err)
}

func ending(err error) string {
	if err == nil {
		return ok
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return err.Error()
}

// refused is how a call ended, where no source says with which code it is refused.
func refused(end string) string {
	if end == ok {
		return ok
	}
	return "refused"
}

// do makes a call that is not what the fact is about: it must succeed.
func do[In, Out, Option any](s *site, call operation[In, Out, Option], in *In) *Out {
	s.Helper()
	out, err := call(s.Context(), in)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// say puts together what several steps showed.
func say(steps ...any) string {
	words := make([]string, len(steps))
	for i, step := range steps {
		words[i] = fmt.Sprint(step)
	}
	return strings.Join(words, ", ")
}
