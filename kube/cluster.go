package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-multierror"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

const (
	selector = labelKey + "=" + labelValue

	pageSize = 500

	// How often a list is begun in one reading. A continue token expires when the list takes longer than etcd keeps its
	// history, some minutes, so a second time is rare.
	maxListAttempts = 3
)

// Clusters reads ConfigMaps from clusters.
//
// Read lists them live, each time: only a list that the API server has confirmed says that something is gone, a watch
// cache does not (rule 11). So nothing depends on the events that Watch waits for, and a missed one costs time, not
// truth. They only say when to look.
type Clusters struct {
	clusters   []*cluster
	namespaces []string // metav1.NamespaceAll, or those that were named
	timeout    time.Duration
	log        *slog.Logger
}

var _ reconcile.Reader = (*Clusters)(nil)

// cluster is one of them.
type cluster struct {
	name     string // the kubeconfig context; empty for the home
	title    string // for messages
	own      string // the namespace that is ours there unless somebody says otherwise
	client   kubernetes.Interface
	metadata metadata.Interface

	mu   sync.Mutex
	said map[string]bool                    // the namespaces that we may not look at, as was logged
	uids map[types.NamespacedName]types.UID // of the ConfigMaps that were read last
}

// uid is that of a ConfigMap that was read last; empty if it was not.
func (c *cluster) uid(namespace, name string) types.UID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uids[types.NamespacedName{Namespace: namespace, Name: name}]
}

// NewClusters makes the clients. It talks to no API server: one that does not answer makes a reading incomplete.
func NewClusters(opts Options) (*Clusters, error) {
	targets, err := opts.targets()
	if err != nil {
		return nil, err
	}
	c := &Clusters{
		namespaces: slices.Compact(slices.Sorted(slices.Values(opts.Namespaces))),
		timeout:    cmp.Or(opts.Timeout, defaultTimeout),
		log:        cmp.Or(opts.Log, slog.New(slog.DiscardHandler)),
	}
	if len(c.namespaces) == 0 {
		c.namespaces = []string{metav1.NamespaceAll}
	}
	var mistakes *multierror.Error
	for _, t := range targets {
		one, err := newCluster(t)
		if err != nil {
			mistakes = multierror.Append(mistakes, err)
			continue
		}
		c.clusters = append(c.clusters, one)
	}
	return c, mistakes.ErrorOrNil()
}

func newCluster(t target) (*cluster, error) {
	c := &cluster{name: t.name, title: "cluster " + cmp.Or(t.name, t.config.Host), own: t.namespace}
	config := rest.CopyConfig(t.config)
	// Takes less memory than JSON.
	config.AcceptContentTypes, config.ContentType = "application/vnd.kubernetes.protobuf,application/json", "application/vnd.kubernetes.protobuf"
	var err error
	if c.client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("%s: %w", c.title, err)
	}
	if c.metadata, err = metadata.NewForConfig(t.config); err != nil {
		return nil, fmt.Errorf("%s: %w", c.title, err)
	}
	return c, nil
}

// Read lists the ConfigMaps of all clusters at the same time. One that cannot be read is incomplete and holds up the
// others no longer than its time limit.
func (c *Clusters) Read(ctx context.Context) reconcile.Reading {
	reading := reconcile.Reading{Clusters: make([]reconcile.Cluster, len(c.clusters))}
	var group sync.WaitGroup
	for i, one := range c.clusters {
		group.Go(func() { reading.Clusters[i] = c.read(ctx, one) })
	}
	group.Wait()
	return reading
}

func (c *Clusters) read(ctx context.Context, one *cluster) reconcile.Cluster {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("not read within %s", c.timeout))
	defer cancel()
	result := reconcile.Cluster{Name: one.name}
	var why []string
	uids := map[types.NamespacedName]types.UID{}
	for _, namespace := range c.namespaces {
		found, err := one.list(ctx, namespace, uids)
		if err == nil && namespace != metav1.NamespaceAll {
			err = c.exists(ctx, one, namespace)
		}
		result.ConfigMaps = append(result.ConfigMaps, found...)
		if err != nil {
			why = append(why, one.describe(ctx, namespace, err))
		}
	}
	slices.SortFunc(result.ConfigMaps, func(a, b reconcile.ConfigMap) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	result.Incomplete = strings.Join(why, "; ")
	one.mu.Lock()
	defer one.mu.Unlock()
	one.uids = uids
	return result
}

// list reads one namespace, or all, from the API server's store and not from its cache: that is what it means to give no
// resource version. Of each page only what we need is kept.
func (c *cluster) list(ctx context.Context, namespace string, uids map[types.NamespacedName]types.UID) (found []reconcile.ConfigMap, err error) {
	options := metav1.ListOptions{LabelSelector: selector, Limit: pageSize}
	for attempt := 1; ; {
		page, err := c.client.CoreV1().ConfigMaps(namespace).List(ctx, options)
		switch {
		case err == nil:
		case options.Continue != "" && attempt < maxListAttempts && (apierrors.IsResourceExpired(err) || apierrors.IsGone(err)):
			// The pages that were read belong to a list that cannot be finished.
			attempt++
			found, options.Continue = nil, ""
			continue
		default:
			return found, err
		}
		for i := range page.Items {
			// The server has selected already. A value that reaches a route table is worth a second look.
			if item := &page.Items[i]; item.Labels[labelKey] == labelValue {
				found = append(found, convert(item))
				uids[types.NamespacedName{Namespace: item.Namespace, Name: item.Name}] = item.UID
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return found, nil
		}
	}
}

func convert(cm *corev1.ConfigMap) reconcile.ConfigMap {
	return reconcile.ConfigMap{
		Namespace:  cm.Namespace,
		Name:       cm.Name,
		Created:    cm.CreationTimestamp.Time,
		Data:       cm.Data,
		BinaryKeys: slices.Sorted(maps.Keys(cm.BinaryData)),
	}
}

// exists guards against a namespace that is missing, which has an empty list like one in which nobody asks. It looks
// after the list was read: a namespace that vanishes between the two is noticed.
func (c *Clusters) exists(ctx context.Context, one *cluster, namespace string) error {
	found, err := one.client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err):
		// Somebody gave us Roles in the namespaces that may ask, and no more. Then a name typed wrong shows all the same: to
		// list ConfigMaps where we have no Role is forbidden too.
		one.mu.Lock()
		defer one.mu.Unlock()
		if !one.said[namespace] {
			if one.said == nil {
				one.said = map[string]bool{}
			}
			one.said[namespace] = true
			c.log.Info("may not look whether the namespace exists, so an empty list counts as nobody asking there",
				"where", one.title, "namespace", namespace, "reason", err)
		}
		return nil
	case err != nil:
		return err
	case found.DeletionTimestamp != nil:
		// Soon it will be missing; until then its ConfigMaps go one by one.
		return errors.New("the namespace is being deleted")
	}
	return nil
}

// describe says where something failed, and the API's reason.
func (c *cluster) describe(ctx context.Context, namespace string, err error) string {
	where := c.title
	if namespace != metav1.NamespaceAll {
		where += ", namespace " + namespace
	}
	return fmt.Sprintf("%s: %v", where, reason(ctx, err))
}

// reason is the part of an error that matters to a reader.
func reason(ctx context.Context, err error) error {
	var request *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx) // the request's own words for it vary
	case errors.As(err, &request):
		return request.Err // the address is long, and nobody chose it
	}
	return err
}

// Owner is the UID of the namespace kube-system in the first cluster, the home: what stands for that cluster, and nothing
// else, however its name and its context are copied (rule 16).
func (c *Clusters) Owner(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("not read within %s", c.timeout))
	defer cancel()
	home := c.clusters[0]
	found, err := home.client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return "", errors.New(home.describe(ctx, metav1.NamespaceSystem, err))
	}
	return string(found.UID), nil
}
