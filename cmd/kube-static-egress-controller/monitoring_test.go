package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const monitoring = "../../deploy/monitoring"

func monitoringFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(monitoring, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	metricNamed  = regexp.MustCompile(metricPrefix + `_\w+`)
	metricWithIn = regexp.MustCompile(`(` + metricPrefix + `_\w+)\{([^{}]*)\}`)
	labelNamed   = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
)

// targetLabels are those that the operator's Prometheus puts on what it scrapes.
var targetLabels = []string{"namespace", "pod"}

// strangersIn gives what a text says of metrics that is not so: names that no program shows, and labels that a metric does
// not have.
func strangersIn(text string, known []family) (wrong []string) {
	byName := map[string]family{}
	for _, f := range known {
		byName[f.name] = f
		if f.kind == "histogram" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				byName[f.name+suffix] = f
			}
		}
	}
	for _, name := range metricNamed.FindAllString(text, -1) {
		if _, ok := byName[name]; !ok {
			wrong = append(wrong, "there is no metric "+name)
		}
	}
	for _, m := range metricWithIn.FindAllStringSubmatch(text, -1) {
		for _, l := range labelNamed.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(byName[m[1]].labels, l[1]) && !slices.Contains(targetLabels, l[1]) {
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", m[1], l[1]))
			}
		}
	}
	return wrong
}

// What alerts and the dashboard ask for is there, in a program that has run: a query for what is not there is silent for ever.
func TestMonitoringAsksForWhatIsThere(t *testing.T) {
	known := ours(t, afterPasses(t))
	for _, name := range []string{"prometheusrule.yaml", "rules_test.yaml", "dashboard.json"} {
		text := monitoringFile(t, name)
		if !metricNamed.MatchString(text) {
			t.Errorf("%s names no metric", name)
		}
		for _, wrong := range strangersIn(text, known) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
	dashboard := monitoringFile(t, "dashboard.json")
	for _, f := range known {
		if !strings.Contains(dashboard, f.name) {
			t.Errorf("the dashboard does not show %s", f.name)
		}
	}
}

func TestStrangersAreFound(t *testing.T) {
	known := []family{{name: metricPrefix + "_took", kind: "histogram", labels: []string{"zone"}}}
	text := "rate(P_took_bucket{zone=~\"a\", namespace=\"b\"}[5m]) + P_took_sum + P_toke + P_took_count{zome!=\"a\"}"
	got := strings.Join(strangersIn(strings.ReplaceAll(text, "P_", metricPrefix+"_"), known), "; ")
	const want = "there is no metric " + metricPrefix + "_toke; " + metricPrefix + "_took_count has no label zome"
	if got != want {
		t.Errorf("strangers are %q, want %q", got, want)
	}
}

// prometheusRule is what we use of a PrometheusRule. Its type's own module is not needed for that.
type prometheusRule struct {
	Spec struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `json:"alert"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"rules"`
		} `json:"groups"`
	} `json:"spec"`
}

var runbookTitle = regexp.MustCompile(`(?m)^## (.+)$`)

// Whoever is woken finds in each alert how bad it is, what it means, and a section of the runbooks that is there.
func TestAlertsSayWhatToDo(t *testing.T) {
	const runbooks = "https://github.com/szuecs/kube-static-egress-controller/blob/HEAD/docs/runbooks.md#"
	page, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, title := range runbookTitle.FindAllStringSubmatch(string(page), -1) {
		anchors[strings.ReplaceAll(strings.ToLower(title[1]), " ", "-")] = true // as GitHub makes them of plain words
	}
	var rule prometheusRule
	if err := yaml.Unmarshal([]byte(monitoringFile(t, "prometheusrule.yaml")), &rule); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, group := range rule.Spec.Groups {
		for _, r := range group.Rules {
			seen++
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s: its severity is %q", r.Alert, r.Labels["severity"])
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s does not say what it means", r.Alert)
			}
			anchor, ours := strings.CutPrefix(r.Annotations["runbook_url"], runbooks)
			if !ours || !anchors[anchor] {
				t.Errorf("%s: docs/runbooks.md has no section for %q", r.Alert, r.Annotations["runbook_url"])
			}
		}
	}
	if seen == 0 {
		t.Error("there are no alerts")
	}
}

// Each alert is shown by promtool (make rules) to be quiet, and to fire.
func TestEveryAlertIsTested(t *testing.T) {
	var rule prometheusRule
	if err := yaml.Unmarshal([]byte(monitoringFile(t, "prometheusrule.yaml")), &rule); err != nil {
		t.Fatal(err)
	}
	var tests struct {
		Tests []struct {
			Exprs []struct {
				Expr    string `json:"expr"`
				Samples []any  `json:"exp_samples"`
			} `json:"promql_expr_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal([]byte(monitoringFile(t, "rules_test.yaml")), &tests); err != nil {
		t.Fatal(err)
	}
	quiet, fires := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, e := range test.Exprs {
			if len(e.Samples) == 0 {
				quiet[e.Expr] = true
			} else {
				fires[e.Expr] = true
			}
		}
	}
	for _, group := range rule.Spec.Groups {
		for _, r := range group.Rules {
			expr := fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, r.Alert)
			if !quiet[expr] || !fires[expr] {
				t.Errorf("%s: it is shown quiet: %t, firing: %t", r.Alert, quiet[expr], fires[expr])
			}
		}
	}
}
