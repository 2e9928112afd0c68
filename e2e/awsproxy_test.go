//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
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
	trouble func(ec2Call) wire     // nil, or it gives nil: the wire is well
	came    map[string]int         // how many calls came, by action, whatever became of them
}

// wire is what happens to a call on its way. It may ask the cloud, which then does what it is asked for, and answer as it
// likes.
type wire func(w http.ResponseWriter, r *http.Request, cloud func() *httptest.ResponseRecorder)

// ec2Call is a call of the EC2 API, or of CloudFormation's: its action and its parameters, as they are on the wire.
type ec2Call struct {
	action string
	url.Values
	nth    int // of the calls of this action, from 1 on
	ended  time.Time
	status int    // of the answer, and
	body   []byte // the answer; both only where the wire was in trouble
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
	p := &awsProxy{changed: make(chan struct{}), came: map[string]int{}}
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
		onTheWire.note(values)
		call := ec2Call{action: values.Get("Action"), Values: values}
		p.mu.Lock()
		p.came[call.action]++
		call.nth = p.came[call.action]
		answer, delay, trouble := p.answer, p.delay, p.trouble
		p.mu.Unlock()
		time.Sleep(delay)
		if answer != nil {
			if no := answer(call); no != nil {
				no.write(w)
				return
			}
		}
		if trouble == nil {
			onwards.ServeHTTP(w, r)
			p.answered(call)
			return
		}
		// What was sent is done, even if nobody is left who waits for the answer.
		cloud := func() *httptest.ResponseRecorder {
			answer := httptest.NewRecorder()
			onwards.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context())))
			call.status, call.body = answer.Code, answer.Body.Bytes()
			p.answered(call)
			return answer
		}
		if harm := trouble(call); harm != nil {
			harm(w, r, cloud)
			return
		}
		deliver(w, cloud())
	}))
	t.Cleanup(p.server.Close)
	return p
}

// answered notes a call that the cloud has answered.
func (p *awsProxy) answered(call ec2Call) {
	call.ended = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, call)
	close(p.changed)
	p.changed = make(chan struct{})
}

// deliver hands an answer on as it is.
func deliver(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
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

// harm lets f choose the calls that something happens to on their way.
func (p *awsProxy) harm(f func(ec2Call) wire) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = f
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

// since gives all calls from a mark to now.
func (p *awsProxy) since(mark int) []ec2Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls[mark:])
}

// what says what a call does, and to which route if it is about one.
func (c ec2Call) what() string {
	return strings.TrimSpace(c.action + " " + c.Get("DestinationCidrBlock"))
}

func (c ec2Call) writes() bool {
	return !slices.ContainsFunc([]string{"Describe", "Get", "List"}, func(looks string) bool { return strings.HasPrefix(c.action, looks) })
}

// takesAway is true for all that does not only look or add something.
func (c ec2Call) takesAway() bool {
	return c.writes() && !slices.ContainsFunc([]string{"Create", "Allocate", "AssociateRouteTable"}, func(adds string) bool {
		return strings.HasPrefix(c.action, adds)
	})
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
