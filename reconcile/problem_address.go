package reconcile

import (
	"fmt"
	"maps"
	"slices"
)

// anothersAddress says that the address which the user brought for a zone is another zone's. A zone's address never moves to
// another one (rule 2), so nothing takes it as long as that zone has a gateway with it or is among the flags: it would want
// it back. Of a zone that is gone the user may have it, if that is asked for by name (rule 8).
func anothersAddress(c Config, p *Path, found map[Kind][]Found, m Memory) string {
	id := p.Config.Allocation
	if id == "" {
		return ""
	}
	owner := gatewayWith(id, p.Zone, found[NATGateway])
	stays, own := owner != "", m.Address[p.Zone] == id || p.Gateway != nil && p.Address.ID == id
	if !stays && !own {
		owner = addressOwner(id, p.Zone, found[Address], m)
		_, stays = c.zone(owner)
	}
	wrong := fmt.Sprintf("--aws-eip-allocation-id of %s is %s, which is the address of %s", p.Zone, id, owner)
	switch {
	case owner == "":
		return ""
	case stays:
		return wrong
	case c.mayDisrupt(string(p.Zone)):
		return ""
	}
	return fmt.Sprintf("%s, which is gone from the flags (--allow-disruption=%s lets it move)", wrong, p.Zone)
}

// gatewayWith is the zone, other than z, whose gateway has an address; "" if there is none. One that is going has it still.
func gatewayWith(id string, z Zone, gateways []Found) Zone {
	for _, g := range gateways {
		over := g.Status == Failed || g.Status == Deleted
		if g.Holder == Ours && g.Key.Zone != z && g.Spec.Address.ID == id && !over {
			return g.Key.Zone
		}
	}
	return ""
}

// addressOwner is the zone, other than z, that an address is tagged for or was last seen with; "" if there is none. One that
// was released and had back has another id: the address counts.
func addressOwner(id string, z Zone, addresses []Found, m Memory) Zone {
	tagged := Zone("")
	for _, f := range addresses {
		if f.ID != id {
			continue
		}
		if f.Holder == Ours && f.Key.Zone != z {
			tagged = f.Key.Zone
		}
		for _, other := range slices.Sorted(maps.Keys(m.PublicIP)) {
			if other != z && f.PublicIP.IsValid() && m.PublicIP[other] == f.PublicIP {
				return other
			}
		}
	}
	for _, other := range slices.Sorted(maps.Keys(m.Address)) {
		if other != z && m.Address[other] == id {
			return other
		}
	}
	return tagged
}
