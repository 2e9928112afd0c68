package main

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// picture shows how things stood in the last pass that could look. Its metrics are made when somebody asks, from that one
// report: a zone, a table or a claim that is gone leaves no series behind.
type picture struct {
	mu       sync.Mutex
	leading  bool
	report   *reconcile.Report    // nil before the first one
	clusters []string             // those of the last reading
	wholly   map[string]time.Time // when each was last read as a whole
}

func newPicture() *picture { return &picture{wholly: map[string]time.Time{}} }

func (p *picture) leads(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leading = yes; !yes {
		p.report = nil
	}
}

func (p *picture) read(r reconcile.Reading, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clusters = nil
	for _, c := range r.Clusters {
		p.clusters = append(p.clusters, c.Name)
		if c.Incomplete == "" {
			p.wholly[c.Name] = now
		}
	}
}

func (p *picture) passed(r reconcile.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leading {
		p.report = &r
	}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(metricPrefix+"_"+name, help, labels, nil)
}

var (
	claimsDesc = describe("claims",
		"Claims, by the cluster that they come from (empty for the home cluster) and outcome: Active, Pending, Held, TableFull, Conflict, Rejected.",
		"cluster", "outcome")
	lastReadDesc = describe("cluster_last_read_timestamp_seconds",
		"When all ConfigMaps of a cluster were last read, in seconds since 1970; 0 if never.", "cluster")
	addressInfoDesc = describe("address_info",
		"Always 1; the labels say which address a zone has, and whether the user brought it.", "zone", "allocation_id", "public_ip", "brought")
	addressesDesc = describe("addresses",
		"Addresses of a zone, by state: in_use, retained (no gateway uses it), spare (beside the one that the zone is known by), missing (recorded, and gone).",
		"zone", "state")
	gatewayReadyDesc = describe("gateway_ready",
		"1 if routes can lead through a zone's NAT gateway: it is available, and its subnet leads to the internet gateway; else 0.", "zone")
	gatewayStateDesc = describe("gateway_state",
		"1 for the state that a zone's NAT gateway is in, 0 for the others: none, pending, available, failed, deleting, unknown.", "zone", "state")
	routesDesc = describe("routes",
		"Routes of ours in a route table, by state: active, broken (a black hole, or not through the zone's gateway), pending (not made yet), leaving (nobody wants it any more).",
		"table", "zone", "state")
	limitDesc = describe("table_limit_routes", "How many routes a route table can have.", "table", "zone")
	freeDesc  = describe("table_free_routes", "How many routes a route table has room for yet.", "table", "zone")
	roomDesc  = describe("stack_free_routes",
		"How many routes the CloudFormation stack has room for yet. Only with --provider=aws-cfn.")
	heldDesc = describe("withdrawals_held",
		"Networks that are routed though nobody claims them any more, by why they stay: delay, brake (somebody has to confirm), unclear (a refused value may have meant them), frozen.",
		"reason")
	frozenDesc = describe("withdrawals_frozen",
		"1 if nothing at all is withdrawn, because the state cannot be read or written, or a cluster was never read; else 0.")
	conflictsDesc = describe("conflicts", "What is wanted and cannot be had without harm, by kind of thing.", "kind")
	problemsDesc  = describe("problems",
		"Mistakes in the set-up, by the zone that they stop; the zone is empty for those that stop everything.", "zone")
	warningsDesc = describe("warnings", "What is odd and stops nothing.")
)

// Describe implements [prometheus.Collector].
func (*picture) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		claimsDesc, lastReadDesc, addressInfoDesc, addressesDesc, gatewayReadyDesc, gatewayStateDesc, routesDesc, limitDesc, freeDesc,
		roomDesc, heldDesc, frozenDesc, conflictsDesc, problemsDesc, warningsDesc,
	} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (p *picture) Collect(out chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	show := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if !p.leading {
		return
	}
	for _, name := range p.clusters {
		show(lastReadDesc, seconds(p.wholly[name]), name)
	}
	if p.report == nil {
		return
	}
	showClaims(show, p.clusters, p.report.Verdicts)
	for _, z := range p.report.Zones {
		showZone(show, z)
	}
	for _, t := range p.report.Tables {
		showTable(show, t)
	}
	if room := p.report.StackRoom; room != nil {
		show(roomDesc, float64(max(0, *room)))
	}
	showHindrances(show, *p.report)
}

// shower shows one metric with its label values.
type shower func(d *prometheus.Desc, value float64, labels ...string)

var standings = []reconcile.Standing{
	reconcile.StandingActive, reconcile.StandingPending, reconcile.StandingHeld,
	reconcile.StandingFull, reconcile.StandingConflict, reconcile.StandingRejected,
}

// showClaims shows the clusters that were read with 0 too, so that "none is rejected" can be told from "nobody knows".
func showClaims(show shower, clusters []string, verdicts []reconcile.Verdict) {
	counts := map[string]map[reconcile.Standing]int{}
	for _, name := range clusters {
		counts[name] = map[reconcile.Standing]int{}
	}
	for _, v := range verdicts {
		if counts[v.Source.Cluster] == nil {
			counts[v.Source.Cluster] = map[reconcile.Standing]int{}
		}
		counts[v.Source.Cluster][v.Standing]++
	}
	for name, of := range counts {
		for _, s := range standings {
			show(claimsDesc, float64(of[s]), name, string(s))
		}
	}
}

// gatewayStates are the states of a [reconcile.ZoneReport], without EC2's reason.
var gatewayStates = []string{"none", "pending", "available", "failed", "deleting", "unknown"}

func showZone(show shower, z reconcile.ZoneReport) {
	zone, has := string(z.Zone), z.Allocation != ""
	if has {
		ip := ""
		if z.PublicIP.IsValid() {
			ip = z.PublicIP.String()
		}
		show(addressInfoDesc, 1, zone, z.Allocation, ip, strconv.FormatBool(z.Brought))
	}
	show(addressesDesc, number(has && z.Gateway != ""), zone, "in_use")
	show(addressesDesc, number(has && z.Gateway == ""), zone, "retained")
	show(addressesDesc, float64(len(z.Spares)), zone, "spare")
	show(addressesDesc, number(z.Missing != ""), zone, "missing")
	if !z.Configured && z.Gateway == "" {
		return // nobody expects a gateway where only an address is left
	}
	show(gatewayReadyDesc, number(z.Ready), zone)
	is, _, _ := strings.Cut(z.State, ":")
	for _, state := range gatewayStates {
		show(gatewayStateDesc, number(state == is), zone, state)
	}
}

func showTable(show shower, t reconcile.TableReport) {
	zone := string(t.Zone)
	show(routesDesc, float64(t.Active), t.Table, zone, "active")
	show(routesDesc, float64(t.Broken), t.Table, zone, "broken")
	show(routesDesc, float64(t.Pending), t.Table, zone, "pending")
	show(routesDesc, float64(t.Leaving), t.Table, zone, "leaving")
	show(limitDesc, float64(t.Limit), t.Table, zone)
	show(freeDesc, float64(t.Free), t.Table, zone)
}

// showHindrances shows what somebody has to look at.
func showHindrances(show shower, r reconcile.Report) {
	show(heldDesc, float64(r.Withheld.Delayed), "delay")
	show(heldDesc, float64(r.Withheld.Braked), "brake")
	show(heldDesc, float64(r.Withheld.Unclear), "unclear")
	show(heldDesc, float64(r.Withheld.Frozen), "frozen")
	show(frozenDesc, number(r.Frozen != ""))
	conflicts := map[reconcile.Kind]int{}
	for _, c := range r.Plan.Conflicts {
		conflicts[c.Key.Kind]++
	}
	for kind := reconcile.Subnet; kind <= reconcile.CloudFormationStack; kind++ {
		show(conflictsDesc, float64(conflicts[kind]), kind.String())
	}
	problems := map[reconcile.Zone]int{"": 0}
	for _, z := range r.Zones {
		problems[z.Zone] = 0
	}
	for _, p := range r.Problems {
		problems[p.Zone]++
	}
	for zone, n := range problems {
		show(problemsDesc, float64(n), string(zone))
	}
	show(warningsDesc, float64(len(r.Warnings)))
}
