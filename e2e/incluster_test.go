//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What runs in a cluster is the image, in both Pods that the ReplicaSet has made and PodSecurity has admitted: with the
// settings, the rights, the token and the certificate that its manifests give it, and nothing of this machine. One leads and
// one stands by; whatever ends the one that leads, no address is lost and nothing is doubled.
func TestInCluster(t *testing.T) {
	t.Parallel()
	s, c := newSite(t, zoneA, zoneB), newControlPlane(t)
	in := inCluster{T: t, site: s, cluster: c, want: pictureOf(s.snapshot(t))}
	in.home = c.install(t, example(t))
	c.mustEnforceRestricted(t, in.home.Namespace)
	c.put(t, configMap("default", "egress-t1", "service-provider1=192.112.1.0/21", "google-dns=8.8.8.8/32"))
	pods := c.pods(t, in.home)
	leader := c.runPod(t, &pods[0], s.podEnvironment()...)
	leader.tells(t, `"msg":"leading"`)
	standby := c.runPod(t, &pods[1], s.podEnvironment()...)
	standby.tells(t, `"msg":"another one leads","holder":"`+leader.identity()+`"`)
	in.want.path(c.owner(t), s.zones...)
	in.routed("192.112.0.0/21", "8.8.8.8/32")
	for _, p := range []*pod{leader, standby} {
		p.becomesReady(t)
	}
	built := s.observe(t).ids()
	c.wantsEvents(t, "default", "egress-t1", "Normal Active: to 192.112.0.0/21 (service-provider1), 8.8.8.8/32 (google-dns) from 127.")
	in.anybodySeesTheAddresses()

	leader.process.kill(t)
	leader.start(t)
	leader.tells(t, `"msg":"leading"`) // the lease is this Pod's still: it waits for nobody
	leader.becomesReady(t)
	in.asks("second", "9.9.9.9/32")

	leader.terminate(t)
	lease, status := in.lease(), in.status()
	if holder := aws.ToString(lease.Spec.HolderIdentity); holder == leader.identity() {
		t.Errorf("the leader has ended, and the lease is not given up")
	}
	if report := status.Data["report"]; !strings.Contains(report, "default/second/target") {
		t.Errorf("the leader has ended, and the status does not tell of all:\n%s", report)
	}
	standby.tells(t, `"msg":"leading"`)
	in.asks("third", "1.1.1.1/32")
	standby.becomesReady(t)
	standby.terminate(t)
	in.site.wantState(t, in.want.String())
	if now := s.observe(t).ids(); now != built {
		t.Errorf("something was made anew:\n%s", difference(built, now))
	}
}

// inCluster is a test of what runs in a cluster.
type inCluster struct {
	*testing.T
	site    *site
	cluster *controlPlane
	home    *appsv1.Deployment
	want    picture
}

// asks puts a ConfigMap, and waits until what it asks for is routed.
func (in *inCluster) asks(name, target string) {
	in.Helper()
	in.cluster.put(in.T, configMap("default", name, "target="+target))
	in.routed(target)
}

func (in *inCluster) routed(targets ...string) {
	in.Helper()
	for _, zone := range in.site.zones {
		in.want.route("dmz-"+zone, zone, targets...)
	}
	in.site.eventuallyState(in.T, in.want.String())
}

func (in *inCluster) lease() *coordinationv1.Lease {
	in.Helper()
	lease, err := in.cluster.admin.CoordinationV1().Leases(in.home.Namespace).Get(in.Context(), "static-egress-leader", metav1.GetOptions{})
	if err != nil {
		in.Fatal(err)
	}
	return lease
}

func (in *inCluster) status() *corev1.ConfigMap {
	in.Helper()
	status, err := in.cluster.admin.CoreV1().ConfigMaps(in.home.Namespace).Get(in.Context(), statusName, metav1.GetOptions{})
	if err != nil {
		in.Fatal(err)
	}
	return status
}

// anybodySeesTheAddresses asks for them as somebody who has the rights of everybody and no others, with the command that is
// in the documentation.
func (in *inCluster) anybodySeesTheAddresses() {
	in.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "anybody"}}
	if _, err := in.cluster.admin.CoreV1().ServiceAccounts("default").Create(in.Context(), account, metav1.CreateOptions{}); err != nil {
		in.Fatal(err)
	}
	kubeconfig := in.cluster.kubeconfig(in.T, in.cluster.token(in.T, "default", "anybody"))
	text, err := kubectl("--kubeconfig="+kubeconfig, "-n", in.home.Namespace, "get", "configmap", statusName, "-o", "jsonpath={.data.addresses}")
	if err != nil {
		in.Fatal(err)
	}
	for _, a := range in.site.observe(in.T).Addresses {
		if !strings.Contains(text, aws.ToString(a.PublicIp)) {
			in.Errorf("everybody is told the addresses\n%swithout %s", text, aws.ToString(a.PublicIp))
		}
	}
}

// identity is what it holds the lease by.
func (p *pod) identity() string { return p.Name + "_" + string(p.UID) }

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

// install applies a kustomization and gives its Deployment.
func (c *controlPlane) install(t *testing.T, dir string) *appsv1.Deployment {
	t.Helper()
	if err := c.apply(dir); err != nil {
		t.Fatal(err)
	}
	return the(t, typed[appsv1.Deployment](t, kustomize(t, dir)))
}

// example is a copy of the example, with settings for the sites of these tests.
func example(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, changes := range map[string][2]string{
		"kustomization.yaml": {"../", from(t, dir, manifests(".")) + "/"},
		"settings.env":       {"CLUSTER_ID=mycluster", "CLUSTER_ID=" + clusterID},
	} {
		text, err := os.ReadFile(filepath.Join(manifests("example"), name))
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(string(text), changes[0], changes[1])
		if changed == string(text) {
			t.Fatalf("%s has no %q", name, changes[0])
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
