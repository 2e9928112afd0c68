//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// remembering is what happens to a site of one zone, and to what its controller remembers: whatever that is, no route that
// somebody wants goes, nor one of which nobody knows whether it is wanted ("What outlives a restart", in the design).
type remembering struct {
	*testing.T
	site       *site
	cluster    *controlPlane
	namespace  string // where the ConfigMaps are that ask
	account    string // the controller's service account
	controller *controller
	running    *process
	calls      *awsProxy
	want       picture
	heard      int // so much of the log is about what happened before
}

// The names of what a controller keeps.
const (
	stateName  = "static-egress-state"
	statusName = "static-egress-status"
)

// remember sets a controller up. It has a ConfigMap's namespace of its own in a cluster that others use too.
func remember(t *testing.T, s *site, c *controlPlane) *remembering {
	t.Helper()
	r := &remembering{
		T: t, site: s, cluster: c, namespace: c.ownNamespace(t), account: strings.ToLower(fileName(t)),
		calls: newAWSProxy(t), want: pictureOf(s.snapshot(t)),
	}
	kubeconfig := c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)
	r.controller = s.controller(t, "--kubeconfig="+kubeconfig, "--namespace="+r.namespace).through(r.calls)
	return r
}

// start starts the program, with these flags too.
func (r *remembering) start(flags ...string) {
	r.Helper()
	r.listen()
	changed := *r.controller
	changed.pace = slices.Concat(changed.pace, flags)
	r.running = changed.start(r.T)
}

// listen lets only what is said from now on count.
func (r *remembering) listen() {
	if text, err := os.ReadFile(r.controller.log); err == nil {
		r.heard = len(text)
	}
}

// says waits until the log says it.
func (r *remembering) says(words string) {
	r.Helper()
	eventually(r.T, func() error {
		text, err := os.ReadFile(r.controller.log)
		if err != nil {
			return err
		}
		if !strings.Contains(string(text[r.heard:]), words) {
			return fmt.Errorf("it does not say %q", words)
		}
		return nil
	})
}

// becomes waits until the account is as wanted.
func (r *remembering) becomes(what string) {
	r.Helper()
	check := func() error {
		if r.running.ended() {
			return hopeless{fmt.Errorf("the program has ended: %v", r.running.cmd.ProcessState)}
		}
		return r.site.compare(r.T, r.want.String())
	}
	if err := poll(r.Context(), patience, check); err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// stays wants the account to be as it was after so many passes that a withdrawal would be done: one that may have read
// before, one that starts the clock, one that withdraws, and one that begins after that.
func (r *remembering) stays(what string) {
	r.Helper()
	mark := r.calls.mark()
	r.calls.passes(r.T, 4)
	if err := r.site.compare(r.T, r.want.String()); err != nil {
		r.Fatalf("%s: %v", what, err)
	}
	for _, c := range r.calls.await(r.T, mark, 4, action("DescribeRouteTables")) {
		if !strings.HasPrefix(c.action, "Describe") {
			r.Fatalf("%s: it called %s", what, c.action)
		}
	}
}

func (r *remembering) routes(prefixes ...string) {
	r.want.route("dmz-"+zoneA, zoneA, prefixes...)
}

func (r *remembering) noRoutes(prefixes ...string) {
	r.want.noRoute("dmz-"+zoneA, prefixes...)
}

// build starts the program and waits for the first routes.
func (r *remembering) build(prefixes ...string) {
	r.Helper()
	r.start()
	r.want.path(r.cluster.owner(r.T), zoneA)
	r.routes(prefixes...)
	r.becomes("the first routes")
}

// kept is one of the two ConfigMaps.
func (r *remembering) kept(name string) *corev1.ConfigMap {
	r.Helper()
	cm, err := r.cluster.admin.CoreV1().ConfigMaps("home-"+r.account).Get(r.Context(), name, metav1.GetOptions{})
	if err != nil {
		r.Fatal(err)
	}
	return cm
}

func (r *remembering) forget() {
	r.Helper()
	r.cluster.remove(r.T, r.kept(stateName))
}

// until is when what the status waits for ends: of a kind, or of any, and with a reason that contains the words.
func (r *remembering) until(kind, words string) time.Time {
	r.Helper()
	var until time.Time
	eventually(r.T, func() error {
		var status struct {
			Waiting []struct {
				Kind, Reason string
				Until        time.Time
			}
		}
		text := r.kept(statusName).Data["status.json"]
		if err := json.Unmarshal([]byte(text), &status); err != nil {
			return hopeless{err}
		}
		for _, w := range status.Waiting {
			if (kind == "" || w.Kind == kind) && strings.Contains(w.Reason, words) {
				until = w.Until
				return nil
			}
		}
		return fmt.Errorf("nothing waits as %q says: %s", words, text)
	})
	return until
}

// allow gives the controller these rights and no others, and waits until that counts.
func (r *remembering) allow(mayRead, mayWrite bool, rights ...rbacv1.PolicyRule) {
	r.Helper()
	roles := r.cluster.admin.RbacV1().ClusterRoles()
	role, err := roles.Get(r.Context(), r.account, metav1.GetOptions{})
	if err != nil {
		r.Fatal(err)
	}
	role.Rules = rights
	if _, err := roles.Update(r.Context(), role, metav1.UpdateOptions{}); err != nil {
		r.Fatal(err)
	}
	for verb, allowed := range map[string]bool{"get": mayRead, "create": mayWrite, "update": mayWrite} {
		eventually(r.T, func() error {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:default:" + r.account,
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: "home-" + r.account, Verb: verb, Resource: "configmaps",
				},
			}}
			review, err := r.cluster.admin.AuthorizationV1().SubjectAccessReviews().Create(r.Context(), review, metav1.CreateOptions{})
			if err != nil {
				return hopeless{err}
			}
			if review.Status.Allowed != allowed {
				return fmt.Errorf("that it may %s is %v", verb, review.Status.Allowed)
			}
			return nil
		})
	}
}

// keepsOnlyByMemory builds two routes, and edits one of their values to nonsense: nothing but the state tells what it meant.
// It gives the ways in which a state can be harmed.
func (r *remembering) keepsOnlyByMemory() (partners *corev1.ConfigMap, harms []harm) {
	r.Helper()
	r.start()
	r.calls.passes(r.T, 2)
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
	r.cluster.put(r.T, partners)
	r.noRoutes("9.9.9.0/24")
	r.becomes("the value is removed")
	r.controller.planWantsNothing(r.T)
}

// What cannot be written down is forgotten by the next restart, so nothing is withdrawn; all else goes on.
func TestMemoryMayNotBeWritten(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	gone := configMap(r.namespace, "gone", "one=9.9.9.9")
	r.cluster.put(t, gone)
	r.cluster.put(t, configMap(r.namespace, "partners", "dns=8.8.8.8"))
	r.build("8.8.8.8/32", "9.9.9.9/32")
	r.calls.passes(t, 2)

	r.allow(true, false, mayReadConfigMaps, mayReadNamespaces)
	r.listen()
	r.cluster.remove(t, gone)
	r.says("what has to be remembered cannot be written")
	r.stays("a ConfigMap is deleted, and the state may not be written")
	r.cluster.put(t, configMap(r.namespace, "more", "one=1.1.1.1"))
	r.routes("1.1.1.1/32")
	r.becomes("one is added, and the state may not be written")
	r.running.kill(t)
	r.start()
	r.stays("the program is killed and started again, and the state may not be written")
	r.running.kill(t)

	r.allow(false, false, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list", "watch"}}, mayReadNamespaces)
	r.start()
	r.says("what was remembered cannot be had")
	r.stays("it is started again, and the state may not even be read")

	r.allow(true, true, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)
	r.noRoutes("9.9.9.9/32")
	r.becomes("the rights are given back")
	r.controller.planWantsNothing(t)
}

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
	r.annotate(word)
	r.noRoutes(prefixes...)
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
		r.start()
	}

	mistype(r.namespace + "x")
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

// Deleted and created again, as kubectl replace --force does, makes no flap, with the delay that there is unless told.
func TestMemoryReplaceByForce(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	r.controller.pace = []string{"--address=", "--resync-interval=1s", "--log-level=debug"}
	cm := configMap(r.namespace, "partners", "dns=8.8.8.8")
	r.cluster.put(t, cm)
	r.build("8.8.8.8/32")
	mark := r.calls.mark()
	for range 3 {
		r.cluster.remove(t, cm)
		r.cluster.put(t, cm)
	}
	r.stays("it is deleted and created again at once")
	// Slow enough that it is seen missing, by one process, and is back before the next.
	r.cluster.remove(t, cm)
	r.until("route", "nobody claims it any more")
	r.running.kill(t)
	r.cluster.put(t, cm)
	r.start()
	r.stays("it is seen missing, and created again")
	for _, c := range r.calls.await(t, mark, 1, action("DescribeRouteTables")) {
		if !strings.HasPrefix(c.action, "Describe") {
			t.Errorf("it called %s", c.action)
		}
	}
	r.controller.planWantsNothing(t)
}

// The clocks go on over restarts. One that is lost starts again: late, never early (rule 13).
func TestMemoryClocks(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	base := []string{"--address=", "--resync-interval=1s", "--log-level=debug"}
	r.controller.pace = append(base, "--withdraw-delay=1h", "--teardown-delay=1h")
	cm := configMap(r.namespace, "partners", "dns=8.8.8.8")
	r.cluster.put(t, cm)
	r.build("8.8.8.8/32")
	built := r.site.observe(t).ids()

	clock := func(kind, words string) {
		t.Helper()
		first := r.until(kind, words)
		r.running.kill(t)
		r.start()
		r.calls.passes(t, 2)
		if now := r.until(kind, words); !now.Equal(first) {
			t.Errorf("%s: it was until %v, and is until %v after a restart", words, first, now)
		}
		r.running.terminate(t)
		r.forget()
		r.start()
		r.calls.passes(t, 2)
		if now := r.until(kind, words); !now.After(first) {
			t.Errorf("%s: it was until %v, and is until %v with a clock that was lost", words, first, now)
		}
		r.running.terminate(t)
	}
	r.cluster.remove(t, cm)
	clock("route", "--withdraw-delay")
	r.controller.pace = append(base, "--withdraw-delay=1s", "--teardown-delay=1h")
	r.start()
	r.noRoutes("8.8.8.8/32")
	r.becomes("the delay is over")

	clock("", "--teardown-delay")
	r.controller.pace = append(base, "--withdraw-delay=1s", "--teardown-delay=1s")
	r.start()
	eventually(t, func() error {
		if left := len(r.site.observe(t).NATGateways); left > 0 {
			return fmt.Errorf("gateways are left: %d", left)
		}
		return nil
	})
	for _, a := range r.site.observe(t).Addresses {
		if !strings.Contains(built, *a.AllocationId+" "+*a.PublicIp) {
			t.Errorf("the address is not the one that it was: %s", *a.PublicIp)
		}
	}
}

// Two clusters with the same cluster id: the second changes nothing, until it is told that the first is lost.
func TestMemoryOfAnotherCluster(t *testing.T) {
	t.Parallel()
	site := newSite(t, zoneA)
	first := remember(t, site, sharedControlPlane(t))
	first.cluster.put(t, configMap(first.namespace, "partners", "dns=8.8.8.8"))
	first.build("8.8.8.8/32")
	built := site.observe(t).ids()

	second := remember(t, site, newControlPlane(t))
	second.want = maps.Clone(first.want)
	second.controller.log += "-second"
	second.cluster.put(t, configMap(second.namespace, "partners", "other=9.9.9.9"))
	lost := first.cluster.owner(t)
	second.start()
	second.says("--take-over=" + lost)
	second.stays("another cluster has the same cluster id")
	first.stays("and the first has not noticed")
	if report := second.kept(statusName).Data["report"]; !strings.Contains(report, lost) {
		t.Errorf("the status does not say whose it is:\n%s", report)
	}
	// Nor does one that reads manifests and belongs to no cluster (rule 16).
	nobodys := site.controller(t, "--configmaps="+examples(t))
	if plan := nobodys.exec(t, "plan"); plan.code == 0 || !strings.Contains(plan.stdout+plan.stderr, lost) {
		t.Errorf("a plan for manifests takes what is a cluster's: %v", plan)
	}

	first.running.kill(t)
	second.stays("the first is gone")
	second.running.terminate(t)
	second.start("--take-over=" + lost)
	second.want = pictureOf(site.snapshot(t))
	second.want.path(second.cluster.owner(t), zoneA)
	second.routes("9.9.9.9/32")
	second.noRoutes("8.8.8.8/32")
	second.becomes("the second takes over")
	if now := site.observe(t).ids(); now != built {
		t.Errorf("addresses or gateways are not those that were there:\n%s", difference(built, now))
	}

	first.want = second.want
	first.start()
	first.says("--take-over=" + second.cluster.owner(t))
	first.stays("the first comes back")
}
