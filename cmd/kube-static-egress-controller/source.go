package main

import (
	"context"

	"github.com/szuecs/kube-static-egress-controller/kube"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// claimSource is where ConfigMaps come from: manifests or clusters, one of the two.
type claimSource struct {
	manifests *kube.Manifests
	clusters  *kube.Clusters
}

func source(s setup, w wires) (claimSource, error) {
	if len(s.configmaps) > 0 {
		m := &kube.Manifests{Paths: s.configmaps, Namespaces: s.namespaces, Stdin: w.stdin, Log: w.log}
		return claimSource{manifests: m}, m.Check()
	}
	kube.LogTo(w.log)
	c, err := kube.NewClusters(s.clusters(w.log))
	return claimSource{clusters: c}, err
}

// nobody owns what is made for manifests: no cluster stands behind them.
const nobody = "nobody"

// reader reads the source, and says through setOwner whose things they are before the first of them is asked for (rule 16).
func (c claimSource) reader(setOwner func(string)) reconcile.Reader {
	if c.clusters == nil {
		setOwner(nobody)
		return c.manifests
	}
	return &owned{Reader: c.clusters, ask: c.clusters.Owner, tell: setOwner}
}

// owned is a reader that gives no claims before it is known whose they are: what is made carries its owner from the
// first call on. An API server that is down at the start is asked again in each pass.
type owned struct {
	reconcile.Reader
	ask  func(context.Context) (string, error)
	tell func(string)
	done bool
}

func (o *owned) Read(ctx context.Context) reconcile.Reading {
	if o.done {
		return o.Reader.Read(ctx)
	}
	owner, err := o.ask(ctx)
	if err != nil {
		return reconcile.Reading{Clusters: []reconcile.Cluster{{Incomplete: "the owner is not known: " + err.Error()}}}
	}
	o.tell(owner)
	o.done = true
	return o.Reader.Read(ctx)
}
