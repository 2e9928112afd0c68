//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func sortByVersion(t *testing.T, events []corev1.Event) {
	t.Helper()
	slices.SortFunc(events, func(a, b corev1.Event) int {
		return cmp.Compare(version(t, a.ResourceVersion), version(t, b.ResourceVersion))
	})
}

// Whoever asks sees on the ConfigMap what becomes of it, once each time that it changes, and nothing when the program is
// started again. What happens to the addresses is seen on the status.
func TestEvents(t *testing.T) {
	t.Parallel()
	tr := newTroupe(t, sharedControlPlane(t))
	one := tr.replica("one")
	tr.site.rule(t, rules{Addresses: 1})
	one.begin(t)
	owner := tr.cluster.owner(t)
	cm := configMap(tr.namespace, "partners", "dns=8.8.8.8", "broken=nonsense")
	tr.cluster.put(t, cm)
	tr.cluster.wantsEvents(t, tr.namespace, "partners", "Warning Rejected: broken: \"nonsense\" is neither")
	status := []string{"Normal AddressAllocated: eu-central-1", "Warning QuotaExceeded: create address eu-central-1"}
	tr.cluster.wantsAllEvents(t, tr.home, statusName, status...)

	tr.site.rule(t, rules{})
	tr.want.path(owner, tr.site.zones...)
	for _, zone := range tr.site.zones {
		tr.want.route("dmz-"+zone, zone, "8.8.8.8/32")
	}
	tr.wants("there is room for addresses")
	said := []string{"Warning Rejected: broken", "Normal Active: to 8.8.8.8/32 (dns) from 127."}
	tr.cluster.wantsEvents(t, tr.namespace, "partners", said...)
	status = append(status, "Normal AddressAllocated: eu-central-1")
	tr.cluster.wantsAllEvents(t, tr.home, statusName, status...)

	one.running.terminate(t)
	one.begin(t)
	one.isWell(t, "/readyz")
	one.calls.passes(t, 3)
	one.running.kill(t)
	one.begin(t)
	one.calls.passes(t, 3)
	tr.cluster.wantsEvents(t, tr.namespace, "partners", said...)
	tr.cluster.wantsAllEvents(t, tr.home, statusName, status...)

	cm.Data = map[string]string{"dns": "nonsense"}
	tr.cluster.put(t, cm)
	said = append(said, "Warning Held: 8.8.8.8/32 (dns): what was accepted last stays")
	tr.cluster.wantsEvents(t, tr.namespace, "partners", said...)
	cm.Data = map[string]string{"dns": "8.8.8.8"}
	tr.cluster.put(t, cm)
	// The same is not written anew: it is counted.
	said = append(said[:2], said[1], said[2])
	tr.cluster.wantsAllEvents(t, tr.namespace, "partners", said...)

	if err := tr.cluster.admin.CoreV1().ConfigMaps(tr.home).Delete(t.Context(), statusName, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	one.calls.passes(t, 3)
	tr.cluster.wantsAllEvents(t, tr.namespace, "partners", said...)
}

// wantsAllEvents wants the same events as wantsEvents, in whatever order.
func (c *controlPlane) wantsAllEvents(t *testing.T, namespace, name string, want ...string) {
	t.Helper()
	eventually(t, func() error {
		events, err := c.events(t, namespace, name)
		if err != nil {
			return err
		}
		return matchAll(events, want)
	})
}

func matchAll(events, want []string) error {
	left := slices.Clone(events)
	for _, w := range want {
		i := slices.IndexFunc(left, func(e string) bool { return strings.HasPrefix(e, w) })
		if i < 0 {
			return fmt.Errorf("there is no event %q among %q", w, events)
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		return fmt.Errorf("there are other events, too: %q", left)
	}
	return nil
}
