package reconcile

import (
	"errors"
	"time"
)

// secondLook is how long after the first look that shows a zone's subnet and no address another one is allocated: the call
// may have been made before, with its answer lost, and takes no token (rule 9).
const secondLook = 10 * time.Second

// Search is the look-out for an address that may be there already, and how often allocating one has failed in a row.
type Search struct {
	Since   time.Time
	Tries   int
	Refused string // what EC2 said, if it said of the address that was lost that it cannot be had back
}

// wait is how long the search goes on before another address is allocated: 10 s, and ever longer, up to 5 minutes, while that
// fails: a quota does not mend itself in seconds. A lost address that EC2 does not give back is asked for up to an hour
// apart: at first it may only be too early, and whoever has it by now may let it go again, but nobody waits for that.
func (s Search) wait() time.Duration {
	most := 5 * time.Minute
	if s.Refused != "" {
		most = time.Hour
	}
	return min(secondLook<<min(s.Tries, 9), most)
}

// tooEarly reports whether a new leader may not begin with a zone yet: as far as it is seen there is no gateway, nor a subnet
// of its block, and before the second look that says little. The subnet cannot serve as the zone's lock there (rule 9): the
// leader before may have made one of another block. Nor can it where the user brought an address: EC2 refuses a second
// gateway with the same address only, and one that is not listed yet may have another.
func (d *desiring) tooEarly(p *Path) bool {
	locked := p.Subnet != nil && p.Subnet.Spec.CIDR == p.Config.Block && p.Config.Allocation == ""
	return d.now.Before(d.config.Look) && p.Gateway == nil && !locked
}

// seek says until when an address is looked for, and not allocated. What EC2 said of the one that was lost counts as long as
// it is that one that is wanted.
func (d *desiring) seek(p *Path, z *ZoneAsked) {
	search, sought := d.memory.Sought[p.Zone]
	if !sought {
		return
	}
	if z.Recover.IsValid() {
		z.Refused = search.Refused
	} else if search.Refused != "" {
		search = Search{Since: search.Since}
	}
	due := search.Since.Add(search.wait())
	if due.Before(d.config.Look) {
		due = d.config.Look // the search may be that of the leader before, which found what it looked for
	}
	if d.now.Before(due) {
		z.Seek = due
	}
}

// refusedBack is what was said for good when a lost address was asked for again; empty if it was not that, or may change by
// itself, as a quota. Providers say so by an error with this method.
func refusedBack(a Action, err error) string {
	var answer interface {
		error
		NotFound() bool
	}
	if a.After.Spec.IP.IsValid() && errors.As(err, &answer) && answer.NotFound() {
		return answer.Error()
	}
	return ""
}
