package reconcile_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// ends makes of a situation one in which all is to be torn down: by somebody who need not say what the zones were.
func (s *situation) ends(release bool) {
	s.config = s.config.TearingDown(release)
	s.reading = reconcile.Reading{Clusters: []reconcile.Cluster{{}}}
}

// A teardown ends, whatever is there: with nothing of ours left but what is reported to wait, and the addresses. What goes was
// agreed to from the first plan on. An address goes only if that was asked for and announced (rule 7), and nothing is made.
func TestTeardownEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		s := d.situation()
		if d.chance("zones not named", 50) {
			s.config.Zones = nil
		}
		release := d.chance("release addresses", 50)
		s.ends(release)
		first := s.decide().Report
		agreement := reconcile.Agree(first)
		there := addressesOf(s.cloud)
		for range 20 {
			p := decided(s)
			if err := agreement.Covers(p.plan); err != nil {
				t.Fatalf("%v; the plan that was agreed to was\n%s\nand now it is\n%s", err, verbs(first), verbs(p.decision.Report))
			}
			next, err := p.carryOut()
			if err != nil {
				t.Fatalf("%v\n%s", err, p.describe())
			}
			if !next.cloud.tick() && len(p.plan.Actions) == 0 {
				wantNothingLeft(t, p)
				wantPartings(t, first.Partings, there, p, release)
				return
			}
			s = next
		}
		t.Fatal("it does not end")
	})
}

func addressesOf(w *cloud) []string {
	var ids []string
	for _, f := range w.things {
		if f.Key.Kind == reconcile.Address {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

func wantNothingLeft(t *rapid.T, p *pass) {
	waits := map[reconcile.Key]bool{}
	for _, w := range p.plan.Waiting {
		if waits[w.Key] = true; !w.Held {
			t.Fatalf("it rests and waits for %s: %s", w.Key, w.Reason)
		}
	}
	for _, f := range p.cloud.things {
		if f.Holder == reconcile.Ours && f.Key.Kind <= reconcile.NATGateway && f.Key.Kind != reconcile.Address &&
			f.Key.Kind != reconcile.Association && f.Status != reconcile.Deleted && !waits[f.Key] {
			t.Fatalf("%s %s is left, and nothing says why\n%s", f.Key, f.ID, p.describe())
		}
	}
	for _, table := range reconcile.See(p.config, p.cloud.observed(), p.memory).Tables {
		for _, r := range table.Ours {
			t.Fatalf("%s is left\n%s", r.Key, p.describe())
		}
	}
}

func wantPartings(t *rapid.T, announced []reconcile.Parting, there []string, p *pass, release bool) {
	left := addressesOf(p.cloud)
	for _, id := range there {
		i := slices.IndexFunc(announced, func(x reconcile.Parting) bool { return x.Allocation == id })
		goes := i >= 0 && announced[i].Released
		stays := slices.Contains(left, id)
		switch {
		case goes && !release:
			t.Fatalf("%s is announced to go, and nobody asked for that", id)
		case !goes && !stays:
			t.Fatalf("%s is gone, and was not announced to go\n%s", id, p.describe())
		case goes && stays && len(p.plan.Waiting) == 0:
			t.Fatalf("%s was to go, and is left without a reason\n%s", id, p.describe())
		}
	}
}

// Rule 7: to tear all down keeps the addresses, and what is built afterwards has the same ones.
func TestTeardownKeepsAddresses(t *testing.T) {
	t.Parallel()
	s := oneRoute()
	s.memory = s.decide().Memory
	before := *s
	s.ends(false)
	s.tornDown(t)
	if got := addressesOf(s.cloud); !slices.Equal(got, addressesOf(before.cloud)) {
		t.Errorf("of %v there is left %v", addressesOf(before.cloud), got)
	}
	s.config, s.reading = before.config, before.reading
	if p := decided(*s); strings.Contains(verbs(p.decision.Report), "create address") || len(p.plan.Conflicts) > 0 || len(p.decision.Report.Zones) == 0 ||
		p.decision.Report.Zones[0].Allocation != "eipalloc-a" {
		t.Errorf("afterwards it wants to %s: %+v", verbs(p.decision.Report), p.plan.Conflicts)
	}
}

// tornDown carries out a teardown to its end.
func (s *situation) tornDown(t *testing.T) {
	t.Helper()
	for range 10 {
		p := decided(*s)
		next, err := p.carryOut()
		if err != nil {
			t.Fatal(err)
		}
		*s = next
	}
	if got := verbs(s.decide().Report); got != "" {
		t.Fatalf("it still wants to %s", got)
	}
}

// Addresses that were released on purpose are not missed afterwards (rule 7): neither those nor one that was lost before, whose
// zone has nothing any more.
func TestReleasedByTeardownIsNotMissed(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		s := oneRoute()
		s.memory = s.decide().Memory
		before := *s
		if lost {
			lose(t, s.cloud, reconcile.NATGateway, "nat-a")
			lose(t, s.cloud, reconcile.Address, "eipalloc-a")
		}
		s.ends(true)
		s.config.Zones = nil
		s.tornDown(t)
		if got := addressesOf(s.cloud); slices.Contains(got, "eipalloc-a") || len(s.memory.Address) > 0 {
			t.Errorf("lost before: %t; there is left %v, and remembered %v", lost, got, s.memory.Address)
		}
		s.config, s.reading = before.config, before.reading
		if got := verbs(s.decide().Report); !strings.Contains(got, "create address a") {
			t.Errorf("lost before: %t; afterwards it wants to %s", lost, got)
		}
	}
}

// Rule 7: what the user brought, what lost its tags and what somebody else uses is announced to stay, and stays.
func TestTeardownReleasesOnlyOurs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*situation)
		why  string
	}{
		{"brought", func(s *situation) { s.config.Zones = []reconcile.ZoneConfig{{Zone: "a", Allocation: "eipalloc-a"}} }, "you brought it"},
		{"untagged", func(s *situation) { s.cloud.find("eipalloc-a").Holder = reconcile.Foreign }, "it does not carry our tags"},
		{"a stack's", func(s *situation) {
			f := s.cloud.find("eipalloc-a")
			f.Holder, f.Stack = reconcile.Others, "blue"
		}, "the CloudFormation stack blue made it"},
		{"somebody uses it", func(s *situation) {
			s.cloud.things = slices.DeleteFunc(s.cloud.things, func(f reconcile.Found) bool { return f.ID == "nat-a" })
			s.cloud.find("eipalloc-a").User = "i-1"
		}, "i-1, which is not ours, uses it"},
	} {
		s := oneRoute()
		s.memory = s.decide().Memory
		c.set(s)
		s.ends(true)
		var got reconcile.Parting
		for _, x := range s.decide().Report.Partings {
			if x.Allocation == "eipalloc-a" {
				got = x
			}
		}
		if got.Released || got.Why != c.why {
			t.Errorf("%s: %+v", c.name, got)
		}
		s.tornDown(t)
		if !slices.Contains(addressesOf(s.cloud), "eipalloc-a") {
			t.Errorf("%s: it is gone", c.name)
		}
	}
}

// What nothing can be built in can be left all the same: no internet gateway, no such zone, a block that is taken.
func TestTeardownMindsNoSetUp(t *testing.T) {
	t.Parallel()
	s := oneRoute()
	s.cloud.site.InternetGateway = ""
	s.config.Zones = append(slices.Clone(s.config.Zones), reconcile.ZoneConfig{Zone: "z", Block: netip.MustParsePrefix("192.168.0.0/28")})
	if len(s.decide().Report.Problems) != 3 {
		t.Fatalf("it is not that wrong: %+v", s.decide().Report.Problems)
	}
	s.ends(false)
	if r := s.decide().Report; len(r.Problems) > 0 || !strings.Contains(verbs(r), "delete nat-gateway a") {
		t.Errorf("it wants to %s: %+v", verbs(r), r.Problems)
	}
}

// Rules 8, 16: a teardown is of one cluster's things. Those of another owner, or of another cluster id than is remembered, are
// not touched without a word.
func TestTeardownOfAnothersThings(t *testing.T) {
	t.Parallel()
	s := oneRoute()
	s.cloud.owned("uid-other")
	s.ends(true)
	s.reading.Owner = "uid-mine"
	if r := s.decide().Report; len(r.Problems) != 1 || len(r.Plan.Actions) > 0 {
		t.Errorf("of another owner: it wants to %s", verbs(r))
	}
	s.reading.Owner, s.config.TakeOver = reconcile.Nobody, []string{"uid-other"} // that cluster is lost
	if r := s.decide().Report; len(r.Problems) > 0 || !strings.Contains(verbs(r), "delete nat-gateway a") {
		t.Errorf("of a lost cluster: it wants to %s: %+v", verbs(r), r.Problems)
	}
	s = oneRoute()
	s.config.Cluster = "kube-1"
	s.memory = s.decide().Memory
	s.config.Cluster = "kube-2"
	s.ends(true)
	if r := s.decide().Report; len(r.Problems) != 1 || len(r.Plan.Actions) > 0 {
		t.Errorf("of another cluster id: it wants to %s", verbs(r))
	}
}

// What the other provider holds stays, and it is said who can take it down.
func TestTeardownBesideTheOtherProvider(t *testing.T) {
	t.Parallel()
	s := oneRoute()
	for i := range s.cloud.things {
		if s.cloud.things[i].Holder == reconcile.Ours {
			s.cloud.things[i].Holder, s.cloud.things[i].Stack = reconcile.Others, "blue"
		}
	}
	s.ends(true)
	r := s.decide().Report
	if len(r.Plan.Actions) > 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "the CloudFormation stack blue") {
		t.Errorf("it wants to %s, and says %v", verbs(r), r.Warnings)
	}
}

// What was not in the plan that somebody agreed to is not done: what a controller that still runs has built meanwhile, say.
func TestTeardownStopsWhereMoreIsThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		more func(*cloud)
		want string
	}{
		{"as agreed", func(*cloud) {}, ""},
		{"a route more", func(w *cloud) { w.routeTo("20.0.9.0/24", "nat-a", reconcile.Active) }, "delete route rtb-1 20.0.9.0/24 was not in the plan"},
		{"another gateway", func(w *cloud) {
			w.find("nat-a").ID = "nat-a2"
			w.find("eipalloc-a").User = "nat-a2"
		}, "delete nat-gateway a was not in the plan"},
		{"another zone", func(w *cloud) { w.path("c") }, "delete subnet c was not in the plan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := finished()
				w.situated.ends(false)
				w.loop.Config = w.situated.config
				w.loop.Agreed = reconcile.Agree(w.loop.Plan(t.Context())).Covers
				c.more(w.situated.cloud)
				_, err := w.once(t, 15*time.Minute)
				switch {
				case c.want == "" && (err != nil || w.cloud.applied == 0):
					t.Errorf("with %d plans applied it ends with %v", w.cloud.applied, err)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(strings.Join(w.cloud.calls, " "), "delete nat-gateway")):
					t.Errorf("after %v it ends with %v", w.cloud.calls, err)
				}
			})
		})
	}
}
