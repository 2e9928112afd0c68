package simulation_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// pool are the networks that a history is about: such that they hold each other, and can be merged.
var pool = []netip.Prefix{
	prefix("52.94.0.0/16"), prefix("52.94.0.0/17"), prefix("52.94.128.0/17"), prefix("52.94.64.0/18"), prefix("52.94.200.0/21"),
	prefix("8.8.8.0/24"), prefix("8.8.8.0/25"), prefix("8.8.8.128/25"), prefix("8.8.8.8/32"), prefix("8.8.4.0/24"), prefix("8.8.4.4/32"),
	prefix("8.8.8.0/23"), prefix("9.9.9.9/32"), prefix("9.9.9.8/32"), prefix("9.9.9.8/31"),
}

// nonsense are values that nobody accepts.
var nonsense = []string{"-", "typo", "8.8.8.8/33", "0.0.0.0/0", "10.1.2.0/24", "172.31.9.0/24", "2001:db8::/32", "52.0.0.0/8", "8.8.8.0/24,oops"}

// dice draws a history.
type dice struct {
	*rand.Rand
	steps []string
}

// drawHistory is the history of a seed: from a few steps to many.
func drawHistory(seed uint64) []string {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // it is to be the same again
	if d.IntN(4) == 0 {
		d.add("references lag")
	}
	if d.IntN(2) == 0 {
		d.add("home")
	}
	if d.IntN(3) == 0 {
		d.add("lag")
	}
	for range 1 + d.IntN(4) {
		d.claim()
	}
	if d.IntN(4) > 0 {
		d.add("wait 30s")
	}
	for range 3 + d.IntN(30) {
		d.happens()
	}
	return d.steps
}

func (d *dice) add(words ...string) { d.steps = append(d.steps, strings.Join(words, " ")) }

func (d *dice) one(of ...string) string { return of[d.IntN(len(of))] }

func (d *dice) zone() string { return d.one("a", "a", "a", "b", "b", "c") }

func (d *dice) table() string { return d.one("a", "a", "b", "NEW") }

func (d *dice) network() string { return pool[d.IntN(len(pool))].String() }

func (d *dice) who() string {
	return d.one("one/team-a", "one/team-a", "one/team-b", "two/team-a") + " " + d.one("x", "y", "z")
}

func (d *dice) claim() {
	value := d.network()
	switch d.IntN(8) {
	case 0:
		value = nonsense[d.IntN(len(nonsense))]
	case 1, 2:
		value += "," + d.network()
	}
	d.add("claim", d.who(), value)
}

// happens draws one thing, and often the time after it.
func (d *dice) happens() {
	switch d.IntN(9) {
	case 0, 1:
		d.claim()
	case 2:
		d.add(d.one("unclaim "+d.who(), "unclaim "+d.who(), "unclaim "+d.who(), "unclaim-all", "away one all", "away two all", "away one part", "back one", "back two"))
	case 3:
		d.runs()
	case 4:
		d.goesWrong()
	case 5:
		d.atHome()
	default:
		d.hand()
	}
	if d.IntN(3) > 0 {
		d.add("wait", d.one("1s", "3s", "8s", "20s", "70s", "150s", "5m", "20m"))
	}
}

// runs draws what happens to the controller.
func (d *dice) runs() {
	if d.IntN(2) == 0 {
		d.add(d.one("restart", "lead"))
		return
	}
	words := []string{"flags"}
	add := func(oneIn int, word string) {
		if d.IntN(oneIn) == 0 {
			words = append(words, word)
		}
	}
	add(2, "zones="+d.one("b,a", "a", "b", "a,b,c", "c,a,b"))
	add(4, "allow="+d.one("a", "b", "a,b", "NEW"))
	add(6, "block=a:172.31.65.0/28")
	add(6, "brought="+d.zone())
	add(6, "deny="+d.network())
	add(4, fmt.Sprintf("max=%d", 3+d.IntN(5)))
	add(6, "preallocate")
	add(4, "release")
	d.add(words...)
}

// goesWrong draws what goes wrong with calls, and when it does no more.
func (d *dice) goesWrong() {
	d.add(d.one(
		fmt.Sprintf("storm %d %d", 2+d.IntN(20), d.IntN(1000)), fmt.Sprintf("storm %d %d", 2+d.IntN(20), d.IntN(1000)), "calm",
		"quota "+d.one("AllocateAddress", "CreateSubnet", "CreateRouteTable", "CreateNatGateway", "CreateRoute"), "lift",
		"doom "+d.zone(), "bless "+d.zone(), "lag", "no-lag",
	))
}

// hand draws what somebody else does.
func (d *dice) hand() {
	z, t := d.zone(), d.table()
	kind := d.one("subnet", "address", "nat-table", "gateway")
	d.add(d.one(
		"route "+t+" "+d.network()+" "+d.one("tgw-0a", "a", "b", "eni-0dead black", "vgw-0a propagated"),
		"route "+t+" "+d.one("8.8.0.0/16", "52.94.100.0/24", "9.9.9.8/32", "52.0.0.0/8")+" "+d.one("tgw-0a", "eni-0dead black", "vgw-0a propagated"),
		"delete-route "+t+" "+d.network(), "delete-route "+t+" "+d.network(),
		"lead-all "+t+" "+d.one("tgw-0a", "a", "b", "eni-0dead black"),
		"list "+t+" "+d.network(), "relist "+d.network(),
		"tag "+t+" "+d.zone(), "untag "+t, "new-table "+z, "drop-table",
		"strip "+kind+" "+z, "mend "+kind+" "+z,
		"delete-gateway "+z, "delete-gateway "+z, "fail-gateway "+z,
		"take "+z, "give "+z, "use "+z, "unuse "+z,
		"associate "+z, d.one("detach", "reattach"), "nat-route "+z+" "+d.one("delete", "black", "else"),
		"grow "+d.one("52.94.0.0/16", "8.8.8.0/24"), d.one("constrain ", "unconstrain ")+z,
	))
}
