//go:build e2e

package e2e

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// variablePrefix begins the environment variable of each flag.
const variablePrefix = "KUBE_STATIC_EGRESS_CONTROLLER_"

// environment is that of the container, with what the API server says of the Pod.
func (p *pod) environment(t *testing.T) []string {
	t.Helper()
	env := append([]string{"HOSTNAME=" + p.Name}, p.settings...) // of a name in both, what stands in env counts
	for _, v := range p.container.Env {
		value := v.Value
		if v.ValueFrom != nil {
			value = p.field(t, v.ValueFrom.FieldRef)
		}
		env = append(env, v.Name+"="+value)
	}
	for _, text := range slices.Concat(env, p.container.Command, p.container.Args) {
		if strings.Contains(text, "$(") {
			t.Fatalf("pod %s uses a variable within %q, which nobody does here", p.Name, text)
		}
	}
	return env
}

// settings are the variables of the ConfigMaps that the container names in envFrom, as the API server has them.
func (c *controlPlane) settings(t *testing.T, p *pod) (env []string) {
	t.Helper()
	for _, source := range p.container.EnvFrom {
		if source.ConfigMapRef == nil || source.Prefix != "" {
			t.Fatalf("pod %s takes variables from what nobody reads here: %+v", p.Name, source)
		}
		cm, err := c.admin.CoreV1().ConfigMaps(p.Namespace).Get(t.Context(), source.ConfigMapRef.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err) // the kubelet would not start the container either
		}
		for _, name := range slices.Sorted(maps.Keys(cm.Data)) {
			env = append(env, name+"="+cm.Data[name])
		}
	}
	return env
}

// field is a value of the downward API
// (https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields).
func (p *pod) field(t *testing.T, ref *corev1.ObjectFieldSelector) string {
	t.Helper()
	if ref == nil {
		t.Fatalf("pod %s has a variable that comes from no field of it", p.Name)
	}
	switch ref.FieldPath {
	case "metadata.name":
		return p.Name
	case "metadata.namespace":
		return p.Namespace
	case "metadata.uid":
		return string(p.UID)
	case "spec.nodeName":
		return p.Spec.NodeName
	case "spec.serviceAccountName":
		return p.Spec.ServiceAccountName
	}
	t.Fatalf("pod %s asks for %s, which nobody knows here", p.Name, ref.FieldPath)
	return ""
}

// says is what the arguments, or else the environment, give for a flag; empty if neither does.
func (p *pod) says(flag string, env []string) string {
	for i, arg := range p.container.Args {
		if value, ok := strings.CutPrefix(arg, "--"+flag+"="); ok {
			return value
		}
		if arg == "--"+flag && i+1 < len(p.container.Args) {
			return p.container.Args[i+1]
		}
	}
	variable := variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) + "="
	for _, v := range slices.Backward(env) { // the last one of a name counts
		if value, ok := strings.CutPrefix(v, variable); ok {
			return value
		}
	}
	return ""
}

// serviceEnvironment is what every container is told of the API server.
func (c *controlPlane) serviceEnvironment(t *testing.T) []string {
	t.Helper()
	host, err := url.Parse(c.host)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"KUBERNETES_SERVICE_HOST=" + host.Hostname(), "KUBERNETES_SERVICE_PORT=" + host.Port()}
}

// What the manifests are told of their Pod, these tests must tell them as the kubelet would.
func TestPodEnvironment(t *testing.T) {
	t.Parallel()
	from := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	p := &pod{
		Pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "egress-1", Namespace: "ns", UID: "4711"},
			Spec:       corev1.PodSpec{ServiceAccountName: "egress"},
		},
		settings: []string{variablePrefix + "LOG_LEVEL=info"},
		container: corev1.Container{
			Args: []string{"run", "--once", "--address=:1", "--tag-key", "Zone"},
			Env: []corev1.EnvVar{
				{Name: "POD_NAME", ValueFrom: from("metadata.name")},
				{Name: "POD_NAMESPACE", ValueFrom: from("metadata.namespace")},
				{Name: "POD_UID", ValueFrom: from("metadata.uid")},
				{Name: "ACCOUNT", ValueFrom: from("spec.serviceAccountName")},
				{Name: variablePrefix + "LOG_LEVEL", Value: "debug"},
				{Name: variablePrefix + "ADDRESS", Value: ":2"},
			},
		},
	}
	env := p.environment(t)
	want := []string{
		"HOSTNAME=egress-1", variablePrefix + "LOG_LEVEL=info", "POD_NAME=egress-1", "POD_NAMESPACE=ns", "POD_UID=4711", "ACCOUNT=egress",
		variablePrefix + "LOG_LEVEL=debug", variablePrefix + "ADDRESS=:2",
	}
	if !slices.Equal(env, want) {
		t.Errorf("the environment is %q, want %q", env, want)
	}
	for flag, want := range map[string]string{"address": ":1", "tag-key": "Zone", "log-level": "debug", "vpc-id": ""} {
		if have := p.says(flag, env); have != want {
			t.Errorf("--%s is %q, want %q", flag, have, want)
		}
	}
}
