//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// awsProxy stands between a controller and the cloud. It sees all calls, and can keep them up, or answer in the cloud's
// place as AWS would: LocalStack knows no IAM.
type awsProxy struct {
	server *httptest.Server

	mu      sync.Mutex
	answer  func(ec2Call) *refusal // nil, or it gives nil: the cloud answers
	delay   time.Duration          // of each call: what the way to AWS and back takes
	calls   []ec2Call              // that were answered
	changed chan struct{}          // closed, and made anew, with each of them
}

// ec2Call is a call of the EC2 API: its action and its parameters, as they are on the wire.
type ec2Call struct {
	action string
	url.Values
	ended time.Time
}

// refusal is an error of EC2's.
type refusal struct {
	status        int
	code, message string
}

func newAWSProxy(t *testing.T) *awsProxy {
	t.Helper()
	to, err := url.Parse(cloud.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &awsProxy{changed: make(chan struct{})}
	// SetURL would keep the path and set the host; the host is part of what was signed, and LocalStack reads the account
	// and the region from there.
	onwards := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		values, err := url.ParseQuery(string(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		call := ec2Call{action: values.Get("Action"), Values: values}
		p.mu.Lock()
		answer, delay := p.answer, p.delay
		p.mu.Unlock()
		time.Sleep(delay)
		if answer != nil {
			if no := answer(call); no != nil {
				no.write(w)
				return
			}
		}
		onwards.ServeHTTP(w, r)
		call.ended = time.Now()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls = append(p.calls, call)
		close(p.changed)
		p.changed = make(chan struct{})
	}))
	t.Cleanup(p.server.Close)
	return p
}

// write answers as EC2 does ("Error responses", in EC2's API reference).
func (r refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(r.status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>
<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>`, r.code, r.message)
}

// refuse lets the proxy answer what f does not leave to the cloud.
func (p *awsProxy) refuse(f func(ec2Call) *refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// slow lets each call take that much longer.
func (p *awsProxy) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// mark gives the place in the calls where the next one will be.
func (p *awsProxy) mark() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// await waits until n calls after a mark are as wanted, and gives all calls from the mark to the last of these.
func (p *awsProxy) await(t *testing.T, mark, n int, wanted func(ec2Call) bool) []ec2Call {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		p.mu.Lock()
		calls, changed := p.calls[mark:], p.changed
		p.mu.Unlock()
		found := 0
		for i, c := range calls {
			if wanted(c) {
				found++
			}
			if found == n {
				return calls[:i+1]
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("of %d calls that were waited for there were %d: %v", n, found, ctx.Err())
		}
	}
}

// passes waits until the controller has looked at everything n times more.
func (p *awsProxy) passes(t *testing.T, n int) {
	t.Helper()
	p.await(t, p.mark(), n, func(c ec2Call) bool { return c.action == "DescribeRouteTables" })
}

// through is the same controller, with the proxy before the cloud.
func (c *controller) through(p *awsProxy) *controller {
	return c.with("AWS_ENDPOINT_URL=" + p.server.URL)
}
