//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// TestDeployment applies the Deployment of the README, field by field as strict as the API server can be, and then does the
// main job as its pod would: with its arguments, and with the rights of its service account and no others.
func TestDeployment(t *testing.T) {
	t.Parallel()
	s, c := newSite(t, zoneA, zoneB), newControlPlane(t)
	deployment := c.apply(t, "../deploy/example.yaml")
	pod := deployment.Spec.Template.Spec
	token, err := c.admin.CoreV1().ServiceAccounts(deployment.Namespace).CreateToken(
		t.Context(), pod.ServiceAccountName, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.put(t, configMap("default", "egress-t1", "service-provider1=192.112.1.0/21", "google-dns=8.8.8.8/32"))

	control := s.controller(t)
	args := slices.Concat(pod.Containers[0].Args[1:], []string{"--kubeconfig=" + c.kubeconfigIn(t, token.Status.Token, deployment.Namespace)})
	control.flags, control.provider = args, nil
	report := control.once(t)
	control.planWantsNothing(t)
	if !bytes.Contains([]byte(report.stdout), []byte("192.112.0.0/21")) || bytes.Contains([]byte(report.stdout), []byte("Warning")) {
		t.Errorf("the report is not what it should be: %v", report)
	}
	status, err := c.admin.CoreV1().ConfigMaps(deployment.Namespace).Get(t.Context(), "static-egress-status", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("addresses for everybody to read:\n%s", status.Data["addresses"])
	for _, zone := range []string{zoneA, zoneB} {
		if !bytes.Contains([]byte(status.Data["addresses"]), []byte(zone+" ")) {
			t.Errorf("%s has no address in the status", zone)
		}
	}
}

// apply makes the objects of a manifest, and gives the Deployment among them.
func (c *controlPlane) apply(t *testing.T, path string) *appsv1.Deployment {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var deployment *appsv1.Deployment
	for documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text))); ; {
		document := make([]byte, len(text))
		n, err := documents.Read(document)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := scheme.Codecs.UniversalDeserializer().Decode(document[:n], nil, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, document[:n])
		}
		if err := c.create(t, object); err != nil {
			t.Fatalf("%T: %v", object, err)
		}
		if d, ok := object.(*appsv1.Deployment); ok {
			deployment = d
		}
	}
	return deployment
}

func (c *controlPlane) create(t *testing.T, object runtime.Object) (err error) {
	t.Helper()
	ctx, strict := t.Context(), metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	switch o := object.(type) {
	case *corev1.Namespace:
		_, err = c.admin.CoreV1().Namespaces().Create(ctx, o, strict)
	case *corev1.ServiceAccount:
		_, err = c.admin.CoreV1().ServiceAccounts(o.Namespace).Create(ctx, o, strict)
	case *rbacv1.ClusterRole:
		_, err = c.admin.RbacV1().ClusterRoles().Create(ctx, o, strict)
	case *rbacv1.ClusterRoleBinding:
		_, err = c.admin.RbacV1().ClusterRoleBindings().Create(ctx, o, strict)
	case *rbacv1.Role:
		_, err = c.admin.RbacV1().Roles(o.Namespace).Create(ctx, o, strict)
	case *rbacv1.RoleBinding:
		_, err = c.admin.RbacV1().RoleBindings(o.Namespace).Create(ctx, o, strict)
	case *appsv1.Deployment:
		_, err = c.admin.AppsV1().Deployments(o.Namespace).Create(ctx, o, strict)
	default:
		t.Fatalf("%T: nobody knows how to make it", object)
	}
	return err
}
