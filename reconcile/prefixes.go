package reconcile

import (
	"net/netip"
	"slices"

	"go4.org/netipx"
)

// setOf is the set of all addresses in the lists. Every prefix that gets here is valid, and netipx fails on nothing else.
func setOf(lists ...[]netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, l := range lists {
		for _, p := range l {
			b.AddPrefix(p)
		}
	}
	return finish(&b)
}

func finish(b *netipx.IPSetBuilder) *netipx.IPSet {
	s, err := b.IPSet()
	if err != nil {
		panic("reconcile: a prefix that is none: " + err.Error())
	}
	return s
}

// cover is the smallest list of prefixes that holds exactly the addresses of ps: never wider (rule 10). It is sorted.
func cover(ps []netip.Prefix) []netip.Prefix { return setOf(ps).Prefixes() }

func intersect(a, b []netip.Prefix) []netip.Prefix {
	var build netipx.IPSetBuilder
	build.AddSet(setOf(a))
	build.Intersect(setOf(b))
	return finish(&build).Prefixes()
}

func subtract(a, b []netip.Prefix) []netip.Prefix {
	var build netipx.IPSetBuilder
	build.AddSet(setOf(a))
	build.RemoveSet(setOf(b))
	return finish(&build).Prefixes()
}

// within reports whether every address of inner is one of outer. Prefixes are nested or apart, never anything between.
func within(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// smaller is the intersection of two prefixes that overlap.
func smaller(a, b netip.Prefix) netip.Prefix {
	if a.Bits() > b.Bits() {
		return a
	}
	return b
}

// halves splits a prefix that is shorter than /32.
func halves(p netip.Prefix) [2]netip.Prefix {
	bits := p.Bits() + 1
	low := netip.PrefixFrom(p.Addr(), bits)
	high := netip.PrefixFrom(netipx.PrefixLastIP(p), bits).Masked()
	return [2]netip.Prefix{low, high}
}

func sortPrefixes(ps []netip.Prefix) []netip.Prefix {
	slices.SortFunc(ps, comparePrefix)
	return slices.Compact(ps)
}
