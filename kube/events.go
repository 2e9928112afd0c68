package kube

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/record/util"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

const (
	// What is not sent yet is kept, up to so much: more is no news to anybody.
	maxQueue = 10_000

	// A first pass over a cluster with a thousand ConfigMaps tells a thousand things, and is in no hurry with them.
	eventsPerSecond = 10
	eventBurst      = 50

	// lastEvents is how long those may take that are left at the end.
	lastEvents = 3 * time.Second
)

// Events tells people what is new, by Events on the ConfigMap that it is about, in the cluster where that is. It tells no more
// than an API server likes: client-go's correlator joins what is alike, and lets 25 through for one object, then one in
// five minutes. Nothing waits for it, and what cannot be told is said in the log.
//
// It has to be allowed to create and patch events where ConfigMaps may ask, and in its own namespace.
type Events struct {
	home       *Home
	clusters   map[string]*cluster
	correlator *record.EventCorrelator
	limit      flowcontrol.RateLimiter
	log        *slog.Logger
	queue      chan reconcile.News

	mu   sync.Mutex
	said map[string]string // by cluster, why nothing can be told there, as it was logged last
}

// Events are about the ConfigMaps that are read, and about the status in that home.
func (c *Clusters) Events(home *Home) *Events {
	e := &Events{
		home: home, clusters: map[string]*cluster{}, log: c.log, said: map[string]string{},
		correlator: record.NewEventCorrelatorWithOptions(record.CorrelatorOptions{}),
		limit:      flowcontrol.NewTokenBucketRateLimiter(eventsPerSecond, eventBurst),
		queue:      make(chan reconcile.News, maxQueue),
	}
	for _, one := range c.clusters {
		e.clusters[one.name] = one
	}
	return e
}

// Tell has them told. It does not wait.
func (e *Events) Tell(news []reconcile.News) {
	for _, n := range news {
		select {
		case e.queue <- n:
		default:
			e.log.Warn("there is more news than can be told", "reason", n.Reason, "news", n.Text)
		}
	}
}

// Run sends what is to be told until ctx ends, and then for a moment what is left.
func (e *Events) Run(ctx context.Context) {
	for {
		select {
		case n := <-e.queue:
			e.send(ctx, n)
			continue
		case <-ctx.Done():
		}
		break
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastEvents)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case n := <-e.queue:
			e.send(ctx, n)
		default:
			return
		}
	}
}

func (e *Events) send(ctx context.Context, n reconcile.News) {
	// The end of ctx must not lose the one that was taken out of the queue already.
	bounded, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), e.home.timeout, fmt.Errorf("no answer within %s", e.home.timeout))
	defer cancel()
	where, about := e.about(n)
	if where == nil {
		return // a cluster that is no longer read
	}
	result, err := e.correlator.EventCorrelate(eventOf(n, about, time.Now()))
	if err != nil || result.Skip {
		return
	}
	if err = e.limit.Wait(bounded); err == nil {
		err = e.put(bounded, where, result)
	}
	e.say(where, reason(bounded, err))
}

// about is the object that news is about, and in which cluster that is.
func (e *Events) about(n reconcile.News) (*cluster, corev1.ObjectReference) {
	ref := corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: n.About.Namespace, Name: n.About.ConfigMap}
	if n.About == (reconcile.Source{}) {
		ref.Namespace, ref.Name, ref.UID = e.home.namespace, statusName, e.home.statusUID()
		return e.home.cluster, ref
	}
	where := e.clusters[n.About.Cluster]
	if where != nil {
		ref.UID = where.uid(ref.Namespace, ref.Name)
	}
	return where, ref
}

func eventOf(n reconcile.News, about corev1.ObjectReference, now time.Time) *corev1.Event {
	kind := corev1.EventTypeNormal
	if n.Warning {
		kind = corev1.EventTypeWarning
	}
	at := metav1.NewTime(now)
	return &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{Name: util.GenerateEventName(about.Name, now.UnixNano()), Namespace: about.Namespace},
		InvolvedObject: about,
		Reason:         n.Reason,
		Message:        n.Text,
		Type:           kind,
		FirstTimestamp: at,
		LastTimestamp:  at,
		Count:          1,
		Source:         corev1.EventSource{Component: program},
		// Both words for who says it: kubectl shows the one, and newer readers look for the other.
		ReportingController: program,
	}
}

// put creates an event, or adds to the one that said the same before.
func (e *Events) put(ctx context.Context, where *cluster, r *record.EventCorrelateResult) error {
	client := where.client.CoreV1().Events(r.Event.Namespace)
	if r.Event.Count > 1 {
		told, err := client.Patch(ctx, r.Event.Name, types.StrategicMergePatchType, r.Patch, metav1.PatchOptions{})
		if err == nil {
			e.correlator.UpdateState(told)
			return nil
		}
		if !apierrors.IsNotFound(err) { // API servers forget events after an hour
			return err
		}
		r.Event.ResourceVersion = ""
	}
	told, err := client.Create(ctx, r.Event, metav1.CreateOptions{})
	switch {
	case err == nil:
		e.correlator.UpdateState(told)
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return nil // the namespace is going, and its readers with it
	}
	return err
}

// say logs why nothing can be told in a cluster, when that changes.
func (e *Events) say(where *cluster, err error) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if why != "" && why != e.said[where.name] {
		e.log.Warn("an event cannot be written", "where", where.title, "reason", why)
	}
	e.said[where.name] = why
}
