//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// What is somebody else's is byte for byte as before (rule 3): a route at a prefix that is wanted, a table, an address.
func TestForeignStaysUntouched(t *testing.T) {
	t.Parallel()
	s := newSite(t, allZones...)
	route := func(table, prefix string) {
		t.Helper()
		call(t, s.ec2.CreateRoute, &ec2.CreateRouteInput{
			RouteTableId: aws.String(table), DestinationCidrBlock: aws.String(prefix), GatewayId: aws.String(s.igw),
		})
	}
	route(s.tables["dmz-"+zoneA], "8.8.8.8/32")
	route(s.tables["dmz-"+zoneA], "0.0.0.0/0")
	// A table that has the tag of no zone, and one whose tag names a zone that is not ours.
	s.addTable(t, "elsewhere", region+"x")
	route(s.tables["elsewhere"], "192.112.0.0/21")
	untagged := call(t, s.ec2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.vpc})
	route(aws.ToString(untagged.RouteTable.RouteTableId), "8.8.8.8/32")
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{})
	// It looks like ours, and is another cluster's.
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: []types.TagSpecification{{
		ResourceType: types.ResourceTypeElasticIp,
		Tags: []types.Tag{
			{Key: aws.String("static-egress/cluster"), Value: aws.String("another")},
			{Key: aws.String("static-egress/controller"), Value: aws.String("kube-static-egress-controller")},
			{Key: aws.String("static-egress/role"), Value: aws.String("eip")},
			{Key: aws.String("static-egress/zone"), Value: aws.String(zoneA)},
		},
	}}})
	want := pictureOf(s.snapshot(t))
	before := s.observe(t).bytes(t)

	c := s.controller(t, "--configmaps="+examples(t))
	report := c.once(t)

	want.path("nobody", allZones...)
	for _, zone := range allZones {
		want.route("dmz-"+zone, zone, "192.112.0.0/21")
	}
	want.route("dmz-"+zoneB, zoneB, "8.8.8.8/32")
	want.route("dmz-"+zoneC, zoneC, "8.8.8.8/32")
	s.wantState(t, want.String())
	c.planWantsNothing(t) // a conflict is nothing that could be done
	if after := s.observe(t).foreign().bytes(t); after != before {
		t.Errorf("what is foreign is not as before:\n%s", difference(before, after))
	}
	if !strings.Contains(report.stdout, s.tables["dmz-"+zoneA]) {
		t.Errorf("the report does not name the table with the foreign route: %v", report)
	}

	// A folder without a manifest is no end of all claims (rule 11).
	s.controller(t, "--configmaps="+t.TempDir()).exec(t, "run", "--once", "--timeout=1m")
	s.wantState(t, want.String())

	// Nor does the end of all claims touch it.
	none := filepath.Join(t.TempDir(), "none.yaml")
	if err := os.WriteFile(none, []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: unlabelled}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = s.controller(t, "--configmaps="+none)
	c.once(t)
	c.planWantsNothing(t)
	after := s.observe(t)
	if foreign := after.foreign().bytes(t); foreign != before {
		t.Errorf("what is foreign is not as before:\n%s", difference(before, foreign))
	}
	if len(after.NATGateways) != 0 {
		t.Errorf("gateways are left: %s", after.text())
	}
	if len(after.Addresses) != 2+len(allZones) {
		t.Errorf("an address is gone: %s", after.text())
	}
}

// foreign is the state without what carries our cluster's tag, and without routes to our gateways.
func (st state) foreign() state {
	ours := func(tags []types.Tag) bool { return tagMap(tags)["static-egress/cluster"] == clusterID }
	gateways := map[string]bool{}
	for _, n := range st.NATGateways {
		gateways[aws.ToString(n.NatGatewayId)] = ours(n.Tags)
	}
	st.Addresses = slices.DeleteFunc(st.Addresses, func(a types.Address) bool { return ours(a.Tags) })
	st.NATGateways = slices.DeleteFunc(st.NATGateways, func(n types.NatGateway) bool { return ours(n.Tags) })
	st.Subnets = slices.DeleteFunc(st.Subnets, func(s types.Subnet) bool { return ours(s.Tags) })
	st.RouteTables = slices.DeleteFunc(st.RouteTables, func(r types.RouteTable) bool { return ours(r.Tags) })
	st.Stacks = slices.DeleteFunc(st.Stacks, func(s stackState) bool { return ours(s.tags()) })
	for i, r := range st.RouteTables {
		st.RouteTables[i].Routes = slices.DeleteFunc(r.Routes, func(r types.Route) bool { return gateways[aws.ToString(r.NatGatewayId)] })
	}
	return st
}
