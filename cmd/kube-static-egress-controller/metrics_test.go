package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func TestMetricsLint(t *testing.T) {
	m := newMetrics()
	m.called("CreateRoute", "", time.Second)
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(problems) > 0 {
		t.Error(err, problems)
	}
}

func TestMetrics(t *testing.T) {
	m := newMetrics()
	m.called("CreateRoute", "", time.Second)
	m.called("CreateRoute", "RouteLimitExceeded", time.Second)
	m.passed(reconcile.Report{}, time.Unix(1000, 5e8))
	m.passed(reconcile.Report{Err: errors.New("no")}, time.Unix(2000, 0))
	const want = `
# HELP kube_static_egress_controller_aws_requests_total Calls of the AWS API, by operation and error code; the code is OK where there was no error.
# TYPE kube_static_egress_controller_aws_requests_total counter
kube_static_egress_controller_aws_requests_total{code="OK",operation="CreateRoute"} 1
kube_static_egress_controller_aws_requests_total{code="RouteLimitExceeded",operation="CreateRoute"} 1
# HELP kube_static_egress_controller_last_sync_timestamp_seconds When the last pass ended that had no error, in seconds since 1970; 0 before the first one.
# TYPE kube_static_egress_controller_last_sync_timestamp_seconds gauge
kube_static_egress_controller_last_sync_timestamp_seconds 1000.5
`
	if err := testutil.GatherAndCompare(m.registry, strings.NewReader(want),
		"kube_static_egress_controller_aws_requests_total", "kube_static_egress_controller_last_sync_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(m.registry, "kube_static_egress_controller_build_info", "go_goroutines", "process_start_time_seconds"); err != nil || n != 3 {
		t.Error(n, err)
	}
}
