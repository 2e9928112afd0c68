package reconcile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// judge finds what is wrong with the set-up, and what is only odd.
func (s *Seen) judge(c Config, found map[Kind][]Found, m Memory) {
	if c.Teardown { // what nothing can be built in can be left all the same
		s.heldByOthers(found)
		return
	}
	if s.Site.InternetGateway == "" {
		s.problem("", fmt.Sprintf("the VPC %s has no internet gateway attached, and NAT gateways need one", s.Site.VPC))
	}
	for i := range s.Paths {
		p := &s.Paths[i]
		if !p.Configured {
			continue
		}
		for _, why := range []string{
			s.wrongZone(p), s.wrongBlock(p, found[Subnet]), wrongAddress(p, found[Address]), anothersAddress(c, p, found, m),
			s.stacksAddress(c, p, found[Address]),
		} {
			if why != "" {
				p.Blocked = cmp.Or(p.Blocked, why)
				s.problem(p.Zone, why)
			}
		}
		if s.Site.InternetGateway == "" {
			p.Blocked = cmp.Or(p.Blocked, "the VPC has no internet gateway")
		}
		if !slices.ContainsFunc(s.Tables, func(d DMZ) bool { return d.Active && d.Zone == p.Zone }) {
			s.warn(fmt.Sprintf("%s has no DMZ route table: its gateway carries no traffic", p.Zone))
		}
	}
	for _, d := range s.Tables {
		s.oddTable(c, d)
	}
	slices.SortFunc(s.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Reason, b.Reason))
	})
	slices.Sort(s.Warnings)
}

func (s *Seen) problem(z Zone, why string) {
	s.Problems = append(s.Problems, Problem{Zone: z, Reason: why})
}

func (s *Seen) warn(why string) { s.Warnings = append(s.Warnings, why) }

func (s *Seen) wrongZone(p *Path) string {
	if len(s.Site.Zones) == 0 || slices.Contains(s.Site.Zones, p.Zone) {
		return ""
	}
	return fmt.Sprintf("there is no availability zone %s here; there are %s", p.Zone, join(s.Site.Zones))
}

func join(zones []Zone) string {
	names := make([]string, len(zones))
	for i, z := range zones {
		names[i] = string(z)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// wrongBlock looks at the NAT CIDR block only where a subnet has yet to be made from it.
func (s *Seen) wrongBlock(p *Path, subnets []Found) string {
	block := p.Config.Block
	if p.Subnet != nil && p.Subnet.Spec.CIDR == block {
		return ""
	}
	if !slices.ContainsFunc(s.Site.CIDRs, func(v netip.Prefix) bool { return within(block, v) }) {
		return fmt.Sprintf("the NAT CIDR block %s of %s lies outside the VPC's networks %s", block, p.Zone, joinPrefixes(s.Site.CIDRs))
	}
	for _, f := range subnets {
		if !f.Spec.CIDR.Overlaps(block) || p.Subnet != nil && f.ID == p.Subnet.ID {
			continue
		}
		switch {
		case f.Holder == Ours: // it goes, or its zone's own block is wrong
		case f.Holder == Others:
			return fmt.Sprintf("the NAT CIDR block %s of %s is taken by the subnet %s%s", block, p.Zone, f.ID, s.heldBy(f.Stack))
		default:
			return fmt.Sprintf("the NAT CIDR block %s of %s overlaps the subnet %s (%s), which is not ours", block, p.Zone, f.ID, f.Spec.CIDR)
		}
	}
	return ""
}

// heldBy says who holds what is ours by its tags and not ours to change, and what to do about it.
func (s *Seen) heldBy(stack string) string {
	switch {
	case stack == "":
		return ", which --provider=aws-ec2 made: run with that one, or let it take all down first (it keeps the addresses, and this takes them up)"
	case s.stack.Name != "":
		return fmt.Sprintf(" of the CloudFormation stack %s: run with --stack-name=%s, or delete that stack (it retains the addresses)", stack, stack)
	}
	return fmt.Sprintf(" of the CloudFormation stack %s: run with --provider=aws-cfn, or delete that stack (it retains the addresses)", stack)
}

// stacksAddress is about a zone that has no address here, while a stack made one for it, and retained it if it is gone
// itself: to build with another would be to lose that one in silence (rule 7).
func (s *Seen) stacksAddress(c Config, p *Path, addresses []Found) string {
	if p.Address != nil || p.Gateway != nil || p.Config.Allocation != "" || c.mayDisrupt(string(p.Zone)) {
		return ""
	}
	for _, f := range addresses {
		if f.Holder == Others && f.Key.Zone == p.Zone {
			return fmt.Sprintf("%s has the address %s (%s)%s; to use it here: --aws-eip-allocation-id=%s=%s (--allow-disruption=%s takes another one)",
				p.Zone, f.PublicIP, f.ID, s.heldBy(f.Stack), p.Zone, f.ID, p.Zone)
		}
	}
	return ""
}

func joinPrefixes(ps []netip.Prefix) string {
	names := make([]string, len(ps))
	for i, p := range sortPrefixes(slices.Clone(ps)) {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

func wrongAddress(p *Path, addresses []Found) string {
	want := p.Config.Allocation
	if want == "" || slices.ContainsFunc(addresses, func(f Found) bool { return f.ID == want }) {
		return ""
	}
	return fmt.Sprintf("the address %s (--aws-eip-allocation-id) of %s does not exist here", want, p.Zone)
}

func (s *Seen) oddTable(c Config, d DMZ) {
	if _, configured := c.zone(d.Zone); d.Zone != "" && !configured && d.Barred == "" {
		s.warn(fmt.Sprintf("the route table %s is tagged for %s, which is not among --aws-az", d.ID, d.Zone))
	}
	if !d.Active {
		return
	}
	for _, r := range d.Foreign {
		if r.Status == Blackhole {
			s.warn(fmt.Sprintf("the route %s of %s is a black hole, and not ours: it leads to %s", r.Key.Prefix, d.ID, r.Spec.Target))
		}
	}
}
