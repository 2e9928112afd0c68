package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// TearingDown is the configuration of the end: all that is ours goes, wherever it is, and the addresses too if they are to be
// released. It is meant for a reader that gives a complete reading of nothing, and for somebody who has seen the plan and
// agreed to it: so nothing is waited for, nothing is held back, and an interruption needs no further word (rules 7, 8, 11, 13).
// What is not ours is as safe as ever, and so is an address that the user brought.
func (c Config) TearingDown(release bool) Config {
	c.Teardown, c.ReleaseAddresses, c.Preallocate = true, release, false
	c.WithdrawDelay, c.TeardownDelay, c.ReleaseDelay = 0, 0, 0
	c.MaxWithdrawal = 100
	return c
}

// Parting is what becomes of one address when all is torn down.
type Parting struct {
	Zone       Zone
	Allocation string
	PublicIP   netip.Addr
	Released   bool   // for good, once nothing uses it any more
	Why        string // why it stays although it has to do with us; empty if it is released, or nobody asked for that
}

// partings says what becomes of every address that has to do with us, sorted by zone.
func partings(c Config, s Seen, o Observed) []Parting {
	var out []Parting
	part := func(z Zone, f Found) {
		x := Parting{Zone: z, Allocation: f.ID, PublicIP: f.PublicIP, Why: s.stays(c, f)}
		x.Released = c.ReleaseAddresses && x.Why == ""
		out = append(out, x)
	}
	for _, p := range s.Paths {
		if p.Address != nil {
			part(p.Zone, *p.Address)
		}
		for _, f := range p.Spares {
			if f.Key.Kind == Address {
				part(p.Zone, f)
			}
		}
	}
	for _, f := range o.Found {
		if f.Key.Kind == Address && f.Holder == Others {
			part(f.Key.Zone, f)
		}
	}
	slices.SortFunc(out, func(a, b Parting) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Allocation, b.Allocation))
	})
	return slices.CompactFunc(out, func(a, b Parting) bool { return a.Allocation == b.Allocation })
}

// stays says why an address is not ours to release (rule 7); empty if it is.
func (s *Seen) stays(c Config, f Found) string {
	switch {
	case slices.ContainsFunc(c.Zones, func(z ZoneConfig) bool { return z.Allocation == f.ID }):
		return "you brought it"
	case f.Holder == Others && f.Stack != "":
		return "the CloudFormation stack " + f.Stack + " made it"
	case f.Holder == Others:
		return "--provider=aws-ec2 made it"
	case f.Holder != Ours:
		return "it does not carry our tags"
	case s.strange(f.User):
		return f.User + ", which is not ours, uses it"
	}
	return ""
}

// heldByOthers warns of what is ours by its tags and stays, because the other provider holds it.
func (s *Seen) heldByOthers(found map[Kind][]Found) {
	count := map[string]int{}
	for _, kind := range []Kind{Subnet, NATTable, NATGateway} {
		for _, f := range found[kind] {
			if f.Holder == Others && f.Status != Deleted {
				count[f.Stack]++
			}
		}
	}
	for stack, n := range count {
		s.warn(fmt.Sprintf("%d subnets, route tables and gateways stay%s", n, s.heldBy(stack)))
	}
	slices.Sort(s.Warnings)
}

// sparesToo are the spare addresses of a zone that are released with its own, once no gateway of the zone has any.
func (d *desiring) sparesToo(p *Path) (ids []string) {
	if !d.config.Teardown || !d.config.ReleaseAddresses || p.Gateway != nil || len(p.Dying) > 0 {
		return nil
	}
	for _, f := range p.Spares {
		switch {
		case f.Key.Kind == NATGateway:
			return nil
		case f.Key.Kind == Address && f.User == "" && d.seen.stays(d.config, f) == "":
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// givenUp reports whether a zone's address need not be missed: whoever has all of them released does not want one back that was
// lost before.
func (d *desiring) givenUp(p *Path) bool {
	return d.config.Teardown && d.config.ReleaseAddresses && p.Missing != ""
}

// Agreement is what somebody was shown and has agreed to. The zero value covers no deletion.
type Agreement struct {
	shown map[agreed]bool // the deletions that were planned
	later map[Key]bool    // what waited: its deletion was announced
}

// agreed names a deletion. The id is that of a gateway or an address, which may have another one of its key by now.
type agreed struct {
	key Key
	id  string
}

func agreedTo(k Key, id string) agreed {
	if k.Kind != NATGateway && k.Kind != Address {
		id = ""
	}
	return agreed{k, id}
}

// Agree is the agreement to what a report of a rehearsal ([Loop.Plan]) shows: its deletions, what waits for them, and the
// addresses that are said to be released in the end.
func Agree(r Report) Agreement {
	a := Agreement{shown: map[agreed]bool{}, later: map[Key]bool{}}
	for _, x := range r.Plan.Actions {
		if x.Verb == Delete {
			a.shown[agreedTo(x.Key, x.Before.ID)] = true
		}
	}
	for _, w := range r.Plan.Waiting {
		a.later[w.Key] = w.Key.Kind != Address
	}
	for _, p := range r.Partings {
		if p.Released {
			a.shown[agreedTo(Key{Kind: Address, Zone: p.Zone}, p.Allocation)] = true
		}
	}
	return a
}

// Covers reports all that a plan does and nobody has agreed to; nil if there is nothing. To write our owner onto what is ours
// costs nobody anything, so that is always covered.
func (a Agreement) Covers(p Plan) error {
	var more []error
	for _, x := range p.Actions {
		covered := x.Verb == Retag
		if x.Verb == Delete {
			covered = a.shown[agreedTo(x.Key, x.Before.ID)] || a.later[x.Key]
		}
		if !covered {
			more = append(more, fmt.Errorf("%s %s was not in the plan that was agreed to", x.Verb, x.Key))
		}
	}
	return errors.Join(more...)
}
