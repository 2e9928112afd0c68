//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// localstack is a cloud on this machine.
type localstack struct {
	process  *process
	endpoint string
}

func startLocalstack(dir string) (*localstack, error) {
	python, err := made("localstack/bin/python")
	if err != nil {
		return nil, err
	}
	l := &localstack{}
	l.process, err = onFreePorts(1, func(ports []string) (*process, error) {
		// It listens on all addresses; it is only ever talked to on this one.
		l.endpoint = "http://127.0.0.1:" + ports[0]
		cmd := exec.Command(python, "-B", "localstack/start.py", ports[0], filepath.Join(dir, "state"))
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
		l.process, err = start(cmd, filepath.Join(dir, "log"))
		return l.process, err
	}, l.healthy)
	return l, err
}

func (l *localstack) healthy() error {
	var health struct{ Services map[string]string }
	if err := l.do(http.MethodGet, "/_localstack/health", nil, &health); err != nil {
		return err
	}
	for _, service := range []string{"ec2", "cloudformation", "sts", "s3"} {
		if health.Services[service] != "running" {
			return fmt.Errorf("LocalStack: %s is %q", service, health.Services[service])
		}
	}
	// Another could have taken the port, of somebody who runs these tests too.
	var who struct{ PID int }
	if err := l.do(http.MethodGet, "/_e2e/process", nil, &who); err != nil {
		return err
	}
	if who.PID != l.process.cmd.Process.Pid {
		return fmt.Errorf("LocalStack: at %s is another, with the process id %d", l.endpoint, who.PID)
	}
	return nil
}

// rules are those of localstack/awslike/rules.py. What is zero is as if it took no time and had no end.
type rules struct {
	NATPending  float64 `json:"nat_pending"`
	NATDeleting float64 `json:"nat_deleting"`
	CFNStep     float64 `json:"cfn_step"`
	Addresses   int     `json:"addresses,omitempty"`
	Subnets     int     `json:"subnets,omitempty"`
	Tables      int     `json:"tables,omitempty"`
	Gateways    int     `json:"gateways,omitempty"`
	Routes      int     `json:"routes,omitempty"`
}

// rule sets the rules of the site's account, from now on.
func (s *site) rule(t *testing.T, r rules) {
	t.Helper()
	if err := cloud.do(http.MethodPut, "/_e2e/rules/"+s.account, r, nil); err != nil {
		t.Fatal(err)
	}
}

func (l *localstack) do(method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, l.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(out)
}
