package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

const metricsPage = "../../docs/metrics.md"

// family is one metric, as Prometheus is told of it.
type family struct {
	name, kind, help string
	labels           []string // sorted
}

// ours gives all metrics of ours, sorted by name.
func ours(t *testing.T, m *metrics) (out []family) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), metricPrefix) {
			continue
		}
		one := family{name: f.GetName(), kind: strings.ToLower(f.GetType().String()), help: f.GetHelp()}
		for _, l := range f.GetMetric()[0].GetLabel() {
			one.labels = append(one.labels, l.GetName())
		}
		slices.Sort(one.labels)
		out = append(out, one)
	}
	return out
}

// The page about metrics is drawn from the metrics of a program that has run; go test -update writes its table anew.
func TestMetricsPageIsUpToDate(t *testing.T) {
	const begin, end = "<!-- from here on generated: go test ./cmd/kube-static-egress-controller -run TestMetricsPage -update -->\n", "<!-- to here -->\n"
	page, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, begins := strings.Cut(string(page), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s has lost the marks around its table", metricsPage)
	}
	var table strings.Builder
	table.WriteString("\n| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n")
	for _, f := range ours(t, afterPasses(t)) {
		var labels []string
		for _, l := range f.labels {
			labels = append(labels, "`"+l+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", strings.TrimPrefix(f.name, metricPrefix+"_"), f.kind, strings.Join(labels, ", "), f.help)
	}
	want := head + begin + table.String() + "\n" + end + tail
	if *update {
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("%s is stale; -update writes it anew. It should be\n%s", metricsPage, want)
	}
}

// The page misses no metric, whatever the program has to come to before it is shown.
func TestEveryMetricIsThereAfterPasses(t *testing.T) {
	var shown []string
	for _, f := range ours(t, afterPasses(t)) {
		shown = append(shown, strings.TrimPrefix(f.name, metricPrefix+"_"))
	}
	if described := descriptions(newPicture()); described != len(stateNames) {
		t.Errorf("%d metrics are described, and %d are known to the tests", described, len(stateNames))
	}
	for _, name := range stateNames {
		if !slices.Contains(shown, name) {
			t.Errorf("%s is not there", name)
		}
	}
}

func descriptions(c prometheus.Collector) int {
	out := make(chan *prometheus.Desc, 100)
	c.Describe(out)
	return len(out)
}
