package main

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// stateNames are all metrics that are drawn from the last report and the last reading.
var stateNames = []string{
	"claims", "cluster_last_read_timestamp_seconds", "address_info", "addresses", "gateway_ready", "gateway_state", "routes",
	"table_limit_routes", "table_free_routes", "stack_free_routes", "withdrawals_held", "withdrawals_frozen", "conflicts",
	"problems", "warnings",
}

func leader() *metrics {
	m := newMetrics()
	m.leads(true)
	return m
}

func TestClaimsAreCountedByClusterAndOutcome(t *testing.T) {
	m := leader()
	m.read(reconcile.Reading{Clusters: []reconcile.Cluster{{Name: "one"}, {Name: "two", Incomplete: "does not answer"}}}, time.Unix(100, 0))
	of := func(cluster string, standings ...reconcile.Standing) (out []reconcile.Verdict) {
		for _, s := range standings {
			out = append(out, reconcile.Verdict{Source: reconcile.Source{Cluster: cluster}, Standing: s})
		}
		return out
	}
	m.passed(reconcile.Report{Verdicts: of("one", "Active", "Active", "Pending", "Held", "TableFull", "Conflict", "Conflict", "Conflict", "Rejected")}, time.Unix(100, 0))
	shows(t, m, `
claims cluster=one outcome=Active 2
claims cluster=one outcome=Conflict 3
claims cluster=one outcome=Held 1
claims cluster=one outcome=Pending 1
claims cluster=one outcome=Rejected 1
claims cluster=one outcome=TableFull 1
claims cluster=two outcome=Active 0
claims cluster=two outcome=Conflict 0
claims cluster=two outcome=Held 0
claims cluster=two outcome=Pending 0
claims cluster=two outcome=Rejected 0
claims cluster=two outcome=TableFull 0
cluster_last_read_timestamp_seconds cluster=one 100
cluster_last_read_timestamp_seconds cluster=two 0`, "claims", "cluster_last_read_timestamp_seconds")
	m.read(reconcile.Reading{Clusters: []reconcile.Cluster{{Name: "one", Incomplete: "does not answer"}, {Name: "two"}}}, time.Unix(200, 0))
	shows(t, m, `
cluster_last_read_timestamp_seconds cluster=one 100
cluster_last_read_timestamp_seconds cluster=two 200`, "cluster_last_read_timestamp_seconds")
}

func TestZonesAreShown(t *testing.T) {
	ip := netip.MustParseAddr("198.51.100.1")
	for _, x := range []struct {
		name string
		zone reconcile.ZoneReport
		want string
	}{
		{"all is there", reconcile.ZoneReport{
			Configured: true, Allocation: "eipalloc-1", PublicIP: ip, Brought: true, Gateway: "nat-1", State: "available", Ready: true,
			Spares: []string{"eipalloc-2", "eipalloc-3"},
		}, `
address_info allocation_id=eipalloc-1 brought=true public_ip=198.51.100.1 zone=a 1
addresses state=in_use zone=a 1
addresses state=missing zone=a 0
addresses state=retained zone=a 0
addresses state=spare zone=a 2
gateway_ready zone=a 1
gateway_state state=available zone=a 1
gateway_state state=deleting zone=a 0
gateway_state state=failed zone=a 0
gateway_state state=none zone=a 0
gateway_state state=pending zone=a 0
gateway_state state=unknown zone=a 0`},
		{"a gateway failed, and its address is not known yet", reconcile.ZoneReport{
			Configured: true, Allocation: "eipalloc-1", Gateway: "nat-1", State: "failed: InsufficientFreeAddressesInSubnet: there is none",
		}, `
address_info allocation_id=eipalloc-1 brought=false public_ip= zone=a 1
addresses state=in_use zone=a 1
addresses state=missing zone=a 0
addresses state=retained zone=a 0
addresses state=spare zone=a 0
gateway_ready zone=a 0
gateway_state state=available zone=a 0
gateway_state state=deleting zone=a 0
gateway_state state=failed zone=a 1
gateway_state state=none zone=a 0
gateway_state state=pending zone=a 0
gateway_state state=unknown zone=a 0`},
		{"the address is gone", reconcile.ZoneReport{Configured: true, State: "none", Missing: "eipalloc-1"}, `
addresses state=in_use zone=a 0
addresses state=missing zone=a 1
addresses state=retained zone=a 0
addresses state=spare zone=a 0
gateway_ready zone=a 0
gateway_state state=available zone=a 0
gateway_state state=deleting zone=a 0
gateway_state state=failed zone=a 0
gateway_state state=none zone=a 1
gateway_state state=pending zone=a 0
gateway_state state=unknown zone=a 0`},
		{"only an address is left of a zone that is gone from the flags", reconcile.ZoneReport{Allocation: "eipalloc-1", PublicIP: ip, State: "none"}, `
address_info allocation_id=eipalloc-1 brought=false public_ip=198.51.100.1 zone=a 1
addresses state=in_use zone=a 0
addresses state=missing zone=a 0
addresses state=retained zone=a 1
addresses state=spare zone=a 0`},
	} {
		t.Run(x.name, func(t *testing.T) {
			m := leader()
			x.zone.Zone = "a"
			m.passed(reconcile.Report{Zones: []reconcile.ZoneReport{x.zone}}, time.Unix(100, 0))
			shows(t, m, x.want, "address_info", "addresses", "gateway_ready", "gateway_state")
		})
	}
}

func TestTablesAndHindrancesAreShown(t *testing.T) {
	m, room := leader(), -3
	m.passed(reconcile.Report{
		Zones:     []reconcile.ZoneReport{{Zone: "a"}, {Zone: "b"}},
		Tables:    []reconcile.TableReport{{Table: "rtb-1", Zone: "a", Active: 1, Broken: 2, Pending: 3, Leaving: 4, Limit: 50, Free: 5}},
		Withheld:  reconcile.Withheld{Delayed: 1, Braked: 2, Unclear: 3, Frozen: 4},
		Frozen:    "the state cannot be read",
		StackRoom: &room,
		Plan: reconcile.Plan{Conflicts: []reconcile.Conflict{
			{Key: reconcile.Key{Kind: reconcile.Subnet, Zone: "a"}}, {Key: reconcile.Key{Kind: reconcile.TargetRoute}}, {Key: reconcile.Key{Kind: reconcile.TargetRoute}},
		}},
		Problems: []reconcile.Problem{{Reason: "x"}, {Zone: "b", Reason: "y"}, {Zone: "c", Reason: "z"}},
		Warnings: []string{"odd", "very odd"},
	}, time.Unix(100, 0))
	shows(t, m, `
conflicts kind=address 0
conflicts kind=association 0
conflicts kind=default-route 0
conflicts kind=nat-gateway 0
conflicts kind=route 2
conflicts kind=route-table 0
conflicts kind=stack 0
conflicts kind=subnet 1
problems zone= 1
problems zone=a 0
problems zone=b 1
problems zone=c 1
routes state=active table=rtb-1 zone=a 1
routes state=broken table=rtb-1 zone=a 2
routes state=leaving table=rtb-1 zone=a 4
routes state=pending table=rtb-1 zone=a 3
stack_free_routes 0
table_free_routes table=rtb-1 zone=a 5
table_limit_routes table=rtb-1 zone=a 50
warnings 2
withdrawals_frozen 1
withdrawals_held reason=brake 2
withdrawals_held reason=delay 1
withdrawals_held reason=frozen 4
withdrawals_held reason=unclear 3`, "conflicts", "problems", "routes", "stack_free_routes", "table_free_routes", "table_limit_routes",
		"warnings", "withdrawals_frozen", "withdrawals_held")
}

// What is gone leaves no series behind; but when AWS cannot be looked at, nothing is known to be gone.
func TestWhatIsGoneIsNotShown(t *testing.T) {
	m := leader()
	m.passed(reconcile.Report{
		Zones: []reconcile.ZoneReport{{Zone: "a", Configured: true}}, Tables: []reconcile.TableReport{{Table: "rtb-1", Zone: "a"}},
		Verdicts: []reconcile.Verdict{{Source: reconcile.Source{Cluster: "one"}, Standing: reconcile.StandingActive}},
	}, time.Unix(100, 0))
	m.passed(reconcile.Report{Err: errors.New("AWS does not answer")}, time.Unix(200, 0))
	shows(t, m, "gateway_ready zone=a 0\ntable_free_routes table=rtb-1 zone=a 0", "gateway_ready", "table_free_routes")
	m.passed(reconcile.Report{}, time.Unix(300, 0))
	shows(t, m, "problems zone= 0", "claims", "addresses", "gateway_ready", "gateway_state", "routes", "table_free_routes", "problems")
}

// A standby shows that it is one, and nothing of what it saw while it led; what it still hears of its last pass neither.
func TestStandbyShowsNothing(t *testing.T) {
	m := newMetrics()
	report := reconcile.Report{Zones: []reconcile.ZoneReport{{Zone: "a", Configured: true}}}
	reading := reconcile.Reading{Clusters: []reconcile.Cluster{{Name: "one"}}}
	nothing := func(when string) {
		t.Helper()
		m.read(reading, time.Unix(100, 0))
		t.Log(when)
		shows(t, m, "", stateNames...)
		shows(t, m, "leader 0", "leader")
	}
	nothing("before it led")
	m.leads(true)
	m.passed(report, time.Unix(100, 0))
	shows(t, m, "gateway_ready zone=a 0\nleader 1", "gateway_ready", "leader")
	m.leads(false)
	nothing("after it led")
	m.passed(report, time.Unix(200, 0))
	nothing("after its last pass")
	m.leads(true)
	shows(t, m, "", "gateway_ready")
}
