package awsec2

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// trustOwn is how long a write of ours outweighs what EC2 lists. EC2 gives no bound ("Eventual consistency", EC2 API
// developer guide); after five minutes the list is right, whatever it says (rule 9).
const trustOwn = 5 * time.Minute

// place is where a write was made: a thing by its id, a route by table and destination, an association by its subnet.
type place struct {
	kind reconcile.Kind
	at   string
}

// value is what stands in a place, as short as it takes to tell a list that lags from one that knows better: for a thing
// that it is there, for a gateway its [gatewayValue], for a route its target, for an association its table and id.
type value string

const (
	nothing value = ""
	there   value = "there"
)

// write is one write of ours that no list has confirmed yet. A list that says one of before is older than the write; one
// that says now knows it; one that says anything else knows more than we do.
type write struct {
	now    value
	before map[value]bool
	until  time.Time
	raw    any // the thing itself, in EC2's words; nil where its place is enough
}

// judgement is what is to be made of a write and of what the list says in its place.
type judgement int

const (
	keep    judgement = iota // the list may know it or not, which makes no difference now
	correct                  // the list lags: lay the write over it
	settled                  // the list knows it, or better: forget the write
)

// judge tells them apart. Where now is also one of before (made, deleted and made again; or made and never listed, then
// deleted) the list may still change its mind, so the write is kept.
func (w write) judge(listed value) judgement {
	switch {
	case listed == w.now && w.before[w.now]:
		return keep
	case listed == w.now:
		return settled
	case w.before[listed]:
		return correct
	default:
		return settled
	}
}

// ownWrites remembers what we wrote until the lists say so. A write whose outcome is unknown is not among them: the next
// look decides.
type ownWrites struct {
	now func() time.Time

	mu     sync.Mutex
	seen   listing // the last sight, corrected: what the plans are made from
	writes map[place]write
	dead   map[string]bool // ids that EC2 gave us and that are gone; a client token may still lead to one
}

func newOwnWrites(now func() time.Time) ownWrites {
	return ownWrites{now: now, writes: map[place]write{}, dead: map[string]bool{}}
}

// note records a write. What a list may still show instead is what was seen in the place before, and all that earlier
// writes to it had to reckon with.
func (o *ownWrites) note(at place, now value, raw any, before ...value) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := write{now: now, before: map[value]bool{}, until: o.now().Add(trustOwn), raw: raw}
	w.before[o.seen.valueAt(at)] = true
	for _, b := range before {
		w.before[b] = true
	}
	if earlier, ok := o.writes[at]; ok {
		maps.Copy(w.before, earlier.before)
		w.before[earlier.now] = true
		if w.raw == nil {
			w.raw = earlier.raw
		}
	}
	o.writes[at] = w
}

// noteMade records a thing that was made.
func (o *ownWrites) noteMade(kind reconcile.Kind, id string, raw any) {
	o.note(place{kind, id}, there, raw)
}

// noteGone records a thing that was deleted. A client token that led to it leads nowhere from now on.
func (o *ownWrites) noteGone(kind reconcile.Kind, id string) {
	o.note(place{kind, id}, nothing, nil, there)
	o.noteDead(id)
}

func (o *ownWrites) noteDead(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead[id] = true
}

func (o *ownWrites) isDead(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dead[id]
}

// listedTable is the table with that id as it was seen last; nil if it was not there.
func (o *ownWrites) listedTable(id string) *types.RouteTable {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen.table(id)
}

// unlisted reports whether a thing was made by us and has not been listed since: a call that does not find it is early.
func (o *ownWrites) unlisted(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for at, w := range o.writes {
		if at.at == id && w.before[nothing] && w.now != nothing && o.now().Before(w.until) {
			return true
		}
	}
	return false
}

// overlay lays the writes over a listing and forgets those that it confirms. Things come before the routes and
// associations in them.
func (o *ownWrites) overlay(l *listing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, at := range slices.SortedFunc(maps.Keys(o.writes), comparePlaces) {
		w, listed := o.writes[at], l.valueAt(at)
		judged := w.judge(listed)
		switch {
		case judged == settled:
			delete(o.writes, at)
		case !o.now().Before(w.until):
			o.expire(at, w, listed)
		case judged == correct:
			l.put(at, w)
		}
	}
	l.sort()
	o.seen = *l
}

// expire forgets a write that no list has confirmed in time. A thing that was never listed is dead: if a client token
// leads to it again, the token is of no use any more.
func (o *ownWrites) expire(at place, w write, listed value) {
	delete(o.writes, at)
	if isThing(at.kind) && w.now != nothing && listed == nothing {
		o.dead[at.at] = true
	}
}

func isThing(kind reconcile.Kind) bool {
	switch kind {
	case reconcile.Subnet, reconcile.Address, reconcile.NATTable, reconcile.NATGateway:
		return true
	case reconcile.DefaultRoute, reconcile.Association, reconcile.TargetRoute, reconcile.CloudFormationStack:
		return false
	default:
		return false
	}
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.at, b.at))
}
