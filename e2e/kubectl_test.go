//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// kubectl runs a command of kubectl's, with nothing of whoever runs the tests, and gives what it prints.
func kubectl(args ...string) (string, error) {
	path, err := made("kubectl")
	if err != nil {
		return "", err
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + workDir}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := fork(cmd.Start); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, &stderr)
	}
	return stdout.String(), nil
}

// kubectl is the administrator's.
func (c *controlPlane) kubectl(args ...string) (string, error) {
	kubeconfig, err := c.writeKubeconfig(c.path("admin.kubeconfig"), c.tokens[adminUser], metav1.NamespaceDefault)
	if err != nil {
		return "", err
	}
	return kubectl(append([]string{"--kubeconfig=" + kubeconfig}, args...)...)
}

// apply applies a kustomization as the README says, with an API server that is as strict about fields as it can be.
func (c *controlPlane) apply(dir string, args ...string) error {
	_, err := c.kubectl(append([]string{"apply", "--server-side", "--validate=strict", "-k", dir}, args...)...)
	return err
}

// kustomize renders a kustomization.
func kustomize(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	text, err := kubectl("kustomize", dir)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		objects = append(objects, object)
	}
}

// typed gives the objects of one type.
func typed[T any](t *testing.T, objects []*unstructured.Unstructured) []*T {
	t.Helper()
	var found []*T
	for _, o := range objects {
		text, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
		}
		if one, ok := any(object).(*T); ok {
			found = append(found, one)
		}
	}
	return found
}

// the gives the only one.
func the[T any](t *testing.T, all []*T) *T {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("there are %d of %T and not one", len(all), all)
	}
	return all[0]
}

// manifests is where a folder of the manifests is.
func manifests(name string) string { return filepath.Join("..", "deploy", name) }
