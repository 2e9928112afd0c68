package kube

import (
	"errors"
	"os"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

func TestTargets(t *testing.T) {
	two := map[string]string{"blue": "https://blue", "green": "https://green"}
	tests := []struct {
		name    string
		servers map[string]string // in the kubeconfig
		opts    Options
		env     string
		want    string // name and server of each, or the error
	}{
		{name: "the current context", servers: two, want: "=https://blue"},
		{name: "one context", servers: two, opts: Options{Contexts: []string{"green"}}, want: "=https://green"},
		{name: "some contexts", servers: two, opts: Options{Contexts: []string{"green", "blue", "green"}}, want: "=https://green blue=https://blue"},
		{name: "another server", servers: two, opts: Options{Master: "https://red"}, want: "=https://red"},
		{name: "a server and nothing else", opts: Options{Master: "http://red"}, want: "=http://red"},
		{name: "a server in a pod", opts: Options{Master: "http://red"}, env: "KUBERNETES_SERVICE_HOST=10.0.0.1", want: "=http://red"},
		{
			name: "one server for two contexts", servers: two, opts: Options{Contexts: []string{"green", "blue"}, Master: "http://red"},
			want: "--master is one API server, which cannot stand for several contexts",
		},
		{
			name: "nothing",
			want: "no context in the kubeconfig config, and this is not inside a cluster: give --kubeconfig, --context or --master",
		},
		{
			name: "contexts that do not exist", servers: two, opts: Options{Contexts: []string{"red", "blue", "pink"}},
			want: "2 errors occurred:\n\t* no context \"red\" in the kubeconfig config: it has blue, green\n\t* no context \"pink\" in the kubeconfig config: it has blue, green",
		},
		{
			name: "a kubeconfig that does not exist", servers: two, opts: Options{Kubeconfig: "conf"},
			want: "kubeconfig: stat conf: no such file or directory",
		},
		{
			name: "a kubeconfig that is none", opts: Options{Kubeconfig: "broken"},
			want: "kubeconfig: error loading config file \"broken\": couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
		},
		{
			name: "a kubeconfig beats the pod that we are in", servers: two, env: "KUBERNETES_SERVICE_HOST=10.0.0.1",
			want: "=https://blue",
		},
		{
			name: "no current context", servers: two, opts: Options{Kubeconfig: "undecided"},
			want: "the kubeconfig undecided has no current context: choose with --context from blue, green",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kubeconfig(t, tt.servers)
			if name, value, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(name, value)
			}
			text, err := os.ReadFile("config")
			if err != nil {
				t.Fatal(err)
			}
			write(t, "undecided", strings.Replace(string(text), "current-context: blue", "", 1))
			write(t, "broken", "kubeconfig")
			var got []string
			targets, err := tt.opts.targets()
			for _, target := range targets {
				got = append(got, target.name+"="+target.config.Host)
			}
			if err != nil {
				got = []string{strings.TrimSpace(err.Error())}
			}
			same(t, strings.Join(got, " "), tt.want)
		})
	}
}

// In a pod that has no token we say so, and do not look for a kubeconfig instead.
func TestTargetsInAPod(t *testing.T) {
	kubeconfig(t, nil)
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	_, err := NewClusters(Options{})
	if _, there := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/token"); there == nil {
		t.Skip("this is a pod with a token")
	}
	if err == nil || !strings.HasPrefix(err.Error(), "the service account of this pod: ") {
		t.Error(err)
	}
}

func TestLogTo(t *testing.T) {
	klog.ErrorS(errors.New("no"), "Failed to test", "type", "ConfigMap")
	if got := logged.String(); !strings.Contains(got, `level=ERROR msg="Failed to test" err=no type=ConfigMap`) {
		t.Error(got)
	}
}
