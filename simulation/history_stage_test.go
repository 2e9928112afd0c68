package simulation_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// history is a stage on which anything can happen.
type history struct {
	*stage
	kinds   []kind // of calls of the controller,
	refused []kind // and of a stack
	rate    uint64 // of so many calls, one goes wrong; 0: none
	salt    string
	struck  atomic.Int64
	passing atomic.Bool                 // a pass is on its way
	wrote   atomic.Int64                // when the controller last wrote
	looked  time.Time                   // the last look that saw something
	last    reconcile.Report            // the last report
	asked   map[reconcile.Source]*asked // what is asked for
	away    map[string]string           // clusters that cannot be read, and whether in part
	things  map[string]string           // what somebody made, by the name that the history has for it
	unsaved bool                        // the last pass could not write down what it accepted
	grown   []netip.Prefix              // more networks of the VPC
}

// asked is what one key of a ConfigMap says, and what it meant when it last meant anything.
type asked struct {
	value   string
	meaning []netip.Prefix
	saved   []netip.Prefix // what the controller wrote down of that
}

// lagOfLists is how far lists lag, if they do: two looks 10 s apart (rule 9) see more.
const lagOfLists = 5 * time.Second

func newHistory(t *testing.T, provider string, references, kept bool) *history {
	h := &history{
		kinds: without(kinds(), func(k kind) bool { return k.stack }), refused: refusals(), asked: map[reconcile.Source]*asked{}, away: map[string]string{}, things: map[string]string{},
	}
	lag := lagging{provider: provider, lists: lagOfLists}
	if references {
		lag.references = 3 * time.Second
	}
	h.stage = newStage(t, lag)
	h.lag = 0
	if kept {
		h.home = &home{hook: h.hook, begins: func() { h.passing.Swap(true) }}
	}
	h.config = h.flags(nil)
	h.reads = func() { h.passing.Swap(true) }
	h.reading = reconcile.Reading{}
	h.means()
	h.witness.probe(pool...)
	h.witness.rebase()
	h.setHook(h.hook)
	h.again()
	return h
}

// hook is around every call.
func (h *history) hook(ctx context.Context, c inmemory.Call, phase inmemory.Phase) error {
	if phase == inmemory.After {
		h.witness.look(c)
	}
	l, kinds := lifeOf(ctx), h.kinds
	switch {
	case inmemory.ByStack(ctx) != "":
		kinds = h.refused
	case l == nil:
		return nil
	case l.dead.Load():
		return errDied
	}
	if isWrite(c) && !isStored(c) {
		h.wrote.Store(time.Now().UnixNano())
	}
	if code := h.quotas[c.Operation]; code != "" && phase == inmemory.Before {
		return &smithy.GenericAPIError{Code: code, Message: "The limit is reached."}
	}
	k, ok := h.strikes(c, kinds)
	if !ok {
		return nil
	}
	if phase == inmemory.Before {
		h.struck.Add(1)
	}
	return k.strike(ctx, l, phase)
}

// strikes says whether and how a call goes wrong: by its operation, key and attempt, for parallel calls have no order.
func (h *history) strikes(c inmemory.Call, kinds []kind) (kind, bool) {
	if h.rate == 0 {
		return kind{}, false
	}
	f := fnv.New64a()
	_, _ = fmt.Fprint(f, h.salt, c)
	n := f.Sum64() >> 8
	if n%h.rate != 0 {
		return kind{}, false
	}
	k := kinds[n/h.rate%uint64(len(kinds))]
	return k, isWrite(c) || k.reads
}

// step does one thing when the controller sleeps.
func (h *history) step(text string) {
	words := strings.Fields(text)
	do := happenings[words[0]]
	if do == nil {
		panic("what is " + text + "?")
	}
	h.idle()
	do(h, words[1:])
}

// hand is what somebody else does. It comes between two passes, never in the middle of one, and when lists have shown what
// we did: what nobody can know is nobody's fault. If they do not come to show it, only addresses and gateways are looked at
// for as long as our own word counts (rule 9).
func (h *history) hand(do func()) {
	if !h.confirm() {
		h.witness.blind = time.Now().Add(5*time.Minute + h.lag)
	}
	do()
	h.ec2.Settle()
	h.witness.rebase()
}

// confirm lets the controller look until lists have shown it all that it did.
func (h *history) confirm() bool {
	confirmed := func() bool {
		return h.looked.Sub(h.lastWrite()) >= h.lag && !h.last.Applied && len(h.last.Zones) > 0 && !h.stackBusy()
	}
	for tries := 0; !confirmed() && tries < 60; tries++ {
		h.nudge()
		h.pump(time.Second)
	}
	return confirmed()
}

func (h *history) lastWrite() time.Time { return time.Unix(0, h.wrote.Load()) }

// pump lets time pass, and the controller live.
func (h *history) pump(d time.Duration) {
	h.passing.Swap(h.passing.Load()) // what was changed while the controller slept comes before what it reads
	for end := time.After(d); ; {
		select {
		case r := <-h.reports:
			h.reported(r)
		case <-h.life.ended:
			h.again()
		case <-end:
			h.idle()
			return
		}
	}
}

// idle waits for the end of a pass that is on its way.
func (h *history) idle() {
	h.passing.Swap(h.passing.Load())
	for {
		synctest.Wait()
		select {
		case r := <-h.reports:
			h.reported(r)
			continue
		case <-h.life.ended:
			h.again()
			continue
		default:
		}
		if !h.passing.Load() {
			return
		}
		time.Sleep(time.Second) // a call hangs
	}
}

func (h *history) reported(r reconcile.Report) {
	h.passing.Store(false)
	h.last = r
	if len(r.Zones) > 0 {
		h.looked = r.At
		h.writtenDown(r)
	}
}

// nudge wakes the controller, as an event of Kubernetes does.
func (h *history) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// again starts the controller, or lets it lead once more.
func (h *history) again() {
	if h.life != nil && h.life.dead.Load() {
		h.loop = nil
	}
	if h.loop == nil {
		h.remembers()
	}
	h.passing.Store(true)
	h.live()
}

// forget: the controller knows nothing any more. What a value meant before it became nonsense is lost with it.
func (h *history) forget() {
	h.witness.forgets()
	for _, a := range h.asked {
		a.meaning, a.saved = nil, nil
	}
	h.means()
	h.freshDelay()
}

// readable reports whether the controller gets to see a value.
func (h *history) readable(s reconcile.Source) bool {
	away := h.away[s.Cluster]
	return away == "" || away == inPart && s.ConfigMap == "team-a"
}

// inPart is how a cluster is away of which one ConfigMap is read all the same.
const inPart = "in part"

// understand takes down what values mean that the controller gets to see.
func (h *history) understand() {
	for s, a := range h.asked {
		if targets, accepted := h.meaning(a.value); accepted && h.readable(s) {
			a.meaning = targets
		}
	}
}

// meaning is what a value asks for, if it is accepted.
func (h *history) meaning(value string) (targets []netip.Prefix, accepted bool) {
	targets, wrong := reconcile.ParseTargets(value)
	refused := slices.Concat(h.config.Deny, h.grown, []netip.Prefix{prefix("172.31.0.0/16"), prefix("10.0.0.0/8")})
	for _, p := range targets {
		if p.Bits() < h.config.MinPrefixLength || slices.ContainsFunc(refused, p.Overlaps) {
			return nil, false
		}
	}
	return targets, wrong == nil
}

// means tells the witness what all that is asked for means, and the controller what there is to read.
func (h *history) means() {
	h.understand()
	var all []netip.Prefix
	clusters := map[string]map[string]map[string]string{"one": {}, "two": {}}
	for s, a := range h.asked {
		all = append(all, a.meaning...)
		maps := clusters[s.Cluster]
		if maps[s.ConfigMap] == nil {
			maps[s.ConfigMap] = map[string]string{}
		}
		maps[s.ConfigMap][s.Key] = a.value
	}
	h.witness.claims(all)
	var r reconcile.Reading
	for _, name := range sortedNames(clusters) {
		c := reconcile.Cluster{Name: name, Incomplete: h.away[name]}
		for _, m := range sortedNames(clusters[name]) {
			if h.readable(reconcile.Source{Cluster: name, ConfigMap: m}) {
				c.ConfigMaps = append(c.ConfigMaps, reconcile.ConfigMap{Namespace: "default", Name: m, Data: clusters[name][m]})
			}
		}
		r.Clusters = append(r.Clusters, c)
	}
	h.reading = r
}
