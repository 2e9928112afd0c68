package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestBell(t *testing.T) {
	wake := make(chan struct{}, 1)
	b := bell(wake)
	for i := range 100 {
		for _, err := range []error{b.Add(i), b.Update(i), b.Delete(i), b.Replace(nil, ""), b.Resync()} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	<-wake
	select {
	case <-wake:
		t.Error("a burst rang twice")
	default:
	}
	if err := b.Resync(); err != nil || len(wake) > 0 {
		t.Error("nothing happened, and it rang")
	}
}

// watchable is an API server that streams what it is sent to each watch.
func watchable(t *testing.T, events <-chan string) (a *api, watches <-chan string) {
	t.Helper()
	started := make(chan string, 100)
	say := func(w http.ResponseWriter, text string) {
		_, _ = fmt.Fprintln(w, text) // whoever asked may have gone
		w.(http.Flusher).Flush()
	}
	a = &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("labelSelector") != selector || !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadata") {
			t.Errorf("asked for %s as %s", r.URL, r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "application/json")
		if query.Get("watch") == "" {
			say(w, `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`)
			return
		}
		if query.Get("sendInitialEvents") == "true" {
			say(w, event("BOOKMARK", "", "1"))
		}
		w.(http.Flusher).Flush() // the headers
		started <- r.URL.Path
		for {
			select {
			case text, ok := <-events:
				if !ok {
					return
				}
				say(w, text)
				if strings.Contains(text, "ERROR") {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(a.Close)
	return a, started
}

func event(kind, name, version string) string {
	object := metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name, ResourceVersion: version},
	}
	if kind == "BOOKMARK" {
		object.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	text, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// rings waits for the bell. The time is only there to end a test that fails.
func rings(t *testing.T, wake <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-wake:
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not ring for %s", why)
	}
}

func TestWatch(t *testing.T) {
	events := make(chan string)
	a, started := watchable(t, events)
	c := connect(t, Options{}, a)
	ctx, cancel := context.WithCancel(t.Context())
	wake := make(chan struct{}, 1)
	var group sync.WaitGroup
	group.Go(func() { c.Watch(ctx, wake) })

	rings(t, wake, "the first list")
	same(t, <-started, "/api/v1/configmaps")
	for i, kind := range []string{"ADDED", "MODIFIED", "DELETED"} {
		events <- event(kind, "a", fmt.Sprint(i+2))
		rings(t, wake, kind)
	}
	events <- `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","code":410,"reason":"Expired","message":"too old resource version"}}`
	rings(t, wake, "the list after a version that was too old")
	<-started
	events <- event("ADDED", "b", "9")
	rings(t, wake, "an event after that")

	cancel()
	group.Wait()
}

func TestWatchEachNamespace(t *testing.T) {
	one, startedOne := watchable(t, nil)
	two, startedTwo := watchable(t, nil)
	c := connect(t, Options{Namespaces: []string{"x", "y"}}, one, two)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { c.Watch(ctx, make(chan struct{}, 1)) })
	for _, started := range []<-chan string{startedOne, startedTwo} {
		got := map[string]bool{<-started: true, <-started: true}
		if !got["/api/v1/namespaces/x/configmaps"] || !got["/api/v1/namespaces/y/configmaps"] {
			t.Error(got)
		}
	}
	cancel()
	group.Wait()
}
