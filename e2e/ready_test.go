//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

const (
	// pollEvery is short beside anything that is waited for, and long beside what looking costs.
	pollEvery = 50 * time.Millisecond
	// patience is long: these tests share the machine with each other and with whatever else runs there. Waiting ends
	// as soon as there is something to see.
	patience = 2 * time.Minute
	// startUp is how long a server may take. Alone on a machine it takes seconds.
	startUp = 3 * time.Minute
)

// eventually waits until check gives nil, and fails the test with its last error when that takes too long.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	if err := poll(t.Context(), patience, check); err != nil {
		t.Fatal(err)
	}
}

// poll calls check until it gives nil.
func poll(ctx context.Context, limit time.Duration, check func() error) error {
	started := time.Now()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		if final := (hopeless{}); errors.As(err, &final) {
			return final.error
		}
		if time.Since(started) > limit {
			return fmt.Errorf("still after %v: %w", limit, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// hopeless is an error that waiting does not mend.
type hopeless struct{ error }

// freePorts asks the kernel for ports. Between here and their use somebody else can take them, so whoever uses them must
// be ready to try again.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all are held until all are found, so that they differ
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// onFreePorts starts a server on n free ports, and again on others if one of them was taken meanwhile.
func onFreePorts(n int, start func(ports []string) (*process, error), ready func() error) (*process, error) {
	for attempt := 1; ; attempt++ {
		ports, err := freePorts(n)
		if err != nil {
			return nil, err
		}
		p, err := start(ports)
		if err != nil {
			return nil, err
		}
		err = p.ready(ready)
		if err == nil {
			return p, nil
		}
		log := tail(p.log)
		if !strings.Contains(strings.ToLower(log), "address already in use") || attempt == 5 {
			return nil, fmt.Errorf("%w\n%s", err, log)
		}
	}
}

// ready waits until a server that was just started answers.
func (p *process) ready(check func() error) error {
	return poll(context.Background(), startUp, func() error {
		if p.ended() {
			return hopeless{fmt.Errorf("%s ended: %v", p.cmd.Path, p.cmd.ProcessState)}
		}
		return check()
	})
}
