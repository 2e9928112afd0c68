package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew; read the difference before you commit it")

func TestMain(m *testing.M) {
	version = "v0.0.0-test"
	goleak.VerifyTestMain(m)
}

// story is one run of the whole program. What it prints and its exit code stand in testdata/NAME.golden.
type story struct {
	name  string
	args  string // cut at spaces; a newline begins another run, in the same golden file
	env   map[string]string
	stdin string
	cloud cloud // in place of the in-memory one, and of aws-cfn
}

// tell runs the program in a bubble, so that a gateway that takes its time costs none.
func (s story) tell(t *testing.T) string {
	t.Helper()
	var told strings.Builder
	for line := range strings.Lines(s.args) {
		args := strings.Fields(line)
		synctest.Test(t, func(*testing.T) {
			stdout, stderr, code := execute(context.Background(), s, args)
			fmt.Fprintf(&told, "$ %s\n", strings.Join(append([]string{program}, args...), " "))
			fmt.Fprintf(&told, "%s-- stderr --\n%s-- exit %d --\n\n", stdout, stderr, code)
		})
	}
	return told.String()
}

func execute(ctx context.Context, s story, args []string) (stdout, stderr string, code int) {
	var out, log tape
	code = realMain(ctx, args, s.process(&out, &log))
	return out.String(), log.String(), code
}

func (s story) process(out, log *tape) process {
	p := process{
		env:    func(name string) (string, bool) { v, ok := s.env[name]; return v, ok },
		stdin:  strings.NewReader(s.stdin),
		stdout: out, stderr: log,
		clouds: clouds,
	}
	if s.cloud != nil {
		p.clouds = map[string]cloud{"inmemory": s.cloud, "aws-cfn": s.cloud, "aws-ec2": clouds["aws-ec2"]}
	}
	return p
}

func (s story) check(t *testing.T) {
	t.Helper()
	golden(t, s.name, s.tell(t))
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is not there; go test -run '%s' -update writes it:\n%s", path, t.Name(), got)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs.\n--- want ---\n%s\n--- got ---\n%s", path, want, got)
	}
}

// tape keeps what a program writes from several goroutines, and leaves out what differs from run to run.
type tape struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tape) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Write(b)
}

var varies = regexp.MustCompile(`(?m)^time=\S+ |"time":"[^"]*",`)

func (t *tape) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return varies.ReplaceAllString(t.buf.String(), "")
}
