package reconcile_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// asked makes a reading of one cluster; of each ConfigMap its name, then keys and values by turns.
func asked(maps ...[]string) reconcile.Reading {
	c := reconcile.Cluster{}
	for _, words := range maps {
		cm := reconcile.ConfigMap{Namespace: "default", Name: words[0], Data: map[string]string{}}
		for i := 1; i < len(words); i += 2 {
			cm.Data[words[i]] = words[i+1]
		}
		c.ConfigMaps = append(c.ConfigMaps, cm)
	}
	return reconcile.Reading{Clusters: []reconcile.Cluster{c}}
}

func incomplete(r reconcile.Reading, why string) reconcile.Reading {
	r.Clusters[0].Incomplete = why
	return r
}

// told writes claims down, one line for each.
func told(c reconcile.Claims) string {
	var lines []string
	for _, x := range c.List {
		line := fmt.Sprintf("%s %s", x.Source, x.Target)
		if x.Held != "" {
			line += " held: " + x.Held
		}
		lines = append(lines, line)
	}
	for _, v := range c.Refused {
		lines = append(lines, fmt.Sprintf("%s %s: %s", v.Source, v.Standing, v.Reason))
	}
	if c.Freeze != "" {
		lines = append(lines, "frozen: "+c.Freeze)
	}
	if c.Unclear != "" {
		lines = append(lines, "unclear: "+c.Unclear)
	}
	return strings.Join(lines, "\n")
}

// look is one reading, with what the policy and the VPC were then, and what it comes to.
type reads struct {
	reading reconcile.Reading
	policy  func(*reconcile.Config)
	vpc     []netip.Prefix
	want    string
}

// Rules 11 and 12: a value is taken whole or not at all, and what it meant when it was accepted stays until somebody mends or
// removes it, or policy refuses it.
func TestWhatWasAcceptedStays(t *testing.T) {
	t.Parallel()
	first := reads{reading: asked([]string{"m", "k", "20.0.0.0/24, 20.0.2.0/24"}), want: "default/m/k 20.0.0.0/24\ndefault/m/k 20.0.2.0/24"}
	nonsense := "refused: \"nonsense\" is neither an IPv4 prefix nor an IPv4 address"
	held := "default/m/k 20.0.0.0/24 held: " + nonsense + "\ndefault/m/k 20.0.2.0/24 held: " + nonsense
	refused := "default/m/k Rejected: \"nonsense\" is neither an IPv4 prefix nor an IPv4 address"
	away := "default/m/k 20.0.0.0/24 held: does not answer\ndefault/m/k 20.0.2.0/24 held: does not answer"
	for _, story := range []struct {
		name   string
		passes []reads
	}{
		{"edited into nonsense", []reads{first, {reading: asked([]string{"m", "k", "nonsense"}), want: held}}},
		{"and for a long time", []reads{
			first, {reading: asked([]string{"m", "k", "nonsense"}), want: held}, {reading: asked([]string{"m", "k", "nonsense"}), want: held},
		}},
		{"half of it edited into nonsense", []reads{first, {reading: asked([]string{"m", "k", "20.0.0.0/24, nonsense"}), want: held}}},
		{"mended", []reads{
			first,
			{reading: asked([]string{"m", "k", "nonsense"}), want: held},
			{reading: asked([]string{"m", "k", "20.0.5.0/24"}), want: "default/m/k 20.0.5.0/24"},
			{reading: asked([]string{"m", "k", "nonsense"}), want: "default/m/k 20.0.5.0/24 held: " + nonsense},
		}},
		{"removed", []reads{first, {reading: asked([]string{"m", "k", "nonsense"}), want: held}, {reading: asked([]string{"m"}), want: ""}}},
		{"removed, and back as nonsense", []reads{first, {reading: asked(), want: ""}, {
			reading: asked([]string{"m", "k", "nonsense"}),
			want: refused + "\nunclear: default/m/k is refused (\"nonsense\" is neither an IPv4 prefix nor an IPv4 address), " +
				"and what it meant before is not known",
		}}},
		{"one bad value, one good (rule 12)", []reads{{
			reading: asked([]string{"m", "a", "20.0.0.0/24", "k", "nonsense"}),
			want: "default/m/a 20.0.0.0/24\n" + refused + "\nunclear: default/m/k is refused (\"nonsense\" is neither an IPv4 prefix nor an " +
				"IPv4 address), and what it meant before is not known",
		}}},
		{"nonsense, policy refuses what it meant, and policy is mended", []reads{
			first,
			{reading: asked([]string{"m", "k", "nonsense"}), policy: func(c *reconcile.Config) { c.Deny = nets("20.0.0.0/16") }, want: refused},
			{reading: asked([]string{"m", "k", "nonsense"}), want: held},
		}},
		{"policy refuses a part of it", []reads{first, {
			reading: asked([]string{"m", "k", "20.0.0.0/24, 20.0.2.0/24"}),
			policy:  func(c *reconcile.Config) { c.Deny = nets("20.0.2.0/24") },
			want:    "default/m/k 20.0.0.0/24 held: refused: 20.0.2.0/24 overlaps 20.0.2.0/24 (--deny-cidr)",
		}}},
		{"policy refuses all of it", []reads{first, {
			reading: asked([]string{"m", "k", "20.0.0.0/24, 20.0.2.0/24"}),
			policy:  func(c *reconcile.Config) { c.MinPrefixLength = 25 },
			want: "default/m/k Rejected: 20.0.0.0/24 is shorter than /25 (--min-prefix-length); 20.0.2.0/24 is shorter than /25 " +
				"(--min-prefix-length)",
		}}},
		{"the VPC grew over it, which is nobody's policy", []reads{first, {
			reading: asked([]string{"m", "k", "20.0.0.0/24, 20.0.2.0/24"}),
			vpc:     nets("10.0.0.0/16", "20.0.2.0/23"),
			want: "default/m/k 20.0.0.0/24 held: refused: 20.0.2.0/24 overlaps the VPC's own network 20.0.2.0/23\n" +
				"default/m/k 20.0.2.0/24 held: refused: 20.0.2.0/24 overlaps the VPC's own network 20.0.2.0/23",
		}}},
		{"the cluster does not answer", []reads{first, {reading: incomplete(asked(), "does not answer"), want: away}}},
		{"it gives a part of itself: what is missing there is no news", []reads{first, {
			reading: incomplete(asked([]string{"n", "k", "20.0.7.0/24"}), "does not answer"),
			want:    away + "\ndefault/n/k 20.0.7.0/24",
		}}},
		{"it gives a part of itself: what is there is news", []reads{first, {
			reading: incomplete(asked([]string{"m", "k", "20.0.0.0/24"}), "does not answer"),
			want:    "default/m/k 20.0.0.0/24",
		}}},
		{"what is held for a cluster is held no more when it answers", []reads{
			first, {reading: incomplete(asked(), "does not answer"), want: away}, {reading: asked(), want: ""},
		}},
		{"it never answered", []reads{{reading: incomplete(asked(), "does not answer"), want: "frozen: does not answer"}}},
		{"it answers at last", []reads{
			{reading: incomplete(asked(), "does not answer"), want: "frozen: does not answer"}, {reading: asked(), want: ""},
		}},
		{"text that becomes binary", []reads{first, {
			reading: binary("m", "k"),
			want: "default/m/k 20.0.0.0/24 held: refused: it is binaryData, and targets are text\n" +
				"default/m/k 20.0.2.0/24 held: refused: it is binaryData, and targets are text",
		}}},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			var m reconcile.Memory
			for i, pass := range story.passes {
				vpc := pass.vpc
				if vpc == nil {
					vpc = theVPC
				}
				var claims reconcile.Claims
				before := fmt.Sprintf("%+v", m)
				claims, next := reconcile.Accept(asking(pass.policy), vpc, pass.reading, m)
				if got := told(claims); got != pass.want {
					t.Errorf("reading %d gives\n%s\nand should give\n%s", i+1, got, pass.want)
				}
				if after := fmt.Sprintf("%+v", m); after != before {
					t.Errorf("reading %d changed the memory that it was given from %s to %s", i+1, before, after)
				}
				m = next
			}
		})
	}
}

func binary(name, key string) reconcile.Reading {
	r := asked([]string{name})
	r.Clusters[0].ConfigMaps[0].BinaryKeys = []string{key}
	return r
}

// Rule 11: of several clusters each keeps its own, and one that cannot be read says nothing about the others.
func TestClustersDoNotMeddle(t *testing.T) {
	t.Parallel()
	both := func(one, two string) reconcile.Reading {
		r := asked([]string{"m", "k", one})
		r.Clusters[0].Name = "one"
		other := asked([]string{"m", "k", two})
		other.Clusters[0].Name = "two"
		r.Clusters = append(r.Clusters, other.Clusters...)
		return r
	}
	_, m := reconcile.Accept(asking(nil), theVPC, both("20.0.0.0/24", "20.0.0.0/24"), reconcile.Memory{})
	r := both("20.0.1.0/24", "")
	r.Clusters[1] = reconcile.Cluster{Name: "two", Incomplete: "does not answer"}
	claims, m := reconcile.Accept(asking(nil), theVPC, r, m)
	want := "one/default/m/k 20.0.1.0/24\ntwo/default/m/k 20.0.0.0/24 held: does not answer"
	if got := told(claims); got != want {
		t.Errorf("while one does not answer:\n%s", got)
	}
	r.Clusters = append(r.Clusters, reconcile.Cluster{Name: "three", Incomplete: "is new, and does not answer"})
	claims, _ = reconcile.Accept(asking(nil), theVPC, r, m)
	if got := told(claims); got != want+"\nfrozen: is new, and does not answer" {
		t.Errorf("with a third that was never read:\n%s", got)
	}
}

// A ConfigMap has at most 256 targets. When somebody adds a key too many, it is the new one that is refused, whatever its name
// (rule 12).
func TestConfigMapHasABound(t *testing.T) {
	t.Parallel()
	many := func(from, n int) string {
		var words []string
		for i := from; i < from+n; i++ {
			words = append(words, netip.AddrFrom4([4]byte{20, 0, byte(i >> 8), byte(i)}).String())
		}
		return strings.Join(words, ",")
	}
	standing := func(r reconcile.Reading, m reconcile.Memory) (map[string]int, string, reconcile.Memory) {
		claims, m := reconcile.Accept(asking(nil), theVPC, r, m)
		n := map[string]int{}
		for _, c := range claims.List {
			n[c.Source.Key]++
		}
		var refused []string
		for _, v := range claims.Refused {
			refused = append(refused, v.Source.Key+": "+v.Reason)
		}
		return n, strings.Join(refused, "\n"), m
	}
	const tooMany = "the ConfigMap has more than 256 targets"

	full := asked([]string{"m", "b", many(0, 156), "c", many(200, 100)}, []string{"n", "k", "20.0.9.0/24"})
	n, refused, m := standing(full, reconcile.Memory{})
	if n["b"] != 156 || n["c"] != 100 || refused != "" {
		t.Errorf("256 targets are accepted as %v: %s", n, refused)
	}
	more := asked([]string{"m", "a", "20.0.8.0/24", "b", many(0, 156), "c", many(200, 100)}, []string{"n", "k", "20.0.9.0/24"})
	n, refused, _ = standing(more, m)
	if n["a"] != 0 || n["b"] != 156 || n["c"] != 100 || n["k"] != 1 || refused != "a: "+tooMany {
		t.Errorf("with one more key they are %v: %s", n, refused)
	}
	n, refused, _ = standing(more, reconcile.Memory{})
	if n["a"] != 1 || n["b"] != 156 || n["c"] != 0 || n["k"] != 1 || refused != "c: "+tooMany {
		t.Errorf("with one more key, and no memory, they are %v: %s", n, refused)
	}
	grown := asked([]string{"m", "b", many(0, 157), "c", many(200, 100)})
	claims, _ := reconcile.Accept(asking(nil), theVPC, grown, m)
	for _, c := range claims.List {
		if (c.Source.Key == "c") != (c.Held != "") {
			t.Fatalf("when b grows too much, %s of %s is held for %q", c.Target, c.Source.Key, c.Held)
		}
	}
	n, refused, _ = standing(asked([]string{"m", "a", many(0, 257), "b", "20.0.8.0/24"}), reconcile.Memory{})
	if n["a"] != 0 || n["b"] != 1 || refused != "a: "+tooMany {
		t.Errorf("a value that is too much by itself: %v: %s", n, refused)
	}
}

// Rule 14: claims are sorted by right, which is age, then name. What is held keeps the age that it had.
func TestClaimsAreSortedByRight(t *testing.T) {
	t.Parallel()
	r := asked([]string{"young", "k", "20.0.0.0/24"}, []string{"b-old", "k", "20.0.1.0/24"}, []string{"a-old", "k", "20.0.3.0/24, 20.0.2.0/24"})
	r.Clusters[0].ConfigMaps[0].Created = noon
	for i := range 2 {
		r.Clusters[0].ConfigMaps[1+i].Created = noon.Add(-time.Hour)
	}
	want := "default/a-old/k 20.0.2.0/24\ndefault/a-old/k 20.0.3.0/24\ndefault/b-old/k 20.0.1.0/24\ndefault/young/k 20.0.0.0/24"
	claims, m := reconcile.Accept(asking(nil), theVPC, r, reconcile.Memory{})
	if got := told(claims); got != want {
		t.Errorf("they are\n%s", got)
	}
	again, _ := reconcile.Accept(asking(nil), theVPC, incomplete(asked(), "away"), m)
	if got := told(again); got != strings.ReplaceAll(want, "/24", "/24 held: away") {
		t.Errorf("held they are\n%s", got)
	}
}
