package reconcile

import (
	"cmp"
	"fmt"
	"slices"
)

// routes plans one table. New routes and replaced ones come before those that go (rule 4).
func (d *diffing) routes(t *DMZ) {
	for _, r := range d.inTable[t.ID] {
		d.route(r)
	}
	for i := range t.Ours {
		if _, wanted := d.wanted[t.Ours[i].Key]; !wanted {
			d.routeGoes(&t.Ours[i])
		}
	}
}

// route makes a route or points it to where it should lead.
func (d *diffing) route(want Resource) {
	ours, foreign := d.ours[want.Key], d.foreign[want.Key]
	switch {
	case ours == nil && foreign != nil && (foreign.Status != Blackhole || foreign.Propagated):
		d.plan.Conflicts = append(d.plan.Conflicts, Conflict{Key: want.Key, Reason: fmt.Sprintf(
			"there is a route to %s, which is not ours", foreign.Spec.Target)})
		return
	case ours != nil && d.right(ours, want):
		return
	}
	if w := d.notReady(want.Spec.Target); w.Reason != "" {
		w.Key = want.Key
		d.waits = append(d.waits, w)
		return
	}
	x := draft{action: Action{Verb: Create, Key: want.Key, After: &want, Reason: "it is claimed"}}
	if before := cmp.Or(ours, foreign); before != nil {
		x.action.Verb, x.action.Before = Replace, before
		x.action.Reason = fmt.Sprintf("it leads to %s", before.Spec.Target)
		if before.Status == Blackhole {
			x.action.Reason += ", a black hole"
		}
	}
	if z := want.Spec.Target.Zone; z != "" {
		for _, kind := range []Kind{DefaultRoute, Association, NATGateway} {
			x.needs = append(x.needs, need{key: Key{Kind: kind, Zone: z}})
		}
	}
	d.draft(x)
}

// right reports whether a route of ours leads where it should. A black hole does so only while that gateway does not work:
// there is nothing better to point it to.
func (d *diffing) right(f *Found, want Resource) bool {
	if f.Spec != want.Spec {
		return false
	}
	return f.Status != Blackhole || !d.leadsOn(want.Spec.Target)
}

// leadsOn reports whether a route may lead to target now: it is the gateway of a zone, ready, and stays.
func (d *diffing) leadsOn(target Ref) bool {
	p := d.seen.pathOf(target.Zone)
	return target.Kind == NATGateway && p != nil && p.Ready(d.seen.Site.InternetGateway) && !d.again[target.key()]
}

// notReady says why a route cannot lead to target even after the plan's other actions, and until when; no reason if it can
// (rule 15). It is held where what it lacks is held, or not even wanted: there is no sense in looking again every few
// seconds.
func (d *diffing) notReady(target Ref) Wait {
	if target.Kind != NATGateway || target.ID != "" {
		return Wait{Reason: fmt.Sprintf("%s is not the gateway of a zone", target), Held: true}
	}
	p := d.seen.pathOf(target.Zone)
	if p == nil {
		return Wait{Reason: fmt.Sprintf("there is no zone %s", target.Zone), Held: true}
	}
	if g := p.Gateway; g != nil && d.gone[g.ID] {
		return Wait{Reason: fmt.Sprintf("gateway %s is to be made again", g.ID)}
	}
	if g := p.Gateway; g != nil && g.Status != Active {
		return Wait{Reason: fmt.Sprintf("gateway %s is %s", g.ID, g.Status)}
	}
	for _, kind := range []Kind{DefaultRoute, Association, NATGateway} {
		if k := (Key{Kind: kind, Zone: p.Zone}); !d.planned[k] && !d.works(p, kind) {
			return d.lacking(p, k)
		}
	}
	return Wait{}
}

// lacking says what a route waits for that needs the thing with key k.
func (d *diffing) lacking(p *Path, k Key) Wait {
	w := Wait{Reason: fmt.Sprintf("it needs the %s of %s", k.Kind, p.Zone)}
	hold, held := d.holds[Key{Kind: NATGateway, Zone: p.Zone}]
	switch {
	case len(p.Dying) > 0: // it goes by itself, and then another comes
	case p.Blocked != "":
		w.Reason, w.Held = p.Blocked, true
	case held && p.Gateway == nil:
		w.Until, w.Held = hold.Until, hold.Held
	default: // that thing has its own reason
		w.Held = true
	}
	return w
}

func (d *diffing) works(p *Path, kind Kind) bool {
	switch kind {
	case NATGateway:
		return p.Gateway != nil
	case Association:
		return p.Association != nil && p.Association.Spec.Target == To(NATTable, p.Zone)
	case DefaultRoute:
		return p.DefaultRoute != nil && p.DefaultRoute.Status == Active &&
			p.DefaultRoute.Spec.Target == ByID(d.seen.Site.InternetGateway)
	case Subnet, Address, NATTable, TargetRoute, CloudFormationStack:
	}
	return false
}

// routeGoes deletes a route that nobody needs, after all that stands in for it: every route that is made or replaced and
// overlaps it comes first. While one that should stand in does not work, it stays (rule 4).
func (d *diffing) routeGoes(f *Found) {
	if w := d.uncovered(f.Key); w.Reason != "" {
		w.Key = f.Key
		d.waits = append(d.waits, w)
		return
	}
	d.draft(draft{
		action: Action{Verb: Delete, Key: f.Key, Before: f, Reason: d.whyGone(f.Key)},
	})
}

// brokenAround gives the routes of ours that go too, do not work, and hold all of the one with key k: while one of them is
// there, it would take the traffic of that one.
func (d *diffing) brokenAround(k Key) []Key {
	var out []Key
	t := d.tableOf(k.Table)
	for i := range t.Ours {
		o := &t.Ours[i]
		_, wanted := d.wanted[o.Key]
		if !wanted && o.Key != k && within(k.Prefix, o.Key.Prefix) && (o.Status != Active || !d.alive(o.Spec.Target)) {
			out = append(out, o.Key)
		}
	}
	return out
}

func (d *diffing) whyGone(k Key) string {
	for _, r := range d.inTable[k.Table] {
		if r.Key.Prefix.Overlaps(k.Prefix) {
			return fmt.Sprintf("%s takes its place", r.Key.Prefix)
		}
	}
	if d.seen.ending {
		return "all is torn down"
	}
	if t := d.tableOf(k.Table); t != nil && !t.Active && t.Dropped {
		return "the table is no DMZ table any more, and the disruption was allowed"
	}
	return "nobody claims it any more"
}

// uncovered says which wanted route that overlaps the one with key k, or a broken one around it that goes too, neither works
// now nor is made to by this plan; no reason if there is none.
func (d *diffing) uncovered(k Key) Wait {
	leaving := append(d.brokenAround(k), k)
	for _, r := range d.inTable[k.Table] {
		if !slices.ContainsFunc(leaving, func(l Key) bool { return r.Key.Prefix.Overlaps(l.Prefix) }) {
			continue
		}
		ours := d.ours[r.Key]
		works := ours != nil && d.right(ours, r) && ours.Status == Active && d.alive(r.Spec.Target)
		if w := d.notReady(r.Spec.Target); !works && w.Reason != "" {
			w.Reason = fmt.Sprintf("it goes once %s works", r.Key)
			return w
		}
	}
	return Wait{}
}

// alive reports whether traffic to target gets out.
func (d *diffing) alive(target Ref) bool {
	p := d.seen.pathOf(target.Zone)
	return target.Kind == NATGateway && p != nil && p.Gateway != nil && p.Gateway.Status == Active && !d.gone[p.Gateway.ID]
}
