package reconcile

import (
	"cmp"
	"strings"
	"time"
)

// Source says who asks: one key of one ConfigMap. Cluster is empty for the home cluster.
type Source struct {
	Cluster, Namespace, ConfigMap, Key string
}

func (s Source) String() string {
	parts := []string{s.Cluster, s.Namespace, s.ConfigMap, s.Key}
	if s.Cluster == "" {
		parts = parts[1:]
	}
	return strings.Join(parts, "/")
}

// Compare orders sources by cluster, namespace, ConfigMap and key.
func (s Source) Compare(o Source) int {
	return cmp.Or(cmp.Compare(s.Cluster, o.Cluster), cmp.Compare(s.Namespace, o.Namespace),
		cmp.Compare(s.ConfigMap, o.ConfigMap), cmp.Compare(s.Key, o.Key))
}

// ConfigMap is what we need of a Kubernetes ConfigMap that carries the label egress=static.
type ConfigMap struct {
	Namespace, Name string
	Created         time.Time         // the older one has the better right (rule 14); zero in manifests
	Data            map[string]string // each value holds targets
	BinaryKeys      []string          // the keys of its binaryData: refused
}

// Cluster is one place that ConfigMaps are read from, and what was read there.
type Cluster struct {
	Name       string // the kubeconfig context; empty for the home cluster, and for manifests
	ConfigMaps []ConfigMap
	// Incomplete says why this is not everything that is claimed there, such as an API server that does not answer, a named
	// namespace that does not exist, or a folder without manifests. Nothing is withdrawn then (rule 11). Empty if it is.
	Incomplete string
}

// Reading is what all clusters together ask for at one moment.
type Reading struct {
	Clusters []Cluster
	Owner    string // who asks: the UID that stands for the home cluster, or [Nobody]; empty where owners are not told apart
	// Unowned says why it is not known who asks. Nothing is changed then (rule 16). Empty if it is known.
	Unowned   string
	Confirmed string // what somebody wrote to let a held withdrawal go (rule 11)
}

// Nobody owns what is made for manifests: no cluster stands behind them. Whoever has a cluster may take it.
const Nobody = "nobody"
