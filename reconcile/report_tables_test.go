package reconcile_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func tables(r reconcile.Report) string {
	var lines []string
	for _, t := range r.Tables {
		lines = append(lines, fmt.Sprintf("%s %s: %d active, %d broken, %d pending, %d leaving, %d free of %d",
			t.Table, t.Zone, t.Active, t.Broken, t.Pending, t.Leaving, t.Free, t.Limit))
	}
	return strings.Join(lines, "\n")
}

// Each route of a table that is wanted or ours is counted once, by what it does for its claim.
func TestTableReports(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		set  func(*situation)
		want string
	}{
		{"all is well", func(*situation) {}, "rtb-1 a: 2 active, 0 broken, 0 pending, 0 leaving, 497 free of 500"},
		{
			"one is missing", func(s *situation) { s.claim("20.0.0.0/24", "20.0.9.0/24", "20.0.4.0/24") },
			"rtb-1 a: 2 active, 0 broken, 1 pending, 0 leaving, 497 free of 500",
		},
		{
			"nobody claims one any more, and it waits for its delay", func(s *situation) { s.claim("20.0.0.0/24") },
			"rtb-1 a: 2 active, 0 broken, 0 pending, 0 leaving, 497 free of 500",
		},
		{
			"nobody claims one any more", func(s *situation) { s.claim("20.0.0.0/24"); s.config.WithdrawDelay = 0 },
			"rtb-1 a: 1 active, 0 broken, 0 pending, 1 leaving, 497 free of 500",
		},
		{
			"a black hole", func(s *situation) { s.cloud.routes["rtb-1"][0].Status = reconcile.Blackhole },
			"rtb-1 a: 1 active, 1 broken, 0 pending, 0 leaving, 497 free of 500",
		},
		{
			"the gateway is not ready", func(s *situation) { s.cloud.find("nat-a").Status = reconcile.Pending },
			"rtb-1 a: 0 active, 2 broken, 0 pending, 0 leaving, 497 free of 500",
		},
		{"another zone's gateway", func(s *situation) {
			s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: "b", Block: blockOf("b")})
			s.cloud.path("b")
			s.cloud.routes["rtb-1"][0].Spec = leadsTo("nat-b")
		}, "rtb-1 a: 1 active, 1 broken, 0 pending, 0 leaving, 497 free of 500"},
		{"tables of others do not count, nor their routes", func(s *situation) {
			s.cloud.site.Tables = append(s.cloud.site.Tables, reconcile.Table{ID: "rtb-2"}, reconcile.Table{ID: "rtb-3", Zone: "a"})
			s.cloud.route("rtb-2", nets("20.0.1.0/24")[0], "pcx-1", reconcile.Active, false)
			s.cloud.route("rtb-3", nets("20.0.1.0/24")[0], "pcx-1", reconcile.Active, false)
		}, "rtb-1 a: 2 active, 0 broken, 0 pending, 0 leaving, 497 free of 500\n" +
			"rtb-3 a: 0 active, 0 broken, 2 pending, 0 leaving, 498 free of 500"},
		{
			"a table that lost its tag", func(s *situation) { s.cloud.site.Tables[0].Zone = "" },
			"rtb-1 : 2 active, 0 broken, 0 pending, 0 leaving, 497 free of 500",
		},
		{"EC2 called it full", func(s *situation) {
			s.memory.Limits = map[string]reconcile.Limit{"rtb-1": {Used: 3, Since: noon}}
		}, "rtb-1 a: 2 active, 0 broken, 0 pending, 0 leaving, 0 free of 3"},
		{"a pass that may change nothing", func(s *situation) {
			s.claim()
			s.reading.Unowned = "the API server does not answer"
			s.cloud.routes["rtb-1"][0].Status = reconcile.Blackhole
		}, "rtb-1 a: 1 active, 1 broken, 0 pending, 0 leaving, 497 free of 500"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := routed()
			x.set(&s)
			if got := tables(s.decide().Report); got != x.want {
				t.Errorf("it reports\n%s\nand should\n%s", got, x.want)
			}
		})
	}
}

// Rule 11: what stays though nobody claims it is counted by why it stays.
func TestWithheldIsCounted(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		set  func(*situation)
		want reconcile.Withheld
	}{
		{"nothing", func(*situation) {}, reconcile.Withheld{}},
		{"the delay runs", func(s *situation) { s.claim("20.0.0.0/24") }, reconcile.Withheld{Delayed: 1}},
		{"the delay is over", func(s *situation) {
			s.claim("20.0.0.0/24")
			s.memory.Leaving = []reconcile.Leaving{{Prefix: nets("20.0.9.0/24")[0], Since: noon.Add(-time.Hour)}}
		}, reconcile.Withheld{}},
		{"the brake", func(s *situation) {
			s.config.MaxWithdrawal = 50
			s.memory.Targets = nets("20.0.0.0/24", "20.0.9.0/24")
			for i := range 9 {
				p := fmt.Sprintf("20.0.%d.0/24", 20+2*i)
				s.memory.Targets = append(s.memory.Targets, nets(p)[0])
				s.cloud.routeTo(p, "nat-a", reconcile.Active)
			}
			s.claim("20.0.0.0/24")
		}, reconcile.Withheld{Braked: 10}},
		{"a refused value may have meant it", func(s *situation) { s.claim("20.0.0.0/24", "nonsense") }, reconcile.Withheld{Unclear: 1}},
		{"the memory cannot be written", func(s *situation) {
			s.claim("20.0.0.0/24")
			s.config.Freeze = "it cannot be written"
		}, reconcile.Withheld{Frozen: 1}},
	} {
		s := routed()
		x.set(&s)
		r := s.decide().Report
		if r.Withheld != x.want {
			t.Errorf("%s: it counts %+v, and should %+v", x.name, r.Withheld, x.want)
		}
		if frozen := r.Frozen != ""; frozen != (x.want.Frozen > 0) {
			t.Errorf("%s: frozen is %q", x.name, r.Frozen)
		}
	}
}

// Rules 7 and 15: a zone's report says whether routes may lead to its gateway, and whether its address is gone.
func TestZoneReports(t *testing.T) {
	t.Parallel()
	s := routed()
	s.memory = s.decide().Memory
	if z := s.decide().Report.Zones[0]; !z.Ready || z.Missing != "" {
		t.Errorf("it reports %+v", z)
	}
	lose(t, s.cloud, reconcile.DefaultRoute, "rtb-nat-a")
	if z := s.decide().Report.Zones[0]; z.Ready || z.State != "available" {
		t.Errorf("without a default route it reports %+v", z)
	}
	lose(t, s.cloud, reconcile.NATGateway, "nat-a")
	lose(t, s.cloud, reconcile.Address, "eipalloc-a")
	if z := s.decide().Report.Zones[0]; z.Ready || z.Missing != "eipalloc-a" {
		t.Errorf("without its address it reports %+v", z)
	}
}

func TestRoomOfAStackIsReported(t *testing.T) {
	t.Parallel()
	s := routed()
	if r := s.decide().Report; r.StackRoom != nil {
		t.Errorf("without a stack there is room for %d", *r.StackRoom)
	}
	o := s.cloud.observed()
	o.Stack = &reconcile.Stack{Name: "egress", Status: "CREATE_COMPLETE", Room: 7, Full: "it is"}
	if r := reconcile.Decide(s.config, o, s.reading, s.memory, s.now).Report; r.StackRoom == nil || *r.StackRoom != 7 {
		t.Errorf("the room is %v", r.StackRoom)
	}
}

// A report says how long its pass took: with the look, and with what was done.
func TestPassTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := finished()
		w.cloud.lookTakes, w.cloud.applyTakes = 4*time.Second, 3*time.Second
		w.situated.cloud.routes = nil
		w.loop.Pass(t.Context())
		if w.reports[0].Took != 7*time.Second {
			t.Errorf("it took %s", w.reports[0].Took)
		}
		w.cloud.look = func() error { return errAway }
		w.loop.Pass(t.Context())
		if took := w.reports[1].Took; took != 4*time.Second {
			t.Errorf("a pass that could not look took %s", took)
		}
	})
}
