package main

import (
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// afterPasses gives the metrics of a leader that has made all that was claimed, as a stack, so that those of a stack are there
// too.
func afterPasses(t *testing.T) *metrics {
	t.Helper()
	m := newMetrics()
	synctest.Test(t, func(t *testing.T) {
		options := optionsOf("template")
		s, mistakes := check(parse(strings.Fields(good), options).given, options)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		s.template, s.resync = true, time.Minute
		parts, err := wire(t.Context(), s, clouds["inmemory"], wires{
			log: slog.New(slog.DiscardHandler), onCall: m.called,
			saw:    func(r reconcile.Reading) { m.read(r, time.Now()) },
			report: func(r reconcile.Report) { m.passed(r, time.Now()) },
		})
		if err != nil {
			t.Fatal(err)
		}
		m.leads(true)
		if _, err := parts.loop.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	return m
}

func TestMetricsLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(afterPasses(t).registry)
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
}

// shows compares the metrics with those names with what is wanted, HELP and TYPE left out.
func shows(t *testing.T, m *metrics, want string, names ...string) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), metricPrefix+"_")
		if !slices.Contains(names, name) {
			continue
		}
		for _, metric := range f.GetMetric() {
			text.WriteString(name)
			for _, l := range metric.GetLabel() {
				text.WriteString(" " + l.GetName() + "=" + l.GetValue())
			}
			value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			text.WriteString(" " + strconv.FormatFloat(value, 'f', -1, 64) + "\n")
		}
	}
	if got := strings.TrimSpace(text.String()); got != strings.TrimSpace(want) {
		t.Errorf("the metrics are\n%s\nand should be\n%s", got, strings.TrimSpace(want))
	}
}

func TestCallsAreCounted(t *testing.T) {
	m := newMetrics()
	m.called("CreateRoute", "", time.Second)
	m.called("CreateRoute", "RouteLimitExceeded", time.Second)
	m.called("CreateRoute", "RequestLimitExceeded", time.Second) // throttled: that is no quota
	shows(t, m, `
aws_requests_total code=OK operation=CreateRoute 1
aws_requests_total code=RequestLimitExceeded operation=CreateRoute 1
aws_requests_total code=RouteLimitExceeded operation=CreateRoute 1
quota_errors_total code=AddressLimitExceeded 0
quota_errors_total code=NatGatewayLimitExceeded 0
quota_errors_total code=ResourceCountLimitExceeded 0
quota_errors_total code=RouteLimitExceeded 1
quota_errors_total code=RouteTableLimitExceeded 0
quota_errors_total code=SubnetLimitExceeded 0
quota_errors_total code=TagLimitExceeded 0`, "aws_requests_total", "quota_errors_total")
	if n, err := testutil.GatherAndCount(m.registry, metricPrefix+"_aws_request_duration_seconds", "go_goroutines", "process_start_time_seconds"); err != nil || n != 3 {
		t.Error(n, err)
	}
}

func TestPassesAreCounted(t *testing.T) {
	m := newMetrics()
	m.passed(reconcile.Report{Took: 2 * time.Second}, time.Unix(1000, 5e8))
	m.passed(reconcile.Report{Err: errors.New("no")}, time.Unix(2000, 0))
	route := reconcile.RouteKey("rtb-1", netip.MustParsePrefix("8.8.8.8/32"))
	m.passed(reconcile.Report{
		Err: errors.New("no"), Applied: true,
		Plan: reconcile.Plan{Actions: []reconcile.Action{
			{Verb: reconcile.Create, Key: reconcile.Key{Kind: reconcile.NATGateway, Zone: "a"}},
			{Verb: reconcile.Create, Key: route},
			{Verb: reconcile.Create, Key: route},
		}},
		Result: reconcile.Result{Outcomes: []reconcile.Outcome{reconcile.FailedThen, reconcile.Skipped, reconcile.Skipped}},
	}, time.Unix(3000, 0))
	shows(t, m, `
actions_total kind=nat-gateway outcome=failed verb=create 1
actions_total kind=route outcome=skipped verb=create 2
last_sync_timestamp_seconds 1000.5
passes_total outcome=failed 1
passes_total outcome=ok 1
passes_total outcome=unseen 1`, "actions_total", "last_sync_timestamp_seconds", "passes_total")
	const want = `
# HELP kube_static_egress_controller_pass_duration_seconds How long a pass took, from reading ConfigMaps to writing the status.
# TYPE kube_static_egress_controller_pass_duration_seconds histogram
kube_static_egress_controller_pass_duration_seconds_bucket{le="0.1"} 2
kube_static_egress_controller_pass_duration_seconds_bucket{le="0.25"} 2
kube_static_egress_controller_pass_duration_seconds_bucket{le="0.5"} 2
kube_static_egress_controller_pass_duration_seconds_bucket{le="1"} 2
kube_static_egress_controller_pass_duration_seconds_bucket{le="2.5"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="5"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="10"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="30"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="60"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="120"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="300"} 3
kube_static_egress_controller_pass_duration_seconds_bucket{le="+Inf"} 3
kube_static_egress_controller_pass_duration_seconds_sum 2
kube_static_egress_controller_pass_duration_seconds_count 3
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want), metricPrefix+"_pass_duration_seconds"); err != nil {
		t.Error(err)
	}
}

// The whole program says that it leads, and shows what it made.
func TestRunShowsHowThingsStand(t *testing.T) {
	shows(t, afterPasses(t), `
claims cluster= outcome=Active 2
claims cluster= outcome=Conflict 0
claims cluster= outcome=Held 0
claims cluster= outcome=Pending 0
claims cluster= outcome=Rejected 1
claims cluster= outcome=TableFull 0
gateway_ready zone=eu-central-1a 1
gateway_ready zone=eu-central-1b 1
leader 1`, "claims", "gateway_ready", "leader")
}
