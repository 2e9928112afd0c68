//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// controller is the program with all that it is told, wherever it comes from.
type controller struct {
	provider []string // of every command: who carries out what is planned,
	flags    []string // and all else
	pace     []string // of run only
	env      []string
	dir      string // its home, and the folder that it runs in
	log      string // the file for stderr of `run`
	typed    string // what somebody types
}

// controller is the program as it is set up for a site. The flags say where ConfigMaps are read.
func (s *site) controller(t *testing.T, flags ...string) *controller {
	t.Helper()
	dir := t.TempDir()
	return &controller{
		provider: []string{"--provider=aws-ec2"},
		flags:    slices.Concat(s.flags(), flags),
		pace:     []string{"--address=", "--resync-interval=1s", "--withdraw-delay=1s", "--log-level=debug"},
		// Nothing of whoever runs the tests: no profile, no kubeconfig, no proxy.
		env: []string{
			"PATH=" + os.Getenv("PATH"),
			"HOME=" + dir,
			"AWS_ENDPOINT_URL=" + cloud.endpoint,
			"AWS_REGION=" + region,
			"AWS_ACCESS_KEY_ID=" + s.account,
			"AWS_SECRET_ACCESS_KEY=secret",
			"AWS_EC2_METADATA_DISABLED=true",
			// One that is killed and started again is the same Pod: it does not wait for its own lease.
			"POD_NAME=" + strings.ToLower(fileName(t)), "POD_UID=" + s.account,
		},
		dir: dir,
		log: filepath.Join(workDir, "controller-"+fileName(t)+".log"),
	}
}

// with is the same program with other settings; the last one of a name counts.
func (c *controller) with(env ...string) *controller {
	changed := *c
	changed.env = slices.Concat(c.env, env)
	return &changed
}

func (c *controller) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, slices.Concat([]string{name}, c.provider, c.flags, args)...)
	cmd.Env, cmd.Dir = c.env, c.dir
	if c.typed != "" {
		cmd.Stdin = strings.NewReader(c.typed)
	}
	return cmd
}

// result is what came of a command that ended.
type result struct {
	stdout, stderr string
	code           int
}

func (r result) String() string {
	return fmt.Sprintf("exit %d\n-- stdout --\n%s-- stderr --\n%s", r.code, r.stdout, r.stderr)
}

// exec runs a command that ends by itself.
func (c *controller) exec(t *testing.T, name string, args ...string) result {
	t.Helper()
	cmd := c.command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := fork(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd, err)
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// once passes until nothing is left to do, and wants that to work.
func (c *controller) once(t *testing.T) result {
	t.Helper()
	r := c.exec(t, "run", "--once", "--timeout="+patience.String())
	if r.code != 0 {
		t.Fatalf("run --once: %v", r)
	}
	return r
}

// planWantsNothing asks for a plan, and wants nothing to be in it.
func (c *controller) planWantsNothing(t *testing.T) {
	t.Helper()
	switch r := c.exec(t, "plan", "--detailed-exitcode"); {
	case r.code != 0:
		t.Errorf("something is left to do: %v", r)
	case strings.Contains(r.stdout, "Warning: cluster"):
		t.Errorf("nothing is left to do, but not all was read: %v", r)
	}
}

// start runs the program until the test ends or somebody ends it.
func (c *controller) start(t *testing.T) *process {
	t.Helper()
	p, err := start(c.command("run", c.pace...), c.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(tail(c.log))
		}
		if !p.ended() {
			p.terminate(t)
		}
	})
	return p
}

// terminate ends the program as Kubernetes does, and wants it to end well.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.end(syscall.SIGTERM, 30*time.Second); err != nil {
		t.Error(err)
	} else if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("ended with %v after SIGTERM\n%s", p.cmd.ProcessState, tail(p.log))
	}
}

// kill ends the program as a crash does.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.end(syscall.SIGKILL, patience); err != nil {
		t.Fatal(err)
	}
}

// examples is the folder of manifests that the project shows everybody.
func examples(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// by is the same program with another --provider.
func (c *controller) by(provider ...string) *controller {
	changed := *c
	changed.provider = provider
	return &changed
}

// heard is how much of the log there is.
func (c *controller) heard(t *testing.T) int {
	t.Helper()
	return heard(t, c.log)
}

func heard(t *testing.T, log string) int {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(text)
}

// says waits until the log says it, after so much of it.
func (c *controller) says(t *testing.T, heard int, words string) {
	t.Helper()
	says(t, c.log, heard, words)
}

func says(t *testing.T, log string, heard int, words string) {
	t.Helper()
	eventually(t, func() error {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if !strings.Contains(string(text[min(heard, len(text)):]), words) {
			return fmt.Errorf("it does not say %q", words)
		}
		return nil
	})
}

// typing is the same program with somebody who types.
func (c *controller) typing(text string) *controller {
	changed := *c
	changed.typed = text
	return &changed
}
