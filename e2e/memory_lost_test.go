//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// keepsOnlyByMemory builds two routes, and edits one of their values to nonsense: nothing but the state tells what it meant.
// It gives the ways in which a state can be harmed.
func (r *remembering) keepsOnlyByMemory() (partners *corev1.ConfigMap, harms []harm) {
	r.Helper()
	r.start()
	r.passes(2)
	oldest := r.kept(stateName)
	r.running.terminate(r.T)
	partners = configMap(r.namespace, "partners", "dns=8.8.8.8", "edited=9.9.9.0/24")
	r.cluster.put(r.T, partners)
	r.build("8.8.8.8/32", "9.9.9.0/24")
	r.edit(partners, "9.9.9.0/33", true)
	change := func(f func(*corev1.ConfigMap)) func() {
		return func() {
			state := r.kept(stateName)
			state.ResourceVersion, state.UID = "", "" // whatever is there by then
			f(state)
			r.cluster.put(r.T, state)
		}
	}
	return partners, []harm{
		{"deleted", r.forget},
		{"emptied", change(func(cm *corev1.ConfigMap) { cm.Data, cm.BinaryData = nil, nil })},
		{"cut short", change(func(cm *corev1.ConfigMap) {
			for key, value := range cm.BinaryData {
				cm.BinaryData[key] = value[:len(value)/2]
			}
		})},
		{"an old one, from before anybody asked", change(func(cm *corev1.ConfigMap) {
			cm.Data, cm.BinaryData = oldest.Data, oldest.BinaryData
		})},
	}
}

type harm struct {
	name string
	does func()
}

// edit edits the value that keepsOnlyByMemory has, and waits until the status says whether it is refused.
func (r *remembering) edit(partners *corev1.ConfigMap, value string, refused bool) {
	r.Helper()
	partners.Data["edited"] = value
	r.cluster.put(r.T, partners)
	eventually(r.T, func() error {
		report := r.kept(statusName).Data["report"]
		if is := strings.Contains(report, "refused"); is != refused {
			return fmt.Errorf("that %s is refused should be %v:\n%s", value, refused, report)
		}
		return nil
	})
}

// A value that was edited into nonsense keeps its route, over a restart too, and when the state is lost while the program
// does not run: then nobody knows what the value meant, so what was routed before stays.
func TestMemoryIsLost(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	partners, harms := r.keepsOnlyByMemory()
	r.stays("a value is edited to nonsense")
	r.running.kill(t)
	r.start()
	r.stays("the program is killed and started again, and the value is still nonsense")
	for _, harm := range harms {
		r.edit(partners, "9.9.9.0/24", false)
		r.edit(partners, "nonsense", true)
		r.running.kill(t)
		harm.does()
		r.start()
		r.stays("the state is " + harm.name + " while the program does not run")
	}
	r.removesEdited(partners)
}

// And so it does when that happens while the program runs; it writes the state again when it has to.
func TestMemoryIsLostMeanwhile(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	partners, harms := r.keepsOnlyByMemory()
	for i, harm := range harms {
		harm.does()
		target := fmt.Sprintf("20.0.%d.0/24", 2*i)
		r.cluster.put(t, configMap(r.namespace, fmt.Sprint("more-", i), "one="+target))
		r.routes(target)
		r.becomes("the state was " + harm.name + ", and has to be written again")
		r.stays("the state was " + harm.name + " while the program runs")
	}
	r.removesEdited(partners)
}

// removesEdited shows that nothing is kept for ever.
func (r *remembering) removesEdited(partners *corev1.ConfigMap) {
	r.Helper()
	delete(partners.Data, "edited")
	r.noRoutes("9.9.9.0/24")
	r.cluster.put(r.T, partners)
	r.becomes("the value is removed")
	r.controller.planWantsNothing(r.T)
}
