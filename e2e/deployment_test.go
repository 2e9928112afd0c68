//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// TestDeployment applies the example of the README, field by field as strict as the API server can be, and then does the main
// job as its Pod would: with its arguments and settings, and with the rights of its service account and no others.
func TestDeployment(t *testing.T) {
	t.Parallel()
	s, c := newSite(t, zoneA, zoneB), newControlPlane(t)
	if err := c.apply(manifests("example")); err != nil {
		t.Fatal(err)
	}
	rendered := kustomize(t, manifests("example"))
	deployment := the(t, typed[appsv1.Deployment](t, rendered))
	pod := deployment.Spec.Template.Spec
	container := the(t, pointers(pod.Containers))
	c.put(t, configMap("default", "egress-t1", "service-provider1=192.112.1.0/21", "google-dns=8.8.8.8/32"))

	token := c.token(t, deployment.Namespace, pod.ServiceAccountName)
	control := s.controller(t)
	control.flags = slices.Concat(container.Args[1:], []string{"--kubeconfig=" + c.kubeconfigIn(t, token, deployment.Namespace)})
	control.provider, control.env = nil, slices.Concat(settings(t, typed[corev1.ConfigMap](t, rendered), container), control.env)
	report := control.once(t)
	control.planWantsNothing(t)
	if !strings.Contains(report.stdout, "192.112.0.0/21") || strings.Contains(report.stdout, "Warning") {
		t.Errorf("the report is not what it should be: %v", report)
	}
	status, err := c.admin.CoreV1().ConfigMaps(deployment.Namespace).Get(t.Context(), statusName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("addresses for everybody to read:\n%s", status.Data["addresses"])
	for _, zone := range []string{zoneA, zoneB} {
		if !strings.Contains(status.Data["addresses"], zone+" ") {
			t.Errorf("%s has no address in the status", zone)
		}
	}
	t.Run("pods", func(t *testing.T) { c.admitsPodsOf(t, deployment) })
	t.Run("status", func(t *testing.T) { c.showsEverybodyTheStatus(t, deployment.Namespace) })
}

// settings are the environment that a container gets from the ConfigMap that it names.
func settings(t *testing.T, all []*corev1.ConfigMap, container *corev1.Container) (env []string) {
	t.Helper()
	name := the(t, pointers(container.EnvFrom)).ConfigMapRef.Name
	i := slices.IndexFunc(all, func(cm *corev1.ConfigMap) bool { return cm.Name == name })
	if i < 0 {
		t.Fatalf("the settings are to be in ConfigMap %s, which is not there", name)
	}
	for key, value := range all[i].Data {
		env = append(env, key+"="+value)
	}
	return env
}

func pointers[T any](values []T) (all []*T) {
	for i := range values {
		all = append(all, &values[i])
	}
	return all
}

// token is one of a service account that is there.
func (c *controlPlane) token(t *testing.T, namespace, account string) string {
	t.Helper()
	token, err := c.admin.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

// as is a client of whoever has the token.
func (c *controlPlane) as(t *testing.T, token string) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig(t, token))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// admitsPodsOf wants the Pods that the ReplicaSet makes to be there, and a copy of one that asks for more than PodSecurity
// gives to be refused for that.
func (c *controlPlane) admitsPodsOf(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	pods := c.admin.CoreV1().Pods(deployment.Namespace)
	var one corev1.Pod
	eventually(t, func() error {
		found, err := pods.List(t.Context(), metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(deployment.Spec.Selector)})
		if err != nil {
			return hopeless{err}
		}
		if len(found.Items) != int(*deployment.Spec.Replicas) {
			return fmt.Errorf("there are %d Pods", len(found.Items))
		}
		one = found.Items[0]
		return nil
	})
	yes := true
	for want, change := range map[string]func(*corev1.Pod){
		"privileged":            func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Privileged = &yes },
		"host namespaces":       func(p *corev1.Pod) { p.Spec.HostNetwork = true },
		"runAsNonRoot":          func(p *corev1.Pod) { p.Spec.SecurityContext.RunAsNonRoot = nil },
		"seccompProfile":        func(p *corev1.Pod) { p.Spec.SecurityContext.SeccompProfile = nil },
		"unrestricted capabil":  func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.Capabilities = nil },
		"allowPrivilegeEscalat": func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil },
	} {
		worse := one.DeepCopy()
		worse.ObjectMeta = metav1.ObjectMeta{GenerateName: "worse-"}
		if want == "privileged" { // it goes with this one only
			worse.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = &yes
		}
		change(worse)
		_, err := pods.Create(t.Context(), worse, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil || !strings.Contains(err.Error(), "violates PodSecurity \"restricted") || !strings.Contains(err.Error(), want) {
			t.Errorf("a Pod is to be refused for %q, and the answer is %v", want, err)
		}
	}
	same := one.DeepCopy()
	same.ObjectMeta = metav1.ObjectMeta{GenerateName: "same-"}
	if _, err := pods.Create(t.Context(), same, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("the copy without a change is refused too: %v", err)
	}
}

// showsEverybodyTheStatus wants somebody who has no rights but those of everybody to read the status, and nothing else.
func (c *controlPlane) showsEverybodyTheStatus(t *testing.T, namespace string) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "somebody"}}
	if _, err := c.admin.CoreV1().ServiceAccounts("default").Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	anybody := c.as(t, c.token(t, "default", "somebody")).CoreV1()
	status, err := anybody.ConfigMaps(namespace).Get(t.Context(), statusName, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("the status cannot be read by everybody: %v", err)
	}
	if _, err := anybody.ConfigMaps(namespace).Get(t.Context(), stateName, metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the state can be read too: %v", err)
	}
	if _, err := anybody.ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("all can be read: %v", err)
	}
	if _, err := anybody.ConfigMaps(namespace).Update(t.Context(), status, metav1.UpdateOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("the status can be written: %v", err)
	}
	if _, err := anybody.ConfigMaps("default").Get(t.Context(), statusName, metav1.GetOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("what has the same name elsewhere can be read: %v", err)
	}
	// It is this Role that lets them.
	if err := c.admin.RbacV1().Roles(namespace).Delete(t.Context(), "kube-static-egress-controller-status", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := anybody.ConfigMaps(namespace).Get(t.Context(), statusName, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return nil
		case err != nil:
			return hopeless{err}
		}
		return errors.New("the status can still be read")
	})
}
