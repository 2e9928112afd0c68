package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Asked is what is asked for, before anybody looked whether it can be had: claims, and what to do with each zone.
type Asked struct {
	Claims  []Claim        // sorted by right
	Keep    []netip.Prefix // routed and claimed by nobody, and not to be withdrawn yet: it stays where it is routed
	Zones   []ZoneAsked    // sorted by zone; each has its Path in Seen
	Waiting []Wait
	Refused []Verdict // the values that were not accepted
	Look    time.Time // when a new leader has looked twice; zero if it has
	Braked  string    // why a withdrawal is held until somebody confirms it; empty if none is

	Withheld Withheld
}

// ZoneAsked is what should become of one zone's egress path.
type ZoneAsked struct {
	Zone    Zone
	Stage   Stage
	Seek    time.Time  // until then no address is to be allocated: one may be there that no list shows yet; zero if it may
	Unsure  string     // why another address might take the place of one that nobody remembers now: none is allocated; empty if it may
	Refused string     // what EC2 said when it did not give back the address that was lost; empty if it did not say so
	Hold    string     // why no gateway is to be made yet; empty if it may
	Until   time.Time  // when that ends
	Release bool       // the address may be released
	Spares  []string   // and these of its spare addresses
	Recover netip.Addr // the address that was lost, to be had back; not valid where none is
}

// Stage is how much of an egress path there should be.
type Stage int

// The stages.
const (
	Build    Stage = iota // all of it
	Keep                  // what is there, and no more
	TearDown              // nothing but the address (rule 7)
)

// backOff is how long after the n-th failure of a gateway in a row another one is made: 30 s, doubling up to 32 minutes.
// EC2 charges nothing for a failed gateway, but a quota or a permission does not mend itself in seconds.
func backOff(n int) time.Duration { return 30 * time.Second << min(n-1, 6) }

// Desire says what is asked for. It starts and stops the clocks in the memory (rules 7, 11, 13), and the memory that comes
// back is that of the next pass. A clock that was lost starts again: late, never early.
func Desire(c Config, s Seen, claims Claims, m Memory, now time.Time) (Asked, Memory) {
	m = m.clone()
	d := desiring{config: c, seen: &s, claims: claims, memory: &m, now: now, confirmed: claims.Confirmed}
	d.asked = Asked{Claims: claims.List, Refused: claims.Refused}
	if now.Before(c.Look) {
		d.asked.Look = c.Look
	}
	d.leave()
	idle := d.idle()
	for i := range s.Paths {
		d.zone(&s.Paths[i], idle)
	}
	return d.asked, m
}

type desiring struct {
	config Config
	seen   *Seen
	claims Claims
	memory *Memory
	now    time.Time
	asked  Asked

	confirmed string
}

// leave decides about what our routes carry and nobody claims: since when, and whether it may go. It works on addresses,
// not on claims, so it needs no memory of who asked once.
func (d *desiring) leave() {
	routed := d.seen.routed()
	var claimed []netip.Prefix
	for _, c := range d.claims.List {
		claimed = append(claimed, c.Target)
	}
	unclaimed := subtract(routed, claimed)
	before := d.memory.Leaving
	d.memory.Leaving = nil
	braked, why := d.brake(sortPrefixes(routed))
	withheld := &d.asked.Withheld
	if d.claims.Freeze != "" {
		withheld.Frozen = len(unclaimed)
		d.keep(unclaimed, "nothing is withdrawn: "+d.claims.Freeze)
		return
	}
	if d.claims.Unclear == "" {
		d.memory.Before = nil
	} else {
		// What nobody is known to have claimed, or was there before anybody was: a claim that came and went around it was another's.
		old := sortPrefixes(append(subtract(unclaimed, d.memory.Claimed), intersect(intersect(unclaimed, d.memory.Claimed), d.memory.Before)...))
		withheld.Unclear = len(old)
		d.keep(old, d.claims.Unclear)
		unclaimed = subtract(unclaimed, old)
	}
	if why != "" {
		d.asked.Braked = why
		held := intersect(unclaimed, braked)
		withheld.Braked = len(held)
		d.keep(held, why)
		unclaimed = subtract(unclaimed, held)
	}
	for _, l := range before { // clocks that run already
		part := intersect(unclaimed, []netip.Prefix{l.Prefix})
		d.leaving(part, l.Since)
		unclaimed = subtract(unclaimed, part)
	}
	d.leaving(unclaimed, d.now)
	slices.SortFunc(d.memory.Leaving, func(a, b Leaving) int { return comparePrefix(a.Prefix, b.Prefix) })
}

// routed is what our routes carry, in whatever table.
func (s *Seen) routed() []netip.Prefix {
	var out []netip.Prefix
	for _, t := range s.Tables {
		for _, r := range t.Ours {
			out = append(out, r.Key.Prefix)
		}
	}
	return out
}

func (d *desiring) keep(ps []netip.Prefix, why string) {
	d.asked.Keep = append(d.asked.Keep, ps...)
	for _, p := range ps {
		d.wait(Wait{Key: RouteKey("", p), Reason: why, Held: true})
	}
}

func (d *desiring) leaving(ps []netip.Prefix, since time.Time) {
	due := since.Add(d.config.WithdrawDelay)
	for _, p := range ps {
		d.memory.Leaving = append(d.memory.Leaving, Leaving{Prefix: p, Since: since})
		if d.now.Before(due) {
			d.asked.Withheld.Delayed++
			d.asked.Keep = append(d.asked.Keep, p)
			d.wait(Wait{Key: RouteKey("", p), Reason: "nobody claims it any more (--withdraw-delay)", Until: due})
		}
	}
}

func (d *desiring) wait(w Wait) { d.asked.Waiting = append(d.asked.Waiting, w) }

// idle reports since when nothing is claimed nor waits to be withdrawn.
func (d *desiring) idle() bool {
	if len(d.claims.List) > 0 || len(d.asked.Keep) > 0 || d.claims.Freeze != "" || d.config.Preallocate {
		d.memory.Idle = time.Time{}
		return false
	}
	if d.memory.Idle.IsZero() {
		d.memory.Idle = d.now
	}
	return true
}

func (d *desiring) zone(p *Path, idle bool) {
	d.remember(p)
	z := ZoneAsked{Zone: p.Zone}
	switch {
	case !p.Configured:
		z.Stage = TearDown // unless routes lead there: Admit sees to that
	case idle:
		z.Stage = d.idleStage(p)
	case d.claims.Freeze != "" && len(d.claims.List) == 0 && !d.config.Preallocate && !d.seen.leadsThrough(p.Zone):
		z.Stage = Keep // nobody is known to need it, nor not to
	case p.Blocked != "":
		z.Stage = Keep
	case d.tooEarly(p):
		z.Stage = Keep
		d.wait(Wait{Key: Key{Kind: Subnet, Zone: p.Zone}, Reason: "it may be there and not be listed yet: it is looked for once more", Until: d.config.Look})
	}
	if p.Address == nil {
		z.Unsure = d.config.Unrecalled
	}
	if f, failed := d.memory.Failures[p.Zone]; failed && p.Gateway == nil && d.now.Before(f.Until) {
		z.Hold, z.Until = fmt.Sprintf("gateway %s failed (failure %d in a row)", f.Gateway, f.Count), f.Until
	}
	if z.Stage == Build && p.Missing != "" && !d.config.mayDisrupt(string(p.Zone)) {
		// Another address would break every partner's allow-list in silence, so it is that one or none (rule 7).
		if z.Recover = p.Lost; !z.Recover.IsValid() {
			z.Stage = Keep
		}
	}
	d.seek(p, &z)
	if z.Release = z.Stage == TearDown && d.release(p); z.Release || d.givenUp(p) {
		delete(d.memory.Address, p.Zone) // so that it is not missed afterwards
		delete(d.memory.PublicIP, p.Zone)
	}
	z.Spares = d.sparesToo(p)
	d.asked.Zones = append(d.asked.Zones, z)
}

// idleStage keeps the path for the delay, which starts only when there is something to keep.
func (d *desiring) idleStage(p *Path) Stage {
	due := d.memory.Idle.Add(d.config.TeardownDelay)
	if !d.now.Before(due) {
		return TearDown
	}
	for kind, f := range p.parts() {
		if kind == Address {
			continue
		}
		d.wait(Wait{Key: f.Key, Reason: "nothing is claimed any more (--teardown-delay)", Until: due})
		break
	}
	return Keep
}

// remember takes down what cannot be seen again later.
func (d *desiring) remember(p *Path) {
	if p.Gateway != nil && p.Gateway.Status == Active {
		delete(d.memory.Failures, p.Zone)
		if p.Address != nil {
			d.memory.Address[p.Zone], d.memory.PublicIP[p.Zone] = p.Address.ID, p.Address.PublicIP
			d.moved(p)
		}
	}
	var last *Found
	for _, g := range p.Failed {
		last = younger(last, g)
	}
	if f := d.memory.Failures[p.Zone]; last != nil && f.Gateway != last.ID {
		n := f.Count + 1
		d.memory.Failures[p.Zone] = Failure{Count: n, Gateway: last.ID, Until: d.now.Add(backOff(n))}
	}
	if p.Address != nil || p.Subnet == nil {
		delete(d.memory.Sought, p.Zone)
	} else if _, runs := d.memory.Sought[p.Zone]; !runs {
		d.memory.Sought[p.Zone] = Search{Since: d.now}
	}
	if p.Address == nil {
		return
	}
	if id := p.Address.ID; p.Gateway != nil || len(p.Dying) > 0 {
		delete(d.memory.Unused, id)
	} else if _, runs := d.memory.Unused[id]; !runs {
		d.memory.Unused[id] = d.now
	}
}

// moved forgets that an address was that of a zone which is gone from the flags, once it is another's: somebody asked for it.
func (d *desiring) moved(p *Path) {
	for z, id := range d.memory.Address {
		if _, configured := d.config.zone(z); z != p.Zone && id == p.Address.ID && !configured {
			delete(d.memory.Address, z)
			delete(d.memory.PublicIP, z)
		}
	}
}

// release reports whether the zone's address may be released: ours, asked for, used by nothing, and its gateway gone for
// long enough (rule 7). One that the user brought never is, for whatever zone, though it may still carry our tags.
func (d *desiring) release(p *Path) bool {
	a := p.Address
	if !d.config.ReleaseAddresses || a == nil || a.Holder != Ours || a.User != "" {
		return false
	}
	if slices.ContainsFunc(d.config.Zones, func(z ZoneConfig) bool { return z.Allocation == a.ID }) {
		return false
	}
	since, runs := d.memory.Unused[a.ID]
	if due := since.Add(d.config.ReleaseDelay); runs && d.now.Before(due) {
		d.wait(Wait{Key: a.Key, Reason: "no gateway uses it (--eip-reclaim-policy=Delete, --release-delay)", Until: due, Held: true})
		return false
	}
	return runs
}

// believed is a memory without the limits that are too old to be believed: quotas can be raised.
func (m Memory) believed(now time.Time) Memory {
	m = m.clone()
	maps.DeleteFunc(m.Limits, func(_ string, l Limit) bool { return now.Sub(l.Since) >= time.Hour })
	return m
}

// Learn takes down what a look and an applied plan taught: all gateways that are ours, and the tables that EC2 called full.
func Learn(s Seen, p Plan, r Result, m Memory, now time.Time) Memory {
	m = m.clone()
	for id, z := range s.owners {
		m.Gateways[id] = z
	}
	for i, o := range r.Outcomes {
		if a := p.Actions[i]; a.Key.Kind == Address && a.Verb == Create && o == FailedThen {
			// The answer to this try may be lost too: two looks again (rule 9).
			m.Sought[a.Key.Zone] = Search{Since: now, Tries: m.Sought[a.Key.Zone].Tries + 1, Refused: refusedBack(a, r.Errors[i])}
		}
	}
	for i, err := range r.Errors {
		if !isTableFull(err) {
			continue
		}
		for _, t := range s.Tables {
			if t.ID == p.Actions[i].Key.Table {
				m.Limits[t.ID] = Limit{Used: t.Used + made(p, r, t.ID), Since: now}
			}
		}
	}
	return m
}

// made counts the routes that a plan made in a table.
func made(p Plan, r Result, table string) int {
	n := 0
	for i, a := range p.Actions {
		if a.Verb == Create && a.Key.Table == table && r.Outcomes[i] == Done {
			n++
		}
	}
	return n
}

func compareWaits(a, b Wait) int {
	return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.Reason, b.Reason), a.Until.Compare(b.Until))
}
