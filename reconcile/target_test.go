package reconcile_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func nets(words ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, w := range words {
		out = append(out, netip.MustParsePrefix(w))
	}
	return out
}

// asking is the policy that the tests ask: what is usual, but for what a test says.
func asking(change func(*reconcile.Config)) reconcile.Config {
	c := reconcile.Config{MinPrefixLength: 16}
	if change != nil {
		change(&c)
	}
	return c
}

var theVPC = nets("10.0.0.0/16")

// answer says what becomes of one value: what it means, or why it is refused.
func answer(c reconcile.Config, value string) string {
	claims, _ := reconcile.Accept(c, theVPC, oneValue(value), reconcile.Memory{})
	var words []string
	for _, x := range claims.List {
		words = append(words, x.Target.String())
	}
	for _, v := range claims.Refused {
		words = append(words, "refused: "+v.Reason)
	}
	return strings.Join(words, " ")
}

func oneValue(value string) reconcile.Reading {
	return reconcile.Reading{Clusters: []reconcile.Cluster{{ConfigMaps: []reconcile.ConfigMap{
		{Namespace: "default", Name: "egress-t1", Data: map[string]string{"k": value}},
	}}}}
}

// A value is read as its author means it, or refused whole with all that is wrong with it (rules 10, 11, 12). The golden file
// is the list of all reasons. It is a table for others too: the end-to-end tests send each value to an API server that has the
// admission policy.
func TestWhatAValueMeans(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, topic := range []struct {
		title  string
		flags  string // other than what is usual
		values []string
	}{
		{"accepted, and what they mean", "", []string{
			"8.8.8.8", "8.8.8.8/32", "192.112.1.0/21", "8.8.8.8,8.8.4.4", "8.8.8.8, 8.8.4.4", " 8.8.8.8\t8.8.4.4\r\n1.1.1.1\n",
			",8.8.8.8,,", "8.8.8.8 8.8.8.8/32", "20.0.0.1/24 20.0.0.9/24", "20.0.0.0/16", "223.255.255.255", "1.0.0.0",
		}},
		{"nothing in it", "", []string{"", " \n", ",,"}},
		{"no networks", "", []string{
			"example.org", "8.8.8", "8.8.8.8.8", "8.8.8.256", "08.8.8.8", "8.8.8.8/33", "8.8.8.8/-1", "8.8.8.8/+24", "8.8.8.8/", "8.8.8.8/024", "8.8.8.8/24/24",
			"/24", "8.8.8.8-8.8.8.9", "8.8.8.8;8.8.4.4", "8.8.8.8/255.255.255.0", "# 8.8.8.8", "８.8.8.8", "8.8.8.8\u00a08.8.4.4",
			"8.8.8.8\v8.8.4.4", "8.8.8.8\f", "8.8.8.8\u2028", "\ufeff8.8.8.8", "\x00", "\xff", strings.Repeat("x", 100),
		}},
		{"IPv6", "", []string{
			"2001:db8::1", "::/0", "64:ff9b::/96", "::ffff:8.8.8.8", "::ffff:8.8.8.8/128", "::ffff:8.8.8.0/120", "fe80::1%eth0", "fe80::1%eth0/64",
		}},
		{"all that is wrong comes at once, and the rest of the value goes with it", "", []string{
			"8.8.8.8, nonsense", "8.8.8.8, ::1, nonsense", "8.8.8.8, 10.1.0.0/24, 20.0.0.0/8",
		}},
		{"too wide", "", []string{"0.0.0.0/0", "0.0.0.0", "20.0.0.0/15", "20.0.0.0/8", "128.0.0.0/1"}},
		{"too wide for somebody", "--min-prefix-length=24", []string{"20.0.0.0/23", "20.0.0.0/24", "20.0.0.0/23 20.0.2.0/24"}},
		{"not globally reachable", "", []string{
			"0.255.255.255", "9.255.255.255", "10.255.255.255", "11.0.0.0", "100.63.255.255", "100.64.0.0/16", "100.127.255.255", "100.128.0.0",
			"126.255.255.255", "127.0.0.1", "128.0.0.0", "169.253.255.255", "169.254.1.0/24", "169.255.0.0", "172.15.255.255", "172.16.0.0/16",
			"172.31.255.255", "172.32.0.0", "191.255.255.255", "192.0.0.0/16", "192.0.0.0/24", "192.0.0.8", "192.0.1.0/24", "192.0.2.0/23",
			"192.0.2.255", "192.0.3.0", "192.88.98.0/23", "192.88.99.1", "192.88.100.0", "192.167.255.255", "192.168.0.0/16", "192.169.0.0",
			"198.17.255.255", "198.18.0.0/16", "198.19.255.255", "198.20.0.0/16", "198.51.0.0/16", "198.51.99.255", "198.51.100.7", "198.51.101.0",
			"203.0.112.0/23", "203.0.113.0/25", "203.0.114.0", "224.0.0.1", "239.255.255.255", "240.0.0.0/16", "255.255.255.255",
		}},
		{"the VPC's own 10.0.0.0/16", "", []string{"10.0.0.0/24", "10.0.255.255", "10.0.0.0/16"}},
		{"the VPC's own, allowed in vain", "--allow-cidr=10.0.0.0/8", []string{"10.0.0.0/24", "10.1.0.0/24"}},
		{"denied", "--deny-cidr=20.0.1.0/24", []string{"20.0.1.0/24", "20.0.1.7", "20.0.0.0/16", "20.0.2.0/24"}},
		{"denied, and the VPC's own", "--deny-cidr=10.0.0.0/8", []string{"10.0.0.0/24"}},
		{"denied and allowed", "--deny-cidr=10.9.0.0/24 --allow-cidr=10.0.0.0/8", []string{"10.9.0.0/24", "10.9.1.0/24", "10.9.0.0/16"}},
		{"allowed", "--allow-cidr=10.9.0.0/25,10.9.0.128/25,192.0.0.0/23", []string{
			"10.9.0.0/24", "10.9.0.0/23", "10.9.0.5", "192.0.0.0/24", "192.0.0.0/22",
		}},
		{"allowed, and EC2 takes no route there", "--allow-cidr=169.254.0.0/16", []string{"169.254.169.254", "169.254.168.0/22", "169.254.1.0/24"}},
	} {
		fmt.Fprintf(&b, "# %s\n", topic.title)
		if topic.flags != "" {
			fmt.Fprintf(&b, "%s\n", topic.flags)
		}
		b.WriteString("\n")
		for _, v := range topic.values {
			fmt.Fprintf(&b, "%q\n    %s\n", v, answer(asking(policy(topic.flags)), v))
		}
		b.WriteString("\n")
	}
	golden(t, "values", b.String())
}

// policy reads the flags of a topic.
func policy(flags string) func(*reconcile.Config) {
	return func(c *reconcile.Config) {
		for _, f := range strings.Fields(flags) {
			switch name, value, _ := strings.Cut(f, "="); name {
			case "--min-prefix-length":
				c.MinPrefixLength = netip.MustParsePrefix("0.0.0.0/" + value).Bits()
			case "--allow-cidr":
				c.Allow = nets(strings.Split(value, ",")...)
			case "--deny-cidr":
				c.Deny = nets(strings.Split(value, ",")...)
			default:
				panic("no flag of the policy: " + f)
			}
		}
	}
}

// Each row of the registry of special-purpose addresses is refused from end to end, and its neighbours are not.
func TestEachRowOfTheRegistryIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ network, name, before, after string }{
		{"0.0.0.0/8", "RFC 791", "", "1.0.0.0"},
		{"10.0.0.0/8", "RFC 1918", "9.255.255.255", "11.0.0.0"},
		{"100.64.0.0/10", "RFC 6598", "100.63.255.255", "100.128.0.0"},
		{"127.0.0.0/8", "RFC 1122", "126.255.255.255", "128.0.0.0"},
		{"169.254.0.0/16", "RFC 3927", "169.253.255.255", "169.255.0.0"},
		{"172.16.0.0/12", "RFC 1918", "172.15.255.255", "172.32.0.0"},
		{"192.0.0.0/24", "RFC 6890", "191.255.255.255", "192.0.1.0"},
		{"192.0.2.0/24", "RFC 5737", "192.0.1.255", "192.0.3.0"},
		{"192.88.99.0/24", "RFC 7526", "192.88.98.255", "192.88.100.0"},
		{"192.168.0.0/16", "RFC 1918", "192.167.255.255", "192.169.0.0"},
		{"198.18.0.0/15", "RFC 2544", "198.17.255.255", "198.20.0.0"},
		{"198.51.100.0/24", "RFC 5737", "198.51.99.255", "198.51.101.0"},
		{"203.0.113.0/24", "RFC 5737", "203.0.112.255", "203.0.114.0"},
		{"224.0.0.0/4", "RFC 5771", "223.255.255.255", ""},
		{"240.0.0.0/4", "RFC 1112", "", ""},
	} {
		t.Run(strings.ReplaceAll(row.network, "/", "-"), func(t *testing.T) {
			t.Parallel()
			network := netip.MustParsePrefix(row.network)
			first, last := network.Addr().String(), lastOf(network).String()
			for _, word := range []string{first, last, first + "/30"} {
				claims, _ := reconcile.Accept(asking(nil), nil, oneValue(word), reconcile.Memory{})
				if len(claims.Refused) != 1 || !strings.Contains(claims.Refused[0].Reason, row.network) || !strings.Contains(claims.Refused[0].Reason, row.name) {
					t.Errorf("%s is answered with %+v", word, claims)
				}
				allowed := asking(func(c *reconcile.Config) { c.Allow = nets(row.network) })
				if got := answer(allowed, word); strings.Contains(got, "globally") {
					t.Errorf("%s is allowed, and the answer is %s", word, got)
				}
			}
			for _, word := range []string{row.before, row.after} {
				if word == "" {
					continue
				}
				if got := answer(asking(nil), word); got != word+"/32" {
					t.Errorf("%s lies beside it, and the answer is %s", word, got)
				}
			}
		})
	}
}

// A value is read up to 4 KiB, and not one byte more.
func TestValueHasABound(t *testing.T) {
	t.Parallel()
	value := "8.8.8.8" + strings.Repeat(" ", reconcile.MaxValueBytes-len("8.8.8.8"))
	if got := answer(asking(nil), value); got != "8.8.8.8/32" {
		t.Errorf("with %d bytes: %s", len(value), got)
	}
	if got, want := answer(asking(nil), value+" "), "refused: the value has 4097 bytes, and 4096 are the most"; got != want {
		t.Errorf("with one more: %s, and not: %s", got, want)
	}
}
