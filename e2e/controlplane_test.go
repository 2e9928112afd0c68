//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// controlPlane is a Kubernetes cluster without nodes: a kube-apiserver with its etcd, and what makes a namespace go when
// it is deleted.
type controlPlane struct {
	dir     string
	host    string   // of the API server
	ports   []string // secure, etcd's client, etcd's peer; they stay through a restart
	admin   *kubernetes.Clientset
	tokens  map[string]string // by user
	server  *process
	manager *process
}

// The users that every cluster has. What tests call others are service accounts, which RBAC applies to.
const (
	adminUser   = "admin"
	managerUser = "system:kube-controller-manager" // Kubernetes' own roles know it
)

var shared = sync.OnceValues(func() (*controlPlane, error) {
	return startControlPlane(filepath.Join(workDir, "cluster"))
})

// sharedControlPlane gives a test the cluster of all those that are content with a namespace.
func sharedControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newControlPlane gives a test a whole cluster of its own: to stop it, or to be alone in it.
func newControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	c, err := startControlPlane(filepath.Join(workDir, "cluster-"+fileName(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(c.server.log))
		}
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func fileName(t *testing.T) string {
	return strings.ReplaceAll(t.Name(), "/", "-")
}

func startControlPlane(dir string) (*controlPlane, error) {
	c := &controlPlane{dir: dir, tokens: map[string]string{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := c.writeKeys(); err != nil {
		return nil, err
	}
	var err error
	c.server, err = onFreePorts(3, func(ports []string) (*process, error) {
		c.ports = ports
		return c.startServer()
	}, c.healthy)
	if err != nil {
		return nil, err
	}
	return c, c.startManager()
}

// writeKeys writes what lets the API server know its users, and sign for service accounts.
func (c *controlPlane) writeKeys() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	var users strings.Builder
	for user, group := range map[string]string{adminUser: "system:masters", managerUser: ""} {
		token := make([]byte, 16)
		if _, err := rand.Read(token); err != nil {
			return err
		}
		c.tokens[user] = hex.EncodeToString(token)
		fmt.Fprintf(&users, "%s,%s,%s,%q\n", c.tokens[user], user, user, group)
	}
	for name, content := range map[string][]byte{
		"sa.key":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"sa.pub":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"tokens.csv": []byte(users.String()),
	} {
		if err := os.WriteFile(c.path(name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c *controlPlane) path(name string) string { return filepath.Join(c.dir, name) }

func (c *controlPlane) startServer() (*process, error) {
	c.host = "https://127.0.0.1:" + c.ports[0]
	return c.run(
		"kube-apiserver.log",
		"--secure-port="+c.ports[0],
		"--bind-address=127.0.0.1",
		"--cert-dir="+c.path("certs"),
		"--service-account-key-file="+c.path("sa.pub"),
		"--service-account-signing-key-file="+c.path("sa.key"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--token-auth-file="+c.path("tokens.csv"),
		"--authorization-mode=RBAC",
		// Else a privileged Pod is refused for that alone, and a test of PodSecurity passes for the wrong reason.
		"--allow-privileged=true",
		"--service-cluster-ip-range=10.0.0.0/24",
		// It waits for requests that run, a watch among them, and nothing here needs it to.
		"--shutdown-delay-duration=0s",
	)
}

func (c *controlPlane) startManager() error {
	kubeconfig, err := c.writeKubeconfig(c.path("manager.kubeconfig"), c.tokens[managerUser], metav1.NamespaceDefault)
	if err != nil {
		return err
	}
	c.manager, err = c.run(
		"kube-controller-manager.log",
		"controller-manager",
		"--kubeconfig="+kubeconfig,
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--service-account-private-key-file="+c.path("sa.key"),
		"--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller,"+
			"deployment-controller,replicaset-controller,validatingadmissionpolicy-status-controller,"+
			"root-ca-certificate-publisher-controller",
		// What pods trust: the server has signed its certificate itself.
		"--root-ca-file="+c.path("certs/apiserver.crt"),
	)
	return err
}

func (c *controlPlane) run(log string, args ...string) (*process, error) {
	kubeapi, err := made("kubeapi")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(kubeapi, args...)
	cmd.Env = []string{
		"HOME=" + c.dir,
		"ETCD_DIR=" + c.path("etcd"), "ETCD_CLIENT_PORT=" + c.ports[1], "ETCD_PEER_PORT=" + c.ports[2],
	}
	return start(cmd, c.path(log))
}

// healthy asks /readyz, with a client that is made when there is a certificate to trust.
func (c *controlPlane) healthy() error {
	config := rest.Config{
		Host:            c.host,
		BearerToken:     c.tokens[adminUser],
		TLSClientConfig: rest.TLSClientConfig{CAFile: c.path("certs/apiserver.crt")},
		QPS:             -1, // the tests' own pace is not what is tested
	}
	admin, err := kubernetes.NewForConfig(&config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := admin.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err != nil {
		return err
	}
	// Ready is said before the first namespaces are there.
	if _, err := admin.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	c.admin = admin
	return nil
}

// stop ends the API server, as if its machine were gone. What it holds is kept.
func (c *controlPlane) stop(t *testing.T) {
	t.Helper()
	if err := c.server.end(syscall.SIGKILL, patience); err != nil {
		t.Fatal(err)
	}
}

// start starts it again, at the same address and with what it held.
func (c *controlPlane) start(t *testing.T) {
	t.Helper()
	var err error
	if c.server, err = c.startServer(); err != nil {
		t.Fatal(err)
	}
	if err := c.server.ready(c.healthy); err != nil {
		t.Fatal(err, "\n", tail(c.server.log))
	}
}

func (c *controlPlane) end() error {
	if err := c.manager.end(syscall.SIGKILL, patience); err != nil {
		return err
	}
	return c.server.end(syscall.SIGKILL, patience)
}

// kubeconfig writes one for a token.
func (c *controlPlane) kubeconfig(t *testing.T, token string) string {
	t.Helper()
	return c.kubeconfigIn(t, token, metav1.NamespaceDefault)
}

// kubeconfigIn has a namespace of its own, where the controller keeps its two ConfigMaps.
func (c *controlPlane) kubeconfigIn(t *testing.T, token, namespace string) string {
	t.Helper()
	path, err := c.writeKubeconfig(filepath.Join(t.TempDir(), "kubeconfig"), token, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *controlPlane) writeKubeconfig(path, token, namespace string) (string, error) {
	const name = "e2e"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: c.host, CertificateAuthority: c.path("certs/apiserver.crt")}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	config.CurrentContext = name
	return path, clientcmd.WriteToFile(*config, path)
}
