package main

import (
	"context"

	"github.com/szuecs/kube-static-egress-controller/kube"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// claimSource is where ConfigMaps come from: manifests or clusters, one of the two.
type claimSource struct {
	claims   reconcile.Reader
	clusters *kube.Clusters // nil: no cluster stands behind the claims
}

func source(s setup, w wires) (claimSource, error) {
	switch {
	case s.teardown && len(s.configmaps) > 0: // they say whose things these are, and what they ask for matters no more
		return claimSource{claims: nobodyAsks{}}, nil
	case len(s.configmaps) > 0:
		m := &kube.Manifests{Paths: s.configmaps, Namespaces: s.namespaces, Stdin: w.stdin, Log: w.log}
		return claimSource{claims: m}, m.Check()
	}
	c, err := kube.NewClusters(s.clusters(w.log))
	if s.teardown {
		return claimSource{claims: nobodyAsks{}, clusters: c}, err
	}
	return claimSource{claims: c, clusters: c}, err
}

// reader reads the source, and says through setOwner whose things they are before the first of them is asked for (rule 16).
func (c claimSource) reader(setOwner func(string)) reconcile.Reader {
	if c.clusters == nil {
		setOwner(reconcile.Nobody)
		return forNobody{c.claims}
	}
	return &owned{Reader: c.claims, ask: c.clusters.Owner, tell: setOwner}
}

// asking is what the clusters ask for now, whatever is made of it; nothing where there are none.
func (c claimSource) asking(ctx context.Context) reconcile.Reading {
	if c.clusters == nil {
		return reconcile.Reading{}
	}
	return c.clusters.Read(ctx)
}

// forNobody is a reader behind which no cluster stands.
type forNobody struct{ reconcile.Reader }

func (f forNobody) Read(ctx context.Context) reconcile.Reading {
	r := f.Reader.Read(ctx)
	r.Owner = reconcile.Nobody
	return r
}

// owned is a reader that gives no claims before it is known whose they are: what is made carries its owner from the
// first call on. An API server that is down at the start is asked again in each pass.
type owned struct {
	reconcile.Reader
	ask  func(context.Context) (string, error)
	tell func(string)
	uid  string // empty: not known yet
}

func (o *owned) Read(ctx context.Context) reconcile.Reading {
	if o.uid == "" {
		uid, err := o.ask(ctx)
		if err != nil {
			return reconcile.Reading{Unowned: err.Error(), Clusters: []reconcile.Cluster{{Incomplete: err.Error()}}}
		}
		o.tell(uid)
		o.uid = uid
	}
	r := o.Reader.Read(ctx)
	r.Owner = o.uid
	return r
}
