//go:build e2e

package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A state that is larger than one ConfigMap may be is cut into parts. One of them is harmed, while the program does not run
// and while it runs: nobody knows then what the nonsense meant, so what was routed before stays, and the state is whole again
// after that.
func TestMemoryInParts(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	large := r.asksMuch()
	r.cluster.put(t, configMap(r.namespace, "keeps", "dns=8.8.8.8"))
	partners := configMap(r.namespace, "partners", "edited=9.9.9.0/24")
	r.cluster.put(t, partners)
	r.build("8.8.8.8/32", "9.9.9.0/24")
	r.whole(2)
	r.mangles(partners)

	harms := r.harmsOfAPart()
	for _, harm := range harms {
		r.running.kill(t)
		harm.does()
		r.start()
		r.says("what was remembered is lost")
		r.stays(harm.name + ", while the program does not run")
		r.whole(2)
		r.understands(partners)
		r.mangles(partners)
		r.running.kill(t)
		r.start()
		r.passes(2)
		r.saysNot("what was remembered is lost")
		r.stays(harm.name + ", and it has healed")
	}
	for i, harm := range harms {
		harm.does()
		r.cluster.put(t, configMap(r.namespace, fmt.Sprint("more-", i), fmt.Sprintf("one=20.0.%d.0/24", 2*i)))
		r.routes(fmt.Sprintf("20.0.%d.0/24", 2*i))
		r.becomes(harm.name + " while the program runs, and it has to be written again")
		r.whole(2)
	}
	r.stays("it was written again each time")

	// It becomes small again: what belongs to no state any more is deleted.
	for _, cm := range large {
		r.cluster.remove(t, cm)
	}
	r.passes(3)
	r.whole(1)
	r.stays("most of what was remembered is not needed any more")
	delete(partners.Data, "edited")
	r.noRoutes("9.9.9.0/24")
	r.cluster.put(t, partners)
	r.becomes("the value is removed")
	r.controller.planWantsNothing(t)
}

// asksMuch makes ConfigMaps that ask for one target so often that to remember it takes more than a ConfigMap holds. The
// state is compressed, so the keys are as long as they may be, and of chance: a key takes 190 bytes then, and 256 are what
// one ConfigMap may ask for.
func (r *remembering) asksMuch() (made []*corev1.ConfigMap) {
	r.Helper()
	for i := range 20 {
		cm := configMap(r.namespace, fmt.Sprint("large-", i))
		for range 256 {
			chance := make([]byte, 189)
			_, _ = rand.Read(chance) // never fails
			cm.Data["k"+base64.RawURLEncoding.EncodeToString(chance)] = "8.8.8.8"
		}
		r.cluster.put(r.T, cm)
		made = append(made, cm)
	}
	return made
}

// mangles and understands edit a value, and wait until the program has said what it makes of it: where so many ask, the
// report is cut.
func (r *remembering) mangles(cm *corev1.ConfigMap) {
	r.Helper()
	r.listen()
	cm.Data["edited"] = "9.9.9.0/33"
	r.cluster.put(r.T, cm)
	r.says("/partners/edited")
	r.passes(2) // and it is written down
}

func (r *remembering) understands(cm *corev1.ConfigMap) {
	r.Helper()
	r.listen()
	cm.Data["edited"] = "9.9.9.0/24"
	r.cluster.put(r.T, cm)
	r.says("no longer: ")
	r.passes(2)
}

// whole waits until the state is what it should be, in that many parts at least, and nothing else is there that looks like
// a part.
func (r *remembering) whole(atLeast int) []corev1.ConfigMap {
	r.Helper()
	var parts []corev1.ConfigMap
	eventually(r.T, func() (err error) {
		if parts, err = r.parts(); err == nil && (len(parts) < atLeast || atLeast == 1 && len(parts) > 1) {
			err = fmt.Errorf("the state is in %d parts", len(parts))
		}
		return err
	})
	return parts
}

// parts reads the state as it is kept, and checks it.
func (r *remembering) parts() ([]corev1.ConfigMap, error) {
	list, err := r.cluster.admin.CoreV1().ConfigMaps("home-"+r.account).List(r.Context(), metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	parts := slices.DeleteFunc(list.Items, func(cm corev1.ConfigMap) bool { return !strings.HasPrefix(cm.Name, stateName) })
	if len(parts) == 0 {
		return nil, fmt.Errorf("there is no state")
	}
	sum := sha256.New()
	head := parts[0].Data // the list is sorted by name
	_, _ = fmt.Fprintf(sum, "1 %s %s\n", head["generation"], head["parts"])
	for i, part := range parts {
		if i > 0 && part.Name != partName(head["generation"], i) {
			return nil, fmt.Errorf("part %d of generation %s is %s", i, head["generation"], part.Name)
		}
		for key, value := range head {
			if part.Data[key] != value {
				return nil, fmt.Errorf("%s: its %s is %q, and that of the first is %q", part.Name, key, part.Data[key], value)
			}
		}
		if size := part.Size() - part.ObjectMeta.Size(); size > 900<<10 {
			return nil, fmt.Errorf("%s: it has %d bytes", part.Name, size)
		}
		_, _ = sum.Write(part.BinaryData["state.gz"])
	}
	if have := fmt.Sprintf("%x", sum.Sum(nil)); have != head["checksum"] || head["parts"] != strconv.Itoa(len(parts)) {
		return nil, fmt.Errorf("%d parts have the checksum %s, and not as the first says: %v", len(parts), have, head)
	}
	return parts, nil
}

func partName(generation string, i int) string {
	parity := "even"
	if strings.ContainsAny(generation[len(generation)-1:], "13579") {
		parity = "odd"
	}
	return fmt.Sprintf("%s-%d-%s", stateName, i, parity)
}

// lastPart may have others beside it that a program left when it was killed; they do no harm.
func (r *remembering) lastPart() *corev1.ConfigMap {
	r.Helper()
	head := r.kept(stateName).Data
	parts, err := strconv.Atoi(head["parts"])
	if err != nil || parts < 2 {
		r.Fatalf("there is no second part: %v", head)
	}
	return r.kept(partName(head["generation"], parts-1))
}

// harmsOfAPart are the ways in which one part of several can be harmed.
func (r *remembering) harmsOfAPart() []harm {
	last := func(change func(part *corev1.ConfigMap)) func() {
		return func() {
			r.Helper()
			part := r.lastPart()
			change(part)
			part.ResourceVersion = ""
			r.cluster.put(r.T, part)
		}
	}
	older := r.olderParts()
	return []harm{
		{"one part is deleted", func() {
			r.Helper()
			r.cluster.remove(r.T, r.lastPart())
		}},
		{"one part is of an older generation", last(func(part *corev1.ConfigMap) {
			part.Data, part.BinaryData = older[part.Name].Data, older[part.Name].BinaryData
		})},
		{"one part says what it should, and holds what is older", last(func(part *corev1.ConfigMap) {
			part.BinaryData = older[part.Name].BinaryData
		})},
	}
}

// olderParts gives the last parts of two generations, one odd and one even, by name, and lets one more of each come.
func (r *remembering) olderParts() map[string]corev1.ConfigMap {
	r.Helper()
	older := map[string]corev1.ConfigMap{}
	for n, last := 0, ""; n < 4; n++ {
		parts := r.whole(2)
		if part := parts[len(parts)-1]; older[part.Name].Name == "" {
			older[part.Name] = part
		}
		last = parts[0].Data["generation"]
		// A claim for what is claimed: the state changes, and no route.
		r.cluster.put(r.T, configMap(r.namespace, fmt.Sprint("generation-", n, "-", last), "dns=8.8.8.8"))
		eventually(r.T, func() error {
			if now := r.kept(stateName).Data["generation"]; now == last {
				return fmt.Errorf("it is generation %s still", now)
			}
			return nil
		})
	}
	if len(older) != 2 {
		r.Fatalf("parts have the names %v", older)
	}
	return older
}
