//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What cannot be written down is forgotten by the next restart, so nothing is withdrawn; all else goes on.
func TestMemoryMayNotBeWritten(t *testing.T) {
	t.Parallel()
	r := remember(t, newSite(t, zoneA), sharedControlPlane(t))
	gone := configMap(r.namespace, "gone", "one=9.9.9.9")
	r.cluster.put(t, gone)
	r.cluster.put(t, configMap(r.namespace, "partners", "dns=8.8.8.8"))
	r.build("8.8.8.8/32", "9.9.9.9/32")
	r.passes(2)

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

	r.noRoutes("9.9.9.9/32")
	r.allow(true, true, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)
	r.becomes("the rights are given back")
	r.controller.planWantsNothing(t)
}

// allow gives the controller these rights and no others, and waits until that counts.
func (r *remembering) allow(mayRead, mayWrite bool, rights ...rbacv1.PolicyRule) {
	r.Helper()
	roles := r.cluster.admin.RbacV1().ClusterRoles()
	role, err := roles.Get(r.Context(), r.account, metav1.GetOptions{})
	if err != nil {
		r.Fatal(err)
	}
	role.Rules = append(rights, mayLead, mayTell)
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
