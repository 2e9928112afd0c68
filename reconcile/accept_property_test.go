package reconcile_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// anything is a value that no person would write, now and then.
func (d dice) anything(label string) string {
	if d.chance(label+" wild", 20) {
		return rapid.OneOf(rapid.String(), rapid.StringMatching(`([0-9./:,]{1,12}[ \n]){0,4}`)).Draw(d.t, label)
	}
	return d.value(label)
}

// wilder is a reading with some values replaced by anything, and some keys by binary ones.
func (d dice) wilder(label string, m reconcile.Memory) reconcile.Reading {
	r := d.reading(label, m)
	for _, c := range r.Clusters {
		for i := range c.ConfigMaps {
			cm := &c.ConfigMaps[i]
			for _, key := range sortedKeys(cm.Data) {
				switch {
				case d.chance(label+" binary", 5):
					delete(cm.Data, key)
					cm.BinaryKeys = append(cm.BinaryKeys, key)
				default:
					cm.Data[key] = d.anything(label)
				}
			}
		}
	}
	return r
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Rules 11 and 12: every value that was read is accepted whole, or held, or refused, exactly one of them; nothing is claimed
// that nobody wrote or that is not remembered; and the order in which things were read does not matter.
func TestEveryValueIsDecidedAbout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		c := d.config()
		_, before := reconcile.Accept(c, theVPC, d.wilder("before", reconcile.Memory{}), reconcile.Memory{})
		r := d.wilder("now", before)
		claims, after := reconcile.Accept(c, theVPC, r, before)

		type tally struct {
			now, held []netip.Prefix
			refused   int
		}
		of := map[reconcile.Source]*tally{}
		at := func(s reconcile.Source) *tally {
			if of[s] == nil {
				of[s] = &tally{}
			}
			return of[s]
		}
		for i, x := range claims.List {
			if i > 0 && claims.List[i-1].Compare(x) >= 0 {
				t.Fatalf("%+v comes before %+v", claims.List[i-1], x)
			}
			if x.Held == "" {
				at(x.Source).now = append(at(x.Source).now, x.Target)
			} else {
				at(x.Source).held = append(at(x.Source).held, x.Target)
			}
		}
		for _, v := range claims.Refused {
			if v.Reason == "" {
				t.Fatalf("%s is refused without a reason", v.Source)
			}
			at(v.Source).refused++
		}
		read := map[reconcile.Source]bool{}
		check := func(s reconcile.Source, value string) {
			read[s] = true
			is := at(s)
			n := is.refused
			if is.now != nil {
				n++
				if targets, _ := reconcile.ParseTargets(value); !slices.Equal(targets, is.now) {
					t.Fatalf("%s is %q, and %v of it is accepted", s, value, is.now)
				}
			}
			if is.held != nil {
				n++
			}
			if n != 1 {
				t.Fatalf("%s is %q, and this becomes of it: %+v", s, value, *is)
			}
		}
		for _, cluster := range r.Clusters {
			for _, cm := range cluster.ConfigMaps {
				s := reconcile.Source{Cluster: cluster.Name, Namespace: cm.Namespace, ConfigMap: cm.Name}
				for _, s.Key = range sortedKeys(cm.Data) {
					check(s, cm.Data[s.Key])
				}
				for _, s.Key = range cm.BinaryKeys {
					check(s, "binary")
				}
			}
			if cluster.Incomplete != "" && !before.Complete[cluster.Name] && claims.Freeze == "" {
				t.Fatalf("rule 11: %q was never read in full, and nothing is frozen", cluster.Name)
			}
		}
		for s, is := range of {
			for _, p := range is.held {
				if !slices.Contains(before.Accepted[s].Targets, p) {
					t.Fatalf("rule 11: %s is held for %s, which never meant it", p, s)
				}
			}
			if !read[s] && is.held == nil {
				t.Fatalf("nobody wrote %s: %+v", s, *is)
			}
			if now, known := after.Accepted[s]; known != (is.refused == 0) || len(now.Targets) != len(is.now)+len(is.held) {
				t.Fatalf("%s is remembered as %+v, and is %+v", s, now, *is)
			}
		}
		other := r
		other.Clusters = shuffled(d, r.Clusters)
		for i := range other.Clusters {
			other.Clusters[i].ConfigMaps = shuffled(d, other.Clusters[i].ConfigMaps)
		}
		claims2, after2 := reconcile.Accept(c, theVPC, other, before)
		if x, y := fmt.Sprintf("%+v %+v", claims, after), fmt.Sprintf("%+v %+v", claims2, after2); x != y {
			t.Fatalf("the first order gives\n%s\nthe other\n%s", x, y)
		}
	})
}
