package kube

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// Watch rings wake whenever a ConfigMap that we read may have changed, until ctx ends; it returns when the watches have
// ended. The channel should have room for one: then the first change wakes at once, and all that happen while
// somebody is at work wake once more.
//
// What watches is a reflector, the part of an informer that knows how to go on after lost connections and expired
// resource versions. It asks for metadata only, and nothing of it is kept.
func (c *Clusters) Watch(ctx context.Context, wake chan<- struct{}) {
	var group sync.WaitGroup
	for _, one := range c.clusters {
		for _, namespace := range c.namespaces {
			group.Go(func() { one.reflector(namespace, bell(wake)).RunWithContext(ctx) })
		}
	}
	group.Wait()
}

func (c *cluster) reflector(namespace string, b bell) *cache.Reflector {
	client := c.metadata.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(namespace)
	lw := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = selector
			return client.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = selector
			return client.Watch(ctx, options)
		},
	}, c.metadata)
	return cache.NewReflectorWithOptions(lw, &metav1.PartialObjectMetadata{}, b,
		cache.ReflectorOptions{Name: c.title, TypeDescription: "ConfigMap"})
}

// bell stands where an informer has its store. It does not care what happened, so no event can be taken the wrong way:
// neither a tombstone nor a ConfigMap that lost its label.
type bell chan<- struct{}

var _ cache.ReflectorStore = bell(nil)

func (b bell) ring() error {
	select {
	case b <- struct{}{}:
	default: // it rings already
	}
	return nil
}

// Add rings.
func (b bell) Add(any) error { return b.ring() }

// Update rings.
func (b bell) Update(any) error { return b.ring() }

// Delete rings.
func (b bell) Delete(any) error { return b.ring() }

// Replace rings: after a gap in the events nobody knows what changed.
func (b bell) Replace([]any, string) error { return b.ring() }

// Resync does not: nothing happened.
func (b bell) Resync() error { return nil }
