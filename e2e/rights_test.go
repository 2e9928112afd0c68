//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ownNamespace is where the manifests put the controller.
const ownNamespace = "kube-static-egress-controller"

// right is what one verb in a rule of a role lets the controller do.
type right struct {
	role, namespace string // kind and name; empty for a ClusterRole
	rule            rbacv1.PolicyRule
}

// String names a right as the tables below do. Of several names the first stands for all.
func (r right) String() string {
	text := fmt.Sprintf("%s: %s/%s", r.role, r.rule.Resources[0], r.rule.Verbs[0])
	if len(r.rule.ResourceNames) > 0 {
		text += " " + r.rule.ResourceNames[0]
	}
	return text
}

// breaks is what becomes of a controller that lacks one right.
type breaks struct {
	says    []string // all in its log
	nothing bool     // nothing is made
	// before sets up what makes the right matter, in the namespace where the controller keeps its own. May be nil.
	before func(t *testing.T, c *controlPlane, home string)
	spares int      // so many addresses are there that nothing uses
	flags  []string // other than those of the manifests
	alone  bool     // others would read what it sets up
}

// needed says of each right what it is for: there is none without a row, and no row without a right.
var needed = map[string]breaks{
	"ClusterRole claims: configmaps/list":            {says: []string{`cannot list resource \"configmaps\"`}, nothing: true},
	"ClusterRole claims: configmaps/watch":           {says: []string{`cannot watch resource \"configmaps\"`}},
	"ClusterRole owner: namespaces/get kube-system":  {says: []string{"it is not known for whom this is"}, nothing: true},
	"Role claims: configmaps/list":                   {says: []string{"namespace team-a", `cannot list resource \"configmaps\"`}},
	"Role claims: configmaps/watch":                  {says: []string{`cannot watch resource \"configmaps\"`}},
	"Role claims: namespaces/get":                    {says: []string{"may not look whether the namespace exists", "namespace=team-a"}},
	"Role owner: namespaces/get kube-system":         {says: []string{"it is not known for whom this is"}, nothing: true},
	"Role home: configmaps/create":                   {says: []string{"what has to be remembered cannot be written", `cannot create resource \"configmaps\"`}},
	"Role home: configmaps/get static-egress-status": {says: []string{"the status cannot be written", `cannot get resource \"configmaps\"`}},
	"Role home: configmaps/update static-egress-status": {
		says: []string{"the status cannot be written", `cannot update resource \"configmaps\"`},
	},
	"Role home: configmaps/get static-egress-state": {
		says: []string{"what was remembered cannot be had", `cannot get resource \"configmaps\"`},
	},
	"Role home: configmaps/update static-egress-state": {
		says: []string{"what has to be remembered cannot be written", `cannot update resource \"configmaps\"`},
	},
	"Role home: configmaps/get static-egress-state-1-even": {
		says: []string{"parts of an older state are left", `cannot get resource \"configmaps\"`},
	},
	"Role home: configmaps/delete static-egress-state-1-even": {
		says:   []string{"parts of an older state are left", `cannot delete resource \"configmaps\"`},
		before: leftParts,
	},
	"Role home: configmaps/update static-egress-state-1-even": {
		says:   []string{"what has to be remembered cannot be written", `cannot update resource \"configmaps\"`},
		before: leftPartsOfMuch, flags: []string{"--namespace=large"}, alone: true,
	},
	"Role home: leases/create": {
		says: []string{"the lease cannot be had or renewed", `cannot create resource \"leases\"`}, nothing: true,
	},
	"Role home: leases/get static-egress-leader": {
		says: []string{"the lease cannot be had or renewed", `cannot get resource \"leases\"`}, nothing: true,
	},
	"Role home: leases/update static-egress-leader": {
		says:   []string{"the lease cannot be had or renewed", `cannot update resource \"leases\"`},
		before: leftLease, nothing: true,
	},
	"ClusterRole claims: events/create": {says: untold("create", "default")},
	"ClusterRole claims: events/patch":  {says: untold("patch", "default")},
	"Role claims: events/create":        {says: untold("create", "team-a")},
	"Role claims: events/patch":         {says: untold("patch", "team-a")},
	"Role events: events/create":        {says: untold("create", "rights-")},
	"Role events: events/patch":         {says: untold("patch", "rights-"), spares: similar},
}

// untold is what the log says of an event that may not be written in a namespace, whose name begins like that.
func untold(verb, namespace string) []string {
	return []string{"an event cannot be written", fmt.Sprintf(`cannot %s resource \"events\"`, verb), `in the namespace \"` + namespace}
}

// similar is so much news of one sort about one thing that the last of it is counted, by a patch: client-go's correlator
// writes 10 events that are alike, and one that stands for all others.
const similar = 15

// mistakes are values of which each is refused for a reason of its own, and told so.
func mistakes(namespace string) *corev1.ConfigMap {
	cm := configMap(namespace, "mistakes")
	for i := range similar {
		cm.Data[fmt.Sprint("key-", i)] = fmt.Sprint("nonsense-", i)
	}
	return cm
}

// leftLease is what is there when the one who led has given it up.
func leftLease(t *testing.T, c *controlPlane, home string) {
	t.Helper()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "static-egress-leader"}}
	if _, err := c.admin.CoordinationV1().Leases(home).Create(t.Context(), lease, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// spare is an address of ours that nothing uses.
func (s *site) spare(t *testing.T, owner, zone string) {
	t.Helper()
	var tags []types.Tag
	for key, value := range map[string]string{
		"cluster": clusterID, "controller": "kube-static-egress-controller", "owner": owner, "role": "eip", "zone": zone,
	} {
		tags = append(tags, types.Tag{Key: aws.String("static-egress/" + key), Value: aws.String(value)})
	}
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeElasticIp, Tags: tags}},
	})
}

// leftParts are what a save that was interrupted leaves.
func leftParts(t *testing.T, c *controlPlane, home string) {
	t.Helper()
	for _, name := range []string{"static-egress-state-1-even", "static-egress-state-1-odd"} {
		c.put(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: home, Name: name}})
	}
}

// leftPartsOfMuch has so much to be remembered besides that it goes on in one of these.
func leftPartsOfMuch(t *testing.T, c *controlPlane, home string) {
	t.Helper()
	leftParts(t, c, home)
	c.addNamespace(t, "large")
	r := remembering{T: t, cluster: c, namespace: "large"}
	for _, cm := range r.asksMuch() {
		t.Cleanup(func() { // when the test's own context has ended
			if err := c.admin.CoreV1().ConfigMaps("large").Delete(context.Background(), cm.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEachRightIsNeeded takes away each verb of each rule of the manifests' roles, one at a time, and runs the program with
// what is left, as its service account: something breaks, and the log says what.
func TestEachRightIsNeeded(t *testing.T) {
	t.Parallel()
	c := newControlPlane(t)
	c.put(t, configMap("default", "egress-t1", "dns=8.8.8.8"))
	c.put(t, mistakes("default"))
	for _, namespace := range []string{"team-a", "team-b"} {
		c.addNamespace(t, namespace)
		c.put(t, configMap(namespace, "egress-t1", "dns=8.8.8.8"))
		c.put(t, mistakes(namespace))
	}
	tried, parallel := map[string]bool{}, []func(){}
	for _, folder := range []string{"example", "example-namespaces"} {
		objects := kustomize(t, manifests(folder))
		usual := namespaceFlags(t, objects)
		all := rightsOf(t, objects)
		for _, r := range all {
			name := r.String()
			// The status is everybody's, and TestDeployment shows what its Role is for.
			if tried[name] || r.role == "Role status" {
				tried[name] = true
				continue
			}
			tried[name] = true
			without, ok := needed[name]
			if !ok {
				t.Errorf("%s: nobody has shown what it is needed for", name)
				continue
			}
			run := func(t *testing.T) {
				account := c.accountWith(t, slices.DeleteFunc(slices.Clone(all), r.is))
				account.breaks(t, without, usual)
			}
			if without.alone {
				t.Run(name, run)
				continue
			}
			parallel = append(parallel, func() { t.Run(name, func(t *testing.T) { t.Parallel(); run(t) }) })
		}
		parallel = append(parallel, func() {
			t.Run("all of "+folder, func(t *testing.T) {
				t.Parallel()
				c.accountWith(t, all).breaksNothing(t, usual)
			})
		})
	}
	for _, start := range parallel {
		start()
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if !tried[name] {
			t.Errorf("no role gives %q", name)
		}
	}
}

// namespaceFlags are what the settings say of --namespace.
func namespaceFlags(t *testing.T, objects []*unstructured.Unstructured) []string {
	t.Helper()
	for _, cm := range typed[corev1.ConfigMap](t, objects) {
		if names := cm.Data["KUBE_STATIC_EGRESS_CONTROLLER_NAMESPACE"]; names != "" {
			return []string{"--namespace=" + names}
		}
	}
	return nil
}

// rightsOf takes the roles apart.
func rightsOf(t *testing.T, objects []*unstructured.Unstructured) (all []right) {
	t.Helper()
	add := func(role, namespace string, rules []rbacv1.PolicyRule) {
		kind, name, _ := strings.Cut(role, " ")
		for _, rule := range rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					one := rule.DeepCopy()
					one.Resources, one.Verbs = []string{resource}, []string{verb}
					all = append(all, right{role: kind + " " + strings.TrimPrefix(name, "kube-static-egress-controller-"), namespace: namespace, rule: *one})
				}
			}
		}
	}
	for _, r := range typed[rbacv1.ClusterRole](t, objects) {
		add("ClusterRole "+r.Name, "", r.Rules)
	}
	for _, r := range typed[rbacv1.Role](t, objects) {
		add("Role "+r.Name, r.Namespace, r.Rules)
	}
	if len(all) < 10 {
		t.Fatalf("the manifests give %d rights: is the search for them broken?", len(all))
	}
	return all
}

// is says whether it is the same right: one in another namespace is another.
func (r right) is(other right) bool {
	return r.String() == other.String() && r.namespace == other.namespace
}

// account is a service account of the controller's, with its own namespace.
type account struct {
	cluster    *controlPlane
	home       string
	kubeconfig string
}

// accountWith makes one that has these rights, and waits until they count. Those of the controller's own namespace are for
// the account's.
func (c *controlPlane) accountWith(t *testing.T, rights []right) account {
	t.Helper()
	name := fmt.Sprintf("rights-%d", accounts.Add(1))
	c.addNamespace(t, name)
	made := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.admin.CoreV1().ServiceAccounts(name).Create(t.Context(), made, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	rules := map[string][]rbacv1.PolicyRule{} // by namespace
	for _, r := range rights {
		where := r.namespace
		if where == ownNamespace {
			where = name
		}
		if r.role != "Role status" {
			rules[where] = append(rules[where], r.rule)
		}
	}
	for where, rules := range rules {
		c.grant(t, where, name, rules)
	}
	for where, rules := range rules {
		for _, rule := range rules {
			eventually(t, func() error { return c.allowed(t, where, name, rule) })
		}
	}
	return account{cluster: c, home: name, kubeconfig: c.kubeconfigIn(t, c.token(t, name, name), name)}
}

func (c *controlPlane) grant(t *testing.T, where, name string, rules []rbacv1.PolicyRule) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: name, Namespace: where}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: name, Name: name}}
	rbac, ctx, options := c.admin.RbacV1(), t.Context(), metav1.CreateOptions{}
	var errs [2]error
	if where == "" {
		_, errs[0] = rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, options)
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
		_, errs[1] = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, options)
	} else {
		_, errs[0] = rbac.Roles(where).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, options)
		ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name}
		_, errs[1] = rbac.RoleBindings(where).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, options)
	}
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
}

// allowed asks whether a rule counts already.
func (c *controlPlane) allowed(t *testing.T, where, name string, rule rbacv1.PolicyRule) error {
	t.Helper()
	attributes := &authorizationv1.ResourceAttributes{
		Namespace: where, Group: rule.APIGroups[0], Resource: rule.Resources[0], Verb: rule.Verbs[0],
	}
	if len(rule.ResourceNames) > 0 {
		attributes.Name = rule.ResourceNames[0]
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:" + name + ":" + name, ResourceAttributes: attributes,
	}}
	review, err := c.admin.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		return hopeless{err}
	}
	if !review.Status.Allowed {
		return fmt.Errorf("%s may not %s %s in %q yet", name, rule.Verbs[0], rule.Resources[0], where)
	}
	return nil
}

// breaks runs the program until its log says what is wrong.
func (a account) breaks(t *testing.T, want breaks, flags []string) {
	t.Helper()
	s := newSite(t, zoneA)
	for range want.spares {
		s.spare(t, a.cluster.owner(t), zoneA)
	}
	before := s.snapshot(t)
	if want.before != nil {
		want.before(t, a.cluster, a.home)
	}
	if want.flags != nil {
		flags = want.flags
	}
	program := s.controller(t, append([]string{"--kubeconfig=" + a.kubeconfig}, flags...)...)
	running := program.start(t)
	eventually(t, func() error {
		if running.ended() {
			return hopeless{fmt.Errorf("the program has ended: %v", running.cmd.ProcessState)}
		}
		return a.says(program.log, want.says)
	})
	running.terminate(t)
	if after := s.snapshot(t); want.nothing && before != after {
		t.Errorf("something was made:\n%s", difference(before, after))
	}
}

// says wants one line of a log to say all of it.
func (account) says(log string, words []string) error {
	text, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return nil
		}
	}
	return fmt.Errorf("no line of the log says %q", words)
}

// breaksNothing runs the program until all is made, and wants nothing of what the others have to say to be said.
func (a account) breaksNothing(t *testing.T, flags []string) {
	t.Helper()
	s := newSite(t, zoneA)
	leftParts(t, a.cluster, a.home)
	program := s.controller(t, append([]string{"--kubeconfig=" + a.kubeconfig}, flags...)...)
	want := pictureOf(s.snapshot(t))
	want.path(a.cluster.owner(t), zoneA)
	want.route("dmz-"+zoneA, zoneA, "8.8.8.8/32")
	running := program.start(t)
	eventually(t, func() error {
		if running.ended() {
			return hopeless{fmt.Errorf("the program has ended: %v", running.cmd.ProcessState)}
		}
		status, err := a.cluster.admin.CoreV1().ConfigMaps(a.home).Get(t.Context(), statusName, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return hopeless{err}
		}
		if !strings.Contains(status.Data["addresses"], zoneA) {
			return errors.New("the status shows no address")
		}
		return s.compare(t, want.String())
	})
	running.terminate(t)
	text, err := os.ReadFile(program.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "forbidden") && strings.Contains(line, a.home) {
			t.Errorf("it lacks a right: %s", line)
		}
	}
}
