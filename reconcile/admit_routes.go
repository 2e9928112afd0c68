package reconcile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// table admits the routes of one table.
func (a *admitting) table(t *DMZ) {
	switch {
	case t.Active:
		a.activeTable(t)
	case len(t.Ours) > 0:
		a.lostTable(t)
	}
}

func (a *admitting) activeTable(t *DMZ) {
	r := newTableRoom(t, a.seen.Site.CIDRs)
	var conflicts []refusal
	for i, c := range a.asked.Claims {
		if why := r.ask(c, i); why != "" {
			conflicts = append(conflicts, refusal{table: t.ID, claim: c, standing: StandingConflict, reason: why})
		}
	}
	for _, p := range a.asked.Keep {
		r.keep(p, len(a.asked.Claims))
	}
	groups := r.groups(r.cover())
	free, fresh := a.free(t)
	routed, full := standstill(groups), []group(nil)
	if r.unread == "" {
		routed, full = fit(groups, free, fresh)
	}
	for _, p := range routed {
		a.route(t, p, To(NATGateway, t.Zone))
		if !r.ours.has[p] {
			a.stack.Room--
		}
	}
	a.refuse(t, append(conflicts, a.noRoom(t, full, routed)...))
}

// free is how many routes a table can have more, and how many of them new groups can take: the last one is for changing what
// stands. A stack is one table to all tables: it takes so many in all. So each has its share of the stack for what is new, and
// an older claim finds as much room in the last table as a newer one in the first (rule 14).
func (a *admitting) free(t *DMZ) (free, fresh int) {
	if a.stack.Name == "" {
		return t.Free, t.Free - 1
	}
	share := max(0, a.stack.Room-1) / max(1, a.sharing)
	a.sharing--
	return max(0, min(t.Free, a.stack.Room)), min(t.Free-1, share)
}

// route wants one route, and counts what leads through a zone.
func (a *admitting) route(t *DMZ, p netip.Prefix, target Ref) {
	a.want(RouteKey(t.ID, p), Spec{Target: target})
	if z, ok := a.seen.zoneOfGateway(target); ok {
		a.used[z]++
	}
}

// lostTable is one that is no DMZ table any more, or whose zone is gone from the flags, with routes of ours in it. Those
// that somebody needs stay as they are, and no others come, until somebody allows the disruption (rule 8).
func (a *admitting) lostTable(t *DMZ) {
	if t.Dropped {
		return
	}
	r := newTableRoom(t, a.seen.Site.CIDRs)
	for i, c := range a.asked.Claims {
		r.keep(c.Target, i)
	}
	for _, p := range a.asked.Keep {
		r.keep(p, len(a.asked.Claims))
	}
	kept := 0
	for _, g := range r.groups(r.cover()) {
		for _, p := range g.stay() {
			i := slices.IndexFunc(t.Ours, func(f Found) bool { return f.Key.Prefix == p })
			a.route(t, p, t.Ours[i].Spec.Target)
			kept++
		}
	}
	if kept == 0 {
		return
	}
	a.conflict(Key{Kind: TargetRoute, Table: t.ID}, fmt.Sprintf(
		"the route table %s has routes of ours and is no DMZ table any more (%s): they stay as they are (--allow-disruption=%s lets them go)",
		t.ID, whyLost(t), t.ID))
}

func whyLost(t *DMZ) string {
	if t.Barred != "" {
		return t.Barred
	}
	if t.Zone == "" {
		return "it lost its tag"
	}
	return fmt.Sprintf("its tag names %s, which is not among --aws-az", t.Zone)
}

// noRoom finds the claims that are hurt by the groups that the table could not take.
func (a *admitting) noRoom(t *DMZ, full []group, routed []netip.Prefix) []refusal {
	set := setOf(routed)
	why := fmt.Sprintf("the route table %s is full: %d of %d routes are in use (--max-routes-per-table), and the last one is for changing what is there",
		t.ID, t.Used, t.Used+t.Free)
	if t.Full {
		why = fmt.Sprintf("the route table %s is full: %d routes are in use, and EC2 refused another one lately", t.ID, t.Used)
	}
	stays := fmt.Sprintf("the route table %s has no room to change this (%d of %d routes are in use): what is there stays as it is", t.ID, t.Used, t.Used+t.Free)
	if a.stack.Name != "" && a.stack.Room < t.Free {
		why = fmt.Sprintf("the stack %s is full: %s", a.stack.Name, a.stack.Full)
		stays = fmt.Sprintf("the stack %s has no room to change this in %s (%s): what is there stays as it is", a.stack.Name, t.ID, a.stack.Full)
	}
	var out []refusal
	for _, c := range a.asked.Claims {
		hurt := slices.ContainsFunc(full, func(g group) bool { return g.top.Overlaps(c.Target) })
		if hurt && c.Held == "" && !set.ContainsPrefix(c.Target) {
			out = append(out, refusal{table: t.ID, claim: c, standing: StandingFull, reason: why})
		}
	}
	for _, g := range full {
		if len(g.ours) > 0 {
			a.conflict(RouteKey(t.ID, g.top), stays)
		}
	}
	return out
}

// refuse reports refusals: one conflict for each target and reason, whoever asked for it.
func (a *admitting) refuse(t *DMZ, refusals []refusal) {
	a.out.refusals = append(a.out.refusals, refusals...)
	sorted := slices.Clone(refusals)
	slices.SortStableFunc(sorted, func(x, y refusal) int {
		return cmp.Or(comparePrefix(x.claim.Target, y.claim.Target), strings.Compare(x.reason, y.reason), x.claim.Source.Compare(y.claim.Source))
	})
	for i, r := range sorted {
		if i > 0 && sorted[i-1].claim.Target == r.claim.Target && sorted[i-1].reason == r.reason {
			last := &a.out.Conflicts[len(a.out.Conflicts)-1]
			last.Sources = append(last.Sources, r.claim.Source)
			continue
		}
		a.conflict(RouteKey(t.ID, r.claim.Target), r.reason, r.claim.Source)
	}
}
