package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func TestAlive(t *testing.T) {
	now := time.Unix(0, 0)
	v := newVitals(time.Minute, func() time.Time { return now })
	now = now.Add(3 * time.Minute)
	if err := v.alive(); err != nil {
		t.Error(err)
	}
	now = now.Add(time.Second)
	if v.alive() == nil {
		t.Error("alive after three intervals of silence")
	}
	v.tick()
	if err := v.alive(); err != nil {
		t.Error(err)
	}
}

func TestReady(t *testing.T) {
	v := newVitals(time.Minute, time.Now)
	reading := func(incomplete ...string) reconcile.Reading {
		var r reconcile.Reading
		for i, why := range incomplete {
			r.Clusters = append(r.Clusters, reconcile.Cluster{Name: string(rune('a' + i)), Incomplete: why})
		}
		return r
	}
	for _, c := range []struct {
		name string
		see  func()
		want string
	}{
		{"nothing yet", func() {}, "nothing was read yet"},
		{"a part", func() { v.saw(reading("", "no answer")) }, "not read as a whole yet: b: no answer"},
		{"all", func() { v.saw(reading("", "")) }, ""},
		{"lost again", func() { v.saw(reading("no answer", "no answer")) }, ""},
	} {
		c.see()
		got := ""
		if err := v.ready(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}

// get asks a server that is there already.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	log := slog.New(slog.DiscardHandler)
	m, v := newMetrics(), newVitals(time.Minute, time.Now)
	if _, err := serve(t.Context(), address, handler(m, v, log), log); err == nil || !strings.Contains(err.Error(), "--address") {
		t.Error("a port that is taken:", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	stop, err := serve(t.Context(), address, handler(m, v, log), log)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		code int
		text string
	}{
		{"/healthz", 200, "ok"},
		{"/readyz", 503, "nothing was read yet"},
		{"/metrics", 200, "kube_static_egress_controller_build_info{"},
		{"/", 404, ""},
	} {
		if code, body := get(t, "http://"+address+c.path); code != c.code || !strings.Contains(body, c.text) {
			t.Errorf("%s: %d %s", c.path, code, body)
		}
	}
	stop()
	if c, err := net.Dial("tcp", address); err == nil {
		t.Error("served after its end", c.Close())
	}
}

// TestRun is the whole program with a real server, from its start to the signal.
func TestRun(t *testing.T) {
	signals := make(chan os.Signal, 1)
	var out, log tape
	s := story{}
	p := s.process(&out, &log)
	p.signals = signals
	ended := make(chan int, 1)
	go func() {
		ended <- realMain(context.Background(), strings.Fields("run --address=127.0.0.1:0 "+good), p)
	}()
	// A real server starts in real time.
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	deadline := time.Now().Add(30 * time.Second)
	var address, body string
	for !strings.Contains(body, `aws_requests_total{code="OK",operation="CreateNatGateway"} 2`) && time.Now().Before(deadline) {
		<-poll.C
		_, rest, _ := strings.Cut(log.String(), "address=")
		if line, _, ended := strings.Cut(rest, "\n"); ended {
			address = line
			_, body = get(t, "http://"+address+"/metrics")
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, body := get(t, "http://"+address+path); code != http.StatusOK {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	for _, metric := range []string{"_leader 1\n", `_cluster_last_read_timestamp_seconds{cluster=""} 1`, `_gateway_ready{zone="eu-central-1a"} `} {
		if !strings.Contains(body, metricPrefix+metric) {
			t.Errorf("the metrics do not have %s", metric)
		}
	}
	signals <- syscall.SIGTERM
	if code := <-ended; code != succeeded {
		t.Errorf("exit %d", code)
	}
	if !strings.Contains(log.String(), "msg=stopped") || !strings.Contains(body, "CreateNatGateway") {
		t.Errorf("log:\n%s\nmetrics:\n%s", &log, body)
	}
}

// stuck is a cloud whose calls, once begun, take until it is let go, whatever their context says.
func stuck(begun chan<- struct{}, letGo <-chan struct{}) cloud {
	return made(func() *inmemory.EC2 {
		hook := func(_ context.Context, c inmemory.Call, phase inmemory.Phase) error {
			if c.Operation == "AllocateAddress" && phase == inmemory.Before {
				begun <- struct{}{}
				<-letGo
			}
			return nil
		}
		return inmemory.Seed(inmemory.Options{Hook: hook}, "AvailabilityZone", threeZones)
	})
}

func TestSignals(t *testing.T) {
	for _, c := range []struct {
		name  string
		then  func(signals chan<- os.Signal, letGo func())
		want  int
		words string
		took  time.Duration
	}{
		{"calls in flight finish", func(_ chan<- os.Signal, letGo func()) { letGo() }, succeeded, "msg=stopped", 0},
		{"a second signal", func(signals chan<- os.Signal, _ func()) { signals <- os.Interrupt }, failed, "a second signal", 0},
		{"they take too long", func(chan<- os.Signal, func()) {}, failed, "took longer than 40s", grace},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, held := make(chan struct{}, 10), make(chan struct{})
				signals := make(chan os.Signal, 2)
				var out, log tape
				p := story{cloud: stuck(begun, held)}.process(&out, &log)
				p.signals = signals
				ended := make(chan int, 1)
				began := time.Now()
				go func() { ended <- realMain(context.Background(), strings.Fields("run --address= "+good), p) }()
				<-begun
				synctest.Wait()
				signals <- syscall.SIGTERM
				synctest.Wait()
				letGo := func() { close(held) }
				c.then(signals, letGo)
				code := <-ended
				if took := time.Since(began); code != c.want || !strings.Contains(log.String(), c.words) || took < c.took {
					t.Errorf("exit %d after %v, %s", code, took, &log)
				}
				if c.want == failed {
					letGo() // the process would be gone; the bubble waits for what it left behind
				}
			})
		})
	}
}

// TestDryRun is set up by the environment alone, as in a Deployment.
func TestDryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		var out, log tape
		e := inmemory.Seed(inmemory.Options{}, "AvailabilityZone", threeZones)
		p := story{
			cloud: made(func() *inmemory.EC2 { return e }),
			env: map[string]string{
				envPrefix + "PROVIDER":           "inmemory",
				envPrefix + "AWS_AZ":             "eu-central-1a\neu-central-1b\n",
				envPrefix + "AWS_NAT_CIDR_BLOCK": "172.31.64.0/28,172.31.64.16/28",
				envPrefix + "CONFIGMAPS":         "testdata/egress-t1.yaml",
				envPrefix + "DRY_RUN":            "true",
			},
		}.process(&out, &log)
		p.signals = signals
		go func() {
			<-time.After(90 * time.Second) // after the second pass, and before the third
			signals <- syscall.SIGTERM
		}()
		if code := realMain(context.Background(), []string{"--address="}, p); code != succeeded {
			t.Errorf("exit %d, %s", code, &log)
		}
		if n := strings.Count(out.String(), "16 to create"); n != 2 {
			t.Errorf("%d plans, not 2:\n%s", n, &out)
		}
		for call := range e.Counts() {
			if !strings.HasPrefix(call, "Describe") && !strings.HasPrefix(call, "Get") {
				t.Errorf("a dry run called %s", call)
			}
		}
	})
}

func TestSignalBeforeTheStart(t *testing.T) {
	// AWS is slow, and nothing has been found yet.
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		var out, log tape
		p := story{cloud: func(ctx context.Context, _ setup, _ *slog.Logger) (apis, error) {
			signals <- syscall.SIGTERM
			<-ctx.Done()
			return apis{}, ctx.Err()
		}}.process(&out, &log)
		p.signals = signals
		if code := realMain(context.Background(), strings.Fields("run --address= "+good), p); code != succeeded {
			t.Errorf("exit %d, %s", code, &log)
		}
	})
}

func TestInterruptedOnceIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 1)
		var out, log tape
		begun, held := make(chan struct{}, 10), make(chan struct{})
		p := story{cloud: stuck(begun, held)}.process(&out, &log)
		p.signals = signals
		go func() {
			<-begun
			signals <- syscall.SIGTERM
			synctest.Wait()
			close(held)
		}()
		if code := realMain(context.Background(), strings.Fields("run --once "+good), p); code != failed {
			t.Errorf("exit %d, %s", code, &log)
		}
	})
}

// full is a stdout that takes nothing more, such as a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestStdoutThatFails(t *testing.T) {
	for _, args := range []string{"version", "help", "plan " + good, "run --once " + good} {
		synctest.Test(t, func(t *testing.T) {
			var log tape
			p := story{}.process(nil, &log)
			p.stdout = full{}
			if code := realMain(context.Background(), strings.Fields(args), p); code != failed || !strings.Contains(log.String(), "no space left") {
				t.Errorf("%s: exit %d, %s", args, code, &log)
			}
		})
	}
}
