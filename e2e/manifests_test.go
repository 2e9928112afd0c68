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
	for _, example := range []string{"example", "example-namespaces"} {
		if err := c.apply(manifests(example), "--force-conflicts"); err != nil {
			t.Error(err)
		}
	}
	t.Run("irsa", func(t *testing.T) {
		account := the(t, typed[corev1.ServiceAccount](t, kustomize(t, manifests("example"))))
		if got := account.Annotations["eks.amazonaws.com/role-arn"]; !strings.HasPrefix(got, "arn:aws:iam::") {
			t.Errorf("the service account carries the role %q", got)
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
