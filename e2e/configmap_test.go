//go:build e2e

package e2e

import (
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// configMap is one that asks for static addresses. What it asks for is written key=value.
func configMap(namespace, name string, targets ...string) *corev1.ConfigMap {
	cm := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"egress": "static"}},
		Data:       map[string]string{},
	}
	for _, target := range targets {
		key, value, _ := strings.Cut(target, "=")
		cm.Data[key] = value
	}
	return cm
}

// put creates a ConfigMap, or makes the one that is there like this.
func (c *controlPlane) put(t *testing.T, cm *corev1.ConfigMap) {
	t.Helper()
	client := c.admin.CoreV1().ConfigMaps(cm.Namespace)
	_, err := client.Create(t.Context(), cm, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = client.Update(t.Context(), cm, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c *controlPlane) remove(t *testing.T, cm *corev1.ConfigMap) {
	t.Helper()
	if err := c.admin.CoreV1().ConfigMaps(cm.Namespace).Delete(t.Context(), cm.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *controlPlane) addNamespace(t *testing.T, name string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.admin.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// ownNamespace makes a namespace for one test in a cluster that others use too.
func (c *controlPlane) ownNamespace(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(fileName(t))
	c.addNamespace(t, name)
	return name
}

// owner is what rule 16 says stands for the cluster.
func (c *controlPlane) owner(t *testing.T) string {
	t.Helper()
	namespace, err := c.admin.CoreV1().Namespaces().Get(t.Context(), metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return string(namespace.UID)
}

// Rights of a service account, in all namespaces.
var (
	mayReadConfigMaps = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch"}}
	mayKeepMemory     = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "create", "update", "delete"}}
	mayLead           = rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}}
	mayTell           = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}}
	mayReadNamespaces = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"get", "list", "watch"}}
)

// user makes a service account with these rights, as the controller has one, and gives a kubeconfig with its token. Whoever is
// to do anything may lead and tell; what becomes of one that may not is shown by TestEachRightIsNeeded.
func (c *controlPlane) user(t *testing.T, rights ...rbacv1.PolicyRule) string {
	t.Helper()
	name := strings.ToLower(fileName(t))
	ctx := t.Context()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.admin.CoreV1().ServiceAccounts("default").Create(ctx, account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: append(rights, mayLead, mayTell)}
	if _, err := c.admin.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "default", Name: name}},
	}
	if _, err := c.admin.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := c.admin.CoreV1().ServiceAccounts("default").CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	home := "home-" + name
	c.addNamespace(t, home)
	return c.kubeconfigIn(t, token.Status.Token, home)
}
