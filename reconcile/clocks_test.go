package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// at is one look at a later time: what has changed since the last one, and what is done then.
type at struct {
	after  time.Duration // since noon
	change func(*situation)
	want   string // what it does, one action a line
	waits  string // for what, and until when; "" if no clock runs
}

// clock tells a story of looks; what is done in one is done before the next.
func clock(t *testing.T, s situation, looks ...at) {
	t.Helper()
	for i, l := range looks {
		if s.now = noon.Add(l.after); l.change != nil {
			l.change(&s)
		}
		p := decided(s)
		if got := s.doing(); got != l.want {
			t.Errorf("look %d, after %s, does\n%s\nand should\n%s", i+1, l.after, got, l.want)
		}
		var waits []string
		for _, w := range p.plan.Waiting {
			if !w.Until.IsZero() {
				waits = append(waits, w.Key.String()+" "+w.Until.Sub(noon).String())
			}
		}
		if got := strings.Join(waits, "\n"); got != l.waits {
			t.Errorf("look %d, after %s, waits for\n%s\nand should for\n%s", i+1, l.after, got, l.waits)
		}
		next, err := p.carryOut()
		if err != nil {
			t.Fatal(err)
		}
		s = next
	}
}

func claims(values ...string) func(*situation) { return func(s *situation) { s.claim(values...) } }

func forgets(s *situation) { s.memory = reconcile.Memory{} }

// routed is a situation in which all is built and two targets are routed.
func routed() situation {
	s := built("20.0.0.0/24", "20.0.9.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.9.0/24", "nat-a", reconcile.Active)
	return s
}

// Rule 11: a withdrawal waits for its delay, from the first look that shows that nobody claims it, and on time it goes.
func TestClockOfAWithdrawal(t *testing.T) {
	t.Parallel()
	const goes, waits = "delete route rtb-1 20.0.0.0/24", "route 20.0.0.0/24 "
	for _, x := range []struct {
		name  string
		looks []at
	}{
		{"it goes on time", []at{
			{},
			{after: time.Second, change: claims("20.0.9.0/24"), waits: waits + "1m1s"},
			{after: time.Minute + time.Second - 1, waits: waits + "1m1s"},
			{after: time.Minute + time.Second, want: goes},
			{after: time.Hour},
		}},
		{"claimed again, it stays, and the clock begins anew", []at{
			{change: claims("20.0.9.0/24"), waits: waits + "1m0s"},
			{after: 50 * time.Second, change: claims("20.0.0.0/24", "20.0.9.0/24")},
			{after: 2 * time.Minute, change: claims("20.0.9.0/24"), waits: waits + "3m0s"},
			{after: 3 * time.Minute, want: goes},
		}},
		{"by somebody else, it stays too", []at{
			{change: claims("20.0.9.0/24"), waits: waits + "1m0s"},
			{after: 50 * time.Second, change: claims("20.0.9.0/24", "20.0.0.0/24")},
		}},
		{"narrowed, the rest goes on time", []at{
			{change: claims("20.0.0.0/25", "20.0.9.0/24"), waits: "route 20.0.0.128/25 1m0s"},
			{after: time.Minute, want: goes + "\ncreate route rtb-1 20.0.0.0/25"},
		}},
		{"each part has its own clock", []at{
			{change: claims("20.0.0.0/25", "20.0.9.0/24"), waits: "route 20.0.0.128/25 1m0s"},
			{after: 30 * time.Second, change: claims("20.0.9.0/24"), waits: "route 20.0.0.0/25 1m30s\nroute 20.0.0.128/25 1m0s"},
			{after: time.Minute, want: goes + "\ncreate route rtb-1 20.0.0.0/25", waits: "route 20.0.0.0/25 1m30s"},
			{after: 90 * time.Second, want: "delete route rtb-1 20.0.0.0/25"},
		}},
		{"a clock that was lost begins anew (rule 13)", []at{
			{change: claims("20.0.9.0/24"), waits: waits + "1m0s"},
			{after: 50 * time.Second, change: forgets, waits: waits + "1m50s"},
			{after: time.Minute, waits: waits + "1m50s"},
			{after: 110 * time.Second, want: goes},
		}},
		{"a clock that goes backwards withdraws later", []at{
			{after: time.Hour, change: claims("20.0.9.0/24"), waits: waits + "1h1m0s"},
			{after: 0, waits: waits + "1h1m0s"},
		}},
		{"without a delay it goes at once", []at{
			{change: func(s *situation) { s.config.WithdrawDelay = 0; s.claim("20.0.9.0/24") }, want: goes},
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			clock(t, routed(), x.looks...)
		})
	}
}

const tornDown = "delete subnet a\ndelete route-table a\ndelete default-route a\ndelete association a\ndelete nat-gateway a"

// Rule 13: when nothing is claimed any more routes go, then after the delay all else but the address.
func TestClockOfTheTeardown(t *testing.T) {
	t.Parallel()
	const waits = "subnet a "
	nobody := func(s *situation) { s.config.WithdrawDelay = 0; s.claim() }
	routes := "delete route rtb-1 20.0.0.0/24\ndelete route rtb-1 20.0.9.0/24"
	for _, x := range []struct {
		name  string
		looks []at
	}{
		{"it comes on time", []at{
			{change: nobody, want: routes, waits: waits + "10m0s"},
			{after: 10*time.Minute - 1, waits: waits + "10m0s"},
			{after: 10 * time.Minute, want: tornDown},
			{after: 11 * time.Minute},
		}},
		{"it begins when the last route may go", []at{
			{change: claims(), waits: "route 20.0.0.0/24 1m0s\nroute 20.0.9.0/24 1m0s"},
			{after: time.Minute, want: routes, waits: waits + "11m0s"},
		}},
		{"claimed again, all stays", []at{
			{change: nobody, want: routes, waits: waits + "10m0s"},
			{after: 9 * time.Minute, change: claims("20.0.0.0/24"), want: "create route rtb-1 20.0.0.0/24"},
			{after: 11 * time.Minute, change: claims(), want: "delete route rtb-1 20.0.0.0/24", waits: waits + "21m0s"},
		}},
		{"a clock that was lost begins anew", []at{
			{change: nobody, want: routes, waits: waits + "10m0s"},
			{after: 9 * time.Minute, change: forgets, waits: waits + "19m0s"},
			{after: 18 * time.Minute, waits: waits + "19m0s"},
			{after: 19 * time.Minute, want: tornDown},
		}},
		{"not while a cluster was never read (rule 11)", []at{
			{change: nobody, want: routes, waits: waits + "10m0s"},
			{after: 20 * time.Minute, change: func(s *situation) {
				s.reading.Clusters = append(s.reading.Clusters, reconcile.Cluster{Name: "new", Incomplete: "does not answer"})
			}},
		}},
		{"not with --preallocate", []at{
			{change: func(s *situation) { nobody(s); s.config.Preallocate = true }, want: routes},
			{after: time.Hour},
		}},
		{"not while somebody else's route leads there (rule 13)", []at{
			{change: nobody, want: routes, waits: waits + "10m0s"},
			{after: 10 * time.Minute, change: func(s *situation) {
				s.cloud.site.Tables = append(s.cloud.site.Tables, reconcile.Table{ID: "rtb-other"})
				s.cloud.route("rtb-other", nets("0.0.0.0/0")[0], "nat-a", reconcile.Active, false)
			}},
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			clock(t, routed(), x.looks...)
		})
	}
}

// Rule 7: an address is released last, only if asked, and not before its gateway has been gone for the delay.
func TestClockOfARelease(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	gone := func(change func(*situation)) situation {
		s := built()
		s.config.ReleaseAddresses = true
		s.config.TeardownDelay = 0
		if change != nil {
			change(&s)
		}
		return s
	}
	down := at{want: tornDown}
	for _, x := range []struct {
		name  string
		begin situation
		looks []at
	}{
		{"it is released on time", gone(nil), []at{
			down,
			{after: time.Second, waits: "address a 168h0m1s"},
			{after: time.Second + week - 1, waits: "address a 168h0m1s"},
			{after: time.Second + week, want: "delete address a"},
			{after: 2 * week},
		}},
		{"retained, it never is", gone(func(s *situation) { s.config.ReleaseAddresses = false }), []at{down, {after: time.Second}, {after: 100 * week}}},
		{"brought, it never is", gone(func(s *situation) {
			s.config.Zones[0].Allocation = "eipalloc-a"
			s.cloud.find("eipalloc-a").Holder = reconcile.Foreign
		}), []at{down, {after: time.Second}, {after: 100 * week}}},
		{"brought with our tags on it, it never is", gone(func(s *situation) { s.config.Zones[0].Allocation = "eipalloc-a" }), []at{
			down, {after: time.Second}, {after: 100 * week},
		}},
		{"its tags lost, it never is (rule 1)", gone(func(s *situation) { s.cloud.find("eipalloc-a").Holder = reconcile.Foreign }), []at{
			down, {after: time.Second}, {after: 100 * week},
		}},
		{"in use by somebody else, it never is", gone(nil), []at{
			down,
			{after: time.Second, change: func(s *situation) { s.cloud.find("eipalloc-a").User = "i-1" }},
			{after: 100 * week},
		}},
		{"claimed again, it serves again", gone(nil), []at{
			down,
			{after: time.Second, waits: "address a 168h0m1s"},
			{after: week, change: claims("20.0.0.0/24"), want: "create subnet a\ncreate route-table a\ncreate default-route a\ncreate association a\n" +
				"create nat-gateway a\ncreate route rtb-1 20.0.0.0/24"},
			{after: week + time.Hour},
		}},
		{"a clock that was lost begins anew", gone(nil), []at{
			down,
			{after: time.Second, waits: "address a 168h0m1s"},
			{after: week, change: forgets, waits: "address a 336h0m0s"},
			{after: 2 * week, want: "delete address a"},
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			clock(t, x.begin, x.looks...)
		})
	}
}

// Rule 6: a gateway that failed goes, and another comes with the same address, after a while that doubles up to 32 minutes. One
// that works ends the count.
func TestClockOfTheBackOff(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	fail := func(s *situation) {
		for i := range s.cloud.things {
			if f := &s.cloud.things[i]; f.Key.Kind == reconcile.NATGateway {
				f.Status, f.Code = reconcile.Failed, "InsufficientFreeAddressesInSubnet"
				s.cloud.find("eipalloc-a").User = ""
			}
		}
	}
	pauses := []time.Duration{
		30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 32 * time.Minute,
	}
	var now time.Duration
	var looks []at
	for i, pause := range append(pauses, 30*time.Second) {
		if i == len(pauses) {
			looks = append(looks, at{after: now}) // one works meanwhile
		}
		due := now + pause
		waits := "nat-gateway a " + due.String() + "\nroute rtb-1 20.0.0.0/24 " + due.String()
		route := "replace route"
		if i == 0 {
			route = "create route"
		}
		looks = append(
			looks,
			at{after: now, change: fail, want: "delete nat-gateway a", waits: waits},
			at{after: due - 1, waits: waits},
			at{after: due, want: "create nat-gateway a\n" + route + " rtb-1 20.0.0.0/24"},
		)
		now = due
	}
	clock(t, s, looks...)
}

// Rule 9: where the zone's subnet stands and no address is seen, two looks ten seconds apart come before another is allocated.
func TestClockOfTheSecondLook(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24")
	s.cloud = &cloud{site: s.cloud.site}
	s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Subnet, "a"), ID: "subnet-a", Holder: reconcile.Ours, Spec: reconcile.Spec{CIDR: blockOf("a")}})
	rest := "create nat-gateway a\ncreate route rtb-1 20.0.0.0/24"
	clock(
		t, s,
		at{want: "create route-table a\ncreate default-route a\ncreate association a", waits: "address a 10s"},
		at{after: 10*time.Second - 1, waits: "address a 10s"},
		at{after: 10 * time.Second, want: "create address a\n" + rest},
	)
	clock( // it was there all along
		t, s,
		at{want: "create route-table a\ncreate default-route a\ncreate association a", waits: "address a 10s"},
		at{after: 10 * time.Second, change: func(s *situation) {
			s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, "a"), ID: "eipalloc-late", Holder: reconcile.Ours})
		}, want: rest},
	)
}
