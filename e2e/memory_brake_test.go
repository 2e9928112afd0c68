//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var confirmation = regexp.MustCompile(`static-egress/confirm-withdrawal=([0-9a-f]{8})`)

// annotate is what the status asks people to do.
func (r *remembering) annotate(word string) {
	r.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"static-egress/confirm-withdrawal":%q}}}`, word)
	if _, err := r.cluster.admin.CoreV1().ConfigMaps("home-"+r.account).Patch(
		r.Context(), statusName, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		r.Fatal(err)
	}
}

// word is what the status asks to be annotated.
func (r *remembering) word() (word string) {
	r.Helper()
	eventually(r.T, func() error {
		report := r.kept(statusName).Data["report"]
		m := confirmation.FindStringSubmatch(report)
		if m == nil {
			return fmt.Errorf("the status tells nobody how to confirm:\n%s", report)
		}
		word = m[1]
		return nil
	})
	return word
}

// many are more targets than the brake lets go at once. No two of them can be merged.
func many(namespace, name string) (cm *corev1.ConfigMap, prefixes []string) {
	cm = configMap(namespace, name)
	for i := range 12 {
		target := fmt.Sprintf("20.%d.0.0/24", i)
		cm.Data[fmt.Sprint("target-", i)] = target
		prefixes = append(prefixes, target)
	}
	return cm, prefixes
}

// More than half of many targets at once are held until somebody confirms just that.
func TestMemoryBrake(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	cm, prefixes := many(r.namespace, "partners")
	r.cluster.put(t, cm)
	r.cluster.put(t, configMap(r.namespace, "other", "dns=8.8.8.8"))
	r.build(append(prefixes, "8.8.8.8/32")...)

	r.cluster.remove(t, cm)
	word := r.word()
	r.stays("a ConfigMap with most of all targets is deleted")
	r.running.kill(t)
	r.start()
	r.stays("and the program is killed and started again")
	r.annotate("00000000")
	r.stays("somebody confirms something else")
	r.running.terminate(t)
	r.forget()
	r.start()
	r.stays("the state is deleted")
	if again := r.word(); again != word {
		t.Errorf("the word was %s, and is %s for the same targets", word, again)
	}
	r.noRoutes(prefixes...)
	r.annotate(word)
	r.becomes("somebody confirms it")
	r.controller.planWantsNothing(t)
}

// A namespace that was mistyped in --namespace: one that does not exist, and one in which nobody asks.
func TestMemoryNamespaceMistyped(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	cm, prefixes := many(r.namespace, "partners")
	r.cluster.put(t, cm)
	r.build(prefixes...)
	right := r.controller.flags
	mistype := func(namespace string) {
		r.running.terminate(t)
		r.controller.flags = slices.Clone(right)
		r.controller.flags[len(right)-1] = "--namespace=" + namespace
		r.bell = namespace
		r.start()
	}

	mistype(r.namespace + "x")
	r.bell = "" // nothing happens where there is no namespace
	r.says(r.namespace + "x")
	r.stays("a namespace that does not exist")
	r.running.terminate(t)
	r.forget()
	r.start()
	r.stays("a namespace that does not exist, and the state is lost")
	mistype("home-" + r.account)
	r.word()
	r.stays("a namespace in which nobody asks")

	mistype(r.namespace)
	r.stays("the right one")
	r.controller.planWantsNothing(t)
}
