package main

import (
	"errors"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func TestJournalSaysWhatChanged(t *testing.T) {
	key := reconcile.Key{Kind: reconcile.NATGateway, Zone: "a"}
	create := reconcile.Action{Verb: reconcile.Create, Key: key, Reason: "the zone has none"}
	conflict := reconcile.Conflict{Key: key, Reason: "somebody else's"}
	report := func(f func(*reconcile.Report)) reconcile.Report {
		var r reconcile.Report
		f(&r)
		return r
	}
	var out tape
	j := &journal{log: newLog(&out, setup{})}
	for _, r := range []reconcile.Report{
		// Said once, although it stands for two passes.
		report(func(r *reconcile.Report) {
			r.Plan.Conflicts = []reconcile.Conflict{conflict}
			r.Problems = []reconcile.Problem{{Reason: "no internet gateway"}, {Zone: "b", Reason: "no such zone"}}
			r.Warnings = []string{"odd"}
			r.Verdicts = []reconcile.Verdict{{
				Source: reconcile.Source{Namespace: "n", ConfigMap: "c", Key: "k"}, Standing: reconcile.StandingRejected, Reason: "not a prefix",
			}}
		}),
		report(func(r *reconcile.Report) {
			r.Plan.Conflicts = []reconcile.Conflict{conflict}
			r.Problems = []reconcile.Problem{{Reason: "no internet gateway"}, {Zone: "b", Reason: "no such zone"}}
			r.Warnings = []string{"odd"}
			r.Verdicts = []reconcile.Verdict{{
				Source: reconcile.Source{Namespace: "n", ConfigMap: "c", Key: "k"}, Standing: reconcile.StandingRejected, Reason: "not a prefix",
			}}
		}),
		// A pass that saw nothing takes nothing back, and is said once.
		{Err: errors.New("no route to host")},
		{Err: errors.New("no route to host")},
		// Another reason is said; what is gone is taken back; failures are said each time.
		report(func(r *reconcile.Report) {
			r.Plan.Conflicts = []reconcile.Conflict{{Key: key, Reason: "a peering's"}}
			r.Plan.Actions = []reconcile.Action{create, create, create, create}
			r.Result = reconcile.Result{
				Outcomes: []reconcile.Outcome{reconcile.Done, reconcile.FailedThen, reconcile.Skipped, reconcile.DeferredThen},
				Errors:   []error{nil, errors.New("NatGatewayLimitExceeded"), nil, nil},
			}
			r.Err = errors.New("create nat-gateway a: NatGatewayLimitExceeded")
		}),
		// A plan that was not applied has no results.
		report(func(r *reconcile.Report) { r.Plan.Actions = []reconcile.Action{create} }),
	} {
		j.passed(r)
	}
	golden(t, "journal", out.String())
}
