package main

import (
	"cmp"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// metrics are what this program counts, in a registry of its own: nothing is registered by being imported, and two runs
// in one test do not count together.
type metrics struct {
	registry *prometheus.Registry
	lastSync prometheus.Gauge
	requests *prometheus.CounterVec
}

func newMetrics() *metrics {
	const namespace = "kube_static_egress_controller"
	m := &metrics{
		registry: prometheus.NewRegistry(),
		lastSync: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "last_sync_timestamp_seconds",
			Help: "When the last pass ended that had no error, in seconds since 1970; 0 before the first one.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "aws_requests_total",
			Help: "Calls of the AWS API, by operation and error code; the code is OK where there was no error.",
		}, []string{"operation", "code"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": buildVersion(), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.lastSync, m.requests, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// called counts one call; it has the form that the provider asks for.
func (m *metrics) called(operation, code string, _ time.Duration) {
	m.requests.WithLabelValues(operation, cmp.Or(code, "OK")).Inc()
}

func (m *metrics) passed(r reconcile.Report, now time.Time) {
	if r.Err == nil {
		m.lastSync.Set(float64(now.UnixNano()) / 1e9)
	}
}

func (m *metrics) leads(bool) {}
