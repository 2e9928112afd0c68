// Package kube is where the controller meets Kubernetes: it reads who asks for a static egress address, and for which
// networks, and keeps there what must outlive the process.
//
// A team asks with a ConfigMap that carries the label egress=static; each value of its data holds targets. There are two
// places where such ConfigMaps can be read: one or more clusters, and manifests in files, as for a plan in a pipeline that
// can reach no cluster. Both are a [reconcile.Reader], and neither judges what is asked for: a ConfigMap comes through
// with its values as they are written, and reconcile.Accept decides about them.
//
// What both have in common is care about absence. A route is withdrawn when nobody asks for it any more, and nobody asks
// for it if it is missing in what was read; so whatever could not be read, a file with a typo or an API server that does
// not answer, makes the reading say that it is incomplete and why (rule 11 in docs/rules.md). All else is read
// nevertheless: a reading has no error that would stop the rest.
//
// What a restart must not lose, and what the controller has to say, stands in two ConfigMaps of its own, in the cluster
// that is its [Home].
package kube
