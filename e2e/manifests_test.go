//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestManifests wants every kustomization to be taken by the API server as it is, and every component to work on the base
// alone: people combine them as they like.
func TestManifests(t *testing.T) {
	t.Parallel()
	c := newControlPlane(t)
	for _, namespace := range []string{"team-a", "team-b"} {
		c.addNamespace(t, namespace)
	}
	c.addKinds(t, filepath.Join("testdata", "monitoring-crds.yaml"))
	if err := c.apply(manifests("base")); err != nil { // else the namespace is not there when the others are tried
		t.Fatal(err)
	}
	tried := 0
	for dir, kind := range kustomizations(t) {
		switch kind {
		case "Kustomization":
		case "Component":
			dir = onTheBase(t, dir)
		default:
			t.Fatalf("%s: a kustomization of kind %q", dir, kind)
		}
		if err := c.apply(dir, "--dry-run=server", "--force-conflicts"); err != nil {
			t.Error(err)
		}
		tried++
	}
	if tried < 3 {
		t.Fatalf("there are %d kustomizations: is the search for them broken?", tried)
	}
	for _, dir := range []string{manifests("example"), manifests("example-namespaces"), onTheBase(t, manifests("monitoring"))} {
		if err := c.apply(dir, "--force-conflicts"); err != nil {
			t.Error(err)
		}
	}
	t.Run("monitoring", c.isMonitored)
	t.Run("irsa", func(t *testing.T) {
		account := the(t, typed[corev1.ServiceAccount](t, kustomize(t, manifests("example"))))
		if got := account.Annotations["eks.amazonaws.com/role-arn"]; !strings.HasPrefix(got, "arn:aws:iam::") {
			t.Errorf("the service account carries the role %q", got)
		}
	})
	t.Run("deployment", func(t *testing.T) {
		mindsItsNeighbours(t, the(t, typed[appsv1.Deployment](t, kustomize(t, manifests("base")))))
	})
	t.Run("least rights", func(t *testing.T) {
		for _, r := range rightsOf(t, kustomize(t, manifests("example"))) {
			reads := slices.Contains([]string{"get", "list", "watch"}, r.rule.Verbs[0])
			switch resource := r.rule.Resources[0]; {
			case resource == "secrets" || strings.Contains(r.String(), "*"):
				t.Errorf("%s is more than anybody needs", r)
			case r.namespace == "" && !reads && resource != "events":
				t.Errorf("%s is a right to write in the whole cluster", r)
			case r.namespace != "" && resource != "events" && r.rule.Verbs[0] != "create" && len(r.rule.ResourceNames) == 0:
				t.Errorf("%s is a right to what others keep in the same namespace", r)
			}
		}
	})
	t.Run("no rights in the whole cluster", func(t *testing.T) {
		for _, o := range kustomize(t, manifests("example-namespaces")) {
			if strings.HasPrefix(o.GetKind(), "ClusterRole") {
				t.Errorf("with --namespace there is %s %s", o.GetKind(), o.GetName())
			}
		}
	})
}

// addKinds makes kinds that others bring, and waits until the API server knows them.
func (c *controlPlane) addKinds(t *testing.T, file string) {
	t.Helper()
	if _, err := c.kubectl("apply", "--server-side", "--validate=strict", "-f", file); err != nil {
		t.Fatal(err)
	}
	if _, err := c.kubectl("wait", "--for=condition=Established", "--timeout="+patience.String(), "-f", file); err != nil {
		t.Fatal(err)
	}
}

// isMonitored wants what was applied to be there with what is in it, and not only to be taken: an API server drops fields that
// a kind does not have.
func (c *controlPlane) isMonitored(t *testing.T) {
	for kind, path := range map[string]string{
		"prometheusrule/kube-static-egress-controller": "{.spec.groups[0].rules[0].expr}",
		"podmonitor/kube-static-egress-controller":     "{.spec.podMetricsEndpoints[0].path}",
		"configmap/static-egress-dashboard":            "{.metadata.labels.grafana_dashboard}",
	} {
		found, err := c.kubectl("get", "--namespace="+ownNamespace, kind, "--output=jsonpath="+path)
		if err != nil || found == "" {
			t.Errorf("%s has at %s %q (%v)", kind, path, found, err)
		}
	}
}

// mindsItsNeighbours wants of a Deployment what others in the cluster may expect, and what two replicas need.
func mindsItsNeighbours(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	pod := d.Spec.Template.Spec
	one := the(t, pointers(pod.Containers))
	for what, ok := range map[string]bool{
		"two replicas":                     d.Spec.Replicas != nil && *d.Spec.Replicas == 2,
		"never less than there should be":  d.Spec.Strategy.RollingUpdate != nil && d.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue() == 0,
		"a token because it is asked for":  pod.AutomountServiceAccountToken != nil && *pod.AutomountServiceAccountToken,
		"a priority":                       pod.PriorityClassName == "system-cluster-critical",
		"a network of its own":             !pod.HostNetwork,
		"time to end":                      pod.TerminationGracePeriodSeconds != nil && *pod.TerminationGracePeriodSeconds == 60,
		"replicas on different nodes":      pod.Affinity != nil && pod.Affinity.PodAntiAffinity != nil && pod.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil,
		"a probe whether it is alive":      one.LivenessProbe != nil && one.LivenessProbe.HTTPGet.Path == "/healthz",
		"a probe whether it is ready":      one.ReadinessProbe != nil && one.ReadinessProbe.HTTPGet.Path == "/readyz",
		"a root that nobody writes":        one.SecurityContext != nil && one.SecurityContext.ReadOnlyRootFilesystem != nil && *one.SecurityContext.ReadOnlyRootFilesystem,
		"a name to hold the Lease by":      slices.ContainsFunc(one.Env, field("POD_NAME", "metadata.name")),
		"what the Pod's events are about":  slices.ContainsFunc(one.Env, field("POD_UID", "metadata.uid")),
		"requests and limits of processor": !one.Resources.Requests.Cpu().IsZero() && !one.Resources.Limits.Cpu().IsZero(),
		"requests and limits of memory":    !one.Resources.Requests.Memory().IsZero() && !one.Resources.Limits.Memory().IsZero(),
	} {
		if !ok {
			t.Errorf("the Deployment has not %s", what)
		}
	}
}

// field finds a variable that holds a field of the Pod.
func field(name, path string) func(corev1.EnvVar) bool {
	return func(v corev1.EnvVar) bool {
		return v.Name == name && v.ValueFrom != nil && v.ValueFrom.FieldRef != nil && v.ValueFrom.FieldRef.FieldPath == path
	}
}

// kustomizations gives the kind of each kustomization, by its folder.
func kustomizations(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(manifests("."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(path) != "kustomization.yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var kustomization struct{ Kind string }
		if err := yaml.Unmarshal(text, &kustomization); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		found[filepath.Dir(path)] = kustomization.Kind
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// onTheBase makes a kustomization of the base, the settings of the example and one component.
func onTheBase(t *testing.T, component string) string {
	t.Helper()
	dir := t.TempDir()
	settings, err := os.ReadFile(manifests("example/settings.env"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(map[string]any{
		"resources":  []string{from(t, dir, manifests("base"))},
		"components": []string{from(t, dir, component)},
		"configMapGenerator": []map[string]any{{
			"name": "kube-static-egress-controller", "namespace": "kube-static-egress-controller", "envs": []string{"settings.env"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"settings.env": settings, "kustomization.yaml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// from is the way from one folder to another: kustomize takes no other.
func from(t *testing.T, here, there string) string {
	t.Helper()
	paths := []string{here, there}
	for i, path := range slices.Clone(paths) {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		if paths[i], err = filepath.EvalSymlinks(path); err != nil {
			t.Fatal(err)
		}
	}
	way, err := filepath.Rel(paths[0], paths[1])
	if err != nil {
		t.Fatal(err)
	}
	return way
}
