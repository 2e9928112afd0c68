// Kube-static-egress-controller lets the pods of a cluster leave it from a few addresses that never change, but only
// for the networks that somebody asked for in a ConfigMap.
//
// This package is where everything meets: flags are checked and turned into the configuration of the loop, of a
// provider and of what reads the ConfigMaps; nothing is decided here about addresses or routes.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	// The image has no file of root certificates. These are taken where the system has none of its own, and only there.
	_ "golang.org/x/crypto/x509roots/fallback"
)

const program = "kube-static-egress-controller"

// The exit codes. pending is that of plan --detailed-exitcode: something is to be done or waited for.
const (
	succeeded = 0
	failed    = 1
	pending   = 2
)

// grace is how long it may take to end after the first signal: 15 s for calls in flight, then the last look and the lease.
// Kubernetes kills after 60 s (terminationGracePeriodSeconds in deploy), and whoever watches should read our own last words
// before that.
const grace = 40 * time.Second

func main() {
	os.Exit(realMain(context.Background(), os.Args[1:], thisProcess()))
}

// process is what a run of this program sees of the world. Tests bring their own, so that they run the whole program.
type process struct {
	env            func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	signals        <-chan os.Signal
	clouds         map[string]cloud // by the value of --provider
}

func thisProcess() process {
	signals := make(chan os.Signal, 2) // two: the second one must not be lost while the first is being obeyed
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	return process{
		env: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		signals: signals, clouds: clouds,
	}
}

// realMain runs one command and returns the exit code. At the first signal the command's context ends: it starts nothing
// new and lets calls in flight finish, because the answer to a call that creates something is the only word of its id.
func realMain(ctx context.Context, args []string, p process) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- dispatch(ctx, args, p) }()

	select {
	case code := <-ended:
		return code
	case <-p.signals:
		cancel()
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case code := <-ended:
		return code
	case <-p.signals:
		p.complain("a second signal: ended at once, with calls in flight")
	case <-late.C:
		p.complain(fmt.Sprintf("calls in flight took longer than %v: ended without them", grace))
	}
	return failed
}

// complain says one thing on stderr; its further lines are indented, so that it is seen where the next one begins.
// Nobody is left to hear that this failed.
func (p process) complain(message string) {
	lines := strings.Split(message, "\n")
	for i, l := range lines[1:] {
		if !strings.HasPrefix(l, "  ") {
			lines[i+1] = "  " + l
		}
	}
	message = strings.Join(lines, "\n")
	_, _ = fmt.Fprintf(p.stderr, "%s: %s\n", program, message)
}
