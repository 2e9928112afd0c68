package awscfn_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// subnets are the NAT subnets' blocks.
func (w *world) subnets() string {
	var out []string
	for _, s := range w.ec2.Snapshot().Subnets {
		if s.Tags["static-egress/cluster"] != "" {
			out = append(out, strings.TrimPrefix(s.Zone, "eu-central-1")+" "+s.CIDR.String())
		}
	}
	return strings.Join(out, ", ")
}

// Another NAT CIDR block takes another gateway, so the zone's traffic is interrupted: asked for zone by zone (rule 8). The
// address stays, and no other zone is touched (rule 2).
func TestAnotherBlock(t *testing.T) {
	built(t, func(w *world) {
		before, events := w.addresses(), w.cfn.Events(stackName)
		w.config.Zones[0] = reconcile.ZoneConfig{Zone: zoneA, Block: netip.MustParsePrefix("172.31.65.0/27")}
		w.start()
		w.run(waitAndSee)
		if calls := w.stackCalls(); len(calls) > 0 || !strings.Contains(w.problems(), "--allow-disruption="+string(zoneA)) {
			t.Errorf("it does %v, and says %q", calls, w.problems())
		}
		w.config.AllowDisruption = []string{string(zoneA)}
		w.start()
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if have := w.subnets(); !strings.Contains(have, "a 172.31.65.0/27") || !strings.Contains(have, "b 172.31.64.16/28") || strings.Contains(have, "172.31.64.0/28") {
			t.Errorf("the NAT subnets are %s", have)
		}
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
		w.wantChanged(events, zoneA)
	})
}

// A table whose tag names another configured zone: its routes are replaced in place (rule 8).
func TestTableOfAnotherZone(t *testing.T) {
	built(t, func(w *world) {
		table := w.table(zoneA)
		w.ec2.SetTags(table, inmemory.Tags{tagKey: string(zoneB)})
		w.ec2.Settle()
		w.ec2.ResetCounts()
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> b active", "b 8.8.8.8/32 -> b active")
		for _, c := range w.ec2.Calls() {
			if c.Operation == "DeleteRoute" || c.Operation == "CreateRoute" {
				t.Errorf("%s %s: the route was not replaced in place", c.Operation, c.Key)
			}
		}
		if body := w.template(); strings.Count(body, `"NatGatewayId":{"Ref":"NatGatewayeuXcentralX1b"}`) != 2 {
			t.Errorf("the template is\n%s", body)
		}
	})
}

// A table that lost its tag keeps its routes until somebody allows the disruption (rule 8).
func TestTableThatLostItsTag(t *testing.T) {
	built(t, func(w *world) {
		table := w.table(zoneB)
		w.ec2.RemoveTags(table, tagKey)
		w.ec2.Settle()
		w.run(waitAndSee)
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if !strings.Contains(w.problems(), "--allow-disruption="+table) {
			t.Errorf("it says %q", w.problems())
		}
		w.config.AllowDisruption = []string{table}
		w.start()
		w.run(waitAndSee)
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active")
	})
}
