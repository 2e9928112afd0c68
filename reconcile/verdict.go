package reconcile

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// carried finds, in one table, the routes that carry a network.
type carried struct {
	table  *DMZ
	zone   Zone
	routes nested
	active map[netip.Prefix]bool // of each wanted route, whether it works
	holes  []netip.Prefix        // black holes that are not known to be ours, and that no wanted route stands in for
}

func carriers(s Seen, want Desired) []carried {
	routes := map[string][]Resource{}
	for _, r := range want.Resources {
		if r.Key.Kind == TargetRoute {
			routes[r.Key.Table] = append(routes[r.Key.Table], r)
		}
	}
	var out []carried
	for i := range s.Tables {
		t := &s.Tables[i]
		if !t.Active && len(routes[t.ID]) == 0 {
			continue
		}
		c := carried{table: t, active: map[netip.Prefix]bool{}}
		works := map[Key]Spec{}
		for _, f := range t.Ours {
			if s.works(f) {
				works[f.Key] = f.Spec
			}
		}
		var wanted []netip.Prefix
		for _, r := range routes[t.ID] {
			is, there := works[r.Key]
			c.active[r.Key.Prefix] = there && is == r.Spec // through another zone's gateway it leaves from another address
			wanted = append(wanted, r.Key.Prefix)
		}
		c.zone, c.routes = t.Zone, newNested(wanted)
		c.holes = holesIn(t, c.routes)
		out = append(out, c)
	}
	return out
}

// holesIn gives the black holes of others in a table, but those whose traffic wanted routes take.
func holesIn(t *DMZ, wanted nested) (holes []netip.Prefix) {
	for _, f := range t.Foreign {
		if f.Status != Blackhole {
			continue
		}
		hole := f.Key.Prefix
		before := slices.DeleteFunc(wanted.over(hole), func(p netip.Prefix) bool { return p.Bits() < hole.Bits() })
		if !setOf(before).ContainsPrefix(hole) {
			holes = append(holes, hole)
		}
	}
	return sortPrefixes(holes)
}

// verdicts says of each claim how it stands and which way it takes.
func verdicts(s Seen, a Asked, ad Admitted) []Verdict {
	type place struct {
		source Source
		target netip.Prefix
	}
	refused := map[place][]refusal{}
	for _, r := range ad.refusals {
		at := place{r.claim.Source, r.claim.Target}
		refused[at] = append(refused[at], r)
	}
	tables := carriers(s, ad.Desired)
	out := slices.Clone(a.Refused)
	for _, c := range a.Claims {
		v := verdict(c, tables, refused[place{c.Source, c.Target}])
		if dark := darkened(c, tables); v.Standing == StandingActive && len(dark) > 0 {
			v.Standing, v.Reason = worst(dark, activeTables(tables))
		}
		out = append(out, v)
	}
	slices.SortFunc(out, compareVerdicts)
	return out
}

func activeTables(tables []carried) int {
	n := 0
	for _, t := range tables {
		n += btoi(t.table.Active)
	}
	return n
}

func verdict(c Claim, tables []carried, refused []refusal) Verdict {
	v := Verdict{Source: c.Source, Target: c.Target, Standing: StandingActive}
	actives := activeTables(tables)
	for _, t := range tables {
		ways := t.routes.over(c.Target)
		for _, p := range ways {
			active := t.active[p]
			v.Routes = append(v.Routes, Way{Table: t.table.ID, Zone: t.zone, Prefix: p, Active: active})
			if !active {
				v.Standing = StandingPending
			}
		}
		if t.table.Active && !setOf(ways).ContainsPrefix(c.Target) {
			v.Standing = StandingPending
		}
	}
	if actives == 0 {
		v.Standing, v.Reason = StandingPending, "there is no DMZ route table"
	}
	if c.Held != "" {
		v.Standing, v.Reason = StandingHeld, "what was accepted last stays: "+c.Held
	}
	if len(refused) > 0 {
		v.Standing, v.Reason = worst(refused, actives)
	}
	return v
}

// darkened says in which tables a black hole lies within a claim: its traffic gets nowhere, and the route is not ours to take
// out (rule 3).
func darkened(c Claim, tables []carried) (dark []refusal) {
	for _, t := range tables {
		for _, hole := range t.holes {
			if t.table.Active && within(hole, c.Target) {
				dark = append(dark, refusal{table: t.table.ID, standing: StandingConflict, reason: fmt.Sprintf(
					"%s in it is a black hole, which is not known to be ours", hole)})
				break // the others are among the warnings
			}
		}
	}
	return dark
}

func worst(refused []refusal, tables int) (Standing, string) {
	standing := StandingFull
	var reasons []string
	for _, r := range refused {
		if r.standing == StandingConflict {
			standing = StandingConflict
		}
		reasons = append(reasons, r.table+": "+r.reason)
	}
	slices.Sort(reasons)
	return standing, fmt.Sprintf("in %d of %d tables: %s", len(refused), tables, strings.Join(reasons, "; "))
}
