//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pod is one that the API server has admitted, and its container, which runs here: there is no kubelet, so to the API
// server it stays pending. What the kubelet would do with it is done as the Pod says; where it says something that nobody
// does here, the test fails.
type pod struct {
	*corev1.Pod
	container corev1.Container
	settings  []string // the environment that it takes from ConfigMaps
	address   string   // where it serves
	command   func() *exec.Cmd
	process   *process
	begun     int // where in the log its last start begins
}

// pods gives those that a Deployment has, when all of them are there.
func (c *controlPlane) pods(t *testing.T, d *appsv1.Deployment) []corev1.Pod {
	t.Helper()
	selector := metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)}
	var pods []corev1.Pod
	eventually(t, func() error {
		list, err := c.admin.CoreV1().Pods(d.Namespace).List(t.Context(), selector)
		if err != nil {
			return hopeless{err}
		}
		pods = slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
		if want := int(*d.Spec.Replicas); len(pods) != want {
			return fmt.Errorf("%d pods of %d: %s", len(pods), want, c.refusals(t, d, selector))
		}
		return nil
	})
	return pods
}

// refusals is why there are not enough pods.
func (c *controlPlane) refusals(t *testing.T, d *appsv1.Deployment, selector metav1.ListOptions) string {
	t.Helper()
	sets, err := c.admin.AppsV1().ReplicaSets(d.Namespace).List(t.Context(), selector)
	if err != nil {
		return err.Error()
	}
	var messages []string
	for _, set := range sets.Items {
		for _, condition := range set.Status.Conditions {
			messages = append(messages, condition.Message)
		}
	}
	return strings.Join(messages, "; ")
}

// runPod runs the container of a Pod out of the image, until the test ends or somebody ends it. The environment is added to
// what the Pod says, which counts more.
func (c *controlPlane) runPod(t *testing.T, admitted *corev1.Pod, env ...string) *pod {
	t.Helper()
	p := &pod{Pod: admitted, container: onlyContainer(t, admitted)}
	p.settings = c.settings(t, p)
	own := p.environment(t)
	p.address = p.says("address", own)
	if p.address == "" {
		// On a node each Pod has an address of its own, and here all have one.
		ports, err := freePorts(1)
		if err != nil {
			t.Fatal(err)
		}
		p.address = net.JoinHostPort("127.0.0.1", ports[0])
		env = append(env, variablePrefix+"ADDRESS="+p.address)
	}

	i := images(t)[thisPlatform]
	root := t.TempDir()
	i.unpack(t, root)
	c.mount(t, p, root)
	writeProtect(t, root)
	command := p.container.Command
	if len(command) == 0 {
		command = i.config.Config.Entrypoint
	}
	user, group := p.user(t)
	environment := slices.Concat(i.config.Config.Env, c.serviceEnvironment(t), env, own) // the last one of a name counts
	p.command = func() *exec.Cmd {
		cmd := &exec.Cmd{Path: command[0], Args: slices.Concat(command, p.container.Args), Dir: "/", Env: environment}
		cmd.SysProcAttr = &syscall.SysProcAttr{}
		confine(t, cmd.SysProcAttr, root, user, group)
		return cmd
	}
	p.start(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(p.process.log))
		}
		if !p.process.ended() {
			p.terminate(t)
		}
	})
	return p
}

func onlyContainer(t *testing.T, p *corev1.Pod) corev1.Container {
	t.Helper()
	if len(p.Spec.InitContainers) > 0 || len(p.Spec.Containers) != 1 ||
		p.Spec.Containers[0].WorkingDir != "" || p.Spec.Containers[0].Lifecycle != nil {
		t.Fatalf("pod %s says what nobody does here:\n%+v", p.Name, p.Spec)
	}
	return p.Spec.Containers[0]
}

// start starts the container, for the first time or, as the kubelet does where it ended, again.
func (p *pod) start(t *testing.T) {
	t.Helper()
	if p.process != nil {
		p.begun = heard(t, p.process.log)
	}
	var err error
	p.process, err = start(p.command(), filepath.Join(workDir, "pod-"+fileName(t)+"-"+p.Name+".log"))
	if err != nil {
		t.Fatal(err)
	}
}

// tells waits until the container's log says it, since its last start.
func (p *pod) tells(t *testing.T, words string) {
	t.Helper()
	says(t, p.process.log, p.begun, words)
}

// user is who the container runs as: its own word counts more than that of the whole Pod.
func (p *pod) user(t *testing.T) (user, group int) {
	t.Helper()
	user, group = nonroot, nonroot // the image's word
	of := func(u, g *int64) {
		if u != nil {
			user = int(*u)
		}
		if g != nil {
			group = int(*g)
		}
	}
	mustNotBeRoot := false
	if c := p.Spec.SecurityContext; c != nil {
		of(c.RunAsUser, c.RunAsGroup)
		mustNotBeRoot = c.RunAsNonRoot != nil && *c.RunAsNonRoot
	}
	if c := p.container.SecurityContext; c != nil {
		of(c.RunAsUser, c.RunAsGroup)
		if c.RunAsNonRoot != nil {
			mustNotBeRoot = *c.RunAsNonRoot
		}
	}
	if mustNotBeRoot && user == 0 {
		t.Fatalf("pod %s must not run as root, and does", p.Name)
	}
	return user, group
}

// answers asks one of the probes of the container.
func (p *pod) answers(t *testing.T, probe *corev1.Probe) error {
	t.Helper()
	if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Scheme != corev1.URISchemeHTTP {
		t.Fatalf("pod %s has a probe that nobody asks here: %v", p.Name, probe)
	}
	if p.process.ended() {
		return hopeless{fmt.Errorf("it ended: %v", p.process.cmd.ProcessState)}
	}
	p.mustServe(t, p.port(t, probe.HTTPGet.Port))
	_, port, err := net.SplitHostPort(p.address)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + net.JoinHostPort("127.0.0.1", port) + probe.HTTPGet.Path)
	if err != nil {
		return err
	}
	_ = response.Body.Close() // the status is all that the kubelet looks at
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("%s answers %s", probe.HTTPGet.Path, response.Status)
	}
	return nil
}

// mustServe fails where the kubelet would ask a port that the program does not serve.
func (p *pod) mustServe(t *testing.T, asked string) {
	t.Helper()
	address := p.says("address", p.environment(t))
	if address == "" {
		address = ":8080" // the flag's default
	}
	if _, port, err := net.SplitHostPort(address); err != nil || port != asked {
		t.Fatalf("the probes of pod %s ask port %s, and it serves %q (%v)", p.Name, asked, address, err)
	}
}

func (p *pod) port(t *testing.T, port intstr.IntOrString) string {
	t.Helper()
	if port.Type == intstr.Int {
		return port.String()
	}
	for _, named := range p.container.Ports {
		if named.Name == port.StrVal {
			return fmt.Sprint(named.ContainerPort)
		}
	}
	t.Fatalf("pod %s has no port that is called %q", p.Name, port.StrVal)
	return ""
}

// becomesReady waits until both probes answer.
func (p *pod) becomesReady(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		return errors.Join(p.answers(t, p.container.LivenessProbe), p.answers(t, p.container.ReadinessProbe))
	})
}

// terminate ends the container as the kubelet does, and wants it to end well within the Pod's grace period.
func (p *pod) terminate(t *testing.T) {
	t.Helper()
	grace := time.Duration(*p.Spec.TerminationGracePeriodSeconds) * time.Second // the API server sets it where nobody did
	if err := p.process.end(syscall.SIGTERM, grace); err != nil {
		t.Error(err)
	} else if code := p.process.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("pod %s ended with %v after SIGTERM\n%s", p.Name, p.process.cmd.ProcessState, tail(p.process.log))
	}
}
