package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

var (
	configMaps = schema.GroupResource{Resource: "configmaps"}
	namespaces = schema.GroupResource{Resource: "namespaces"}
)

// api is an API server that says what the test wants it to.
type api struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string
}

// serve answers each request with an object, an error, or, with neither, not at all.
func serve(t *testing.T, answer func(*http.Request) (any, error)) *api {
	t.Helper()
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.requests = append(a.requests, fmt.Sprintf("%s %s by %s", r.Method, r.URL, r.UserAgent()))
		a.mu.Unlock()
		object, err := answer(r)
		if object == nil && err == nil {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			status := err.(apierrors.APIStatus).Status()
			status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
			w.WriteHeader(int(status.Code))
			object = status
		}
		if err := json.NewEncoder(w).Encode(object); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *api) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// page is a part of a list; with next there is more.
func page(next string, names ...string) *corev1.ConfigMapList {
	list := &corev1.ConfigMapList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMapList"}, ListMeta: metav1.ListMeta{Continue: next}}
	for _, name := range names {
		namespace, name, _ := strings.Cut(name, "/")
		list.Items = append(list.Items, *configMap(namespace, name))
	}
	return list
}

func configMap(namespace, name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"egress": "static"}},
		Data:       map[string]string{"k": "8.8.8.8"},
	}
}

func namespace(name string) *corev1.Namespace {
	return &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name}}
}

// kubeconfig writes a file with a context for each server, the first by name being the current one.
func kubeconfig(t *testing.T, servers map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBECONFIG", "config")
	config := clientcmdapi.NewConfig()
	for name, url := range servers {
		config.Clusters[name] = &clientcmdapi.Cluster{Server: url}
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name}
	}
	if len(servers) > 0 {
		config.CurrentContext = slices.Min(slices.Collect(maps.Keys(servers)))
	}
	if err := clientcmd.WriteToFile(*config, "config"); err != nil {
		t.Fatal(err)
	}
}

// connect makes Clusters for servers of the names a, b, and so on. A single one is named by nobody.
func connect(t *testing.T, opts Options, servers ...*api) *Clusters {
	t.Helper()
	urls := map[string]string{}
	for i, s := range servers {
		urls[string(rune('a'+i))] = s.URL
	}
	kubeconfig(t, urls)
	if len(servers) > 1 {
		opts.Contexts = slices.Sorted(maps.Keys(urls))
	}
	c, err := NewClusters(opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// read draws a reading, with HOST for the address of the only server.
func read(ctx context.Context, c *Clusters) string {
	r := c.Read(ctx)
	text := draw(r)
	for _, one := range c.clusters {
		if one.name == "" {
			text = strings.ReplaceAll(text, strings.TrimPrefix(one.title, "cluster "), "HOST")
		}
	}
	return text
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReadListsLive(t *testing.T) {
	created := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	a := serve(t, func(*http.Request) (any, error) {
		list := page("", "shop/b", "default/a", "shop/a")
		list.Items[0].CreationTimestamp = created
		list.Items[0].BinaryData = map[string][]byte{"z": nil, "y": {1}}
		// Not what was asked for.
		list.Items[1].Labels["egress"] = "dynamic"
		return list, nil
	})
	c := connect(t, Options{UserAgent: "us/v1"}, a)
	want := "shop/a k=\"8.8.8.8\"\nshop/b of 2026-01-02T03:04:05Z k=\"8.8.8.8\" y=binary z=binary\n"
	same(t, read(t.Context(), c), want)
	same(t, read(t.Context(), c), want)
	// The selector is the server's work, and without a resource version the answer is not from a cache.
	request := "GET /api/v1/configmaps?labelSelector=egress%3Dstatic&limit=500 by us/v1"
	same(t, strings.Join(a.seen(), "\n"), request+"\n"+request)
}

func TestReadPages(t *testing.T) {
	expired := apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result.")
	tests := []struct {
		name    string
		answers []any // in turn
		want    string
	}{
		{
			name:    "many pages",
			answers: []any{page("1", "n/a"), page("2", "n/b"), page("3"), page("", "n/c")},
			want:    "n/a k=\"8.8.8.8\"\nn/b k=\"8.8.8.8\"\nn/c k=\"8.8.8.8\"\n",
		},
		{
			name:    "a token that expires starts the list again",
			answers: []any{page("1", "n/a", "n/gone"), expired, page("2", "n/a"), page("", "n/b")},
			want:    "n/a k=\"8.8.8.8\"\nn/b k=\"8.8.8.8\"\n",
		},
		{
			name:    "but not for ever",
			answers: []any{page("1", "n/a"), expired, page("1", "n/a"), expired, page("1", "n/a"), expired},
			want:    "n/a k=\"8.8.8.8\"\nincomplete: cluster HOST: The provided continue parameter is too old to display a consistent list result.\n",
		},
		{
			name:    "half a list is no list",
			answers: []any{page("1", "n/a"), apierrors.NewForbidden(configMaps, "", nil)},
			want:    "n/a k=\"8.8.8.8\"\nincomplete: cluster HOST: configmaps is forbidden: <nil>\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			next, token := 0, ""
			a := serve(t, func(r *http.Request) (any, error) {
				mu.Lock()
				defer mu.Unlock()
				if got := r.URL.Query().Get("continue"); got != token {
					t.Errorf("continued with %q, not %q", got, token)
				}
				answer := tt.answers[next]
				next++
				if err, ok := answer.(error); ok {
					token = ""
					return nil, err
				}
				token = answer.(*corev1.ConfigMapList).Continue
				return answer, nil
			})
			same(t, read(t.Context(), connect(t, Options{}, a)), tt.want)
			if next != len(tt.answers) {
				t.Errorf("%d requests", next)
			}
		})
	}
}

func TestOneClusterCannotBeRead(t *testing.T) {
	well := serve(t, func(*http.Request) (any, error) { return page("", "n/a"), nil })
	silent := serve(t, func(*http.Request) (any, error) { return nil, nil })
	strict := serve(t, func(*http.Request) (any, error) {
		return nil, apierrors.NewForbidden(configMaps, "", fmt.Errorf("User \"us\" cannot list resource"))
	})
	strange := serve(t, func(*http.Request) (any, error) { return nil, apierrors.NewUnauthorized("who are you") })
	down := serve(t, nil)
	down.Close()
	c := connect(t, Options{Timeout: 300 * time.Millisecond}, silent, well, strict, strange, down)
	got := read(t.Context(), c)
	got = strings.ReplaceAll(got, strings.TrimPrefix(down.URL, "http://"), "ADDRESS")
	same(t, got, `incomplete: cluster HOST: not read within 300ms
n/a k="8.8.8.8"
incomplete: cluster c: configmaps is forbidden: User "us" cannot list resource
incomplete: cluster d: who are you
incomplete: cluster e: dial tcp ADDRESS: connect: connection refused
`)
	var names []string
	for _, one := range c.Read(t.Context()).Clusters {
		names = append(names, one.Name)
	}
	same(t, strings.Join(names, " "), " b c d e") // the home has no name
}

func TestReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := serve(t, func(*http.Request) (any, error) { cancel(); return nil, nil })
	same(t, read(ctx, connect(t, Options{}, a)), "incomplete: cluster HOST: context canceled\n")
}

func TestNamedNamespaces(t *testing.T) {
	a := serve(t, func(r *http.Request) (any, error) {
		switch r.URL.Path {
		case "/api/v1/namespaces/asks/configmaps":
			return page("", "asks/a"), nil
		case "/api/v1/namespaces/asks", "/api/v1/namespaces/silent":
			return namespace("asks"), nil
		case "/api/v1/namespaces/dying":
			ns := namespace("dying")
			ns.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
			return ns, nil
		case "/api/v1/namespaces/broken":
			return nil, apierrors.NewInternalError(fmt.Errorf("etcd is tired"))
		case "/api/v1/namespaces/missing":
			return nil, apierrors.NewNotFound(namespaces, "missing")
		case "/api/v1/namespaces/hidden":
			return nil, apierrors.NewForbidden(namespaces, "hidden", fmt.Errorf("no"))
		case "/api/v1/namespaces/closed/configmaps":
			return nil, apierrors.NewForbidden(configMaps, "", fmt.Errorf("no"))
		}
		if !strings.HasSuffix(r.URL.Path, "/configmaps") {
			t.Errorf("request for %s", r.URL)
		}
		return page(""), nil
	})
	var log bytes.Buffer
	c := connect(t, Options{
		Namespaces: []string{"silent", "asks", "hidden", "missing", "dying", "broken", "closed", "asks"},
		Log:        slog.New(slog.NewTextHandler(&log, nil)),
	}, a)
	for range 2 {
		same(t, read(t.Context(), c), `asks/a k="8.8.8.8"
incomplete: cluster HOST, namespace broken: Internal error occurred: etcd is tired
incomplete: cluster HOST, namespace closed: configmaps is forbidden: no
incomplete: cluster HOST, namespace dying: the namespace is being deleted
incomplete: cluster HOST, namespace missing: namespaces "missing" not found
`)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "namespace=hidden") {
		t.Errorf("logged\n%s", log.String())
	}
	for _, r := range a.seen() {
		if strings.Contains(r, "/configmaps") && !strings.Contains(r, "labelSelector=egress%3Dstatic&limit=500 by kube-static-egress-controller") {
			t.Error(r)
		}
	}
}

// What is read is what is there now, whatever events were missed.
func TestReadFollowsTheCluster(t *testing.T) {
	client := fake.NewClientset(configMap("n", "a"), configMap("n", "b"), configMap("n", "c"))
	c := &Clusters{clusters: []*cluster{{title: "cluster HOST", client: client}}, namespaces: []string{""}, timeout: time.Minute}
	same(t, read(t.Context(), c), "n/a k=\"8.8.8.8\"\nn/b k=\"8.8.8.8\"\nn/c k=\"8.8.8.8\"\n")

	api := client.CoreV1().ConfigMaps("n")
	relabelled := configMap("n", "a")
	relabelled.Labels = nil
	edited := configMap("n", "b")
	edited.Data["k"] = "1.1.1.1"
	for _, err := range []error{
		second(api.Update(t.Context(), relabelled, metav1.UpdateOptions{})),
		second(api.Update(t.Context(), edited, metav1.UpdateOptions{})),
		api.Delete(t.Context(), "c", metav1.DeleteOptions{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	same(t, read(t.Context(), c), "n/b k=\"1.1.1.1\"\n")

	client.PrependReactor("list", "configmaps", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewTooManyRequests("not now", 0)
	})
	same(t, read(t.Context(), c), "incomplete: cluster HOST: not now\n")
}

func second[T any](_ T, err error) error { return err }
