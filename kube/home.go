package kube

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

const (
	nameLabel      = "app.kubernetes.io/name"
	managedByLabel = "app.kubernetes.io/managed-by"

	// An API server takes 1 MiB of data in one ConfigMap. What is above this is left free for what we may want to add.
	maxData = 900 << 10

	// How often one write is begun. Each further time somebody else has written to the object just before.
	maxWrites = 3
)

// Home is the namespace of the controller's own cluster, where it keeps two ConfigMaps: static-egress-state, for itself,
// and static-egress-status, for people and programs. All ConfigMaps whose names begin so belong to it.
//
// It has to be allowed to get, create, update and delete configmaps in that namespace; to only look, get is enough. To get
// namespaces is good to have: without it a namespace that does not exist looks like a state that was never saved, until
// the first Save.
//
// One process at a time writes (rule 16). If there are two nevertheless, the second to write gets an error.
type Home struct {
	cluster   *cluster
	namespace string
	timeout   time.Duration // of each call
	log       *slog.Logger
	partSize  int
	maxState  int

	mu     sync.Mutex
	saved  saved
	status *corev1.ConfigMap // as it was seen or written last; nil if there is none, as far as is known
}

var _ reconcile.Store = (*Home)(nil)

// Home is in the first cluster, in the namespace that is named, or else the pod's own or that of the kubeconfig's context. It
// talks to nobody yet.
func (c *Clusters) Home(namespace string) *Home {
	return &Home{cluster: c.clusters[0], namespace: cmp.Or(namespace, c.clusters[0].own), timeout: c.timeout, log: c.log, partSize: maxPart, maxState: maxState}
}

// call gives one call its time, and its error the place.
func (h *Home) call(ctx context.Context, name string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, h.timeout, fmt.Errorf("no answer within %s", h.timeout))
	defer cancel()
	if err := do(ctx); err != nil {
		return h.at(name, reason(ctx, err))
	}
	return nil
}

func (h *Home) at(name string, err error) error {
	return fmt.Errorf("%s, namespace %s, ConfigMap %s: %w", h.cluster.title, h.namespace, name, err)
}

// get reads from the API server's store and not from its cache: that is what it means to give no resource version.
func (h *Home) get(ctx context.Context, name string) (found *corev1.ConfigMap, err error) {
	err = h.call(ctx, name, func(ctx context.Context) error {
		found, err = h.cluster.client.CoreV1().ConfigMaps(h.namespace).Get(ctx, name, metav1.GetOptions{})
		return err
	})
	return found, err
}

func (h *Home) create(ctx context.Context, cm *corev1.ConfigMap) (made *corev1.ConfigMap, err error) {
	err = h.call(ctx, cm.Name, func(ctx context.Context) error {
		made, err = h.cluster.client.CoreV1().ConfigMaps(h.namespace).Create(ctx, cm, metav1.CreateOptions{})
		if apierrors.IsNotFound(err) {
			return errNoNamespace
		}
		return err
	})
	return made, err
}

var errNoNamespace = errors.New("the namespace does not exist")

// update fails with a conflict if somebody has written since the object was read.
func (h *Home) update(ctx context.Context, cm *corev1.ConfigMap) (updated *corev1.ConfigMap, err error) {
	err = h.call(ctx, cm.Name, func(ctx context.Context) error {
		updated, err = h.cluster.client.CoreV1().ConfigMaps(h.namespace).Update(ctx, cm, metav1.UpdateOptions{})
		return err
	})
	return updated, err
}

// remove deletes exactly what was read: not what somebody has written since.
func (h *Home) remove(ctx context.Context, meta metav1.ObjectMeta) error {
	options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &meta.UID, ResourceVersion: &meta.ResourceVersion}}
	return h.call(ctx, meta.Name, func(ctx context.Context) error {
		err := h.cluster.client.CoreV1().ConfigMaps(h.namespace).Delete(ctx, meta.Name, options)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
}

// dress makes an object from what others wrote on it, if it is there already, and what we want it to hold. With the label
// egress it would ask for a static egress address, so it does not keep that one.
func (h *Home) dress(there *corev1.ConfigMap, name string, data map[string]string, binary map[string][]byte) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: name}}
	if there != nil {
		cm = there.DeepCopy()
	}
	if cm.Labels == nil {
		cm.Labels = map[string]string{}
	}
	delete(cm.Labels, labelKey)
	cm.Labels[nameLabel], cm.Labels[managedByLabel] = program, program
	cm.Data, cm.BinaryData = data, binary
	return cm
}

type digest [sha256.Size]byte

// fingerprint tells two versions of an object apart by what they hold, whatever else is written on them.
func fingerprint(cm *corev1.ConfigMap) digest {
	text, err := json.Marshal([]any{cm.Data, cm.BinaryData})
	if err != nil {
		panic(err) // strings and bytes
	}
	return sha256.Sum256(text)
}
