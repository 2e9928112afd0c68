package reconcile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// A route table is a tree of prefixes: the longest one that holds an address takes it. So a route of ours inside a foreign
// one lives in that one's region, and no route of ours outside that region can stand in for it. Pieces are merged within
// their own region only.
type region = netip.Prefix // the innermost foreign prefix around; not valid: none

// barrier is a foreign prefix of a table, from a route or from a prefix list.
type barrier struct {
	prefix netip.Prefix
	what   string
	// black: a black hole that may be replaced if its very prefix is wanted (rule 3). One that a gateway propagated cannot be.
	black bool
	// beaten: a propagated route or an entry of a prefix list, and a static one of ours to the same prefix, which is in force
	// (VPC guide, "Route priority"). As soon as ours goes it is the other one's turn.
	beaten bool
}

// tableRoom is the work on one table: which pieces of which claims it can take.
type tableRoom struct {
	table    *DMZ
	ours     nested // the destinations of our routes
	vpc      []netip.Prefix
	barriers []barrier
	unread   string // a prefix list whose entries are not known; "" if there is none
	pieces   map[region][]netip.Prefix
	right    map[netip.Prefix]int // of a claim's target or kept piece: the place of its claim in the order of right
}

func newTableRoom(t *DMZ, vpc []netip.Prefix) *tableRoom {
	r := &tableRoom{table: t, vpc: vpc, pieces: map[region][]netip.Prefix{}, right: map[netip.Prefix]int{}}
	var ours []netip.Prefix
	for _, f := range t.Ours {
		ours = append(ours, f.Key.Prefix)
	}
	r.ours = newNested(ours)
	for _, f := range t.Foreign {
		if f.Key.Prefix.Bits() == 0 {
			continue // the default route: every target lies inside it, by design
		}
		r.barriers = append(r.barriers, barrier{
			prefix: f.Key.Prefix, what: "the route to " + f.Spec.Target.String(),
			black: f.Status == Blackhole && !f.Propagated, beaten: f.Propagated && r.ours.has[f.Key.Prefix],
		})
	}
	for _, l := range t.Lists {
		if l.Unread != "" {
			r.unread = fmt.Sprintf("the entries of the prefix list %s, to which it has a route, cannot be read: %s", l.ID, l.Unread)
		}
		for _, p := range l.Prefixes {
			r.barriers = append(r.barriers, barrier{
				prefix: p, what: fmt.Sprintf("the prefix list %s, which leads to %s", l.ID, l.Target), beaten: r.ours.has[p],
			})
		}
	}
	for _, p := range vpc { // a VPC can grow around what was accepted before, and its local routes cannot be routed over
		r.barriers = append(r.barriers, barrier{prefix: p, what: "the VPC's own network"})
	}
	slices.SortFunc(r.barriers, func(a, b barrier) int { return cmp.Or(comparePrefix(a.prefix, b.prefix), cmp.Compare(a.what, b.what)) })
	return r
}

// around is the innermost barrier that p lies in.
func (r *tableRoom) around(p netip.Prefix) (barrier, bool) {
	var in barrier
	found := false
	for _, b := range r.barriers { // sorted by address, so the later of two that hold p is the inner one
		if within(p, b.prefix) {
			in, found = b, true
		}
	}
	return in, found
}

// closed is the innermost barrier that keeps a claim for p out. A black hole at p itself does not, nor does what we beat.
func (r *tableRoom) closed(p netip.Prefix) (barrier, bool) {
	var in barrier
	found := false
	for _, b := range r.barriers {
		if within(p, b.prefix) && (b.prefix != p || !b.black) && !b.beaten {
			in, found = b, true
		}
	}
	return in, found
}

// keep takes those parts of p that our routes carry now, unless something foreign inside the route takes their traffic.
func (r *tableRoom) keep(p netip.Prefix, right int) {
	for _, route := range r.ours.over(p) {
		part := smaller(route, p)
		in, shut := r.around(part)
		if shut && in.prefix.Bits() > route.Bits() {
			continue
		}
		around, _ := r.around(route)
		r.add(around.prefix, part, right)
	}
}

func (r *tableRoom) add(in region, p netip.Prefix, right int) {
	r.pieces[in] = append(r.pieces[in], p)
	if was, ok := r.right[p]; !ok || right < was {
		r.right[p] = right
	}
}

// ask takes a claim: all of it, or what is routed already and why not the rest.
func (r *tableRoom) ask(c Claim, right int) (refused string) {
	if c.Held != "" {
		r.keep(c.Target, right)
		return ""
	}
	in, shut := r.closed(c.Target)
	switch {
	case shut && r.routed(c.Target, in.prefix.Bits()): // ours was there first
		if at, _ := r.around(c.Target); at.prefix != in.prefix { // but a black hole at that very prefix takes its traffic
			r.add(at.prefix, c.Target, right)
		}
	case shut && in.prefix == c.Target:
		refused = fmt.Sprintf("%s is taken: there is %s, which is not ours", c.Target, in.what)
	case shut:
		refused = fmt.Sprintf("%s lies in %s (%s), which is not ours", c.Target, in.prefix, in.what)
	case r.unread != "" && !r.routed(c.Target, -1):
		refused = r.unread
	default: // in a black hole or in what we beat it needs a route of its own: a wider one would not reach into it
		around, _ := r.around(c.Target)
		r.add(around.prefix, c.Target, right)
	}
	r.keep(c.Target, right) // what lies deeper, and what is routed of a claim that is refused
	return refused
}

// routed reports whether routes of ours that are longer than bits carry all of p.
func (r *tableRoom) routed(p netip.Prefix, bits int) bool {
	carriers := slices.DeleteFunc(r.ours.over(p), func(o netip.Prefix) bool { return o.Bits() <= bits })
	return setOf(carriers).ContainsPrefix(p)
}

// cover merges the pieces, region by region. Where the result is the very prefix of a foreign route, its halves serve
// instead.
func (r *tableRoom) cover() []netip.Prefix {
	var all []netip.Prefix
	for _, ps := range r.pieces {
		for _, p := range cover(ps) {
			all = append(all, r.split(p)...)
		}
	}
	return sortPrefixes(all)
}

func (r *tableRoom) split(p netip.Prefix) []netip.Prefix {
	taken := slices.ContainsFunc(r.table.Foreign, func(f Found) bool {
		return f.Key.Prefix == p && (f.Status != Blackhole || f.Propagated)
	}) || slices.Contains(r.vpc, p)
	if !taken || r.ours.has[p] {
		return []netip.Prefix{p}
	}
	if p.IsSingleIP() {
		return nil
	}
	h := halves(p)
	return append(r.split(h[0]), r.split(h[1])...)
}

// group is a part of the table that can be decided by itself: a prefix, wanted or routed, and all that lie in it.
type group struct {
	top    netip.Prefix
	wanted []netip.Prefix // what should be routed
	ours   []Found        // what we route now
	added  int            // how many routes more it takes before any goes
	right  int            // the best right among its claims
}

func (r *tableRoom) groups(wanted []netip.Prefix) []group {
	type node struct {
		prefix netip.Prefix
		route  *Found
	}
	var nodes []node
	for _, p := range wanted {
		nodes = append(nodes, node{prefix: p})
	}
	for i := range r.table.Ours {
		nodes = append(nodes, node{prefix: r.table.Ours[i].Key.Prefix, route: &r.table.Ours[i]})
	}
	slices.SortStableFunc(nodes, func(a, b node) int { return comparePrefix(a.prefix, b.prefix) })
	var out []group
	for _, n := range nodes {
		if len(out) == 0 || !within(n.prefix, out[len(out)-1].top) {
			out = append(out, group{top: n.prefix})
		}
		g := &out[len(out)-1]
		if n.route != nil {
			g.ours = append(g.ours, *n.route)
		} else {
			g.wanted = append(g.wanted, n.prefix)
		}
	}
	for i := range out {
		r.count(&out[i])
	}
	r.rank(out)
	return out
}

// rank gives each group the best right among its claims. The groups are sorted and apart, so the one that holds a prefix
// is the last that does not come after it.
func (r *tableRoom) rank(groups []group) {
	for p, right := range r.right {
		i, exact := slices.BinarySearchFunc(groups, p, func(g group, p netip.Prefix) int { return comparePrefix(g.top, p) })
		if !exact {
			i--
		}
		if i >= 0 && within(p, groups[i].top) {
			groups[i].right = min(groups[i].right, right)
		}
	}
}

func (r *tableRoom) count(g *group) {
	for _, p := range g.wanted {
		replaces := func(f Found) bool { return f.Key.Prefix == p }
		if !slices.ContainsFunc(g.ours, replaces) && !slices.ContainsFunc(r.table.Foreign, replaces) {
			g.added++
		}
	}
	g.right = len(r.right)
}

// stay is what is left of a group that cannot be had: our routes as they are, but those that nobody needs.
func (g group) stay() []netip.Prefix {
	var out []netip.Prefix
	for _, f := range g.ours {
		if slices.ContainsFunc(g.wanted, f.Key.Prefix.Overlaps) {
			out = append(out, f.Key.Prefix)
		}
	}
	return out
}

// standstill takes of all groups what stands and is still wanted. While a prefix list cannot be read, no route of ours can
// stand in for another: an entry may lie between them, and its turn would come.
func standstill(groups []group) (stay []netip.Prefix) {
	for _, g := range groups {
		stay = append(stay, g.stay()...)
	}
	return sortPrefixes(stay)
}

// fit decides which groups the table takes, in so many free slots, of which new ones get no more than fresh. What stands goes
// before what is new; slots that this plan frees do not count, so that every order of its actions fits (rule 14). It returns the
// prefixes to be routed, and the groups that were refused.
func fit(groups []group, free, fresh int) (accepted []netip.Prefix, refused []group) {
	var standing, news []group
	for _, g := range groups {
		switch {
		case g.added == 0:
			accepted = append(accepted, g.wanted...)
		case len(g.ours) > 0:
			standing = append(standing, g)
		default:
			news = append(news, g)
		}
	}
	slices.SortStableFunc(standing, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.added, b.added), cmp.Compare(a.right, b.right), comparePrefix(a.top, b.top))
	})
	slices.SortStableFunc(news, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.right, b.right), comparePrefix(a.top, b.top))
	})
	kept := free - max(0, fresh) // for changing what stands, and for others
	take := func(g group, spare int) {
		if g.added+spare > free {
			accepted, refused = append(accepted, g.stay()...), append(refused, g)
			return
		}
		free -= g.added
		accepted = append(accepted, g.wanted...)
	}
	for _, g := range standing {
		take(g, 0)
	}
	for _, g := range news {
		take(g, kept)
	}
	return sortPrefixes(accepted), refused
}
