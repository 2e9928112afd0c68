//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfigOf joins the current contexts of several kubeconfigs, each by the name given to it.
func kubeconfigOf(t *testing.T, files map[string]string) string {
	t.Helper()
	joined := clientcmdapi.NewConfig()
	for name, file := range files {
		one, err := clientcmd.LoadFromFile(file)
		if err != nil {
			t.Fatal(err)
		}
		context := one.Contexts[one.CurrentContext]
		joined.Clusters[name], joined.AuthInfos[name] = one.Clusters[context.Cluster], one.AuthInfos[context.AuthInfo]
		joined.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: context.Namespace}
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*joined, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Several clusters leave through the same addresses. One that cannot be reached keeps what it claims, and stops nobody.
func TestSeveralClusters(t *testing.T) {
	t.Parallel()
	home, other := sharedControlPlane(t), newControlPlane(t)
	tr := newTroupe(t, home)
	other.addNamespace(t, tr.namespace)
	kubeconfig := kubeconfigOf(t, map[string]string{
		// Sorted by name, the other one would be the home.
		"zz-home": strings.TrimPrefix(tr.flags[0], "--kubeconfig="),
		"aa-away": other.user(t, mayReadConfigMaps, mayReadNamespaces),
	})
	tr.flags[0] = "--kubeconfig=" + kubeconfig
	tr.flags = append(tr.flags, "--context=zz-home", "--context=aa-away")
	one := tr.replica("one")
	one.begin(t)

	tr.want.path(home.owner(t), tr.site.zones...)
	tr.asks("the home asks", "first", "8.8.8.8/32")
	away := *tr
	away.cluster = other
	away.asks("the other one asks", "first", "9.9.9.9/32")
	one.planWantsNothing(t)
	status, err := home.admin.CoreV1().ConfigMaps(tr.home).Get(t.Context(), statusName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{" " + tr.namespace + "/first/target", "aa-away/" + tr.namespace + "/first/target"} {
		if !strings.Contains(status.Data["report"], who) {
			t.Errorf("the status does not tell of%s:\n%s", who, status.Data["report"])
		}
	}
	for _, namespace := range []string{tr.home, tr.namespace} {
		_, err := other.admin.CoreV1().ConfigMaps(namespace).Get(t.Context(), statusName, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("there is a status in the other cluster's %s: %v", namespace, err)
		}
	}
	for _, c := range []*controlPlane{home, other} {
		c.wantsEvents(t, tr.namespace, "first", "Normal Active: to")
	}

	other.stop(t)
	tr.asks("the home asks while the other one is away", "second", "1.1.1.1/32")
	tr.cluster.remove(t, configMap(tr.namespace, "second"))
	for _, zone := range tr.site.zones {
		tr.want.noRoute("dmz-"+zone, "1.1.1.1/32")
	}
	tr.wants("the home no longer asks for it, and the other one is still away")
	one.running.kill(t)
	one.begin(t)
	tr.asks("it is killed and started again, and the other one is still away", "third", "4.4.4.4/32")

	other.start(t)
	other.remove(t, configMap(tr.namespace, "first"))
	for _, zone := range tr.site.zones {
		tr.want.noRoute("dmz-"+zone, "9.9.9.9/32")
	}
	tr.wants("the other one is there again, and no longer asks")
	one.planWantsNothing(t)
}

// wantsEvents waits until a ConfigMap has just these events, each by the beginning of its type, reason and note.
func (c *controlPlane) wantsEvents(t *testing.T, namespace, name string, want ...string) {
	t.Helper()
	eventually(t, func() error {
		events, err := c.events(t, namespace, name)
		if err != nil {
			return err
		}
		if len(events) != len(want) {
			return fmt.Errorf("%s/%s has the events %q, want %q", namespace, name, events, want)
		}
		for i, e := range events {
			if !strings.HasPrefix(e, want[i]) {
				return fmt.Errorf("%s/%s has the event %q, want %q", namespace, name, e, want[i])
			}
		}
		return nil
	})
}

// events are those on a ConfigMap, in the order in which they were first written.
func (c *controlPlane) events(t *testing.T, namespace, name string) (lines []string, err error) {
	cm, err := c.admin.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	// As kubectl describe asks for them.
	list, err := c.admin.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: fmt.Sprintf("involvedObject.kind=ConfigMap,involvedObject.name=%s,involvedObject.uid=%s", name, cm.UID),
	})
	if err != nil {
		return nil, err
	}
	items := list.Items
	sortByVersion(t, items)
	for _, e := range items {
		for range max(1, e.Count) {
			lines = append(lines, fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message))
		}
	}
	return lines, nil
}
