package awsec2

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

const allocated = `<?xml version="1.0" encoding="UTF-8"?>
<AllocateAddressResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>r</requestId><publicIp>198.51.100.1</publicIp><domain>vpc</domain><allocationId>eipalloc-1</allocationId>
</AllocateAddressResponse>`

// wire is an EC2 that makes an address for each call that reaches it, and cuts its first answers short.
type wire struct {
	*httptest.Server
	calls atomic.Int32
}

func newWire(t *testing.T, short int32, c cut) *wire {
	w := &wire{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/xml")
		answer.Header().Set("Content-Length", strconv.Itoa(len(allocated)))
		if w.calls.Add(1) > short {
			_, _ = io.WriteString(answer, allocated)
			return
		}
		_, _ = io.WriteString(answer, allocated[:c.to]) // the server ends the connection where less comes than it said
		if c.reset {
			resetConnection(answer)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// resetConnection ends a connection so that the other side sees a reset and not an end.
func resetConnection(answer http.ResponseWriter) {
	answer.(http.Flusher).Flush()
	connection, _, err := answer.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// client is the SDK's own with its default retries, but for their pauses.
func (w *wire) client(whole bool) *ec2.Client {
	plain := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) { tr.DisableKeepAlives = true })
	var client aws.HTTPClient = plain
	if whole {
		client = wholeBody{plain}
	}
	return ec2.New(ec2.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(w.URL), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
	})
}

// cuts are the ways in which an answer can end early: after so many bytes of its body, by an end or by a reset.
type cut struct {
	to    int
	reset bool
}

var cuts = []cut{
	{0, false},
	{1, false},
	{len(allocated) / 2, false},
	{len(allocated) - 1, false},
	{0, true},
	{1, true},
	{len(allocated) / 2, true},
	{len(allocated) - 1, true},
}

// TestSDKAllocatesTwice shows the failure that is guarded against here. If it ever fails, the SDK has been mended.
func TestSDKAllocatesTwice(t *testing.T) {
	w := newWire(t, 1, cut{len(allocated) / 2, true})
	_, err := w.client(false).AllocateAddress(t.Context(), &ec2.AllocateAddressInput{}, soon)
	if n := w.calls.Load(); err != nil || n != 2 {
		t.Errorf("%d calls, %v: a cut answer used to be retried without an error", n, err)
	}
}

// TestWholeBodyKeepsTheSDKFromRetrying is about any call, with the SDK's own retries.
func TestWholeBodyKeepsTheSDKFromRetrying(t *testing.T) {
	for _, c := range cuts {
		w := newWire(t, 1, c)
		_, err := w.client(true).AllocateAddress(t.Context(), &ec2.AllocateAddressInput{}, soon)
		if n := w.calls.Load(); err == nil || n != 1 {
			t.Errorf("cut %+v: %d calls, %v", c, n, err)
		}
	}
}

// TestAllocateAddressIsNeverRetried counts what reaches EC2, whatever HTTP client is used and wherever the answer is cut.
func TestAllocateAddressIsNeverRetried(t *testing.T) {
	for _, whole := range []bool{false, true} {
		for _, c := range cuts {
			w := newWire(t, 10, c)
			p := &Provider{api: w.client(whole), config: Config{Cluster: "c", Controller: "k"}.withDefaults(), own: newOwnWrites(time.Now)}
			a := reconcile.Action{Verb: reconcile.Create, Key: reconcile.Key{Kind: reconcile.Address, Zone: "eu-central-1a"}, After: &reconcile.Resource{}}
			_, err := p.Do(t.Context(), a, nil)
			if n := w.calls.Load(); n != 1 || err == nil {
				t.Errorf("whole=%t, cut %+v: %d addresses, error %v", whole, c, n, err)
			}
			if call, ok := errors.AsType[*CallError](err); !ok || !call.Lost() {
				t.Errorf("whole=%t, cut %+v: %v does not say that nobody knows whether there is an address", whole, c, err)
			}
			if len(p.own.writes) != 0 {
				t.Error("what is not known to be there was recorded")
			}
		}
	}
}

// soon leaves out the pauses between the SDK's attempts.
func soon(o *ec2.Options) {
	o.Retryer = retry.NewStandard(func(s *retry.StandardOptions) {
		s.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
}

// TestWholeBody: an answer that comes whole is handed on as it is.
func TestWholeBody(t *testing.T) {
	w := newWire(t, 0, cut{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	response, err := wholeBody{http.DefaultClient}.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if string(body) != allocated || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}
