package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Admitted is what of the things that are asked for can be had here without harm to anybody.
type Admitted struct {
	Desired   Desired
	Conflicts []Conflict // sorted by key
	refusals  []refusal
}

// refusal says that a table does not take a claim, or not all of it.
type refusal struct {
	table    string
	claim    Claim
	standing Standing
	reason   string
}

// Admit says what can be had. Table by table it takes out what something foreign holds and what there is no room for, and
// keeps what is routed already; zone by zone it keeps the old state where a change would interrupt traffic and was not
// allowed (rules 3, 4, 8, 10, 14).
func Admit(c Config, a Asked, s Seen) Admitted {
	ad := admitting{config: c, asked: a, seen: &s, used: map[Zone]int{}, stack: s.stack}
	for _, t := range s.Tables {
		ad.sharing += btoi(t.Active)
	}
	for i := range s.Tables {
		ad.table(&s.Tables[i])
	}
	for i, z := range a.Zones {
		ad.zone(&s.Paths[i], z)
	}
	out := ad.out
	out.Desired.Look = a.Look
	slices.SortFunc(out.Desired.Resources, func(x, y Resource) int { return x.Key.Compare(y.Key) })
	slices.SortFunc(out.Desired.Holds, compareWaits)
	slices.Sort(out.Desired.Release)
	slices.SortStableFunc(out.Conflicts, func(x, y Conflict) int {
		return cmp.Or(x.Key.Compare(y.Key), cmp.Compare(x.Reason, y.Reason))
	})
	return out
}

type admitting struct {
	config Config
	asked  Asked
	seen   *Seen
	used   map[Zone]int // how many desired routes lead through a zone's gateway
	stack  Stack        // what it has room for yet; of no name where none carries out the plans
	// sharing is how many tables share that room: this one and those that come after it.
	sharing int
	out     Admitted
}

func (a *admitting) want(k Key, s Spec) {
	a.out.Desired.Resources = append(a.out.Desired.Resources, Resource{Key: k, Spec: s})
}

func (a *admitting) conflict(k Key, why string, sources ...Source) {
	a.out.Conflicts = append(a.out.Conflicts, Conflict{Key: k, Reason: why, Sources: sources})
}

// zone wants of an egress path what its stage says. Routes are admitted before, so it is known what leads there.
func (a *admitting) zone(p *Path, z ZoneAsked) {
	if z.Stage == TearDown && a.used[p.Zone] > 0 {
		z.Stage = Keep
		if !p.Configured {
			a.conflict(Key{Kind: NATGateway, Zone: p.Zone}, fmt.Sprintf(
				"%s is not among --aws-az any more, and routes lead through its gateway (%d): all is kept as it is (--allow-disruption=%s lets it go)",
				p.Zone, a.used[p.Zone], p.Zone))
		}
	}
	switch z.Stage {
	case Build:
		a.build(p, z)
	case Keep:
		for _, f := range p.parts() {
			a.want(f.Key, f.Spec)
		}
	case TearDown:
		a.out.Desired.Release = append(a.out.Desired.Release, z.Spares...)
		switch {
		case p.Address == nil:
		case z.Release:
			a.out.Desired.Release = append(a.out.Desired.Release, p.Address.ID)
		default:
			a.want(p.Address.Key, p.Address.Spec)
		}
	}
	if p.Missing != "" && (z.Stage == Keep || z.Recover.IsValid()) {
		a.conflict(Key{Kind: Address, Zone: p.Zone}, lostAddress(p, z))
	}
}

func lostAddress(p *Path, z ZoneAsked) string {
	if z.Refused != "" {
		return fmt.Sprintf("the address %s of %s is gone and cannot be had again (%s), and no other takes its place unasked (--allow-disruption=%s gives the zone another)",
			p.Lost, p.Zone, strings.TrimSuffix(z.Refused, "."), p.Zone)
	}
	return fmt.Sprintf("the address %s that the gateway of %s had is gone: the same one is asked for again as far as it is known, and no other takes its place unasked (--allow-disruption=%s allows it)",
		p.Missing, p.Zone, p.Zone)
}

func (a *admitting) build(p *Path, z ZoneAsked) {
	key := func(k Kind) Key { return Key{Kind: k, Zone: p.Zone} }
	a.want(key(Subnet), a.subnet(p))
	address := a.address(p)
	address.IP = z.Recover
	a.want(key(Address), address)
	a.want(key(NATTable), Spec{})
	a.want(key(DefaultRoute), Spec{Target: ByID(a.seen.Site.InternetGateway)})
	a.want(key(Association), Spec{Subnet: To(Subnet, p.Zone), Target: To(NATTable, p.Zone)})
	a.want(key(NATGateway), a.gateway(p))
	switch {
	case z.Seek.IsZero():
	case z.Refused != "": // for good, so nobody is to wait for that
		a.hold(Wait{Key: key(Address), Reason: "the lost one is asked for again, ever more seldom", Until: z.Seek, Held: true})
	default:
		a.hold(Wait{Key: key(Address), Reason: "the subnet stands and no address is seen: it is looked for once more", Until: z.Seek})
	}
	if z.Unsure != "" {
		a.hold(Wait{Key: key(Address), Reason: "no address is allocated, for the zone may have had one: " + z.Unsure})
	}
	if z.Hold != "" {
		a.hold(Wait{Key: key(NATGateway), Reason: z.Hold, Until: z.Until})
	}
	if p.Gateway != nil || p.Address == nil {
		return
	}
	if user := p.Address.User; a.seen.strange(user) {
		why := fmt.Sprintf("the address %s of %s is in use by %s, which is not ours", p.Address.ID, p.Zone, user)
		a.conflict(key(NATGateway), why)
		a.hold(Wait{Key: key(NATGateway), Reason: why, Held: true})
	}
}

func (a *admitting) hold(w Wait) { a.out.Desired.Holds = append(a.out.Desired.Holds, w) }

// gateway leads to the zone's own subnet and address; one that lives stays as it is, unless its end was allowed (rule 8).
func (a *admitting) gateway(p *Path) Spec {
	if p.Gateway != nil && !a.config.mayDisrupt(string(p.Zone)) {
		return p.Gateway.Spec
	}
	return Spec{Subnet: To(Subnet, p.Zone), Address: To(Address, p.Zone)}
}

// subnet is the zone's block, unless a gateway works in another one and nobody allowed to interrupt it (rule 8).
func (a *admitting) subnet(p *Path) Spec {
	block := p.Config.Block
	if p.Subnet == nil || p.Subnet.Spec.CIDR == block || p.Gateway == nil || a.config.mayDisrupt(string(p.Zone)) {
		return Spec{CIDR: block}
	}
	a.conflict(p.Subnet.Key, fmt.Sprintf(
		"--aws-nat-cidr-block of %s is %s, and its gateway works in %s: moving it interrupts traffic (--allow-disruption=%s allows it)",
		p.Zone, block, p.Subnet.Spec.CIDR, p.Zone))
	return Spec{CIDR: p.Subnet.Spec.CIDR}
}

// address is the one that the user brought, if any, unless a gateway works with another one and nobody allowed to
// interrupt it (rule 8).
func (a *admitting) address(p *Path) Spec {
	brought := p.Config.Allocation
	switch {
	case brought == "":
		return Spec{}
	case p.Gateway == nil || p.Address.ID == brought || a.config.mayDisrupt(string(p.Zone)):
		return Spec{Address: ByID(brought)}
	}
	a.conflict(p.Address.Key, fmt.Sprintf(
		"--aws-eip-allocation-id of %s is %s, and its gateway works with %s: changing it interrupts traffic (--allow-disruption=%s allows it)",
		p.Zone, brought, p.Address.ID, p.Zone))
	return Spec{Address: ByID(p.Address.ID)}
}
