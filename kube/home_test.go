package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// vault stands behind a clientset and keeps the rules of an API server that client-go's own tracker leaves out: resource
// versions and UIDs, preconditions, the limit of a ConfigMap's size, namespaces that do not exist.
type vault struct {
	*fake.Clientset
	mu         sync.Mutex
	namespaces map[string]bool
	objects    map[string]*corev1.ConfigMap // of namespace n, by name
	version    int
	calls      []string
	hook       func(call string) fault // may be nil; runs before each call and may use the objects
	late       []func() error
	broken     []string // rules that our code broke
}

// fault is what goes wrong with one call.
type fault struct {
	err  error // instead of an answer
	done bool  // it happens all the same
	late bool  // it happens later, when the test says so
}

func newVault() *vault {
	v := &vault{Clientset: &fake.Clientset{}, namespaces: map[string]bool{"n": true}, objects: map[string]*corev1.ConfigMap{}}
	v.AddReactor("*", "*", v.react)
	return v
}

// home is what a process that starts now has; with small parts, so that a few bytes need some.
func (v *vault) home() *Home {
	h := v.clusters(nil).Home("n")
	h.partSize, h.maxState = 100, 10_000
	return h
}

func (v *vault) clusters(log *slog.Logger) *Clusters {
	return &Clusters{
		clusters: []*cluster{{title: "cluster c", client: v}}, timeout: time.Minute,
		log: cmp.Or(log, slog.New(slog.DiscardHandler)),
	}
}

func (v *vault) react(action ktesting.Action) (bool, runtime.Object, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	do, name := v.prepare(action)
	call := action.GetVerb() + " " + name
	v.calls = append(v.calls, call)
	var f fault
	if v.hook != nil {
		f = v.hook(call)
	}
	switch {
	case f.late:
		v.late = append(v.late, func() error { _, err := do(); return err })
		return true, nil, f.err
	case f.err != nil && !f.done:
		return true, nil, f.err
	}
	object, err := do()
	if f.err != nil {
		return true, nil, f.err
	}
	return true, object, err
}

func (v *vault) prepare(action ktesting.Action) (do func() (runtime.Object, error), name string) {
	if action.GetResource().Resource == "namespaces" {
		ns := action.(ktesting.GetAction).GetName()
		return func() (runtime.Object, error) {
			if !v.namespaces[ns] {
				return nil, apierrors.NewNotFound(namespaces, ns)
			}
			return namespace(ns), nil
		}, "namespace " + ns
	}
	switch a := action.(type) {
	case ktesting.GetActionImpl:
		return func() (runtime.Object, error) { return v.find(a.Name) }, a.Name
	case ktesting.CreateActionImpl:
		cm := a.Object.(*corev1.ConfigMap).DeepCopy()
		return func() (runtime.Object, error) { return v.make(cm) }, cm.Name
	case ktesting.UpdateActionImpl:
		cm := a.Object.(*corev1.ConfigMap).DeepCopy()
		return func() (runtime.Object, error) { return v.change(cm) }, cm.Name
	case ktesting.DeleteActionImpl:
		return func() (runtime.Object, error) { return nil, v.remove(a.Name, a.DeleteOptions.Preconditions) }, a.Name
	}
	panic(fmt.Sprintf("nobody may %s", action.GetVerb()))
}

func (v *vault) find(name string) (*corev1.ConfigMap, error) {
	if cm, ok := v.objects[name]; ok && v.namespaces["n"] {
		return cm.DeepCopy(), nil
	}
	return nil, apierrors.NewNotFound(configMaps, name)
}

func (v *vault) make(cm *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	switch {
	case !v.namespaces[cm.Namespace]:
		return nil, apierrors.NewNotFound(namespaces, cm.Namespace)
	case v.objects[cm.Name] != nil:
		return nil, apierrors.NewAlreadyExists(configMaps, cm.Name)
	case cm.ResourceVersion != "" || cm.UID != "":
		v.broken = append(v.broken, "created with the resource version or UID of another: "+cm.Name)
	}
	v.version++
	cm.UID = types.UID(fmt.Sprintf("uid-%d", v.version))
	return v.put(cm)
}

func (v *vault) change(cm *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	there, err := v.find(cm.Name)
	switch {
	case err != nil:
		return nil, err
	case cm.ResourceVersion == "":
		v.broken = append(v.broken, "updated whatever is there: "+cm.Name)
	case cm.ResourceVersion != there.ResourceVersion || cm.UID != there.UID:
		return nil, apierrors.NewConflict(configMaps, cm.Name, errors.New("the object has been modified"))
	}
	return v.put(cm)
}

func (v *vault) put(cm *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	size := 0
	for key, text := range cm.Data {
		size += len(key) + len(text)
	}
	for key, bytes := range cm.BinaryData {
		size += len(key) + len(bytes)
	}
	if size > 900<<10 {
		v.broken = append(v.broken, fmt.Sprintf("%s has %d bytes", cm.Name, size))
	}
	if cm.Labels["egress"] != "" || cm.Labels["app.kubernetes.io/name"] == "" || cm.Labels["app.kubernetes.io/managed-by"] == "" {
		v.broken = append(v.broken, fmt.Sprintf("%s has the labels %v", cm.Name, cm.Labels))
	}
	v.version++
	cm.ResourceVersion = fmt.Sprint(v.version)
	v.objects[cm.Name] = cm
	return cm.DeepCopy(), nil
}

func (v *vault) remove(name string, only *metav1.Preconditions) error {
	there, err := v.find(name)
	if err != nil {
		return err
	}
	switch {
	case only == nil || only.UID == nil || only.ResourceVersion == nil:
		v.broken = append(v.broken, "deleted whatever is there: "+name)
	case *only.UID != there.UID || *only.ResourceVersion != there.ResourceVersion:
		return apierrors.NewConflict(configMaps, name, errors.New("the precondition does not hold"))
	}
	delete(v.objects, name)
	return nil
}

// edit is what somebody does with kubectl.
func (v *vault) edit(name string, change func(*corev1.ConfigMap)) {
	cm := v.objects[name]
	v.version++
	cm.ResourceVersion = fmt.Sprint(v.version)
	change(cm)
}

// names are those of all objects.
func (v *vault) names() string {
	return strings.Join(slices.Sorted(maps.Keys(v.objects)), " ")
}

// since gives the calls from the n-th on.
func (v *vault) since(n int) string {
	return strings.Join(v.calls[n:], ", ")
}

func (v *vault) check(t interface{ Errorf(string, ...any) }) {
	for _, b := range v.broken {
		t.Errorf("%s", b)
	}
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The words of each way in which a call can fail, and that only what is lost for good is called so.
func TestHomeErrors(t *testing.T) {
	forbidden := apierrors.NewForbidden(configMaps, "x", errors.New("you may not"))
	tests := []struct {
		name   string
		call   string
		answer error // to the call; the namespace does not exist if there is none
		want   string
		save   string
		show   string
	}{
		{
			name: "nothing may be read", call: "get", answer: forbidden,
			want: `cluster c, namespace n, ConfigMap static-egress-state: configmaps "x" is forbidden: you may not`,
			save: `cluster c, namespace n, ConfigMap static-egress-state: it has to be loaded before it is saved, so that nothing is overwritten unread`,
			show: `cluster c, namespace n, ConfigMap static-egress-status: configmaps "x" is forbidden: you may not`,
		},
		{
			name: "nothing may be written", call: "create", answer: forbidden,
			save: `cluster c, namespace n, ConfigMap static-egress-state: configmaps "x" is forbidden: you may not`,
			show: `cluster c, namespace n, ConfigMap static-egress-status: configmaps "x" is forbidden: you may not`,
		},
		{
			name: "the server is busy", call: "create", answer: apierrors.NewServerTimeout(configMaps, "create", 1),
			save: `cluster c, namespace n, ConfigMap static-egress-state: The create operation against configmaps could not be completed at this time, please try again.`,
			show: `cluster c, namespace n, ConfigMap static-egress-status: The create operation against configmaps could not be completed at this time, please try again.`,
		},
		{
			name: "no namespace",
			want: `cluster c, namespace n, ConfigMap static-egress-state: the namespace does not exist`,
			save: `cluster c, namespace n, ConfigMap static-egress-state: it has to be loaded before it is saved, so that nothing is overwritten unread`,
			show: `cluster c, namespace n, ConfigMap static-egress-status: the namespace does not exist`,
		},
		{
			name: "no namespace, and none may be looked at", call: "get namespace", answer: apierrors.NewForbidden(namespaces, "n", nil),
			save: `cluster c, namespace n, ConfigMap static-egress-state: the namespace does not exist`,
			show: `cluster c, namespace n, ConfigMap static-egress-status: the namespace does not exist`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := newVault()
			v.namespaces["n"] = tt.call == "get" || tt.call == "create"
			v.hook = func(call string) fault {
				if tt.call != "" && strings.HasPrefix(call, tt.call) {
					return fault{err: tt.answer}
				}
				return fault{}
			}
			h := v.home()
			state, err := h.Load(t.Context())
			if same(t, said(err), tt.want); state != nil || errors.Is(err, reconcile.ErrUnreadable) {
				t.Errorf("%q, %v", state, err)
			}
			same(t, said(h.Save(t.Context(), []byte("s"))), tt.save)
			same(t, said(h.Show(t.Context(), map[string]string{"a": "b"})), tt.show)
			same(t, v.names(), "")
		})
	}
}

// An API server that takes the connection and is silent costs no more than the time of one call.
func TestHomeTimeLimit(t *testing.T) {
	a := serve(t, func(r *http.Request) (any, error) {
		_, err := io.Copy(io.Discard, r.Body) // else it would not notice that the client has gone
		return nil, err
	})
	h := connect(t, Options{Timeout: 10 * time.Millisecond}, a).Home("n")
	where := "cluster " + a.URL + ", namespace n, ConfigMap static-egress-stat"
	_, err := h.Load(t.Context())
	same(t, said(err), where+"e: no answer within 10ms")
	_, err = h.Confirmed(t.Context())
	same(t, said(err), where+"us: no answer within 10ms")
	same(t, said(h.Show(t.Context(), nil)), where+"us: no answer within 10ms")
	h.saved = saved{}
	same(t, said(h.Save(t.Context(), nil)), where+"e: no answer within 10ms")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Load(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, reconcile.ErrUnreadable) {
		t.Error(err)
	}
}

func TestHomeOfAServerThatIsDown(t *testing.T) {
	a := serve(t, nil)
	a.Close()
	_, err := connect(t, Options{}, a).Home("n").Load(t.Context())
	if want := "cluster " + a.URL + ", namespace n, ConfigMap static-egress-state: dial tcp"; !strings.HasPrefix(said(err), want) ||
		errors.Is(err, reconcile.ErrUnreadable) {
		t.Error(err)
	}
}

func TestHomeIsTheFirstCluster(t *testing.T) {
	answer := func(*http.Request) (any, error) { return nil, apierrors.NewForbidden(configMaps, "x", nil) }
	a, b := serve(t, answer), serve(t, answer)
	h := connect(t, Options{UserAgent: "us/v1"}, a, b).Home("n")
	if _, err := h.Confirmed(t.Context()); err == nil {
		t.Error("no error")
	}
	same(t, strings.Join(a.seen(), "\n"), "GET /api/v1/namespaces/n/configmaps/static-egress-status by us/v1")
	same(t, strings.Join(b.seen(), "\n"), "")
}
