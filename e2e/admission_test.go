//go:build e2e

package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const policyName = "kube-static-egress-controller"

// letThrough is what the controller refuses and the policy cannot, by topic and value, with the reason. There is nothing
// that the policy refuses and the controller takes.
var letThrough = map[string]string{
	"the VPC's own, allowed in vain: 10.0.0.0/24": "the policy does not know the VPC's own networks",
	"allowed: 10.9.0.0/23":                        "an allowed network touches it, and the policy does not add up whether all of them together cover it",
}

// TestAdmission holds the policy against the table that is made by the controller's own parser: what the controller takes
// is taken, and what it refuses is refused, each with the flags of its topic.
func TestAdmission(t *testing.T) {
	t.Parallel()
	c := newControlPlane(t)
	if err := c.apply(manifests("example")); err != nil {
		t.Fatal(err)
	}
	t.Run("types", c.policyIsTyped)
	t.Run("settings", policyIsSet)
	unused := maps.Clone(letThrough)
	for i, topic := range valueTable(t) {
		c.policyGoesBy(t, topic.flags, i)
		for _, v := range topic.values {
			name := topic.title + ": " + v.text
			err := c.tries(t, configMap("default", "value", "k="+v.text))
			_, through := letThrough[name]
			delete(unused, name)
			switch {
			case err != nil && !v.refused:
				t.Errorf("%s: the controller takes %q, and the policy does not: %v", topic.title, v.text, err)
			case err == nil && v.refused && !through:
				t.Errorf("%s: the controller refuses %q, and the policy takes it", topic.title, v.text)
			case err != nil && through:
				t.Errorf("%s: the policy can refuse %q after all", topic.title, v.text)
			}
		}
	}
	for name := range unused {
		t.Errorf("there is no value %q", name)
	}
	c.policyGoesBy(t, nil, 1000)
	t.Run("what it says", c.policyExplains)
	t.Run("how much", c.policyCounts)
	t.Run("what stays", c.policyMindsNewValues)
	t.Run("whom", c.policyMindsClaims)
}

type (
	valueTopic struct {
		title  string
		flags  map[string]string
		values []tableValue
	}
	tableValue struct {
		text    string
		refused bool
	}
)

// valueTable reads the golden file of what values mean.
func valueTable(t *testing.T) (topics []valueTopic) {
	t.Helper()
	text, err := os.ReadFile("../reconcile/testdata/values.golden")
	if err != nil {
		t.Fatal(err)
	}
	values := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if title, ok := strings.CutPrefix(line, "# "); ok {
			topics = append(topics, valueTopic{title: title, flags: map[string]string{}})
			continue
		}
		last := &topics[len(topics)-1]
		switch {
		case strings.HasPrefix(line, "--"):
			for _, flag := range strings.Fields(line) {
				name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
				last.flags[name] = value
			}
		case strings.HasPrefix(line, `"`):
			value, err := strconv.Unquote(line)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			last.values = append(last.values, tableValue{text: value})
			values++
		case strings.HasPrefix(line, "    "):
			last.values[len(last.values)-1].refused = strings.HasPrefix(line, "    refused: ")
		}
	}
	if values < 100 {
		t.Fatalf("there are %d values: is the table read rightly?", values)
	}
	return topics
}

// policyGoesBy gives the policy the settings that a controller with these flags has, and waits until it goes by them: a
// network that nothing else asks for is denied too.
func (c *controlPlane) policyGoesBy(t *testing.T, flags map[string]string, nth int) {
	t.Helper()
	mark := fmt.Sprintf("99.%d.%d.0/24", nth/250, nth%250)
	settings := map[string]string{"min-prefix-length": "", "allow-cidr": "", "namespace": ""}
	maps.Copy(settings, flags)
	settings["deny-cidr"] = strings.TrimPrefix(flags["deny-cidr"]+","+mark, ",")

	policies := c.admin.AdmissionregistrationV1().ValidatingAdmissionPolicies()
	eventually(t, func() error { // who checks its types writes on it too
		policy, err := policies.Get(t.Context(), policyName, metav1.GetOptions{})
		if err != nil {
			return hopeless{err}
		}
		left := maps.Clone(settings)
		for i, v := range policy.Spec.Variables {
			flag := strings.ReplaceAll(strings.TrimPrefix(v.Name, "setting_"), "_", "-")
			if value, ok := left[flag]; ok {
				policy.Spec.Variables[i].Expression = "'" + value + "'"
				delete(left, flag)
			}
		}
		if len(left) > 0 {
			return hopeless{fmt.Errorf("the policy has no variable for %v", left)}
		}
		_, err = policies.Update(t.Context(), policy, metav1.UpdateOptions{})
		return err
	})
	where := cmp.Or(strings.TrimSpace(strings.Split(flags["namespace"], ",")[0]), "default")
	eventually(t, func() error {
		if err := c.tries(t, configMap(where, "mark", "k="+mark)); err == nil {
			return errors.New("the policy does not go by its settings yet")
		}
		return nil
	})
}

// tries creates a ConfigMap as far as admission, and gives the policy's refusal.
func (c *controlPlane) tries(t *testing.T, cm *corev1.ConfigMap) error {
	t.Helper()
	_, err := c.admin.CoreV1().ConfigMaps(cm.Namespace).Create(t.Context(), cm, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return c.refusal(t, err)
}

// triesToUpdate does the same for one that is there.
func (c *controlPlane) triesToUpdate(t *testing.T, cm *corev1.ConfigMap) error {
	t.Helper()
	_, err := c.admin.CoreV1().ConfigMaps(cm.Namespace).Update(t.Context(), cm, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	return c.refusal(t, err)
}

func (*controlPlane) refusal(t *testing.T, err error) error {
	t.Helper()
	if err != nil && (!apierrors.IsInvalid(err) || !strings.Contains(err.Error(), policyName)) {
		t.Fatalf("this is not the policy's answer: %v", err)
	}
	return err
}

// policyIsTyped wants the API server to find no mistake in the policy's expressions.
func (c *controlPlane) policyIsTyped(t *testing.T) {
	eventually(t, func() error {
		policy, err := c.admin.AdmissionregistrationV1().ValidatingAdmissionPolicies().Get(t.Context(), policyName, metav1.GetOptions{})
		if err != nil {
			return hopeless{err}
		}
		if policy.Status.ObservedGeneration != policy.Generation || policy.Status.TypeChecking == nil {
			return errors.New("its types are not checked yet")
		}
		for _, w := range policy.Status.TypeChecking.ExpressionWarnings {
			t.Errorf("%s: %s", w.FieldRef, w.Warning)
		}
		return nil
	})
}

// policyIsSet wants kustomize to put the settings where the policy has them.
func policyIsSet(t *testing.T) {
	policy := the(t, typed[admissionregistrationv1.ValidatingAdmissionPolicy](t, kustomize(t, manifests("example-namespaces"))))
	set := map[string]string{}
	for _, v := range policy.Spec.Variables {
		if name, ok := strings.CutPrefix(v.Name, "setting_"); ok {
			set[name] = v.Expression
		}
	}
	want := map[string]string{"min_prefix_length": "'16'", "allow_cidr": "''", "deny_cidr": "''", "namespace": "'team-a,team-b'"}
	if !maps.Equal(set, want) {
		t.Errorf("the settings of the example come to %v in the policy, and should be %v", set, want)
	}
}

// policyExplains: who made mistakes reads what they are, of all values at once.
func (c *controlPlane) policyExplains(t *testing.T) {
	err := c.tries(t, configMap("default", "x", "a=example.org 8.8.8.8", "b=8.8.8/24 ::1", "c=20.0.0.0/8", "d=10.1.0.0/24,192.168.1.1",
		"e=169.254.169.254", "f= \n", "g=8.8.8.8"+strings.Repeat(" ", 4090)))
	if err == nil {
		t.Fatal("all these mistakes are taken")
	}
	kinds := []string{
		"more than 4096 bytes in the value of g", "nothing in the value of f", "neither an IPv4 prefix nor an IPv4 address: ",
		"wider than /16: 20.0.0.0/8", "may not be asked for: 169.254.169.254/32", "not globally reachable: ",
	}
	_, said, _ := strings.Cut(err.Error(), "denied request: ")
	for i, part := range strings.Split(said, "; ") {
		if i >= len(kinds) || !strings.HasPrefix(part, kinds[i]) {
			t.Errorf("it says %q, and is to say %q", said, kinds)
		}
	}
	for _, word := range []string{"example.org", "8.8.8/24", "::1", "10.1.0.0/24", "192.168.1.1/32"} {
		if !strings.Contains(said, word) {
			t.Errorf("it does not name %s: %s", word, said)
		}
	}
	var lots []string
	for i := range 250 {
		lots = append(lots, fmt.Sprintf("k%d=%s", i, strings.Repeat("x", 100)))
	}
	if err := c.tries(t, configMap("default", "x", lots...)); err == nil || !strings.Contains(err.Error(), "more mistakes in them than can be told") {
		t.Errorf("so many mistakes that they cannot be told: %v", err)
	}
}

// policyCounts: the bounds are the controller's, and what is too dear to look at is let in.
func (c *controlPlane) policyCounts(t *testing.T) {
	targets := func(n int) string {
		var words []string
		for i := range n {
			words = append(words, fmt.Sprintf("20.0.%d.%d", i/250, i%250))
		}
		return strings.Join(words, ",")
	}
	var brief []string
	for i := range 500 {
		brief = append(brief, fmt.Sprintf("1.%d.%d.%d", i/100, i/10%10, i%10))
	}
	many := configMap("default", "x")
	for i := range 256 {
		many.Data[fmt.Sprint("k", i)] = fmt.Sprintf("20.0.1.%d/32", i)
	}
	tooMany := many.DeepCopy()
	tooMany.Data["one"] = "8.8.8.8"
	dear := configMap("default", "x")
	for i := range 250 {
		dear.Data[fmt.Sprint("k", i)] = strings.Repeat("8.8.8.8,", 500)
	}
	dearAndLong := dear.DeepCopy()
	dearAndLong.Data["one"] = "8.8.8.8" + strings.Repeat(" ", 4090)
	for name, one := range map[string]struct {
		cm      *corev1.ConfigMap
		refused bool
	}{
		"a value of 4096 bytes":        {cm: configMap("default", "x", "k=8.8.8.8"+strings.Repeat(" ", 4089))},
		"one of 4097":                  {cm: configMap("default", "x", "k=8.8.8.8"+strings.Repeat(" ", 4090)), refused: true},
		"256 targets in one value":     {cm: configMap("default", "x", "k="+targets(256))},
		"257":                          {cm: configMap("default", "x", "k="+targets(257)), refused: true},
		"256 in as many values":        {cm: many},
		"257 in as many values":        {cm: tooMany, refused: true},
		"128 and 129":                  {cm: configMap("default", "x", "a="+targets(128), "b="+targets(129)), refused: true},
		"500 in one value":             {cm: configMap("default", "x", "k="+strings.Join(brief, ",")), refused: true},
		"the same one 500 times":       {cm: configMap("default", "x", "k="+strings.Repeat("8.8.8.8,", 500))},
		"the same in other words":      {cm: configMap("default", "x", "k="+targets(250)+strings.Repeat(",20.1.0.7/24,20.1.0.9/24", 5))},
		"the same one 125000 times":    {cm: dear},
		"and too much in one value":    {cm: dearAndLong, refused: true},
		"a letter of more than a byte": {cm: configMap("default", "x", "k="+strings.Repeat("é", 4096)), refused: true},
	} {
		if err := c.tries(t, one.cm); (err != nil) != one.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// policyMindsNewValues: a value that was there before is nobody's mistake now, so whoever mends another one, adds a label or
// deletes it all is let.
func (c *controlPlane) policyMindsNewValues(t *testing.T) {
	c.addNamespace(t, "elsewhere")
	c.policyGoesBy(t, map[string]string{"namespace": "elsewhere"}, 1001) // as if it were not there yet
	old := configMap("default", "old", "bad=nonsense", "worse=20.0.0.0/8", "good=8.8.8.8")
	old.BinaryData = map[string][]byte{"binary": []byte("9.9.9.9")}
	c.put(t, old)
	c.policyGoesBy(t, nil, 1002)

	for name, change := range map[string]func(*corev1.ConfigMap){
		"a label is added":            func(cm *corev1.ConfigMap) { cm.Labels["team"] = "a" },
		"the label is taken off":      func(cm *corev1.ConfigMap) { cm.Labels = nil },
		"one mistake is mended":       func(cm *corev1.ConfigMap) { cm.Data["bad"] = "9.9.9.9" },
		"one mistake is removed":      func(cm *corev1.ConfigMap) { delete(cm.Data, "bad") },
		"a good value is added":       func(cm *corev1.ConfigMap) { cm.Data["new"] = "9.9.9.9" },
		"the binaryData goes":         func(cm *corev1.ConfigMap) { cm.BinaryData = nil },
		"all that is not binary goes": func(cm *corev1.ConfigMap) { cm.Data = nil },
	} {
		changed := old.DeepCopy()
		change(changed)
		if err := c.triesToUpdate(t, changed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*corev1.ConfigMap){
		"a good value becomes bad":  func(cm *corev1.ConfigMap) { cm.Data["good"] = "8.8.8" },
		"a bad value becomes worse": func(cm *corev1.ConfigMap) { cm.Data["bad"] = "worse" },
		"a bad value is added":      func(cm *corev1.ConfigMap) { cm.Data["new"] = "10.1.0.0/24" },
		"more binaryData is added":  func(cm *corev1.ConfigMap) { cm.BinaryData["more"] = []byte("9.9.9.9") },
	} {
		changed := old.DeepCopy()
		change(changed)
		if err := c.triesToUpdate(t, changed); err == nil {
			t.Errorf("%s, and the policy lets it", name)
		}
	}
	c.remove(t, old)

	plain := configMap("default", "plain", "bad=nonsense")
	plain.Labels = nil
	c.put(t, plain)
	plain.Labels = map[string]string{"egress": "static"}
	if err := c.triesToUpdate(t, plain); err == nil {
		t.Error("what was no claim becomes one with nonsense in it, and the policy lets it")
	}
}

// policyMindsClaims: no other ConfigMap is looked at.
func (c *controlPlane) policyMindsClaims(t *testing.T) {
	plain := configMap("default", "x", "k=nonsense")
	plain.Labels = nil
	if err := c.tries(t, plain); err != nil {
		t.Errorf("one without the label: %v", err)
	}
	plain.Labels = map[string]string{"egress": "dynamic"}
	if err := c.tries(t, plain); err != nil {
		t.Errorf("one with another label: %v", err)
	}
	binary := configMap("default", "x")
	binary.BinaryData = map[string][]byte{"k": []byte("8.8.8.8")}
	if err := c.tries(t, binary); err == nil || !strings.Contains(err.Error(), "not binaryData: k") {
		t.Errorf("one with binaryData: %v", err)
	}
	if err := c.tries(t, configMap("default", "x")); err != nil {
		t.Errorf("one without data: %v", err)
	}
	c.policyGoesBy(t, map[string]string{"namespace": " default , other"}, 1003)
	if err := c.tries(t, configMap("elsewhere", "x", "k=nonsense")); err != nil {
		t.Errorf("one in a namespace that may not ask: %v", err)
	}
	if err := c.tries(t, configMap("default", "x", "k=nonsense")); err == nil {
		t.Error("one with nonsense in a namespace that may ask is taken")
	}
}
