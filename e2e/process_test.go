//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// process is a program of ours that runs beside the tests, in a process group of its own.
type process struct {
	cmd  *exec.Cmd
	log  string        // the file with what it printed
	done chan struct{} // closed when it has ended
}

var (
	running   = map[*process]bool{}
	runningMu sync.Mutex
)

// start runs cmd. What it prints is added to a file; where stdout was set already, only stderr is.
func start(cmd *exec.Cmd, log string) (*process, error) {
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // the process has it now
	cmd.Stderr = file
	if cmd.Stdout == nil {
		cmd.Stdout = file
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// The group, so that ending it ends what it has started too.
	cmd.SysProcAttr.Setpgid = true
	dieWithUs(cmd.SysProcAttr)
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	if err := fork(cmd.Start); err != nil {
		return nil, err
	}
	runningMu.Lock()
	running[p] = true
	runningMu.Unlock()
	go func() {
		_ = cmd.Wait() // how it ended stands in ProcessState
		runningMu.Lock()
		delete(running, p)
		runningMu.Unlock()
		close(p.done)
	}()
	return p, nil
}

var forks = make(chan func())

// fork calls f on one thread that lives as long as the tests do: Linux ends a child with the thread that made it, not
// with the process (prctl(2), PR_SET_PDEATHSIG), and Go ends threads as it likes.
func fork(f func() error) error {
	result := make(chan error, 1)
	forks <- func() { result <- f() }
	return <-result
}

func init() {
	go func() {
		runtime.LockOSThread()
		for f := range forks {
			f()
		}
	}()
}

// signal sends a signal to the whole group.
func (p *process) signal(s syscall.Signal) error {
	err := syscall.Kill(-p.cmd.Process.Pid, s)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// end sends s and waits. What does not end in time is killed, and that is an error.
func (p *process) end(s syscall.Signal, patience time.Duration) error {
	if err := p.signal(s); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return fmt.Errorf("%s had not ended %s after %v and was killed\n%s", p.cmd.Path, patience, s, tail(p.log))
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// endAll ends whatever still runs. Nothing that these tests leave behind is worth a graceful end.
func endAll() {
	runningMu.Lock()
	rest := make([]*process, 0, len(running))
	for p := range running {
		rest = append(rest, p)
	}
	runningMu.Unlock()
	for _, p := range rest {
		_ = p.end(syscall.SIGKILL, 10*time.Second)
	}
}

// tail gives the end of a log: what went wrong is usually there.
func tail(log string) string {
	content, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	lines := slices.Collect(bytes.Lines(content))
	return fmt.Sprintf("the end of %s:\n%s", log, bytes.Join(lines[max(0, len(lines)-40):], nil))
}
