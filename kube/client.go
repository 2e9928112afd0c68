package kube

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"
)

// Options say which clusters are meant, and how they are talked to. With neither Kubeconfig nor Contexts nor Master it is
// the cluster that the program runs in, if it runs in one and the environment names no kubeconfig; else it is what
// kubectl would take.
type Options struct {
	Kubeconfig string        // the path of a file; empty means $KUBECONFIG, or the one in the home directory
	Contexts   []string      // of the kubeconfig, the home first; empty means its current one
	Master     string        // an API server's address, instead of the one in the kubeconfig
	Namespaces []string      // who may ask; empty means all
	UserAgent  string        // empty means the program's name
	Timeout    time.Duration // how long reading one cluster may take; 0 means 10s
	Log        *slog.Logger  // may be nil
}

const (
	program        = "kube-static-egress-controller"
	defaultTimeout = 10 * time.Second
)

// target is one cluster and how to reach it. The first one, the home, has no name: what is remembered of its claims must stay
// theirs when a second cluster comes.
type target struct {
	name      string
	namespace string // the pod's own, or that of the kubeconfig's context
	config    *rest.Config
}

// podNamespace is where Kubernetes tells a pod its namespace.
const podNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// LogTo makes client-go log through log. It is for the whole process, so call it once and before anything else here.
func LogTo(log *slog.Logger) {
	klog.SetSlogLogger(log)
}

func (o Options) targets() ([]target, error) {
	targets, err := o.find()
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		t.config.UserAgent = cmp.Or(o.UserAgent, program)
		// API servers share themselves out fairly by their own rules. Client-go's limit would make the last of many
		// namespaces wait until the time for reading is over.
		t.config.QPS = -1
	}
	return targets, nil
}

func (o Options) find() ([]target, error) {
	if o.Kubeconfig == "" && len(o.Contexts) == 0 && o.Master == "" &&
		os.Getenv("KUBERNETES_SERVICE_HOST") != "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("the service account of this pod: %w", err)
		}
		namespace, err := os.ReadFile(podNamespace)
		if err != nil {
			return nil, fmt.Errorf("the namespace of this pod: %w", err)
		}
		return []target{{namespace: strings.TrimSpace(string(namespace)), config: config}}, nil
	}

	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	rules.WarnIfAllMissing = false // it is an error, said below
	kubeconfig, err := rules.Load()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	where := strings.Join(rules.GetLoadingPrecedence(), ", ")
	contexts := once(o.Contexts)
	switch {
	case o.Master != "" && len(contexts) > 1:
		return nil, errors.New("--master is one API server, which cannot stand for several contexts")
	case o.Master == "" && len(kubeconfig.Contexts) == 0:
		return nil, fmt.Errorf("no context in the kubeconfig %s, and this is not inside a cluster: "+
			"give --kubeconfig, --context or --master", where)
	case o.Master == "" && len(contexts) == 0 && kubeconfig.CurrentContext == "":
		return nil, fmt.Errorf("the kubeconfig %s has no current context: choose with --context from %s", where, contextNames(kubeconfig))
	case len(contexts) == 0:
		contexts = []string{kubeconfig.CurrentContext}
	}

	var targets []target
	var mistakes *multierror.Error
	for _, context := range contexts {
		overrides := &clientcmd.ConfigOverrides{ClusterInfo: clientcmdapi.Cluster{Server: o.Master}}
		if _, ok := kubeconfig.Contexts[context]; !ok && context != "" {
			mistakes = multierror.Append(mistakes, fmt.Errorf("no context %q in the kubeconfig %s: it has %s", context, where, contextNames(kubeconfig)))
			continue
		}
		// Not the deferred kind, which takes the pod's own cluster where a kubeconfig says nothing.
		chosen := clientcmd.NewNonInteractiveClientConfig(*kubeconfig, context, overrides, rules)
		config, err := chosen.ClientConfig()
		if err != nil {
			mistakes = multierror.Append(mistakes, fmt.Errorf("context %q in the kubeconfig %s: %w", context, where, err))
			continue
		}
		namespace, _, err := chosen.Namespace() // "default" where the context names none
		if err != nil {
			mistakes = multierror.Append(mistakes, fmt.Errorf("context %q in the kubeconfig %s: %w", context, where, err))
			continue
		}
		t := target{namespace: namespace, config: config}
		if len(targets) > 0 {
			t.name = context
		}
		targets = append(targets, t)
	}
	return targets, mistakes.ErrorOrNil()
}

// once leaves out what was named before. The order stays: the first cluster is the home.
func once(names []string) []string {
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func contextNames(c *clientcmdapi.Config) string {
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(c.Contexts)), ", "), "none")
}
