package reconcile_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// paper is a situation over which passes go, one after the other, with all that people are told.
type paper struct {
	*testing.T
	situation
}

// newPaper has one zone with its path and one claim that is routed.
func newPaper(t *testing.T) *paper {
	s := oneRoute()
	s.cloud.find("eipalloc-a").PublicIP = netip.MustParseAddr("192.0.2.1")
	return &paper{T: t, situation: *s}
}

// tells is what a pass tells, and wants the one after it to tell nothing; nor one after a restart.
func (p *paper) tells(want ...string) {
	p.Helper()
	d := p.decide()
	if got := strings.Join(wire(d.Report.News), "\n"); got != strings.Join(want, "\n") {
		p.Errorf("it tells\n%s\nand should\n%s", got, strings.Join(want, "\n"))
	}
	state, err := d.Memory.Marshal()
	if err != nil {
		p.Fatal(err)
	}
	if p.memory, err = reconcile.UnmarshalMemory(state); err != nil {
		p.Fatal(err)
	}
	if again := p.decide().Report.News; len(again) > 0 {
		p.Errorf("after a restart it tells again: %q", wire(again))
	}
}

func wire(news []reconcile.News) (out []string) {
	for _, n := range news {
		about := strings.Trim(n.About.String(), "/")
		if n.About == (reconcile.Source{}) {
			about = "status"
		}
		warning := ""
		if n.Warning {
			warning = "!"
		}
		out = append(out, fmt.Sprintf("%s %s%s: %s", about, n.Reason, warning, n.Text))
	}
	return out
}

// A claim's outcome is told when it changes, and not while it is on its way.
func TestNewsOfClaims(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	const active = "default/egress-t1 Active: to 20.0.0.0/24 (a) from 192.0.2.1 (a)"
	p.tells("status AddressAllocated: a leaves from 192.0.2.1 (eipalloc-a, allocated)", active)

	p.claim("nonsense")
	p.tells(`default/egress-t1 Held!: 20.0.0.0/24 (a): what was accepted last stays: refused: "nonsense" is neither an IPv4 prefix nor an IPv4 address`)
	p.claim("20.0.0.0/24")
	p.tells(active)

	p.claim("20.0.0.0/24", "192.168.0.0/24")
	p.tells("default/egress-t1 Rejected!: b: 192.168.0.0/24 is not globally reachable: 192.168.0.0/16 is private, RFC 1918 (--allow-cidr allows it)")
	p.claim("20.0.0.0/24")
	p.tells() // what was rejected is gone, and the rest is as it was

	p.claim("20.0.0.0/24", "20.0.1.0/24")
	p.tells() // on its way
	p.cloud.route("rtb-1", netip.MustParsePrefix("20.0.0.0/23"), "nat-a", reconcile.Active, false)
	p.tells("default/egress-t1 Active: to 20.0.1.0/24 (b) from 192.0.2.1 (a)")

	p.claim()
	p.tells()
	p.claim("20.0.0.0/24")
	p.tells(active) // it was gone, and comes back
}

// While a gateway is made again a claim is on its way, and it ends as it was: nothing is new.
func TestNewsOfAGatewayThatComesBack(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	p.decideAndRemember()
	p.cloud.find("nat-a").Status = reconcile.Pending
	p.tells()
	p.cloud.find("nat-a").Status = reconcile.Active
	p.tells()
}

func (p *paper) decideAndRemember() { p.memory = p.decide().Memory }

// Of a cluster that cannot be read nobody could hear it, and nothing is new there.
func TestNewsOfAClusterThatIsAway(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	p.decideAndRemember()
	whole := p.reading.Clusters[0]
	p.reading.Clusters[0] = reconcile.Cluster{Incomplete: "connection refused"}
	p.tells()
	p.reading.Clusters[0] = whole
	p.tells()
}

func TestNewsOfConflicts(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	p.decideAndRemember()
	p.cloud.route("rtb-1", netip.MustParsePrefix("20.0.4.0/22"), "pcx-1", reconcile.Active, false)
	p.claim("20.0.0.0/24", "20.0.5.0/24")
	p.tells("default/egress-t1 Conflict!: 20.0.5.0/24 (b): in 1 of 1 tables: rtb-1: 20.0.5.0/24 lies in 20.0.4.0/22 (the route to pcx-1), which is not ours")
	p.config.MaxRoutes = 3
	p.claim("20.0.0.0/24", "20.0.9.0/24")
	p.tells("default/egress-t1 TableFull!: 20.0.9.0/24 (b): in 1 of 1 tables: rtb-1: the route table rtb-1 is full: 3 of 3 routes are in use (--max-routes-per-table), and the last one is for changing what is there")
}

// What happens to a zone is told on the status.
func TestNewsOfZones(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	p.decideAndRemember()
	gateway := p.cloud.find("nat-a")
	gateway.Status, gateway.Code = reconcile.Failed, "InternalError"
	p.tells("status GatewayFailed!: nat-a in a: InternalError")
	gateway.ID, gateway.Code = "nat-a2", "InsufficientFreeAddressesInSubnet"
	p.tells("status GatewayFailed!: nat-a2 in a: InsufficientFreeAddressesInSubnet")
	gateway.ID, gateway.Code, gateway.Status = "nat-a", "", reconcile.Active
	p.tells()

	p.claim()
	p.config.WithdrawDelay, p.config.TeardownDelay = 0, 0
	p.cloud.routes = nil
	gateway.Status = reconcile.Deleted
	p.tells("status AddressRetained: eipalloc-a of a is kept, and nothing uses it")
}

func TestNewsOfAHeldWithdrawal(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	p.config.MaxWithdrawal = 50
	var values []string
	for i := range 12 {
		values = append(values, fmt.Sprintf("20.%d.0.0/24", i))
		p.cloud.routeTo(fmt.Sprintf("20.%d.0.0/24", i), "nat-a", reconcile.Active)
	}
	p.claim(values...)
	p.decideAndRemember()
	p.claim()
	d := p.decide()
	if got := wire(d.Report.News); len(got) != 1 || !strings.HasPrefix(got[0], "status WithdrawalHeld!: 12 of 12 targets would go at once") {
		t.Errorf("it tells %q", got)
	}
	p.memory = d.Memory
	p.tells()
}

// Another owner is told once; what was told before stands.
func TestNewsOfAnotherOwner(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	p.reading.Owner = "me"
	p.decideAndRemember()
	p.cloud.find("nat-a").Owner = "another"
	d := p.decide()
	if got := wire(d.Report.News); len(got) != 1 || !strings.HasPrefix(got[0], "status OwnerMismatch!: what carries the cluster id") {
		t.Errorf("it tells %q", got)
	}
	p.memory = d.Memory
	p.tells()
	p.cloud.find("nat-a").Owner = "me"
	p.tells()
}

// refused is what EC2 answers when a quota is used up.
type refused struct{ error }

func (refused) Quota() bool { return true }

// A quota is told when it is met, once, and again when it is met again after it was not.
func TestNewsOfQuotas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var told []string
		w.loop.Tell = func(news []reconcile.News) {
			for _, n := range wire(news) {
				if strings.Contains(n, "Quota") {
					told = append(told, n)
				}
			}
		}
		full := true
		w.cloud.fails = func(a reconcile.Action) error {
			if full && a.Key.Kind == reconcile.Address {
				return refused{errors.New("AddressLimitExceeded")}
			}
			return nil
		}
		w.run(t, 10*time.Minute)
		if len(told) != 1 || told[0] != "status QuotaExceeded!: create address a: AddressLimitExceeded" {
			t.Errorf("it tells %q", told)
		}
		full = false
		w.run(t, 10*time.Minute)
		if len(told) != 1 {
			t.Errorf("it tells %q", told)
		}
	})
}

// A plan tells nobody anything: it is not what happens.
func TestNewsAreNotOfPlans(t *testing.T) {
	t.Parallel()
	s, on := oneRoute(), &shelf{}
	told := 0
	next := func() *reconcile.Loop {
		l := looped(s, on)
		l.Tell = func(news []reconcile.News) { told += len(news) }
		return l
	}
	next().Plan(t.Context())
	rehearsal := next()
	rehearsal.DryRun = true
	rehearsal.Pass(t.Context())
	rehearsal.Leave(t.Context())
	if told > 0 {
		t.Errorf("%d things were told of a plan", told)
	}
	next().Pass(t.Context())
	if told == 0 {
		t.Error("nothing was told of a pass")
	}
}

// An Event takes 1,024 bytes, and no half of a character.
func TestNewsAreShort(t *testing.T) {
	t.Parallel()
	p := newPaper(t)
	var values []string
	for range 200 {
		values = append(values, "naïve")
	}
	p.claim(values...)
	for _, n := range p.decide().Report.News {
		if len(n.Text) > 1024 || !utf8.ValidString(n.Text) {
			t.Errorf("%d bytes: %q", len(n.Text), n.Text)
		}
	}
}
