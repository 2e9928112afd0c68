//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// What can happen to a call between the program and AWS, one by one, while the first path is built, a target is added and
// another is removed. All run at once, not as many at a time as there are processors: nearly all of their time is waiting.
func TestWire(t *testing.T) {
	t.Parallel()
	refuse := func(status int, code string) wire {
		return func(w http.ResponseWriter, _ *http.Request, _ func() *httptest.ResponseRecorder) {
			refusal{status, code, "on the wire"}.write(w)
		}
	}
	// After each lost answer to AllocateAddress come two looks, 10 s apart (rule 9), and longer pauses than these when it is
	// not the first: once in each zone is enough.
	allocates := func(c ec2Call) bool { return c.action == "AllocateAddress" }
	often := func(c ec2Call) bool { return c.writes() && c.nth == 1 || c.nth%3 == 0 && !allocates(c) }
	// As many in a row as the SDK tries, and that in both zones.
	atFirst := func(c ec2Call) bool { return c.writes() && (c.nth <= 2 || c.nth <= 6 && !allocates(c)) }
	gateways := func(c ec2Call) bool { return c.action == "DescribeNatGateways" && c.nth%3 != 0 }
	var all sync.WaitGroup
	for _, f := range []struct {
		name string
		hit  func(ec2Call) bool
		wire wire
		told string // that the program says so: what happened is what the name says
	}{
		{"nothing", func(ec2Call) bool { return false }, nil, ""},
		{"throttled", often, refuse(http.StatusServiceUnavailable, "RequestLimitExceeded"), ""},
		{"throttled at first", atFirst, refuse(http.StatusServiceUnavailable, "RequestLimitExceeded"), ""},
		{"500", often, refuse(http.StatusInternalServerError, "InternalError"), ""},
		{"503", often, refuse(http.StatusServiceUnavailable, "Unavailable"), ""},
		{"503 at first", atFirst, refuse(http.StatusServiceUnavailable, "Unavailable"), ""},
		{"503 after the effect", often, after(refuse(http.StatusServiceUnavailable, "Unavailable")), ""},
		{"dropped before the effect", often, drop, ""},
		{"dropped after the effect", often, after(drop), ""},
		{"dropped after the effect at first", atFirst, after(drop), ""},
		{"the answer is cut", often, cut, "(200 OK) was cut: unexpected EOF"},
		{"the answer is cut at first", atFirst, cut, "(200 OK) was cut: unexpected EOF"},
		{"reset in the middle of the answer", often, reset, "connection reset by peer"},
		{"reset in the middle of the answer at first", atFirst, reset, "connection reset by peer"},
		{"each address's answer is reset", func(c ec2Call) bool { return allocates(c) && c.nth <= 2 }, reset, "connection reset by peer"},
		{"slow", func(ec2Call) bool { return true }, late, ""},
		{"a gateway looks pending", gateways, pending, ""},
	} {
		all.Go(func() {
			t.Run(f.name, func(t *testing.T) {
				var hits atomic.Int64
				wired := newWired(t)
				wired.calls.harm(func(c ec2Call) wire {
					if !f.hit(c) {
						return nil
					}
					hits.Add(1)
					return f.wire
				})
				started := time.Now()
				wired.edit(t, "8.8.8.8/32", "9.9.9.9/32")
				running := wired.controller.start(t)
				eventually(t, wired.asWanted(t))
				built := time.Since(started)
				wired.edit(t, "8.8.8.8/32", "9.9.9.9/32", "1.1.1.1/32")
				eventually(t, wired.asWanted(t))
				wired.edit(t, "8.8.8.8/32", "1.1.1.1/32")
				eventually(t, wired.asWanted(t))
				running.terminate(t)
				t.Logf("built in %v, all in %v; of %s, %d in trouble", built.Round(time.Millisecond),
					time.Since(started).Round(time.Millisecond), wired.count(), hits.Load())
				if text, err := os.ReadFile(wired.controller.log); err != nil || !strings.Contains(string(text), f.told) {
					t.Errorf("the program does not say %q: %v", f.told, err)
				}
				if f.wire != nil && hits.Load() == 0 {
					t.Error("nothing was in trouble")
				}
				wired.wantAllWell(t)
			})
		})
	}
	all.Wait()
}

// 100 kills, each at a random call of the program's: before AWS has it, or after it did what it was asked for. Each is
// followed by a restart and an edit. There are several sites, so that the first build is killed in several ways.
func TestWireKill(t *testing.T) {
	t.Parallel()
	const sites, kills = 5, 20
	var all sync.WaitGroup
	for nth := range sites {
		all.Go(func() {
			t.Run(fmt.Sprint(nth), func(t *testing.T) {
				seed := rand.Uint64()
				t.Logf("the seed is %d", seed)
				random := rand.New(rand.NewPCG(seed, 0))
				wired := newWired(t)
				wired.site.rule(t, rules{NATPending: 0.5})
				// Hardly one of them lives long enough to withdraw a route, so there will be many at once.
				wired.controller.pace = append(wired.controller.pace, "--max-withdrawal=100")
				targets := []string{"8.8.8.8/32", "9.9.9.9/32"}
				started, moments := time.Now(), map[string]int{}
				for round := range kills {
					wired.edit(t, targets...)
					moments[wired.killAt(t, random)]++
					if len(targets) > 4 {
						gone := 1 + random.IntN(len(targets)-1)
						targets = slices.Delete(targets, gone, gone+1)
					}
					targets = append(targets, fmt.Sprintf("20.%d.0.1/32", round))
				}
				t.Logf("%d kills in %v: %v; %s", kills, time.Since(started).Round(time.Millisecond), moments, wired.count())
				wired.calls.harm(func(ec2Call) wire { return nil })
				running := wired.controller.start(t)
				eventually(t, wired.asWanted(t)) // one that goes on: nothing is withdrawn at once
				running.terminate(t)
				wired.wantAllWell(t)
			})
		})
	}
	all.Wait()
}

// killAt starts the program, kills it at a random moment, and says at which.
func (w *wired) killAt(t *testing.T, random *rand.Rand) string {
	t.Helper()
	writesOnly, before := random.IntN(2) == 0, random.IntN(2) == 0
	left := int64(1 + random.IntN(14))
	if writesOnly {
		left = int64(1 + random.IntN(4))
	}
	var count atomic.Int64
	hit := make(chan string, 1)
	w.calls.harm(func(c ec2Call) wire {
		if writesOnly && !c.writes() || count.Add(1) != left {
			return nil
		}
		return func(_ http.ResponseWriter, r *http.Request, cloud func() *httptest.ResponseRecorder) {
			moment := "before "
			if !before {
				cloud()
				moment = "after "
			}
			if !c.writes() {
				hit <- moment + "a look"
			} else {
				hit <- moment + c.action
			}
			<-r.Context().Done() // there is no answer any more: who asked is dead
		}
	})
	running := w.controller.start(t)
	// Where a zone's subnet stands without an address, 10 s pass before there is a write (rule 9).
	limit := time.NewTimer(12 * time.Second)
	defer limit.Stop()
	moment := "at rest"
	select {
	case moment = <-hit:
	case <-limit.C:
	case <-running.done:
		t.Fatalf("ended by itself: %v\n%s", running.cmd.ProcessState, tail(running.log))
	}
	running.kill(t)
	return moment
}

// wired is a site with two zones and things of others, and a controller behind a wire that can be in trouble.
type wired struct {
	site       *site
	calls      *awsProxy
	controller *controller
	manifest   string
	before     picture // what was there
	foreign    string  // the same, byte for byte
	targets    []string
}

func newWired(t *testing.T) *wired {
	t.Helper()
	s := newSite(t, zoneA, zoneB)
	route := func(table, prefix string) {
		t.Helper()
		call(t, s.ec2.CreateRoute, &ec2.CreateRouteInput{
			RouteTableId: aws.String(s.tables[table]), DestinationCidrBlock: aws.String(prefix), GatewayId: aws.String(s.igw),
		})
	}
	route("dmz-"+zoneA, "8.8.8.8/32") // is wanted, too
	route("dmz-"+zoneB, "0.0.0.0/0")
	s.addTable(t, "elsewhere", region+"x")
	route("elsewhere", "9.9.9.9/32")
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{})
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: []types.TagSpecification{{
		ResourceType: types.ResourceTypeElasticIp,
		Tags: []types.Tag{
			{Key: aws.String("static-egress/cluster"), Value: aws.String("another")},
			{Key: aws.String("static-egress/controller"), Value: aws.String("kube-static-egress-controller")},
			{Key: aws.String("static-egress/role"), Value: aws.String("eip")},
			{Key: aws.String("static-egress/zone"), Value: aws.String(zoneA)},
		},
	}}})
	st := s.observe(t)
	w := &wired{
		site:     s,
		calls:    newAWSProxy(t),
		manifest: filepath.Join(t.TempDir(), "egress.yaml"),
		before:   pictureOf(st.text()),
		foreign:  st.bytes(t),
	}
	w.controller = s.controller(t, "--configmaps="+w.manifest).through(w.calls)
	return w
}

// edit says which targets are wanted from now on.
func (w *wired) edit(t *testing.T, targets ...string) {
	t.Helper()
	writeManifest(t, w.manifest, targets)
	w.targets = slices.Clone(targets)
}

// writeManifest writes a ConfigMap that asks for these.
func writeManifest(t *testing.T, file string, targets []string) {
	t.Helper()
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: partners, namespace: default, labels: {egress: static}}\ndata:\n"
	for i, target := range targets {
		text += fmt.Sprintf("  target-%d: %s\n", i, target)
	}
	// At once: half a file would be another edit.
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// want is what an account looks like where nothing was ever in trouble.
func (w *wired) want() string {
	p := maps.Clone(w.before)
	if slices.Equal(w.controller.provider, asStack) {
		p.stack("nobody")
	}
	p.path("nobody", w.site.zones...)
	for _, zone := range w.site.zones {
		for _, target := range w.targets {
			if zone != zoneA || target != "8.8.8.8/32" {
				p.route("dmz-"+zone, zone, target)
			}
		}
	}
	return p.String()
}

func (w *wired) asWanted(t *testing.T) func() error {
	return func() error { return w.site.compare(t, w.want()) }
}

var allocationID = regexp.MustCompile(`<allocationId>([^<]+)</allocationId>`)

// wantAllWell lets the program come to its end, and compares everything.
func (w *wired) wantAllWell(t *testing.T) {
	t.Helper()
	made := w.all("AllocateAddress") // that were not refused; most answers were never read
	w.calls.harm(func(ec2Call) wire { return nil })
	w.controller.once(t)
	made = append(made, w.all("AllocateAddress")[len(made):]...)
	w.site.wantState(t, w.want()) // all that is ours is there, once, and nothing more
	w.controller.planWantsNothing(t)
	st := w.site.observe(t)
	have := st.ids()
	if after := st.foreign().bytes(t); after != w.foreign {
		t.Errorf("what is foreign is not as before:\n%s", difference(w.foreign, after))
	}
	for _, c := range made {
		id := allocationID.FindSubmatch(c.body)
		if id == nil {
			t.Errorf("the answer to AllocateAddress names none: %s", c.body)
			continue
		}
		if !strings.Contains(have, string(id[1])) {
			t.Errorf("the address %s was made and is gone", id[1])
		}
	}
	if len(made) != len(w.site.zones) {
		t.Errorf("%d addresses were made for %d zones", len(made), len(w.site.zones))
	}
	// What is wanted at the end was wanted ever since it was first there.
	for _, c := range w.all("DeleteRoute") {
		if slices.Contains(w.targets, c.Get("DestinationCidrBlock")) {
			t.Errorf("a route that was wanted was deleted: %v", c.Values)
		}
	}
	for _, action := range []string{"ReleaseAddress", "DisassociateAddress", "DeleteNatGateway", "DeleteSubnet", "DeleteRouteTable", "ReplaceRoute"} {
		if n := w.calls.came[action]; n != 0 {
			t.Errorf("there were %d calls of %s", n, action)
		}
	}
}

// all gives the calls of an action that did what they were asked for.
func (w *wired) all(name string) []ec2Call {
	w.calls.mu.Lock()
	defer w.calls.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.calls.calls), func(c ec2Call) bool { return c.action != name || c.status != http.StatusOK })
}

// count says how many calls came, by action.
func (w *wired) count() string {
	w.calls.mu.Lock()
	defer w.calls.mu.Unlock()
	looks, writes := 0, 0
	var each []string
	for _, name := range slices.Sorted(maps.Keys(w.calls.came)) {
		n := w.calls.came[name]
		if !(ec2Call{action: name}).writes() {
			looks += n
			continue
		}
		writes += n
		each = append(each, fmt.Sprintf("%s %d", name, n))
	}
	return fmt.Sprintf("%d looks and %d writes (%s)", looks, writes, strings.Join(each, ", "))
}

// drop ends the connection without an answer.
func drop(http.ResponseWriter, *http.Request, func() *httptest.ResponseRecorder) {
	panic(http.ErrAbortHandler)
}

// after lets something happen when the cloud has done what it was asked for.
func after(next wire) wire {
	return func(w http.ResponseWriter, r *http.Request, cloud func() *httptest.ResponseRecorder) {
		cloud()
		next(w, r, cloud)
	}
}

// cut hands on the first half of an answer and ends the connection.
func cut(w http.ResponseWriter, _ *http.Request, cloud func() *httptest.ResponseRecorder) {
	answer := cloud()
	whole := answer.Body.Bytes()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(whole[:len(whole)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// reset hands on the first half of an answer and resets the connection: to the other side that is no end, but an error, and
// one that the SDK likes to try again after.
func reset(w http.ResponseWriter, _ *http.Request, cloud func() *httptest.ResponseRecorder) {
	answer := cloud()
	whole := answer.Body.Bytes()
	maps.Copy(w.Header(), answer.Header())
	w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(whole[:len(whole)/2])
	control := http.NewResponseController(w)
	_ = control.Flush()
	connection, _, err := control.Hijack()
	if err != nil {
		panic(err) // then nothing is tested
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// late takes its time, half before the effect and half after it.
func late(w http.ResponseWriter, _ *http.Request, cloud func() *httptest.ResponseRecorder) {
	time.Sleep(150 * time.Millisecond)
	answer := cloud()
	time.Sleep(150 * time.Millisecond)
	deliver(w, answer)
}

// pending makes gateways look as if they were not ready.
func pending(w http.ResponseWriter, _ *http.Request, cloud func() *httptest.ResponseRecorder) {
	answer := cloud()
	text := bytes.ReplaceAll(answer.Body.Bytes(), []byte("<state>available</state>"), []byte("<state>pending</state>"))
	answer.Body = bytes.NewBuffer(text)
	answer.Header().Del("Content-Length")
	deliver(w, answer)
}
