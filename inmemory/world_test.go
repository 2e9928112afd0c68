package inmemory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// player makes calls at random, sensible and not.
type player struct {
	*rapid.T
	*inmemory.EC2
	clock *clock
}

// some picks the id of a thing that is there, or of one that is not.
func some[R any](p *player, records []R, id func(R) string) *string {
	ids := []string{"none-0"}
	for _, r := range records {
		ids = append(ids, id(r))
	}
	picked := rapid.SampledFrom(ids).Draw(p.T, "id")
	return &picked
}

func (p *player) someSubnet() *string {
	return some(p, p.Snapshot().Subnets, func(s inmemory.Subnet) string { return s.ID })
}

func (p *player) someTable() *string {
	return some(p, p.Snapshot().RouteTables, func(t inmemory.RouteTable) string { return t.ID })
}

func (p *player) someGateway() *string {
	return some(p, p.Snapshot().NATGateways, func(g inmemory.NATGateway) string { return g.ID })
}

func (p *player) someAddress() *string {
	return some(p, p.Snapshot().Addresses, func(a inmemory.Address) string { return a.ID })
}

func (p *player) someAssociation() *string {
	var all []inmemory.Association
	for _, t := range p.Snapshot().RouteTables {
		all = append(all, t.Associations...)
	}
	return some(p, all, func(a inmemory.Association) string { return a.ID })
}

func (p *player) number(name string, limit int) int {
	return rapid.IntRange(0, limit).Draw(p.T, name)
}

func (p *player) someCIDR() *string {
	cidr := fmt.Sprintf("8.8.%d.0/%d", p.number("third", 3), p.number("bits", 2)+22)
	return &cidr
}

func (p *player) moves() map[string]func(*rapid.T) {
	calls := map[string]func() error{
		"AllocateAddress": func() error {
			_, err := p.AllocateAddress(p.Context(), &ec2.AllocateAddressInput{})
			return err
		},
		"ReleaseAddress": func() error {
			_, err := p.ReleaseAddress(p.Context(), &ec2.ReleaseAddressInput{AllocationId: p.someAddress()})
			return err
		},
		"CreateSubnet": func() error {
			zone, cidr := zoneA, fmt.Sprintf("172.31.%d.%d/%d", 64+p.number("third", 1), 16*p.number("fourth", 3), 26+p.number("bits", 2))
			_, err := p.CreateSubnet(p.Context(), &ec2.CreateSubnetInput{VpcId: &p.Snapshot().VPCs[0].ID, AvailabilityZone: &zone, CidrBlock: &cidr})
			return err
		},
		"DeleteSubnet": func() error {
			_, err := p.DeleteSubnet(p.Context(), &ec2.DeleteSubnetInput{SubnetId: p.someSubnet()})
			return err
		},
		"CreateRouteTable": func() error {
			_, err := p.CreateRouteTable(p.Context(), &ec2.CreateRouteTableInput{VpcId: &p.Snapshot().VPCs[0].ID})
			return err
		},
		"DeleteRouteTable": func() error {
			_, err := p.DeleteRouteTable(p.Context(), &ec2.DeleteRouteTableInput{RouteTableId: p.someTable()})
			return err
		},
		"AssociateRouteTable": func() error {
			_, err := p.AssociateRouteTable(p.Context(), &ec2.AssociateRouteTableInput{RouteTableId: p.someTable(), SubnetId: p.someSubnet()})
			return err
		},
		"ReplaceRouteTableAssociation": func() error {
			_, err := p.ReplaceRouteTableAssociation(p.Context(), &ec2.ReplaceRouteTableAssociationInput{AssociationId: p.someAssociation(), RouteTableId: p.someTable()})
			return err
		},
		"DisassociateRouteTable": func() error {
			_, err := p.DisassociateRouteTable(p.Context(), &ec2.DisassociateRouteTableInput{AssociationId: p.someAssociation()})
			return err
		},
		"CreateNatGateway": func() error {
			_, err := p.CreateNatGateway(p.Context(), &ec2.CreateNatGatewayInput{SubnetId: p.someSubnet(), AllocationId: p.someAddress()})
			return err
		},
		"DeleteNatGateway": func() error {
			_, err := p.DeleteNatGateway(p.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: p.someGateway()})
			return err
		},
		"CreateRoute": func() error {
			_, err := p.CreateRoute(p.Context(), &ec2.CreateRouteInput{RouteTableId: p.someTable(), DestinationCidrBlock: p.someCIDR(), NatGatewayId: p.someGateway()})
			return err
		},
		"ReplaceRoute": func() error {
			_, err := p.ReplaceRoute(p.Context(), &ec2.ReplaceRouteInput{RouteTableId: p.someTable(), DestinationCidrBlock: p.someCIDR(), NatGatewayId: p.someGateway()})
			return err
		},
		"DeleteRoute": func() error {
			_, err := p.DeleteRoute(p.Context(), &ec2.DeleteRouteInput{RouteTableId: p.someTable(), DestinationCidrBlock: p.someCIDR()})
			return err
		},
	}
	moves := map[string]func(*rapid.T){
		"time": func(*rapid.T) { p.clock.advance(time.Duration(p.number("minutes", 30)) * time.Minute) },
	}
	for name, call := range calls {
		moves[name] = func(*rapid.T) { p.checked(call) }
	}
	return moves
}

// checked makes a call, and looks that a refused one changed nothing, and that none changed what was seen before.
func (p *player) checked(call func() error) {
	seen := p.Snapshot()
	before := seen.String()
	err := call()
	if err != nil && p.Dump() != before {
		p.Fatalf("%v, and yet something changed:\n%s\n%s", err, before, p.Dump())
	}
	if seen.String() != before {
		p.Fatalf("an old snapshot changed:\n%s\n%s", before, seen)
	}
}

// holds looks for what must never be.
func (p *player) holds() {
	all := p.Snapshot()
	holders := map[string]int{}
	for _, g := range all.NATGateways {
		if g.State == types.NatGatewayStateAvailable {
			holders[g.Allocation]++
		}
	}
	for _, a := range all.Addresses {
		if n := holders[a.ID]; n > 1 || n == 1 && a.Gateway == "" {
			p.Fatalf("%d available gateways have %s", n, a.ID)
		}
		delete(holders, a.ID)
	}
	if len(holders) > 0 {
		p.Fatalf("addresses of available gateways are gone: %v", holders)
	}
	subnets := map[string]bool{}
	for i, s := range all.Subnets {
		subnets[s.ID] = true
		for _, other := range all.Subnets[:i] {
			if s.CIDR.Overlaps(other.CIDR) {
				p.Fatalf("%v overlaps %v", s, other)
			}
		}
	}
	p.holdsTables(all, subnets)
}

func (p *player) holdsTables(all inmemory.Snapshot, subnets map[string]bool) {
	mains, associated := 0, map[string]bool{}
	for _, t := range all.RouteTables {
		for _, a := range t.Associations {
			switch {
			case a.Main:
				mains++
			case associated[a.Subnet] || !subnets[a.Subnet]:
				p.Fatalf("%v is a second association, or one of no subnet", a)
			}
			associated[a.Subnet] = true
		}
		if len(t.Routes) > 6 {
			p.Fatalf("%s has %d routes", t.ID, len(t.Routes))
		}
	}
	if mains != 1 {
		p.Fatalf("%d main tables", mains)
	}
}

// Whatever is called in whatever order, a refused call changes nothing, and no rule is broken.
func TestAnyCallsKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		e := inmemory.Seed(inmemory.Options{
			Now: c.Now, Pending: 2 * time.Minute, Deleting: 5 * time.Minute, Lag: time.Minute,
			Quotas: inmemory.Quotas{RoutesPerTable: 6},
			Fail: func(c inmemory.Creation) string {
				return map[bool]string{true: "InternalError"}[c.Attempt%3 == 0]
			},
		}, tagKey, []string{zoneA})
		p := &player{T: t, EC2: e, clock: c}
		moves := p.moves()
		moves[""] = func(*rapid.T) { p.holds() }
		t.Repeat(moves)
	})
}
