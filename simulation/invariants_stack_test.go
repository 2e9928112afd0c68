package simulation_test

import (
	"maps"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// What CloudFormation undoes is what it did itself in the very same operation, so three things are forgiven it while it does
// so, and nothing else ever: that an address goes which this operation has allocated and no report has told anybody; that a
// gateway goes which it has made, whatever leads there; and that a packet is routed worse than at the last look, but not worse
// than before the operation.
type undone struct {
	operation string            // the last one that was seen
	undoing   bool              // it is rolled back
	unborn    bool              // it was to create the stack, and was rolled back: what that left is deleted with the stack,
	deleting  bool              // as it is now; but for addresses
	before    inmemory.Snapshot // what there was when it began
	made      map[string]string // of each address and gateway of a stack: the operation in which it was first seen
	taken     map[string]bool   // the IPs that a stack took back
	told      map[string]bool   // the addresses that a report has named: spares by their ids
}

func newUndone() undone {
	return undone{made: map[string]string{}, taken: map[string]bool{}, told: map[string]bool{}}
}

// follow takes down which operation runs. It comes before anything that the operation does.
func (w *witness) follow(now inmemory.Snapshot) {
	if w.stage.cfn == nil {
		return
	}
	u := &w.undone
	which, s := w.stage.operation()
	status := string(s.StackStatus)
	ends := strings.TrimSuffix(which, " deleted") == u.operation && which != u.operation && u.unborn
	if which != u.operation && !ends {
		u.operation, u.before, u.unborn = which, w.seen, false
	}
	u.undoing = strings.Contains(status, "ROLLBACK") && strings.HasSuffix(status, "_IN_PROGRESS") || ends
	u.deleting = ends
	u.unborn = u.unborn || s.LastUpdatedTime == nil && strings.HasPrefix(status, "ROLLBACK")
	first := func(id string, t inmemory.Tags) {
		if _, seen := u.made[id]; !seen && t["aws:cloudformation:stack-id"] != "" {
			u.made[id] = which
		}
	}
	for _, a := range now.Addresses {
		first(a.ID, a.Tags)
	}
	for _, g := range now.NATGateways {
		first(g.ID, g.Tags)
	}
}

// undoes: the stack takes back a gateway. Routes lead to it still that were black before and cannot be led back there.
func (w *witness) undoes(id string) bool {
	return w.undone.undoing && w.undone.made[id] == w.undone.operation
}

// takesBack: the stack takes back an address that nobody could rely on (DeletionPolicy RetainExceptOnCreate). The zone has
// none then.
func (w *witness) takesBack(call, id string) bool {
	u := w.undone
	if !u.undoing || u.deleting || u.made[id] != u.operation || u.told[id] || !strings.HasPrefix(call, "ReleaseAddress ") {
		return false
	}
	for _, a := range w.seen.Addresses {
		if a.ID != id {
			continue
		}
		if u.told[a.IP.String()] {
			return false
		}
		u.taken[a.IP.String()] = true
		maps.DeleteFunc(w.address, func(_, ip string) bool { return ip == a.IP.String() })
	}
	return true
}

// wasRouted is how well an address has to be routed at least: as at the last look, or as before what is undone.
func (w *witness) wasRouted(at way) int {
	was := w.routed[at]
	if !w.undone.undoing {
		return was
	}
	for _, t := range w.undone.before.RouteTables {
		if t.ID == at.table {
			return min(was, w.howRouted(w.undone.before, t, at.to))
		}
	}
	return was
}

// tells takes down the addresses that a report names. The id of one that is on its way is no address that anybody could put
// on a list.
func (w *witness) tells(r reconcile.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, z := range r.Zones {
		if z.PublicIP.IsValid() {
			w.undone.told[z.PublicIP.String()] = true
		}
		for _, spare := range z.Spares {
			w.undone.told[spare] = true
		}
	}
}

// isHeld reports whether a thing is ours by our tags or by CloudFormation's, which nobody can take off: what our stack made
// it deletes when it is not wanted any more, whoever has stripped it of our tags. So do not addresses: they are retained.
func isHeld(t inmemory.Tags) bool {
	return isOurs(t) || t["aws:cloudformation:stack-name"] == stackName
}

// unstacked is a snapshot without the tags that CloudFormation adds: by them equal things differ that were made at the first
// try, or at the second.
func unstacked(s inmemory.Snapshot) inmemory.Snapshot {
	strip := func(t *inmemory.Tags) {
		*t = maps.Clone(*t)
		maps.DeleteFunc(*t, func(key, _ string) bool { return strings.HasPrefix(key, "aws:cloudformation:") })
	}
	for i := range s.Subnets {
		strip(&s.Subnets[i].Tags)
	}
	for i := range s.RouteTables {
		strip(&s.RouteTables[i].Tags)
	}
	for i := range s.NATGateways {
		strip(&s.NATGateways[i].Tags)
	}
	for i := range s.Addresses {
		strip(&s.Addresses[i].Tags)
	}
	return s
}
