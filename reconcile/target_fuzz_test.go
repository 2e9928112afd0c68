package reconcile_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go4.org/netipx"
	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func lastOf(p netip.Prefix) netip.Addr { return netipx.PrefixLastIP(p) }

// canonical says what is wrong with a list of targets, whatever they were read from (rule 10); "" if nothing.
func canonical(targets []netip.Prefix) string {
	for i, p := range targets {
		switch {
		case !p.IsValid() || !p.Addr().Is4():
			return p.String() + " is no IPv4 network"
		case p != p.Masked():
			return p.String() + " is not masked"
		case i > 0 && (p == targets[i-1] || p.Addr().Less(targets[i-1].Addr())):
			return p.String() + " is there twice, or out of order"
		}
	}
	return ""
}

func setOf(t interface{ Fatal(...any) }, ps []netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range ps {
		b.AddPrefix(p)
	}
	s, err := b.IPSet()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Rule 10: however a value is written, its targets are masked, sorted, each once, and cover exactly what its words say.
func TestTargetsAreWhatTheWordsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var value strings.Builder
		var meant []netip.Prefix
		for range rapid.IntRange(1, 12).Draw(t, "words") {
			o := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
			a, bits := netip.AddrFrom4([4]byte(o)), rapid.IntRange(0, 32).Draw(t, "bits")
			word := netip.PrefixFrom(a, bits).String() // as people write it: with bits beyond the mask
			if bits == 32 && rapid.Bool().Draw(t, "bare") {
				word = a.String()
			}
			meant = append(meant, netip.PrefixFrom(a, bits).Masked())
			value.WriteString(word)
			value.WriteString(rapid.StringMatching(`[, \t\r\n]{1,3}`).Draw(t, "separator"))
		}
		got, wrong := reconcile.ParseTargets(value.String())
		if why := canonical(got); why != "" || wrong != nil {
			t.Fatalf("%q gives %v: %s%v", value.String(), got, why, wrong)
		}
		for _, p := range got {
			if !slices.Contains(meant, p) {
				t.Fatalf("%q gives %s, which no word says", value.String(), p)
			}
		}
		if !setOf(t, got).Equal(setOf(t, meant)) {
			t.Fatalf("%q gives %v, and means %v", value.String(), got, meant)
		}
	})
}

// Whatever somebody writes, it is read or refused, and what is read is never wider than asked: each target is the network of
// one of the words.
func FuzzParseTargets(f *testing.F) {
	for _, seed := range []string{
		"8.8.8.8", "192.112.1.0/21", "8.8.8.8, 8.8.4.4\n1.1.1.1/32", "0.0.0.0/0", "::ffff:8.8.8.8/120", "fe80::1%eth0", "8.8.8.8/33", "08.8.8.8", "", ",",
		"nonsense", "8.8.8.8/", "255.255.255.255/1", "\x00", "8.8.8.8\u00a08.8.4.4", strings.Repeat("1.1.1.1,", 100),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, wrong := reconcile.ParseTargets(value)
		if (got == nil) == (wrong == nil) {
			t.Fatalf("%q is read as %v and refused for %v", value, got, wrong)
		}
		if why := canonical(got); why != "" {
			t.Fatalf("%q: %s", value, why)
		}
		for _, reason := range wrong {
			if reason == "" || len(reason) > 500 {
				t.Fatalf("%q is refused for %q", value, reason)
			}
		}
		said := map[netip.Prefix]bool{}
		for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
			at, length, wide := strings.Cut(word, "/")
			a, err := netip.ParseAddr(at)
			bits := 32
			if wide && err == nil {
				bits, err = strconv.Atoi(length)
			}
			if err == nil {
				said[netip.PrefixFrom(a, bits).Masked()] = true
			}
		}
		for _, p := range got {
			if !said[p] {
				t.Fatalf("%q gives %s, which no word says", value, p)
			}
		}
	})
}
