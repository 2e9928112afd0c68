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

// nested finds which of many prefixes overlap one.
type nested struct {
	sorted []netip.Prefix
	has    map[netip.Prefix]bool
}

func newNested(ps []netip.Prefix) nested {
	n := nested{sorted: sortPrefixes(slices.Clone(ps)), has: map[netip.Prefix]bool{}}
	for _, p := range ps {
		n.has[p] = true
	}
	return n
}

// over gives those that overlap p: those around it, the widest first, and those within it.
func (n nested) over(p netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for bits := 0; bits < p.Bits(); bits++ {
		if around := netip.PrefixFrom(p.Addr(), bits).Masked(); n.has[around] {
			out = append(out, around)
		}
	}
	i, _ := slices.BinarySearchFunc(n.sorted, p, comparePrefix)
	for ; i < len(n.sorted) && within(n.sorted[i], p); i++ {
		out = append(out, n.sorted[i])
	}
	return out
}

func sortPrefixes(ps []netip.Prefix) []netip.Prefix {
	slices.SortFunc(ps, comparePrefix)
	return slices.Compact(ps)
}
