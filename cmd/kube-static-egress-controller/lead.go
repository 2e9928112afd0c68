package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/szuecs/kube-static-egress-controller/kube"
)

// lastLook is how long the look at the end of a term may take, after the calls in flight have ended.
const lastLook = 10 * time.Second

// identity tells who takes part in the election. In a Pod it is the Pod, so that a container that is started again need not
// wait for its own lease: the kubelet has ended the one before. What is run beside it, once, is somebody else, wherever it runs;
// and a second run in the same Pod ends before it gets here, because --address is taken.
func (s setup) identity(env func(string) (string, bool)) (string, error) {
	name, inPod := env("POD_NAME")
	if uid, known := env("POD_UID"); inPod && known && !s.once && !s.teardown && name != "" && uid != "" {
		return name + "_" + uid, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the name of this host: %w", err)
	}
	chance := make([]byte, 8)
	if _, err := rand.Read(chance); err != nil {
		return "", err
	}
	return cmp.Or(name, host) + "_" + hex.EncodeToString(chance), nil
}

// lease is what has to be held while anything is changed; [kube.Lease] is one.
type lease interface {
	Hold(context.Context, func(context.Context)) (held bool, err error)
	Holder() string
	Trouble() string
}

var _ lease = (*kube.Lease)(nil)

// candidate leads whenever it holds the lease, and stands by while it does not.
type candidate struct {
	first  wired                                // made at the start, so that a set-up that cannot work ends the program
	wire   func(context.Context) (wired, error) // what was learned in one term is not true in another: somebody else led in between
	leads  func(bool)
	tick   func()
	resync time.Duration
	log    *slog.Logger
}

// run goes on until ctx ends.
func (c candidate) run(ctx context.Context) error {
	if c.first.lease == nil {
		c.leads(true)
		c.first.run(ctx)
		return nil
	}
	parts := &c.first
	for ctx.Err() == nil {
		standby, leading := context.WithCancel(ctx)
		var standing sync.WaitGroup
		standing.Go(func() { c.standBy(standby) })
		_, err := c.first.lease.Hold(ctx, func(ctx context.Context) {
			leading()
			standing.Wait()
			c.leads(true)
			defer c.leads(false)
			c.term(ctx, parts)
			parts = nil
		})
		leading()
		standing.Wait()
		if err != nil {
			return err
		}
	}
	return nil
}

// standBy reads what is claimed, and nothing else: so a standby is ready, and says what it could not read.
func (c candidate) standBy(ctx context.Context) {
	for ctx.Err() == nil {
		c.first.loop.Reader.Read(ctx)
		c.tick()
		pause(ctx, c.resync)
	}
}

// term goes round for as long as the lease is held. When the program is told to end, and the lease was not lost, it writes
// down how things stand before somebody else has it.
func (c candidate) term(ctx context.Context, parts *wired) {
	c.log.Info("leading")
	for wait := time.Second; parts == nil; wait = min(2*wait, c.resync) {
		again, err := c.wire(ctx)
		if err == nil {
			parts = &again
			break
		}
		if ctx.Err() != nil {
			return
		}
		c.log.Error("cannot begin yet", "error", err.Error())
		c.tick()
		pause(ctx, wait)
	}
	parts.telling(ctx, func() {
		parts.run(ctx)
		if errors.Is(context.Cause(ctx), kube.ErrLost) {
			return
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
		defer cancel()
		parts.loop.Leave(last)
	})
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// whileLeading does what has an end, while nobody else changes anything. It waits for that no longer than patience.
func (w wired) whileLeading(ctx context.Context, patience time.Duration, work func(context.Context) error) error {
	if w.lease == nil {
		return work(ctx)
	}
	var done error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	waiting := time.AfterFunc(patience, cancel)
	held, err := w.lease.Hold(ctx, func(ctx context.Context) {
		waiting.Stop()
		w.telling(ctx, func() { done = work(ctx) })
	})
	switch {
	case err != nil:
		return err
	case held:
		return done
	case w.lease.Trouble() != "":
		return fmt.Errorf("nothing was done, for want of the lease: %s", w.lease.Trouble())
	}
	return fmt.Errorf("nothing was done: %s leads, and there can be only one: stop it first", cmp.Or(w.lease.Holder(), "another one"))
}
