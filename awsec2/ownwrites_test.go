package awsec2

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func TestJudge(t *testing.T) {
	values := func(list ...value) map[value]bool {
		m := map[value]bool{}
		for _, v := range list {
			m[v] = true
		}
		return m
	}
	for _, c := range []struct {
		name   string
		before map[value]bool
		now    value
		listed value
		want   judgement
	}{
		{"made, not listed yet", values(nothing), there, nothing, correct},
		{"made, listed", values(nothing), there, there, settled},
		{"deleted, still listed", values(there), nothing, there, correct},
		{"deleted, no longer listed", values(there), nothing, nothing, settled},
		{"route replaced, still shown as before", values("nat-1"), "nat-2", "nat-1", correct},
		{"route replaced, shown as now", values("nat-1"), "nat-2", "nat-2", settled},
		{"route replaced, shown with a third target", values("nat-1"), "nat-2", "eni-3", settled},
		{"route replaced, then deleted by hand", values("nat-1"), "nat-2", nothing, settled},
		{"route made, shown with a third target", values(nothing), "nat-2", "eni-3", settled},
		{"made and replaced, the list knows neither", values(nothing, "nat-1"), "nat-2", nothing, correct},
		{"made and replaced, the list knows the first", values(nothing, "nat-1"), "nat-2", "nat-1", correct},
		{"made and deleted, the list may know neither or both", values(nothing, there), nothing, nothing, keep},
		{"made and deleted, the list knows the first", values(nothing, there), nothing, there, correct},
		{"there and back", values("nat-1", "nat-2"), "nat-1", "nat-1", keep},
		{"there and back, the list is in between", values("nat-1", "nat-2"), "nat-1", "nat-2", correct},
		{"gateway deleted, still shown as available", values(gatewayAlive), gatewayDeleting, gatewayAlive, correct},
		{"gateway deleted, deleting", values(gatewayAlive), gatewayDeleting, gatewayDeleting, settled},
		{"gateway deleted, gone", values(gatewayAlive), gatewayDeleting, gatewayDeleted, settled},
		{"gateway made, failed and removed", values(nothing), gatewayAlive, gatewayDeleted, settled},
	} {
		if got := (write{now: c.now, before: c.before}).judge(c.listed); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// bench is one route table with one route, as EC2 lists them, and the writes that are laid over it.
type bench struct {
	*testing.T
	now time.Time
	own ownWrites
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.own = newOwnWrites(func() time.Time { return b.now })
	return b
}

var google = netip.MustParsePrefix("8.8.8.8/32")

// listedWith is a listing in which the route leads there; to "" if there is none.
func listedWith(nat string) listing {
	table := types.RouteTable{RouteTableId: aws.String("rtb-1")}
	if nat != "" {
		table.Routes = []types.Route{routeTo(nat, types.RouteStateActive)}
	}
	return listing{tables: []types.RouteTable{table}}
}

func routeTo(nat string, state types.RouteState) types.Route {
	return types.Route{DestinationCidrBlock: aws.String(google.String()), NatGatewayId: aws.String(nat), State: state}
}

// sees says what the overlay makes of a list that shows the route so.
func (b *bench) sees(listed, want string) {
	b.Helper()
	l := listedWith(listed)
	b.own.overlay(&l)
	got := ""
	if r := l.route("rtb-1 8.8.8.8/32"); r != nil {
		got = target(*r)
	}
	if got != want {
		b.Errorf("listed as %q it shows as %q, want %q", listed, got, want)
	}
	if n := len(l.tables[0].Routes); n > 1 {
		b.Errorf("there are %d routes to one destination", n)
	}
}

func (b *bench) writes(nat string) {
	at := routePlace("rtb-1", google)
	if nat == "" {
		b.own.note(at, nothing, nil)
		return
	}
	b.own.note(at, value(nat), routeTo(nat, types.RouteStateActive))
}

func TestRouteMade(t *testing.T) {
	b := newBench(t)
	b.sees("", "")
	b.writes("nat-1")
	b.sees("", "nat-1")
	b.sees("", "nat-1")
	b.sees("nat-1", "nat-1")
	b.sees("", "") // it was listed once, so that it is no longer means that somebody deleted it
}

func TestRouteReplaced(t *testing.T) {
	b := newBench(t)
	b.sees("nat-1", "nat-1")
	b.writes("nat-2")
	b.sees("nat-1", "nat-2")
	b.sees("eni-3", "eni-3") // somebody's third target: the list knows more
	b.sees("nat-1", "nat-1")
}

func TestRouteReplacedIsActive(t *testing.T) {
	b := newBench(t)
	b.sees("nat-1", "nat-1")
	b.writes("nat-2")
	l := listing{tables: []types.RouteTable{{
		RouteTableId: aws.String("rtb-1"), Routes: []types.Route{routeTo("nat-1", types.RouteStateBlackhole)},
	}}}
	b.own.overlay(&l)
	if r := l.route("rtb-1 8.8.8.8/32"); target(*r) != "nat-2" || r.State != types.RouteStateActive {
		t.Errorf("got %s, %s", target(*r), r.State)
	}
}

func TestRouteMadeReplacedAndDeletedWithinALag(t *testing.T) {
	b := newBench(t)
	b.sees("", "")
	b.writes("nat-1")
	b.writes("nat-2")
	b.sees("", "nat-2")
	b.sees("nat-1", "nat-2")
	b.writes("")
	b.sees("", "")      // from before it was made, or after it was deleted
	b.sees("nat-1", "") // so that was before
	b.sees("nat-2", "")
	b.now = b.now.Add(trustOwn)
	b.sees("nat-2", "nat-2")
}

func TestRouteBesideAPropagatedOne(t *testing.T) {
	b := newBench(t)
	b.sees("", "")
	b.writes("nat-1")
	l := listing{tables: []types.RouteTable{{RouteTableId: aws.String("rtb-1"), Routes: []types.Route{{
		DestinationCidrBlock: aws.String("8.8.8.8/32"), GatewayId: aws.String("vgw-1"), Origin: types.RouteOriginEnableVgwRoutePropagation,
	}}}}}
	b.own.overlay(&l)
	if len(l.tables[0].Routes) != 2 {
		t.Errorf("got %d routes, want the propagated one and ours", len(l.tables[0].Routes))
	}
}

// TestOverlayLeavesWhatWasListedAlone: the lists may be shared with whoever answered.
func TestOverlayLeavesWhatWasListedAlone(t *testing.T) {
	b := newBench(t)
	b.sees("nat-1", "nat-1")
	b.writes("nat-2")
	l := listedWith("nat-1")
	routes := l.tables[0].Routes
	b.own.overlay(&l)
	if target(routes[0]) != "nat-1" {
		t.Error("the overlay wrote into the answer")
	}
}

func TestWritesAreTrustedForFiveMinutes(t *testing.T) {
	b := newBench(t)
	b.sees("nat-1", "nat-1")
	b.writes("nat-2")
	b.now = b.now.Add(trustOwn - time.Nanosecond)
	b.sees("nat-1", "nat-2")
	b.now = b.now.Add(time.Nanosecond)
	b.sees("nat-1", "nat-1")
	if len(b.own.writes) != 0 {
		t.Error("the write is still remembered")
	}
}

func TestThingNeverListedIsDead(t *testing.T) {
	b := newBench(t)
	b.own.noteMade(reconcile.NATTable, "rtb-2", types.RouteTable{RouteTableId: aws.String("rtb-2")})
	l := listedWith("")
	b.own.overlay(&l)
	if l.table("rtb-2") == nil || !b.own.unlisted("rtb-2") || b.own.isDead("rtb-2") {
		t.Error("a table that was just made is there, unlisted")
	}
	b.now = b.now.Add(trustOwn)
	l = listedWith("")
	b.own.overlay(&l)
	if l.table("rtb-2") != nil || b.own.unlisted("rtb-2") || !b.own.isDead("rtb-2") {
		t.Error("a table that was never listed is dead")
	}
}

func TestRoutesInATableThatIsNotListedYet(t *testing.T) {
	b := newBench(t)
	b.own.noteMade(reconcile.NATTable, "rtb-2", types.RouteTable{RouteTableId: aws.String("rtb-2")})
	b.own.note(routePlace("rtb-2", everywhere), "igw-1", types.Route{
		DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: aws.String("igw-1"),
	})
	b.own.note(associationPlace("subnet-1"), associated("rtb-2", "rtbassoc-1"), types.RouteTableAssociation{
		RouteTableAssociationId: aws.String("rtbassoc-1"), RouteTableId: aws.String("rtb-2"), SubnetId: aws.String("subnet-1"),
	})
	for range 2 { // the second time the record must be as it was
		l := listedWith("")
		b.own.overlay(&l)
		if table := l.table("rtb-2"); table == nil || len(table.Routes) != 1 || len(table.Associations) != 1 {
			t.Errorf("got %+v", table)
		}
	}
}

func TestAssociationReplaced(t *testing.T) {
	b := newBench(t)
	at := func(table, id string) types.RouteTableAssociation {
		return types.RouteTableAssociation{
			RouteTableAssociationId: aws.String(id), RouteTableId: aws.String(table), SubnetId: aws.String("subnet-1"),
		}
	}
	lists := func(in string, a ...types.RouteTableAssociation) listing {
		l := listing{tables: []types.RouteTable{{RouteTableId: aws.String("rtb-1")}, {RouteTableId: aws.String("rtb-2")}}}
		if in != "" {
			l.table(in).Associations = a
		}
		return l
	}
	sees := func(l listing, want string) {
		t.Helper()
		b.own.overlay(&l)
		table, a := l.association("subnet-1")
		got := ""
		if a != nil {
			got = table + " " + aws.ToString(a.RouteTableAssociationId)
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	old := at("rtb-1", "rtbassoc-1")
	sees(lists("rtb-1", old), "rtb-1 rtbassoc-1")
	b.own.note(associationPlace("subnet-1"), associated("rtb-2", "rtbassoc-2"), at("rtb-2", "rtbassoc-2"))
	sees(lists("rtb-1", old), "rtb-2 rtbassoc-2")
	b.own.note(associationPlace("subnet-1"), nothing, nil)
	sees(lists("rtb-1", old), "")
	sees(lists("rtb-2", at("rtb-2", "rtbassoc-2")), "")
	sees(lists(""), "")
	sees(lists("rtb-1", at("rtb-1", "rtbassoc-9")), "rtb-1 rtbassoc-9") // somebody's
}

func TestGatewayDeletedBeforeItWasListed(t *testing.T) {
	b := newBench(t)
	made := types.NatGateway{NatGatewayId: aws.String("nat-1"), State: types.NatGatewayStatePending}
	at := place{reconcile.NATGateway, "nat-1"}
	b.own.note(at, gatewayAlive, made)
	b.own.note(at, gatewayDeleting, nil, gatewayAlive)
	for _, listed := range [][]types.NatGateway{nil, {made}} {
		l := listing{gateways: slices.Clone(listed)}
		b.own.overlay(&l)
		if g := l.gateway("nat-1"); g == nil || g.State != types.NatGatewayStateDeleting {
			t.Errorf("listed as %v it shows as %+v: its address would be taken for free", listed, g)
		}
	}
	if made.State != types.NatGatewayStatePending {
		t.Error("the overlay wrote into the record")
	}
}
