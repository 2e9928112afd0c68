//go:build e2e

package e2e

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What runs in a cluster is the image, as the Pod says that the ReplicaSet has made and PodSecurity has admitted: with the
// rights, the token and the certificate of its own service account, and nothing of this machine.
func TestInCluster(t *testing.T) {
	t.Parallel()
	s, c := newSite(t, zoneA, zoneB), newControlPlane(t)
	want := pictureOf(s.snapshot(t))
	deployment := c.install(t)
	c.mustEnforceRestricted(t, deployment.Namespace)
	c.put(t, configMap("default", "egress-t1", "service-provider1=192.112.1.0/21", "google-dns=8.8.8.8/32"))

	pods := c.pods(t, deployment)
	p := c.runPod(t, &pods[0], s.podEnvironment()...)
	p.becomesReady(t)
	want.path(c.owner(t), zoneA, zoneB)
	for _, zone := range []string{zoneA, zoneB} {
		want.route("dmz-"+zone, zone, "192.112.0.0/21", "8.8.8.8/32")
	}
	s.eventuallyState(t, want.String())
	if err := p.answers(t, p.container.LivenessProbe); err != nil {
		t.Error(err)
	}

	p.terminate(t)
	s.wantState(t, want.String())
}

// podEnvironment is what a Pod of these tests is told beside what its manifest says: which AWS, and not to wait long.
func (s *site) podEnvironment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + cloud.endpoint,
		"AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + s.account,
		"AWS_SECRET_ACCESS_KEY=secret",
		"AWS_EC2_METADATA_DISABLED=true",
		variablePrefix + "RESYNC_INTERVAL=1s",
		variablePrefix + "WITHDRAW_DELAY=1s",
		variablePrefix + "LOG_LEVEL=debug",
	}
}

// install applies the example and gives its Deployment.
func (c *controlPlane) install(t *testing.T) *appsv1.Deployment {
	t.Helper()
	if err := c.apply(manifests("example")); err != nil {
		t.Fatal(err)
	}
	return the(t, typed[appsv1.Deployment](t, kustomize(t, manifests("example"))))
}

// mustEnforceRestricted asks for a Pod that PodSecurity must refuse. Else that ours is admitted says nothing.
func (c *controlPlane) mustEnforceRestricted(t *testing.T, namespace string) {
	t.Helper()
	loose := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "loose"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "loose", Image: "loose"}}},
	}
	_, err := c.admin.CoreV1().Pods(namespace).Create(t.Context(), loose, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Fatalf("a Pod that says nothing of its safety is answered with: %v", err)
	}
}
