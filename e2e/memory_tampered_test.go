//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Whatever somebody does to the status, no route goes, and it is written again as it was.
func TestMemoryStatusTampered(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	// With the label egress it asks for something, as far as anybody can tell who does not know it.
	r.controller.flags = append(r.controller.flags, "--namespace=home-"+r.account)
	gone := configMap(r.namespace, "gone", "one=9.9.9.9")
	r.cluster.put(t, gone)
	r.cluster.put(t, configMap(r.namespace, "partners", "dns=8.8.8.8"))
	r.build("8.8.8.8/32", "9.9.9.9/32")
	r.passes(3)
	was := r.kept(statusName)

	for _, tampering := range []struct {
		name string
		with func(*corev1.ConfigMap)
	}{
		{"emptied", func(cm *corev1.ConfigMap) { cm.Data = nil }},
		{"another text", func(cm *corev1.ConfigMap) { cm.Data["report"], cm.Data["addresses"] = "x", "1.2.3.4" }},
		{"nonsense for programs", func(cm *corev1.ConfigMap) { cm.Data["formatVersion"], cm.Data["status.json"] = "2", "{" }},
		{"something added, and bytes", func(cm *corev1.ConfigMap) {
			cm.Data["more"], cm.BinaryData = "20.0.0.0/33", map[string][]byte{"bytes": {0xff, 0}}
		}},
		{"without its labels", func(cm *corev1.ConfigMap) { cm.Labels = nil }},
		{"labelled as if it asked", func(cm *corev1.ConfigMap) { cm.Labels["egress"] = "static" }},
		{"labelled as if it asked, with nonsense", func(cm *corev1.ConfigMap) {
			cm.Labels["egress"], cm.Data = "static", map[string]string{"one": "nonsense", "two": "0.0.0.0/0"}
		}},
		{"a confirmation as long as may be", func(cm *corev1.ConfigMap) {
			cm.Annotations = map[string]string{"static-egress/confirm-withdrawal": strings.Repeat("x", 200<<10)}
		}},
	} {
		r.tamper(statusName, tampering.with)
		r.stays(tampering.name)
		r.shows(was)
	}
	r.cluster.remove(t, r.kept(statusName))
	r.passes(2)
	r.shows(was)
	r.stays("deleted")

	r.noRoutes("9.9.9.9/32")
	r.cluster.remove(t, gone)
	r.becomes("a claim ends")
	r.controller.planWantsNothing(t)
}

// What is immutable can never be written again, only deleted, and the API server alone knows that. An immutable status
// hinders nothing; with an immutable state nothing is withdrawn.
func TestMemoryImmutable(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	first, second := configMap(r.namespace, "first", "one=9.9.9.9"), configMap(r.namespace, "second", "one=1.1.1.1")
	r.cluster.put(t, first)
	r.cluster.put(t, second)
	r.cluster.put(t, configMap(r.namespace, "partners", "dns=8.8.8.8"))
	r.build("8.8.8.8/32", "9.9.9.9/32", "1.1.1.1/32")
	r.passes(3)
	immutable := func(cm *corev1.ConfigMap) { yes := true; cm.Immutable = &yes }

	r.tamper(statusName, immutable)
	r.listen()
	r.noRoutes("9.9.9.9/32")
	r.cluster.remove(t, first)
	r.becomes("the status is immutable, and a claim ends")
	r.says("the status cannot be written")
	r.cluster.remove(t, r.kept(statusName))
	r.keptAgain(statusName)

	r.tamper(stateName, immutable)
	r.listen()
	r.cluster.remove(t, second)
	r.says("what has to be remembered cannot be written")
	r.stays("the state is immutable, and a claim ends")
	r.cluster.put(t, configMap(r.namespace, "more", "one=20.0.0.0/24"))
	r.routes("20.0.0.0/24")
	r.becomes("the state is immutable, and a claim is added")
	r.running.kill(t)
	r.start()
	r.stays("the state is immutable, and the program is killed and started again")

	r.noRoutes("1.1.1.1/32")
	r.forget()
	r.becomes("the state is deleted")
	r.controller.planWantsNothing(t)
}

// tamper changes one of the two ConfigMaps as somebody with kubectl would.
func (r *remembering) tamper(name string, change func(*corev1.ConfigMap)) {
	r.Helper()
	eventually(r.T, func() error {
		cm, err := r.keeps(name)
		if err != nil {
			return err
		}
		change(cm)
		_, err = r.cluster.admin.CoreV1().ConfigMaps(cm.Namespace).Update(r.Context(), cm, metav1.UpdateOptions{})
		return err // the program may have written just then
	})
}

// shows wants the status to be what it was.
func (r *remembering) shows(was *corev1.ConfigMap) {
	r.Helper()
	eventually(r.T, func() error {
		now, err := r.keeps(statusName)
		if err != nil {
			return err // it was deleted, or cannot be had just now: it comes back
		}
		if !maps.Equal(now.Data, was.Data) || len(now.BinaryData) > 0 || !maps.Equal(now.Labels, was.Labels) {
			return fmt.Errorf("the status is not what it was: %v, %d keys of bytes\n%s\n%s", now.Labels, len(now.BinaryData),
				difference(was.Data["report"], now.Data["report"]), difference(was.Data["status.json"], now.Data["status.json"]))
		}
		return nil
	})
}
