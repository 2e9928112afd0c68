package kube

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

const leaseName = "static-egress-leader"

// The times of the lease. Whoever leads tries to renew it every retry. When that has failed for renew, its work is told to
// end: at the latest retry + renew = 40 s after the last time that it was renewed. What had been started by then takes 15 s
// at most (lastCalls in reconcile and awscfn). Nobody else can have the lease before 60 s are over, so there is never a
// moment in which two write (rule 16).
const (
	leaseTime  = 60 * time.Second
	leaseRenew = 35 * time.Second
	leaseRetry = 5 * time.Second
	leaseEnd   = leaseRenew + leaseRetry

	// A call that hangs must leave time for another one before the renewal has failed.
	leaseCall = 10 * time.Second
)

// ErrLost is the cause that the context of the work ends with when the lease was lost.
var ErrLost = errors.New("the lease was lost")

// Lease is the right to change things: a Lease object in the namespace of the controller's own cluster. Whoever holds it
// leads; all others wait for it.
//
// It has to be allowed to get, create and update leases in that namespace.
type Lease struct {
	home     *Home
	identity string
	log      *slog.Logger

	mu     sync.Mutex
	said   string // why the lease cannot be had, as it was logged last; empty if it can
	holder string // who else holds it, as far as is known; empty if nobody does
	end    func() // tells the work to end; nil while there is none

	renewed time.Time   // when the last write began that succeeded
	expires *time.Timer // tells the work to end, whatever the election still waits for; nil while there is none
}

// Lease is in the same namespace as the state. The identity tells whoever takes part from all others. The same identity has
// the lease at once, without waiting until it expires: so it may come again only where the one before is known to have ended.
func (h *Home) Lease(identity string) *Lease {
	return &Lease{home: h, identity: identity, log: h.log}
}

// Hold waits until the lease is held and then works. The work's context ends with ctx, or, by the cause [ErrLost], when the lease
// was lost; the work must start nothing new then, and return within 15 s. Hold returns when ctx has ended or the work
// has; never before the work has. If the lease was not lost, it is given up only then. It reports whether it ever held it.
func (l *Lease) Hold(ctx context.Context, work func(context.Context)) (held bool, err error) {
	// Client-go says the same every five seconds while an API server is down; here each change is said once. The election does
	// not end with ctx: the lease is needed as long as somebody works.
	quiet := klog.NewContext(context.WithoutCancel(ctx), logr.Discard())
	electing, stop := context.WithCancel(quiet)
	defer stop()
	began := make(chan context.Context, 1)
	lock := l.lock()
	elector, err := l.elector(lock, began)
	if err != nil {
		return false, fmt.Errorf("%s: %w", lock.Describe(), err)
	}
	var election sync.WaitGroup
	election.Go(func() { elector.Run(electing) })

	lost := false
	select {
	case leading := <-began:
		held = true
		lost = l.work(ctx, leading, work)
	case <-ctx.Done():
	}
	stop()
	election.Wait()
	if !lost && elector.IsLeader() {
		l.release(quiet, lock)
	}
	return held, nil
}

func (l *Lease) elector(lock noticed, began chan<- context.Context) (*leaderelection.LeaderElector, error) {
	return leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, Name: leaseName,
		LeaseDuration: leaseTime, RenewDeadline: leaseRenew, RetryPeriod: leaseRetry,
		// It would be given up as soon as it could not be renewed, while what was started is still on its way.
		ReleaseOnCancel: false,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) { began <- leading },
			OnStoppedLeading: func() {},
		},
	})
}

// work works until the work ends by itself, or is told to, and reports whether the lease was lost.
func (l *Lease) work(ctx, leading context.Context, work func(context.Context)) (lost bool) {
	working, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := func() { cancel(ErrLost) }
	defer context.AfterFunc(leading, end)()
	l.begin(end)
	work(working)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expires.Stop()
	l.end, l.expires = nil, nil
	if lost = errors.Is(context.Cause(working), ErrLost); lost {
		l.log.Warn("the lease was lost, and nothing is changed until it is held again", "lease", leaseName)
	}
	return lost
}

func (l *Lease) begin(end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end, l.expires = end, time.AfterFunc(time.Until(l.renewed.Add(leaseEnd)), end)
}

func (l *Lease) renew(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed = at; l.expires != nil {
		l.expires.Reset(time.Until(at.Add(leaseEnd)))
	}
}

// Holder is who else holds the lease, as far as is known; empty if nobody does.
func (l *Lease) Holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holder
}

// Trouble is why the lease cannot be had, but for somebody else's having it; empty if there is no trouble.
func (l *Lease) Trouble() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said
}

// follow notes who holds the lease. If somebody deleted it, another one may have it before it is missed here: then the work ends
// at once, and not when the renewal has failed for long enough.
func (l *Lease) follow(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holder == l.identity {
		holder = ""
	}
	if holder != "" && holder != l.holder {
		l.log.Info("another one leads", "holder", holder)
	}
	if l.holder = holder; holder != "" && l.end != nil {
		l.end()
	}
}

func (l *Lease) lock() noticed {
	c := l.home.cluster.client
	return noticed{lease: l, Interface: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: l.home.namespace, Name: leaseName},
		Client:     c.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: l.identity},
		Labels:     map[string]string{nameLabel: program, managedByLabel: program},
	}}
}

// release lets the next one lead at once. If it cannot be given up, the next one waits until it expires.
func (l *Lease) release(ctx context.Context, lock noticed) {
	record, _, err := lock.Get(ctx)
	if err != nil || record.HolderIdentity != l.identity {
		return
	}
	record.HolderIdentity = ""
	record.LeaseDurationSeconds = 1 // there has to be one
	record.RenewTime = metav1.Now()
	_ = lock.Update(ctx, *record) // if it failed, that was logged
}

// noticed is a lock whose calls are bounded and whose failures are told once.
type noticed struct {
	resourcelock.Interface
	lease *Lease
}

// Get notes who holds the lease.
func (n noticed) Get(ctx context.Context) (record *resourcelock.LeaderElectionRecord, raw []byte, err error) {
	err = n.call(ctx, func(ctx context.Context) error {
		record, raw, err = n.Interface.Get(ctx)
		return err
	})
	if err == nil {
		n.lease.follow(record.HolderIdentity)
	}
	return record, raw, err
}

// Create takes a lease that nobody has made yet.
func (n noticed) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return n.write(ctx, func(ctx context.Context) error { return n.Interface.Create(ctx, record) })
}

// Update takes, renews or gives up the lease.
func (n noticed) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return n.write(ctx, func(ctx context.Context) error { return n.Interface.Update(ctx, record) })
}

// write counts the time from before the call: that is when the lease was ours at the latest.
func (n noticed) write(ctx context.Context, do func(context.Context) error) error {
	began := time.Now()
	err := n.call(ctx, do)
	if err == nil {
		n.lease.renew(began)
	}
	return err
}

func (n noticed) call(ctx context.Context, do func(context.Context) error) error {
	bounded, cancel := context.WithTimeoutCause(ctx, leaseCall, fmt.Errorf("no answer within %s", leaseCall))
	defer cancel()
	err := do(bounded)
	switch {
	case err == nil, apierrors.IsNotFound(err) && !isNamespace(err):
		n.lease.say("")
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err): // somebody else was faster, which is what a lock is for
	case ctx.Err() != nil: // nobody waits for it any more
	default:
		n.lease.say(fmt.Sprintf("%s, namespace %s, Lease %s: %v", n.lease.home.cluster.title, n.lease.home.namespace, leaseName, reason(bounded, err)))
	}
	return err
}

// isNamespace reports whether what was not found is the namespace.
func isNamespace(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return status.Status().Details.Kind == "namespaces"
}

func (l *Lease) say(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why == l.said {
		return
	}
	if why == "" {
		l.log.Info("the lease can be asked for again")
	} else {
		l.log.Warn("the lease cannot be had or renewed", "reason", why)
	}
	l.said = why
}
