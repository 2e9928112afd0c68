package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// board is where the events of one cluster are pinned.
type board struct {
	*fake.Clientset
	mu     sync.Mutex
	events []*corev1.Event
	wrong  error // what each call fails with; nil if it does not
}

func newBoard() *board {
	b := &board{Clientset: &fake.Clientset{}}
	b.AddReactor("*", "events", func(action ktesting.Action) (bool, runtime.Object, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.wrong != nil {
			return true, nil, b.wrong
		}
		switch a := action.(type) {
		case ktesting.CreateActionImpl:
			e := a.Object.(*corev1.Event).DeepCopy()
			b.events = append(b.events, e)
			return true, e, nil
		case ktesting.PatchActionImpl:
			i := slices.IndexFunc(b.events, func(e *corev1.Event) bool { return e.Name == a.Name })
			if i < 0 {
				return true, nil, apierrors.NewNotFound(corev1.Resource("events"), a.Name)
			}
			b.events[i].Count++
			return true, b.events[i].DeepCopy(), nil
		}
		return true, nil, fmt.Errorf("nobody may %s", action.GetVerb())
	})
	return b
}

func (b *board) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []string
	for _, e := range b.events {
		o := e.InvolvedObject
		lines = append(lines, fmt.Sprintf("%s %s %s %s/%s(%s) %d× %s: %s", e.Source.Component, e.Type, o.Kind, o.Namespace, o.Name, o.UID, e.Count, e.Reason, e.Message))
	}
	return strings.Join(lines, "\n")
}

// telling lets events be told on two boards, that of the home and that of another cluster, until it has told of all.
func telling(t *testing.T, log *slog.Logger, boards map[string]*board, tell func(*Events)) {
	t.Helper()
	c := &Clusters{timeout: time.Minute, log: log}
	for _, name := range []string{"home", "other"} {
		c.clusters = append(c.clusters, &cluster{name: name, title: "cluster " + name, client: boards[name], uids: map[types.NamespacedName]types.UID{
			{Namespace: "team", Name: "egress"}: types.UID("uid-" + name),
		}})
	}
	home := c.Home("n")
	home.status = &corev1.ConfigMap{}
	home.status.UID = "uid-status"
	e := c.Events(home)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx) })
	tell(e)
	cancel()
	running.Wait()
}

func news(cluster, reason, text string) reconcile.News {
	return reconcile.News{About: reconcile.Source{Cluster: cluster, Namespace: "team", ConfigMap: "egress"}, Reason: reason, Text: text}
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boards := map[string]*board{"home": newBoard(), "other": newBoard()}
		telling(t, slog.New(slog.DiscardHandler), boards, func(e *Events) {
			warning := news("other", "Rejected", "b: no prefix")
			warning.Warning = true
			e.Tell([]reconcile.News{
				news("home", "Active", "to 8.8.8.8/32 (a) from 192.0.2.1 (z)"),
				warning,
				{Reason: "AddressAllocated", Text: "z leaves from 192.0.2.1"},
				news("gone", "Active", "a cluster that is no longer read"),
			})
			synctest.Wait()
			time.Sleep(time.Minute)
			e.Tell([]reconcile.News{news("home", "Active", "to 8.8.8.8/32 (a) from 192.0.2.1 (z)")}) // again
		})
		same(t, boards["home"].String(), strings.Join([]string{
			program + " Normal ConfigMap team/egress(uid-home) 2× Active: to 8.8.8.8/32 (a) from 192.0.2.1 (z)",
			program + " Normal ConfigMap n/static-egress-status(uid-status) 1× AddressAllocated: z leaves from 192.0.2.1",
		}, "\n"))
		same(t, boards["other"].String(), program+" Warning ConfigMap team/egress(uid-other) 1× Rejected: b: no prefix")
	})
}

// However often something changes, an API server hears of one object only so often.
func TestEventsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boards := map[string]*board{"home": newBoard(), "other": newBoard()}
		telling(t, slog.New(slog.DiscardHandler), boards, func(e *Events) {
			for i := range 1000 {
				e.Tell([]reconcile.News{news("home", "Held", fmt.Sprint("reason ", i))})
				time.Sleep(time.Second)
			}
		})
		writes := 0
		for _, e := range boards["home"].events {
			writes += int(e.Count)
		}
		// 25 at first, and one in five minutes, for a thousand seconds.
		if writes == 0 || writes > 30 {
			t.Errorf("%d writes for a thousand changes", writes)
		}
	})
}

// What cannot be told hinders nobody, and is logged once.
func TestEventsThatCannotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		boards := map[string]*board{"home": newBoard(), "other": newBoard()}
		boards["home"].wrong = apierrors.NewForbidden(corev1.Resource("events"), "", errors.New("no RBAC rule"))
		telling(t, slog.New(slog.NewTextHandler(&text, nil)), boards, func(e *Events) {
			for i := range 5 {
				e.Tell([]reconcile.News{news("home", fmt.Sprint("Reason", i), "x")})
			}
			e.Tell([]reconcile.News{news("other", "Active", "y")})
		})
		if n := strings.Count(text.String(), "an event cannot be written"); n != 1 {
			t.Errorf("it is said %d times:\n%s", n, &text)
		}
		if got := boards["other"].String(); !strings.Contains(got, "Active: y") {
			t.Errorf("the other cluster hears %q", got)
		}
	})
}
