package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Diff compares what is desired with what is there. The plan's actions are sorted, one for each key (spare things aside),
// and each names those that must come first; what cannot be done yet is in its Waiting. Diff is total: whatever it is
// given, it deletes nothing foreign and releases nothing but what Desired.Release names.
func Diff(want Desired, s Seen) Plan {
	d := newDiffing(want, &s)
	for i := range s.Paths {
		d.remake(&s.Paths[i])
	}
	for i := range s.Paths {
		d.path(&s.Paths[i])
	}
	for i := range s.Tables {
		d.routes(&s.Tables[i])
	}
	d.orphans()
	return d.finish()
}

type diffing struct {
	seen    *Seen
	wanted  map[Key]Resource
	inTable map[string][]Resource // the wanted routes of each table
	ours    map[Key]*Found        // our routes
	foreign map[Key]*Found        // other routes in the same tables
	holds   map[Key]Wait
	plan    Plan
	drafts  []draft
	planned map[Key]bool    // what the plan makes or mends
	gone    map[string]bool // the ids of what it deletes
	again   map[Key]bool    // what it deletes to be made again by a later plan
	waits   []Wait
}

func newDiffing(want Desired, s *Seen) *diffing {
	d := &diffing{
		seen: s, wanted: map[Key]Resource{}, inTable: map[string][]Resource{}, ours: map[Key]*Found{}, foreign: map[Key]*Found{},
		holds: map[Key]Wait{}, planned: map[Key]bool{}, gone: map[string]bool{},
		again: map[Key]bool{}, plan: Plan{Goal: want, IDs: map[Key]string{}},
	}
	for _, r := range want.Resources {
		d.wanted[r.Key] = r
		if r.Key.Kind == TargetRoute {
			d.inTable[r.Key.Table] = append(d.inTable[r.Key.Table], r)
		}
	}
	for _, h := range want.Holds {
		d.holds[h.Key] = h
	}
	for _, t := range s.Tables {
		for i := range t.Ours {
			d.ours[t.Ours[i].Key] = &t.Ours[i]
		}
		for i := range t.Foreign {
			d.foreign[t.Foreign[i].Key] = &t.Foreign[i]
		}
	}
	return d
}

// draft is an action whose needs are not numbered yet: it needs every action that one of its conditions holds for.
type draft struct {
	action Action
	id     string // of a thing that is deleted, to tell spares of one key apart
	needs  []need // what must come first, if it is in the plan at all
}

// need names actions of the plan: by key, and by id where the key alone does not tell.
type need struct {
	key Key
	id  string
}

// wait notes what a state holds up that passes by itself: it is worth looking again soon.
func (d *diffing) wait(k Key, why string) { d.waits = append(d.waits, Wait{Key: k, Reason: why}) }

// follow notes what only follows from something else, which has its own reason, clock or action.
func (d *diffing) follow(k Key, why string) {
	d.waits = append(d.waits, Wait{Key: k, Reason: why, Held: true})
}

func (d *diffing) draft(x draft) {
	d.drafts = append(d.drafts, x)
	switch x.action.Verb {
	case Delete:
		d.gone[x.id] = d.gone[x.id] || x.id != ""
	case Create, Replace:
		d.planned[x.action.Key] = true
	case Retag: // changes nothing that anything needs
	}
}

// creates gives what of a zone's path is to be there before a thing of that kind is made. The subnet comes first, as the
// zone's lock (rule 9).
var creates = map[Kind][]Kind{
	Subnet:       nil,
	Address:      {Subnet},
	NATTable:     {Subnet},
	DefaultRoute: {NATTable},
	Association:  {Subnet, NATTable, DefaultRoute},
	NATGateway:   {Subnet, Address, DefaultRoute, Association},
}

// deletes gives what of a zone's path is to be gone before a thing of that kind is deleted.
var deletes = map[Kind][]Kind{
	NATGateway:   nil,
	Association:  {NATGateway},
	DefaultRoute: {NATGateway},
	NATTable:     {Association, DefaultRoute},
	Subnet:       {NATGateway, Association},
	Address:      {NATGateway},
}

// path plans one zone's egress path.
func (d *diffing) path(p *Path) {
	found := map[Kind]*Found{}
	for kind, f := range p.parts() {
		found[kind] = f
		if kind != DefaultRoute && kind != Association {
			d.plan.IDs[f.Key] = f.ID
		}
	}
	for _, g := range p.Failed {
		d.deleteGateway(g, "it failed: "+g.Code)
	}
	remade := func(kind Kind) bool { return d.again[Key{Kind: kind, Zone: p.Zone}] }
	// What goes is planned from the gateway down, and then what comes from the subnet up: each asks what the ones before it
	// come to.
	for kind := NATGateway; kind >= Subnet; kind-- {
		f := found[kind]
		if _, wanted := d.wanted[Key{Kind: kind, Zone: p.Zone}]; f != nil && (!wanted || remade(kind)) {
			d.remove(p, f, remade(kind))
		}
	}
	for kind := Subnet; kind <= NATGateway; kind++ {
		want, wanted := d.wanted[Key{Kind: kind, Zone: p.Zone}]
		f := found[kind]
		switch {
		case !wanted || remade(kind):
		case f == nil:
			d.create(p, want, found)
		case f.Spec != want.Spec || f.Status == Blackhole:
			d.replace(p, f, want)
		case f.Status == Pending && kind == NATGateway:
			d.wait(f.Key, fmt.Sprintf("gateway %s is pending", f.ID))
		case f.Status == Pending || f.Status == Deleting:
			d.wait(f.Key, fmt.Sprintf("%s %s is %s", kind, f.ID, f.Status))
		}
	}
	for _, f := range p.parts() {
		d.retag(f)
	}
	for i := range p.Spares {
		d.spare(p, p.Spares[i])
		d.retag(&p.Spares[i])
	}
}

// retag writes who owns a thing, where that is somebody whose place we took, or nobody (rule 16).
func (d *diffing) retag(f *Found) {
	switch f.Key.Kind {
	case Subnet, Address, NATTable, NATGateway:
	case DefaultRoute, Association, TargetRoute, CloudFormationStack:
		return
	}
	if owner := d.seen.owner; f.Holder != Ours || owner == "" || owner == Nobody || owner == f.Owner || d.gone[f.ID] {
		return
	}
	d.draft(draft{id: f.ID, action: Action{
		Verb: Retag, Key: f.Key, Before: f, After: &Resource{Key: f.Key, Spec: f.Spec},
		Reason: fmt.Sprintf("its owner is %q", f.Owner),
	}})
}

// remake notes what of the path has drifted in a way that cannot be mended in place, and what rests on that: it is deleted
// now, and made again by a later plan. Admit lets that happen only where a disruption was allowed (rule 8) or nothing works.
// All zones come before the first is planned, because the routes to one zone's gateway may be on their way to another's.
func (d *diffing) remake(p *Path) {
	found := map[Kind]*Found{}
	for kind, f := range p.parts() {
		found[kind] = f
	}
	drifted := func(kind Kind) bool {
		want, wanted := d.wanted[Key{Kind: kind, Zone: p.Zone}]
		return wanted && found[kind] != nil && found[kind].Spec != want.Spec
	}
	again := func(kind Kind) { d.again[Key{Kind: kind, Zone: p.Zone}] = found[kind] != nil }
	if drifted(Subnet) {
		again(Subnet)
		again(Association)
		again(NATGateway)
	}
	if drifted(Address) || drifted(NATGateway) {
		again(NATGateway)
	}
}

func (d *diffing) create(p *Path, want Resource, found map[Kind]*Found) {
	if h, held := d.holds[want.Key]; held {
		d.waits = append(d.waits, h)
		return
	}
	if w := notOursToLead(p, want.Key); w.Reason != "" {
		d.waits = append(d.waits, w)
		return
	}
	for _, kind := range creates[want.Key.Kind] {
		switch k := (Key{Kind: kind, Zone: p.Zone}); {
		case d.again[k]:
			d.follow(want.Key, fmt.Sprintf("it needs the %s, which is to be made again first", kind))
			return
		case found[kind] == nil && !d.planned[k]:
			d.follow(want.Key, fmt.Sprintf("it needs the %s, which cannot be had now", kind))
			return
		}
	}
	a := Action{Verb: Create, Key: want.Key, After: &want, Reason: "it is not there"}
	if want.Key.Kind == NATGateway {
		if why := addressTaken(p); why != "" {
			d.wait(want.Key, why)
			return
		}
		a.Before = p.Dead
	}
	d.draft(draft{action: a, needs: needsOf(creates, want.Key)})
}

// addressTaken says which gateway of ours still has the zone's address: EC2 refuses another one until it is gone (rule 6).
func addressTaken(p *Path) string {
	for _, g := range p.Dying {
		if p.Address != nil && (p.Address.User == g.ID || g.Spec.Address == To(Address, p.Zone) || g.Spec.Address.ID == p.Address.ID) {
			return fmt.Sprintf("gateway %s, which is going, still has the address %s", g.ID, p.Address.ID)
		}
	}
	return ""
}

func needsOf(table map[Kind][]Kind, k Key) []need {
	var out []need
	for _, kind := range table[k.Kind] {
		out = append(out, need{key: Key{Kind: kind, Zone: k.Zone}})
	}
	return out
}

// replace mends in place what can be mended so: routes and associations. An address's Spec differs only where the user
// brought another one, and then there is nothing to mend but the gateway, which goes first.
func (d *diffing) replace(p *Path, f *Found, want Resource) {
	if f.Key.Kind != DefaultRoute && f.Key.Kind != Association {
		return
	}
	if w := notOursToLead(p, f.Key); w.Reason != "" {
		d.waits = append(d.waits, w)
		return
	}
	if igw := d.seen.Site.InternetGateway; f.Key.Kind == DefaultRoute && (igw == "" || want.Spec.Target != ByID(igw)) {
		return // what it leads to is not attached: nothing better to point it to
	}
	why := fmt.Sprintf("it leads to %s", f.Spec.Target)
	if f.Status == Blackhole {
		why += ", a black hole"
	}
	d.draft(draft{
		action: Action{Verb: Replace, Key: f.Key, Before: f, After: &want, Reason: why},
		needs:  needsOf(creates, f.Key),
	})
}

// remove deletes a part of the path that is not wanted, or not as it is.
func (d *diffing) remove(p *Path, f *Found, remade bool) {
	why := "nothing needs it any more"
	switch {
	case remade && p.Gateway == nil:
		why = "it has to be made again"
	case remade:
		why = "it has to be made again, and the disruption was allowed"
	}
	switch f.Key.Kind {
	case NATGateway:
		d.gatewayGoes(*f, why, remade)
		return
	case Address:
		if !slices.Contains(d.plan.Goal.Release, f.ID) {
			return
		}
		why = "it is released: nothing has used it for the delay"
	case Subnet, NATTable, Association, DefaultRoute, TargetRoute, CloudFormationStack:
	}
	if f.Holder != Ours && f.Key.Kind != Association && f.Key.Kind != DefaultRoute {
		return
	}
	if w := cmp.Or(d.inTheWay(p), d.serving(p, f), notOursToLead(p, f.Key)); w.Reason != "" {
		w.Key = f.Key
		d.waits = append(d.waits, w)
		return
	}
	d.draft(draft{action: Action{Verb: Delete, Key: f.Key, Before: f, Reason: why}, id: f.ID, needs: needsOf(deletes, f.Key)})
}

// inTheWay says which gateway keeps the rest of the path from being deleted: one that is still going, or one that stays for
// now and has its own reason.
func (d *diffing) inTheWay(p *Path) Wait {
	for _, g := range p.Dying {
		return Wait{Reason: fmt.Sprintf("gateway %s is still going", g.ID)}
	}
	if p.Gateway != nil && !d.gone[p.Gateway.ID] {
		return Wait{Reason: fmt.Sprintf("gateway %s is still there", p.Gateway.ID), Held: true}
	}
	for _, id := range slices.Sorted(maps.Keys(d.seen.others)) {
		if p.Subnet != nil && d.seen.others[id] == p.Subnet.ID {
			return Wait{Reason: fmt.Sprintf("gateway %s, which is not ours, is in its subnet", id), Held: true}
		}
	}
	return Wait{}
}

// notOursToLead says why the association of a path's subnet stays as it is: our gateway is in it, but it does not carry our
// tags, so which table it gets out by is for somebody else to say (rule 3).
func notOursToLead(p *Path, k Key) Wait {
	if k.Kind != Association || p.Subnet == nil || p.Subnet.Holder == Ours {
		return Wait{}
	}
	return Wait{Key: k, Reason: fmt.Sprintf("the subnet %s of %s does not carry our tags: its route table is not ours to choose", p.Subnet.ID, p.Zone), Held: true}
}

// serving says which subnet of others still gets out by a NAT route table of ours: with its default route, the table stays
// (rule 3). The association of the path's own subnet goes before its table does, whatever that subnet's tags say now.
func (d *diffing) serving(p *Path, f *Found) Wait {
	if f.Key.Kind != NATTable && f.Key.Kind != DefaultRoute {
		return Wait{}
	}
	for _, subnet := range d.seen.served[f.ID] {
		if p.Subnet == nil || subnet != p.Subnet.ID {
			return Wait{Reason: fmt.Sprintf("the subnet %s, which is not ours, is associated with route table %s", subnet, f.ID), Held: true}
		}
	}
	return Wait{}
}

// gatewayGoes deletes a gateway once no table routes to it (rule 13). Where the disruption was allowed its routes turn
// black instead, and are replaced later (rule 4).
func (d *diffing) gatewayGoes(g Found, why string, disrupt bool) {
	if !disrupt {
		ours, others := d.staying(g.ID)
		switch {
		case others > 0:
			d.follow(g.Key, fmt.Sprintf("gateway %s: routes lead to it that somebody else made (%d)", g.ID, others))
			return
		case ours > 0:
			d.follow(g.Key, fmt.Sprintf("gateway %s: routes lead to it that stay for now (%d)", g.ID, ours))
			return
		}
		if look := d.plan.Goal.Look; !look.IsZero() {
			d.waits = append(d.waits, Wait{Key: g.Key, Until: look, Reason: fmt.Sprintf(
				"gateway %s: routes to it may be there and not be listed yet: they are looked for once more", g.ID)})
			return
		}
	}
	d.deleteGateway(g, why)
}

// staying counts the routes to a gateway that this plan neither deletes nor points elsewhere. It is asked before the
// routes are planned, so it asks what is wanted.
func (d *diffing) staying(gateway string) (ours, others int) {
	for _, r := range d.seen.routes[gateway] {
		if d.ours[r.Key] == nil {
			others++ // in whatever table
			continue
		}
		want, wanted := d.wanted[r.Key]
		moved := wanted && want.Spec.Target != d.seen.ref(r.Spec.Target) && d.leadsOn(want.Spec.Target)
		gone := !wanted && d.uncovered(r.Key).Reason == ""
		if !moved && !gone {
			ours++
		}
	}
	return ours, others
}

func (d *diffing) tableOf(id string) *DMZ {
	i, ok := slices.BinarySearchFunc(d.seen.Tables, id, func(t DMZ, id string) int { return cmp.Compare(t.ID, id) })
	if !ok {
		return nil
	}
	return &d.seen.Tables[i]
}

func (d *diffing) deleteGateway(g Found, why string) {
	d.draft(draft{
		action: Action{Verb: Delete, Key: g.Key, Before: &g, Reason: why},
		id:     g.ID,
	})
}

// spare deletes what of ours is there twice. A spare address is kept and reported (rule 9), unless all are released.
func (d *diffing) spare(p *Path, f Found) {
	why := "it is there twice, and the other one is in use"
	switch f.Key.Kind {
	case NATGateway:
		d.gatewayGoes(f, why, false)
		return
	case Address:
		if !slices.Contains(d.plan.Goal.Release, f.ID) {
			return
		}
		why = "it is released with all others"
	case Association, DefaultRoute, TargetRoute, CloudFormationStack:
		return
	case Subnet:
		if slices.ContainsFunc(p.Dying, func(g Found) bool { return g.Spec.Subnet.ID == f.ID }) {
			d.wait(f.Key, fmt.Sprintf("subnet %s: a gateway in it is still going", f.ID))
			return
		}
	case NATTable:
		if w := d.serving(p, &f); w.Reason != "" {
			d.follow(f.Key, w.Reason)
			return
		}
	}
	x := draft{action: Action{Verb: Delete, Key: f.Key, Before: &f, Reason: why}, id: f.ID}
	if f.Key.Kind == NATTable { // a replaced association leaves it free
		x.needs = []need{{key: Key{Kind: Association, Zone: p.Zone}}}
	}
	for _, g := range p.Spares {
		if g.Key.Kind == NATGateway && g.Spec.Subnet.ID == f.ID {
			if !d.gone[g.ID] {
				d.follow(f.Key, fmt.Sprintf("subnet %s: gateway %s is still in it", f.ID, g.ID))
				return
			}
			x.needs = append(x.needs, need{key: g.Key, id: g.ID})
		}
	}
	d.draft(x)
}

// orphans drops what is wanted of nothing that exists: routes into tables that are gone. They come from a desired state
// that is older than what was seen.
func (d *diffing) orphans() {
	for _, r := range d.plan.Goal.Resources {
		if r.Key.Kind == TargetRoute && d.tableOf(r.Key.Table) == nil {
			d.follow(r.Key, "the route table is not there")
		}
	}
}
