package reconcile

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// Seen is what was observed, with each thing recognised: which address, subnet, route table and gateway are a zone's, which
// are spare, which routes are ours, and which tables are DMZ tables. Nothing in it says what should be done.
type Seen struct {
	Site     Site
	Paths    []Path // of every zone that is configured or has something of ours (zonesOf); sorted by zone
	Tables   []DMZ  // every table but the NAT tables; sorted by id
	Problems []Problem
	Warnings []string

	refs   map[string]Ref      // of an EC2 id, what it is to us
	owners map[string]Zone     // the zones of all gateways that are or were ours, by id
	owner  string              // who asks; empty where owners are not told apart
	others map[string]string   // the gateways that are somebody else's, as those that lost our tags, and their subnets
	routes map[string][]Found  // every route that leads to a gateway, by the gateway's id, from whatever table
	served map[string][]string // the subnets of others that are associated with a table, by the table's id
	stack  Stack               // of no name where none carries out the plans
	ending bool                // all is torn down
}

// Path is the egress path of a zone, as far as it is there.
type Path struct {
	Zone       Zone
	Config     ZoneConfig
	Configured bool
	// What the zone uses, or will use: the one in use where there are several. Nil where there is none. References in their
	// Specs are keys where they lead to one another.
	Subnet, Address, NATTable, DefaultRoute, Association, Gateway *Found
	Spares                                                        []Found    // what else of ours is there for the zone, addresses too
	Failed                                                        []Found    // gateways that could not be made
	Dying                                                         []Found    // gateways that are on their way out: their addresses are still taken
	Dead                                                          *Found     // the gateway that died last, as far as EC2 still lists it
	Blocked                                                       string     // why nothing can be built here; empty if it can
	Missing                                                       string     // the allocation id that the gateway was last seen with, if that address is gone
	Lost                                                          netip.Addr // and the address itself, if that is known
}

// DMZ is a route table that is, was or could be a DMZ table.
type DMZ struct {
	Table
	Active  bool    // its tag names a configured zone
	Ours    []Found // routes to gateways of ours, references resolved
	Foreign []Found // all others
	Dropped bool    // our routes may be taken out of it, though somebody wants them (rule 8)
	Full    bool    // EC2 itself said so
	Limit   int     // how many routes it can have
	Free    int     // how many routes may be added; not below 0
}

// See recognises what was observed. It reads the memory and changes nothing of it.
func See(c Config, o Observed, m Memory) Seen {
	s := Seen{Site: o.Site, refs: map[string]Ref{}, owners: maps.Clone(m.Gateways), routes: map[string][]Found{}, others: map[string]string{}, served: map[string][]string{}, ending: c.Teardown}
	if o.Stack != nil {
		s.stack = *o.Stack
	}
	if s.owners == nil {
		s.owners = map[string]Zone{}
	}
	byKind := map[Kind][]Found{}
	for _, f := range o.Found {
		byKind[f.Key.Kind] = append(byKind[f.Key.Kind], f)
	}
	for _, list := range byKind {
		slices.SortFunc(list, compareFound)
	}
	for _, g := range byKind[NATGateway] {
		switch {
		case g.Holder == Ours:
			s.owners[g.ID] = g.Key.Zone
		case g.Status != Deleted:
			s.others[g.ID] = g.Spec.Subnet.ID
		}
	}
	for _, r := range byKind[TargetRoute] {
		s.routes[r.Spec.Target.ID] = append(s.routes[r.Spec.Target.ID], r)
	}
	s.serve(byKind[Association], byKind[Subnet])
	for _, z := range zonesOf(c, o, m) {
		s.Paths = append(s.Paths, s.path(c, z, byKind, m))
	}
	for i := range s.Paths {
		s.resolve(&s.Paths[i])
	}
	s.tables(c, byKind[TargetRoute], m)
	s.judge(c, byKind, m)
	return s
}

// serve takes down which tables serve subnets of others, as those that lost our tags.
func (s *Seen) serve(associations, subnets []Found) {
	theirs := map[string]bool{}
	for _, n := range subnets {
		theirs[n.ID] = n.Holder != Ours
	}
	for _, a := range associations {
		if subnet, table := a.Spec.Subnet.ID, a.Spec.Target.ID; theirs[subnet] {
			s.served[table] = append(s.served[table], subnet)
		}
	}
}

// compareFound also tells a static route from a propagated one to the same prefix.
func compareFound(a, b Found) int {
	return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.ID, b.ID), btoi(a.Propagated)-btoi(b.Propagated),
		cmp.Compare(a.Spec.Target.ID, b.Spec.Target.ID))
}

// zonesOf are the zones that are configured or have something of ours, and at the end those that are known to have had an
// address: it may have lost its tags.
func zonesOf(c Config, o Observed, m Memory) []Zone {
	set := map[Zone]bool{}
	if c.Teardown {
		for z := range m.Address {
			set[z] = true
		}
	} else {
		for _, z := range c.Zones {
			set[z.Zone] = true
		}
	}
	for _, f := range o.Found {
		if f.Holder == Ours && f.Key.Zone != "" && f.Status != Deleted {
			set[f.Key.Zone] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func (s *Seen) path(c Config, z Zone, found map[Kind][]Found, m Memory) Path {
	p := Path{Zone: z}
	if !c.Teardown { // at the end no zone has a block or an address that it is to have
		p.Config, p.Configured = c.zone(z)
	}
	s.gateway(&p, found[NATGateway], m)
	s.subnet(&p, found[Subnet])
	s.address(&p, found[Address], m, c.mayDisrupt(string(z)))
	s.natTable(&p, found)
	return p
}

// gateway chooses among the zone's gateways: the one with the address that the zone is known by, whoever points routes at
// another (rules 2, 7); then one that works before one that is being made, then the one that most routes lead to, so that a
// thing made twice is sorted out with the least change.
func (s *Seen) gateway(p *Path, all []Found, m Memory) {
	var live []Found
	for _, g := range all {
		if g.Holder != Ours || g.Key.Zone != p.Zone {
			continue
		}
		switch g.Status {
		case Failed:
			p.Failed = append(p.Failed, g)
		case Deleting:
			p.Dying = append(p.Dying, g)
			p.Dead = younger(p.Dead, g)
		case Deleted:
			p.Dead = younger(p.Dead, g)
		case Active, Pending, Blackhole:
			live = append(live, g)
		}
	}
	known := func(g Found) bool { return g.Spec.Address.ID != "" && g.Spec.Address.ID == m.Address[p.Zone] }
	slices.SortStableFunc(live, func(a, b Found) int {
		return cmp.Or(btoi(known(b))-btoi(known(a)), cmp.Compare(a.Status, b.Status), len(s.routes[b.ID])-len(s.routes[a.ID]))
	})
	p.Gateway, p.Spares = first(live), append(p.Spares, rest(live)...)
}

func younger(dead *Found, g Found) *Found {
	if dead != nil && !g.Created.After(dead.Created) {
		return dead
	}
	return &g
}

func first(fs []Found) *Found {
	if len(fs) == 0 {
		return nil
	}
	f := fs[0]
	return &f
}

func rest(fs []Found) []Found {
	if len(fs) == 0 {
		return nil
	}
	return fs[1:]
}

// subnet chooses the gateway's own subnet, whatever its tags say now; else one of ours, of the right block first.
func (s *Seen) subnet(p *Path, all []Found) {
	var ours []Found
	for _, f := range all {
		switch {
		case p.Gateway != nil && f.ID == p.Gateway.Spec.Subnet.ID:
			p.Subnet = &f
		case f.Holder == Ours && f.Key.Zone == p.Zone:
			ours = append(ours, f)
		}
	}
	slices.SortStableFunc(ours, func(a, b Found) int {
		return btoi(b.Spec.CIDR == p.Config.Block) - btoi(a.Spec.CIDR == p.Config.Block)
	})
	switch {
	case p.Subnet != nil:
	case p.Gateway != nil: // the gateway says that it is there, and nothing says that its block is another one
		p.Subnet = &Found{Key: Key{Kind: Subnet, Zone: p.Zone}, ID: p.Gateway.Spec.Subnet.ID, Spec: Spec{CIDR: p.Config.Block}}
	default:
		p.Subnet, ours = first(ours), rest(ours)
	}
	p.Spares = append(p.Spares, ours...)
}

// address chooses the one that the gateway uses, whoever holds it (rule 1); else the one that the user brought; else the
// one that the gateway was last seen with; else one of ours, unused ones first. A zone's address never changes by itself.
//
// One that it was known by and that is gone is missing, and no other takes its place unless that was allowed; the same
// address under another id is that address, had back.
func (s *Seen) address(p *Path, all []Found, m Memory, another bool) {
	var ours []Found
	byID := map[string]Found{}
	for _, f := range all {
		byID[f.ID] = f
		if f.Holder == Ours && f.Key.Zone == p.Zone {
			ours = append(ours, f)
		}
	}
	slices.SortStableFunc(ours, func(a, b Found) int { return btoi(s.strange(a.User)) - btoi(s.strange(b.User)) })
	wanted := ""
	switch {
	case p.Gateway != nil:
		wanted = p.Gateway.Spec.Address.ID
		if _, listed := byID[wanted]; !listed { // the gateway says that it is there
			byID[wanted] = Found{Key: Key{Kind: Address, Zone: p.Zone}, ID: wanted, PublicIP: p.Gateway.PublicIP, User: p.Gateway.ID}
		}
	case p.Config.Allocation != "":
		wanted = p.Config.Allocation
	default:
		wanted = known(m, p.Zone, all)
		if _, listed := byID[wanted]; listed {
			break
		}
		p.Missing, p.Lost, wanted = wanted, m.PublicIP[p.Zone], ""
		if len(ours) > 0 && (p.Missing == "" || another) {
			wanted = ours[0].ID
		}
	}
	if f, listed := byID[wanted]; listed {
		p.Address = &f
	}
	for _, f := range ours {
		if f.ID != wanted {
			p.Spares = append(p.Spares, f)
		}
	}
}

// known is the allocation id of the address that a zone is known by; empty if it has none yet. It is the one that has that
// address now, where somebody released it and had it back: the address counts, and not the id.
func known(m Memory, z Zone, all []Found) string {
	id, ip := m.Address[z], m.PublicIP[z]
	for _, f := range all {
		if id != "" && ip.IsValid() && f.PublicIP == ip {
			return f.ID
		}
	}
	return id
}

// strange reports whether what uses an address is none of our gateways.
func (s *Seen) strange(user string) bool {
	_, ours := s.owners[user]
	_, others := s.others[user]
	return user != "" && (!ours || others)
}

// natTable chooses the table that the subnet is associated with, if that is ours; else one of ours.
func (s *Seen) natTable(p *Path, found map[Kind][]Found) {
	if p.Subnet != nil {
		for _, a := range found[Association] {
			if a.Spec.Subnet.ID == p.Subnet.ID {
				p.Association = &a
			}
		}
	}
	var ours []Found
	for _, t := range found[NATTable] {
		if t.Holder != Ours || t.Key.Zone != p.Zone {
			continue
		}
		if p.Association != nil && t.ID == p.Association.Spec.Target.ID {
			p.NATTable = &t
		} else {
			ours = append(ours, t)
		}
	}
	if p.NATTable == nil {
		p.NATTable, ours = first(ours), rest(ours)
	}
	p.Spares = append(p.Spares, ours...)
	for _, r := range found[DefaultRoute] {
		if p.NATTable != nil && r.ID == p.NATTable.ID {
			p.DefaultRoute = &r
		}
	}
}

// resolve turns the ids that lead from one part of the path to another into keys, and gives each part its own key.
func (s *Seen) resolve(p *Path) {
	for kind, f := range p.parts() {
		if f.ID != "" && kind != DefaultRoute && kind != Association {
			s.refs[f.ID] = To(kind, p.Zone)
		}
	}
	for kind, f := range p.parts() {
		f.Key = Key{Kind: kind, Zone: p.Zone}
		f.Spec = Spec{
			CIDR: f.Spec.CIDR, Target: s.ref(f.Spec.Target),
			Subnet: s.ref(f.Spec.Subnet), Address: s.ref(f.Spec.Address),
		}
	}
	// An address's own Spec matters only where the user brought one: then it has to be that one.
	if p.Address != nil && p.Config.Allocation != "" {
		p.Address.Spec.Address = ByID(p.Address.ID)
	}
}

func (s *Seen) ref(r Ref) Ref {
	if known, ok := s.refs[r.ID]; ok {
		return known
	}
	return r
}

// parts gives what the path has, by kind, in the order of building.
func (p *Path) parts() func(yield func(Kind, *Found) bool) {
	return func(yield func(Kind, *Found) bool) {
		for i, f := range []*Found{p.Subnet, p.Address, p.NATTable, p.DefaultRoute, p.Association, p.Gateway} {
			if f != nil && !yield(Subnet+Kind(i), f) {
				return
			}
		}
	}
}

// Ready reports whether target routes may lead to the zone's gateway: it is available, its subnet is explicitly
// associated with the NAT route table, and that has its default route (rule 15).
func (p *Path) Ready(internetGateway string) bool {
	return p.Gateway != nil && p.Gateway.Status == Active &&
		p.Association != nil && p.Association.Status == Active && p.Association.Spec.Target == To(NATTable, p.Zone) &&
		p.DefaultRoute != nil && p.DefaultRoute.Status == Active && p.DefaultRoute.Spec.Target == ByID(internetGateway)
}

// works reports whether a route of ours carries traffic: it is active, and leads to the gateway of a zone, which is ready.
func (s *Seen) works(f Found) bool {
	p := s.pathOf(f.Spec.Target.Zone)
	return f.Status == Active && f.Spec.Target.Kind == NATGateway && p != nil && p.Ready(s.Site.InternetGateway)
}

func (s *Seen) pathOf(z Zone) *Path {
	for i := range s.Paths {
		if s.Paths[i].Zone == z {
			return &s.Paths[i]
		}
	}
	return nil
}

// leadsThrough reports whether any route of ours leads, or led, to a gateway of the zone.
func (s *Seen) leadsThrough(z Zone) bool {
	return slices.ContainsFunc(s.Tables, func(t DMZ) bool {
		return slices.ContainsFunc(t.Ours, func(f Found) bool {
			zone, ok := s.zoneOfGateway(f.Spec.Target)
			return ok && zone == z
		})
	})
}

// zoneOfGateway is the zone of a gateway that is or was ours.
func (s *Seen) zoneOfGateway(target Ref) (Zone, bool) {
	if target.ID == "" && target.Kind == NATGateway {
		return target.Zone, true
	}
	z, ok := s.owners[target.ID]
	return z, ok
}

// tables recognises the DMZ tables and whose routes are in them.
func (s *Seen) tables(c Config, routes []Found, m Memory) {
	byTable := map[string][]Found{}
	for _, r := range routes {
		byTable[r.Key.Table] = append(byTable[r.Key.Table], r)
	}
	sorted := slices.Clone(s.Site.Tables)
	slices.SortFunc(sorted, func(a, b Table) int { return cmp.Compare(a.ID, b.ID) })
	for _, t := range sorted {
		if t.NAT {
			continue
		}
		d := DMZ{Table: t, Dropped: c.Teardown || c.mayDisrupt(t.ID) || t.Zone != "" && c.mayDisrupt(string(t.Zone))}
		_, configured := c.zone(t.Zone)
		d.Active = configured && t.Barred == ""
		for _, r := range byTable[t.ID] {
			if z, ours := s.owners[r.Spec.Target.ID]; ours && r.Key.Prefix.Bits() > 0 && !r.Propagated {
				d.Dropped = d.Dropped || c.mayDisrupt(string(z))
				r.Spec.Target, r.Holder = s.ref(r.Spec.Target), Ours
				d.Ours = append(d.Ours, r)
			} else {
				d.Foreign = append(d.Foreign, r)
			}
		}
		limit := c.MaxRoutes
		if l, full := m.Limits[t.ID]; full && l.Used <= limit {
			limit, d.Full = l.Used, true
		}
		d.Limit, d.Free = limit, max(0, limit-t.Used)
		s.Tables = append(s.Tables, d)
	}
}
