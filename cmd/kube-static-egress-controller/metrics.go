package main

import (
	"cmp"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// metricPrefix begins the names of all metrics of ours.
const metricPrefix = "kube_static_egress_controller"

// metrics are what this program counts, in a registry of its own: nothing is registered by being imported, and two runs
// in one test do not count together. What happened is counted here; how things stand is drawn from the last report, by
// its [picture]. No label has a value that users make up, so that nobody can fill a Prometheus with a ConfigMap.
type metrics struct {
	registry *prometheus.Registry
	picture  *picture

	leader   prometheus.Gauge
	lastSync prometheus.Gauge
	passes   *prometheus.CounterVec
	passTook prometheus.Histogram
	actions  *prometheus.CounterVec
	requests *prometheus.CounterVec
	callTook *prometheus.HistogramVec
	quotas   *prometheus.CounterVec
}

// The outcomes of a pass.
const (
	passOK     = "ok"
	passFailed = "failed"
	passUnseen = "unseen"
)

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		picture:  newPicture(),
		leader: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: metricPrefix, Name: "leader",
			Help: "1 if this replica is the one that acts, else 0.",
		}),
		lastSync: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: metricPrefix, Name: "last_sync_timestamp_seconds",
			Help: "When the last pass ended that had no error, in seconds since 1970; 0 before the first one.",
		}),
		passes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricPrefix, Name: "passes_total",
			Help: "Passes, by outcome: ok, failed (some action failed), unseen (AWS could not be looked at, and nothing was changed).",
		}, []string{"outcome"}),
		passTook: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: metricPrefix, Name: "pass_duration_seconds",
			Help:    "How long a pass took, from reading ConfigMaps to writing the status.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricPrefix, Name: "actions_total",
			Help: "Actions of plans that were applied, by kind of thing, verb and outcome: done, failed, deferred (what it needs is not ready), skipped (what it needs failed).",
		}, []string{"kind", "verb", "outcome"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricPrefix, Name: "aws_requests_total",
			Help: "Calls of the AWS API, by operation and error code; the code is OK where there was no error.",
		}, []string{"operation", "code"}),
		callTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: metricPrefix, Name: "aws_request_duration_seconds",
			Help:    "How long a call of the AWS API took with all its attempts, by operation.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"operation"}),
		quotas: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricPrefix, Name: "quota_errors_total",
			Help: "Calls of the AWS API that a quota refused, by error code. Those that CloudFormation makes are not seen.",
		}, []string{"code"}),
	}
	// What alerts count must be there with 0: Prometheus sees no increase in a series that begins with 1.
	for _, outcome := range []string{passOK, passFailed, passUnseen} {
		m.passes.WithLabelValues(outcome)
	}
	for _, code := range awsec2.QuotaCodes() {
		m.quotas.WithLabelValues(code)
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: metricPrefix, Name: "build_info",
		Help:        "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": buildVersion(), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.picture, m.leader, m.lastSync, m.passes, m.passTook, m.actions, m.requests, m.callTook, m.quotas, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// called counts one call; it has the form that the provider asks for.
func (m *metrics) called(operation, code string, took time.Duration) {
	m.requests.WithLabelValues(operation, cmp.Or(code, "OK")).Inc()
	m.callTook.WithLabelValues(operation).Observe(took.Seconds())
	if slices.Contains(awsec2.QuotaCodes(), code) {
		m.quotas.WithLabelValues(code).Inc()
	}
}

// leads says whether this process is the one that acts. While it is not, it shows nothing of how things stand: that would
// be what they were when it last led.
func (m *metrics) leads(yes bool) {
	m.leader.Set(number(yes))
	m.picture.leads(yes)
}

// read takes down which clusters were read as a whole, at what time.
func (m *metrics) read(r reconcile.Reading, now time.Time) { m.picture.read(r, now) }

// passed takes down what a pass came to, and when it ended.
func (m *metrics) passed(r reconcile.Report, now time.Time) {
	outcome := passOK
	switch {
	case r.Err != nil && r.Applied:
		outcome = passFailed
	case r.Err != nil:
		outcome = passUnseen
	default:
		m.lastSync.Set(seconds(now))
	}
	m.passes.WithLabelValues(outcome).Inc()
	m.passTook.Observe(r.Took.Seconds())
	for i, o := range r.Result.Outcomes {
		a := r.Plan.Actions[i]
		m.actions.WithLabelValues(a.Key.Kind.String(), string(a.Verb), string(o)).Inc()
	}
	if outcome != passUnseen {
		m.picture.passed(r)
	}
}

// seconds is a time as Prometheus has it; 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
