//go:build e2e

package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
)

// What TestMain makes for all tests.
var (
	workDir string // for everything that lives as long as the tests
	program string // the built controller
	cloud   *localstack
)

func TestMain(m *testing.M) {
	flag.Parse()
	waitSideBySide()
	os.Exit(testMain(m))
}

// waitSideBySide lets more tests run at once than there are processors, unless somebody said how many: nearly all of their
// time is waiting, and each has a site of its own.
func waitSideBySide() {
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", fmt.Sprint(4*runtime.NumCPU())) // a flag of every test, and a number
	}
}

func testMain(m *testing.M) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	var err error
	if workDir, err = os.MkdirTemp("", "static-egress-e2e-"); err != nil {
		return fail(err)
	}
	defer func() {
		if code == 0 {
			err := os.RemoveAll(workDir)
			if err != nil {
				code = fail(err)
			}
			return
		}
		fmt.Fprintln(os.Stderr, "e2e: the servers' logs are in", workDir)
	}()
	defer endAll()
	// A panic in a test's goroutine ends the process without this; Pdeathsig is for that.
	defer func() {
		if p := recover(); p != nil {
			code = fail(fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()

	errs := make(chan error, 2)
	go func() { errs <- build() }()
	go func() {
		var err error
		cloud, err = startLocalstack(filepath.Join(workDir, "localstack"))
		errs <- err
	}()
	if err := errors.Join(<-errs, <-errs); err != nil {
		return fail(err)
	}
	code = m.Run()
	if err := onTheWire.check(wholeSuite(), os.Stderr); err != nil {
		return fail(err)
	}
	return code
}

// build makes the program as a release is made: no race detector, no cgo.
func build() error {
	program = filepath.Join(workDir, "kube-static-egress-controller")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-X main.version=v0.0.0-e2e", "-o", program, "../cmd/kube-static-egress-controller")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// made gives the path of what setup.sh has made.
func made(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join("..", ".cache", "e2e", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Errorf("%w (make e2e-setup makes it)", err)
	}
	return path, nil
}
