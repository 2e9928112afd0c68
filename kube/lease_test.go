package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
)

// registry keeps one Lease as an API server does: whoever writes must have read what is there.
type registry struct {
	mu      sync.Mutex
	lease   *coordinationv1.Lease
	version int
}

// line is a contender's way to the API server.
type line struct {
	*fake.Clientset
	registry *registry
	mu       sync.Mutex
	cut      error // why nothing gets through; nil if it does
	hangs    bool  // a call gets no answer at all
}

func (r *registry) line() *line {
	l := &line{Clientset: &fake.Clientset{}, registry: r}
	l.AddReactor("*", "leases", l.react)
	return l
}

func (l *line) set(cut error, hangs bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.hangs = cut, hangs
}

func (l *line) react(action ktesting.Action) (bool, runtime.Object, error) {
	l.mu.Lock()
	cut, hangs := l.cut, l.hangs
	l.mu.Unlock()
	switch {
	case hangs:
		time.Sleep(leaseCall) // of virtual time; the caller's context has ended then
		return true, nil, context.DeadlineExceeded
	case cut != nil:
		return true, nil, cut
	}
	object, err := l.registry.do(action)
	return true, object, err
}

func (r *registry) do(action ktesting.Action) (runtime.Object, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	resource := coordinationv1.Resource("leases")
	switch a := action.(type) {
	case ktesting.GetActionImpl:
		if r.lease == nil {
			return nil, apierrors.NewNotFound(resource, a.Name)
		}
		return r.lease.DeepCopy(), nil
	case ktesting.CreateActionImpl:
		if r.lease != nil {
			return nil, apierrors.NewAlreadyExists(resource, leaseName)
		}
		return r.put(a.Object), nil
	case ktesting.UpdateActionImpl:
		wanted := a.Object.(*coordinationv1.Lease)
		switch {
		case r.lease == nil:
			return nil, apierrors.NewNotFound(resource, leaseName)
		case wanted.ResourceVersion != r.lease.ResourceVersion:
			return nil, apierrors.NewConflict(resource, leaseName, errors.New("it has been modified"))
		}
		return r.put(a.Object), nil
	}
	panic(fmt.Sprintf("nobody may %s", action.GetVerb()))
}

func (r *registry) put(object runtime.Object) runtime.Object {
	r.version++
	r.lease = object.(*coordinationv1.Lease).DeepCopy()
	r.lease.ResourceVersion = fmt.Sprint(r.version)
	return r.lease.DeepCopy()
}

func (r *registry) remove() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lease = nil
}

func (r *registry) holder() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lease == nil {
		return "nobody"
	}
	return *r.lease.Spec.HolderIdentity
}

// ring notes who works and when. What has been started takes its time after the work was told to end.
type ring struct {
	t       *testing.T
	started time.Time
	mu      sync.Mutex
	inside  string
	notes   []string
}

const lastCalls = 15 * time.Second // what package reconcile lets a call take that was started

func newRing(t *testing.T) *ring { return &ring{t: t, started: time.Now()} }

func (r *ring) note(who, what string) {
	r.notes = append(r.notes, fmt.Sprintf("%s %s %v", who, what, time.Since(r.started)))
}

func (r *ring) work(who string) func(context.Context) {
	return func(ctx context.Context) {
		r.mu.Lock()
		if r.inside != "" {
			r.t.Errorf("after %v both work: %s and %s\n%s", time.Since(r.started), r.inside, who, strings.Join(r.notes, "\n"))
		}
		r.inside = who
		r.note(who, "begins")
		r.mu.Unlock()
		<-ctx.Done()
		r.mu.Lock()
		r.note(who, "is told")
		r.mu.Unlock()
		time.Sleep(lastCalls)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inside = ""
		r.note(who, "has ended")
	}
}

// first gives when something was noted first after a time.
func (r *ring) first(note string, after time.Duration) time.Duration {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notes {
		if text, ok := strings.CutPrefix(n, note+" "); ok {
			if d, err := time.ParseDuration(text); err == nil && d >= after {
				return d
			}
		}
	}
	r.t.Fatalf("it was never noted after %v: %s\n%s", after, note, strings.Join(r.notes, "\n"))
	return 0
}

// contend lets somebody hold the lease again and again until stop is called.
func contend(l *line, who string, work func(context.Context), log *slog.Logger) (stop func()) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	home := &Home{cluster: &cluster{title: "cluster c", client: l}, namespace: "n", timeout: time.Minute, log: log}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for lease := home.Lease(who); ctx.Err() == nil; {
			_, _ = lease.Hold(ctx, work) // it has no error but for what is wrong in it
		}
	})
	return func() { cancel(); all.Wait() }
}

// The next one leads as soon as the work of the one before has ended, and not before (rule 16).
func TestLeaseIsGivenUpAfterTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r registry
		ring := newRing(t)
		stopA := contend(r.line(), "a", ring.work("a"), nil)
		time.Sleep(time.Second)
		stopB := contend(r.line(), "b", ring.work("b"), nil)
		time.Sleep(5 * time.Minute)
		stopA()
		gone := time.Since(ring.started)
		time.Sleep(time.Minute)
		stopB()
		ended, next := ring.first("a has ended", 0), ring.first("b begins", 0)
		if told := ring.first("a is told", 0); ended-told != lastCalls {
			t.Errorf("the work was not waited for: told after %v, ended after %v", told, ended)
		}
		// Client-go looks every 5 s and a random part more, at most 11 s.
		if next < ended || next > gone+12*time.Second {
			t.Errorf("a had ended after %v, and b began after %v", ended, next)
		}
		if holder := r.holder(); holder != "" {
			t.Errorf("the lease is still held by %q", holder)
		}
	})
}

// Whoever cannot reach the API server ends before anybody else can begin, however its calls fail; and it leads again when it
// can, if nobody else does: frozen, not dead.
func TestLeaseThatIsLost(t *testing.T) {
	for name, cut := range map[string]func(*line){
		"refused":   func(l *line) { l.set(errors.New("connection refused"), false) },
		"no answer": func(l *line) { l.set(nil, true) },
		"forbidden": func(l *line) { l.set(apierrors.NewForbidden(coordinationv1.Resource("leases"), leaseName, nil), false) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r registry
				ring, mine := newRing(t), r.line()
				stopA := contend(mine, "a", ring.work("a"), nil)
				time.Sleep(time.Second)
				stopB := contend(r.line(), "b", ring.work("b"), nil)
				time.Sleep(time.Minute)
				cut(mine)
				at := time.Since(ring.started)
				time.Sleep(10 * time.Minute)
				told, next := ring.first("a is told", at), ring.first("b begins", at)
				if told > at+leaseEnd {
					t.Errorf("the line was cut after %v, and a was told after %v", at, told)
				}
				// B looks every 5 to 11 s, and waits 60 s from when it saw the last renewal.
				if next < at+leaseTime-leaseRetry || next > at+leaseTime+24*time.Second {
					t.Errorf("the line was cut after %v, and b began after %v", at, next)
				}
				mine.set(nil, false)
				stopB()
				gone := time.Since(ring.started)
				time.Sleep(time.Minute)
				ring.first("a begins", gone)
				stopA()
			})
		})
	}
}

// A container that is started again in the same Pod need not wait for itself.
func TestLeaseOfTheSameIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r registry
		ring, dead := newRing(t), r.line()
		// It dies: nothing is given up, and nothing is renewed.
		stopDead := contend(dead, "pod", func(ctx context.Context) { <-ctx.Done() }, nil)
		time.Sleep(time.Minute)
		dead.set(errors.New("it is dead"), false)
		at := time.Since(ring.started)
		stopB := contend(r.line(), "another pod", ring.work("b"), nil)
		stopA := contend(r.line(), "pod", ring.work("a"), nil)
		time.Sleep(time.Second)
		if next := ring.first("a begins", at); next > at+time.Second {
			t.Errorf("it waited from %v to %v for itself", at, next)
		}
		stopA()
		stopB()
		stopDead()
	})
}

// Somebody deletes the Lease, and another one is faster to make it again.
func TestLeaseThatIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r registry
		ring := newRing(t)
		stopA := contend(r.line(), "a", func(ctx context.Context) {
			<-ctx.Done()
			ring.mu.Lock()
			defer ring.mu.Unlock()
			ring.note("a", "is told")
		}, nil)
		time.Sleep(62 * time.Second)
		r.remove()
		at := time.Since(ring.started)
		stopB := contend(r.line(), "b", func(ctx context.Context) { <-ctx.Done() }, nil)
		time.Sleep(time.Minute)
		// A new leader makes nothing in its first 10 s.
		if told := ring.first("a is told", at); told > at+leaseRetry+time.Second {
			t.Errorf("the lease was another's after %v, and a was told after %v", at, told)
		}
		stopA()
		stopB()
	})
}

// Whatever happens to the lines of three contenders, never do two work at once.
func TestLeaseIsHeldByOne(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				draw := rand.New(rand.NewPCG(seed, 0))
				var r registry
				ring := newRing(t)
				var lines []*line
				var stops []func()
				for _, who := range []string{"a", "b", "c"} {
					l := r.line()
					lines = append(lines, l)
					stops = append(stops, contend(l, who, ring.work(who), nil))
				}
				for range 60 {
					time.Sleep(time.Duration(draw.IntN(90_000)) * time.Millisecond)
					l := lines[draw.IntN(len(lines))]
					switch draw.IntN(4) {
					case 0:
						l.set(errors.New("connection refused"), false)
					case 1:
						l.set(nil, true)
					default:
						l.set(nil, false)
					}
				}
				for _, l := range lines {
					l.set(nil, false)
				}
				for _, stop := range stops {
					stop()
				}
				if n := strings.Count(strings.Join(ring.notes, "\n"), "begins"); n < 3 {
					t.Errorf("only %d times somebody led", n)
				}
			})
		})
	}
}

// An outage is told once, with what it is about, and so is its end.
func TestLeaseSaysItsTroubleOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r registry
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		mine := r.line()
		mine.set(apierrors.NewForbidden(coordinationv1.Resource("leases"), leaseName, errors.New("no RBAC rule")), false)
		stop := contend(mine, "a", func(ctx context.Context) { <-ctx.Done() }, log)
		time.Sleep(10 * time.Minute)
		mine.set(nil, false)
		time.Sleep(time.Minute)
		stop()
		for words, times := range map[string]int{
			"cluster c, namespace n, Lease static-egress-leader: leases.coordination.k8s.io": 1,
			"the lease can be asked for again":                                               1,
		} {
			if n := strings.Count(text.String(), words); n != times {
				t.Errorf("%q is said %d times, want %d:\n%s", words, n, times, text.String())
			}
		}
	})
}
