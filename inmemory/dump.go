package inmemory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Dump is Snapshot as text, one thing a line, equal for equal states: no times, no order of maps.
func (e *EC2) Dump() string {
	return e.Snapshot().String()
}

func (s Snapshot) String() string {
	var b strings.Builder
	for _, v := range s.VPCs {
		line(&b, "vpc", v.ID, strings.Join(texts(v.CIDRs), ","), when(v.Default, "default"), v.Tags.String())
	}
	for _, g := range s.InternetGateways {
		line(&b, "internet-gateway", g.ID, pair("vpc", g.VPC), g.Tags.String())
	}
	for _, n := range s.Subnets {
		line(&b, "subnet", n.ID, n.CIDR.String(), pair("zone", n.Zone), pair("vpc", n.VPC), n.Tags.String())
	}
	for _, t := range s.RouteTables {
		t.dump(&b)
	}
	for _, g := range s.NATGateways {
		line(&b, "nat-gateway", g.ID, string(g.State), g.FailureCode, pair("zone", g.Zone), pair("subnet", g.Subnet), pair("allocation", g.Allocation), g.Tags.String())
	}
	for _, a := range s.Addresses {
		line(&b, "address", a.ID, a.IP.String(), pair("gateway", a.Gateway), pair("interface", a.Interface), a.Tags.String())
	}
	for _, p := range s.PrefixLists {
		line(&b, "prefix-list", p.ID, p.Name, fmt.Sprintf("max=%d", p.MaxEntries), pair("entries", strings.Join(texts(p.Entries), ",")), p.Tags.String())
	}
	for _, ip := range s.Released {
		line(&b, "released", ip.String())
	}
	return b.String()
}

func (t RouteTable) dump(b *strings.Builder) {
	line(b, "route-table", t.ID, pair("vpc", t.VPC), t.Tags.String())
	for _, a := range t.Associations {
		line(b, "  association", a.ID, pair("subnet", a.Subnet), when(a.Main, "main"))
	}
	for _, r := range t.Routes {
		destination := r.PrefixList
		if destination == "" {
			destination = r.Destination.String()
		}
		line(b, "  route", destination, "->", r.Target, string(r.State), string(r.Origin))
	}
}

// String is {key=value, ...} in the order of the keys, "" for no tags.
func (t Tags) String() string {
	if len(t) == 0 {
		return ""
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(t)) {
		pairs = append(pairs, key+"="+t[key])
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// line writes the words that are not empty.
func line(b *strings.Builder, words ...string) {
	words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
	b.WriteString(strings.Join(words, " ") + "\n")
}

func pair(name, value string) string {
	return when(value != "", name+"="+value)
}

func when(condition bool, word string) string {
	if condition {
		return word
	}
	return ""
}
