package reconcile

import (
	"fmt"
	"net/netip"
	"strings"
)

// The bounds on what one person can ask for, so that a mistake in one ConfigMap cannot fill every table.
const (
	MaxValueBytes          = 4 << 10
	MaxTargetsPerConfigMap = 256
)

// special are the networks that are not globally reachable: the IANA IPv4 Special-Purpose Address Registry
// (RFC 6890 and its updates), with multicast (RFC 5771). Traffic to them through a NAT gateway is a mistake at best.
var special = []struct {
	prefix netip.Prefix
	name   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "\"this network\", RFC 791"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private, RFC 1918"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared address space (CGNAT), RFC 6598"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback, RFC 1122"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, RFC 3927"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private, RFC 1918"},
	{netip.MustParsePrefix("192.0.0.0/24"), "IETF protocol assignments, RFC 6890"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("192.88.99.0/24"), "deprecated 6to4 relay, RFC 7526"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private, RFC 1918"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking, RFC 2544"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation, RFC 5737"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast, RFC 5771"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved, RFC 1112"},
}

// amazonOnly is where EC2 takes no route at all, whatever --allow-cidr says (VPC guide, "Route tables": destinations at or
// inside 169.254.168.0/22 are refused). What is wider holds it, and nothing out there can be meant.
var amazonOnly = netip.MustParsePrefix("169.254.168.0/22")

// ParseTargets reads one value: IPv4 prefixes and bare addresses, separated by commas or white space. It gives them
// canonical, sorted and each once. All that is wrong with the value comes back at once; policy is not asked here.
func ParseTargets(value string) ([]netip.Prefix, []string) {
	if len(value) > MaxValueBytes {
		return nil, []string{fmt.Sprintf("the value has %d bytes, and %d are the most", len(value), MaxValueBytes)}
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(words) == 0 {
		return nil, []string{"the value is empty"}
	}
	var targets []netip.Prefix
	var wrong []string
	for _, w := range words {
		p, err := parseTarget(w)
		if err != "" {
			wrong = append(wrong, err)
			continue
		}
		targets = append(targets, p)
	}
	if wrong != nil {
		return nil, wrong
	}
	return sortPrefixes(targets), nil
}

func parseTarget(word string) (netip.Prefix, string) {
	p, err := netip.ParsePrefix(word)
	if err != nil {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return p, fmt.Sprintf("%q is neither an IPv4 prefix nor an IPv4 address", clip(word))
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if !p.Addr().Is4() {
		return p, fmt.Sprintf("%q is IPv6, and a public NAT gateway carries no traffic to an IPv6 target", clip(word))
	}
	return p.Masked(), ""
}

// clip keeps a message short when somebody put a whole document where a network belongs.
func clip(word string) string {
	if len(word) > 64 {
		return word[:64] + "..."
	}
	return word
}

// refuse says why policy refuses a target, or "" if it does not. The order of right is: --deny-cidr, the VPC's own
// networks, --allow-cidr, the registry of special-purpose addresses. The length is that of the value (rule 10 merges later).
func refuse(c Config, vpc []netip.Prefix, t netip.Prefix) string {
	if t.Bits() < c.MinPrefixLength {
		return fmt.Sprintf("%s is shorter than /%d (--min-prefix-length)", t, c.MinPrefixLength)
	}
	for _, d := range c.Deny {
		if t.Overlaps(d) {
			return fmt.Sprintf("%s overlaps %s (--deny-cidr)", t, d)
		}
	}
	for _, v := range vpc {
		if t.Overlaps(v) {
			return fmt.Sprintf("%s overlaps the VPC's own network %s", t, v)
		}
	}
	if t.Overlaps(amazonOnly) {
		return fmt.Sprintf("%s overlaps %s, where EC2 takes no route", t, amazonOnly)
	}
	for _, s := range special {
		if !t.Overlaps(s.prefix) {
			continue
		}
		if part := smaller(t, s.prefix); !setOf(c.Allow).ContainsPrefix(part) {
			return fmt.Sprintf("%s is not globally reachable: %s is %s (--allow-cidr allows it)", t, s.prefix, s.name)
		}
	}
	return ""
}
