package awsec2

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Observe looks at everything once: what EC2 lists, corrected by our own writes where the lists lag behind (rule 9).
func (p *Provider) Observe(ctx context.Context) (reconcile.Observed, error) {
	l, err := p.list(ctx)
	if err != nil {
		return reconcile.Observed{}, err
	}
	p.own.overlay(&l)
	lists := p.lists.read(ctx, p, l.tables)

	s := sight{config: p.config, listing: &l}
	found := slices.Concat(s.subnetsFound(), s.addressesFound(), s.gatewaysFound(), s.tablesFound(), s.associationsFound(), s.routesFound())
	slices.SortStableFunc(found, compareFound)
	return reconcile.Observed{
		Site: reconcile.Site{
			VPC:             p.vpc,
			CIDRs:           s.cidrs(),
			InternetGateway: s.internetGateway(p.vpc),
			Zones:           slices.Clone(p.zones),
			Tables:          s.siteTables(lists),
		},
		Found: found,
	}, nil
}

// sight makes of a listing what package reconcile calls things. It only reads.
type sight struct {
	config  Config
	listing *listing
}

func compareFound(a, b reconcile.Found) int {
	return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Spec.Target.ID, b.Spec.Target.ID))
}

// prefix reads a CIDR as EC2 writes it; the zero prefix if there is none, as in a subnet that has only IPv6.
func prefix(text *string) netip.Prefix {
	if text == nil {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(*text)
	if err != nil {
		return netip.Prefix{}
	}
	return p.Masked()
}

func address(text *string) netip.Addr {
	if text == nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(*text)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
