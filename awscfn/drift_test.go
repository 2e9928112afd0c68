package awscfn_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// built is a world with two zones in which the example is routed, and some time has passed.
func built(t *testing.T, test func(*world)) {
	t.Helper()
	in(t, 2, func(w *world) {
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		w.run(10 * time.Minute)
		w.ec2.ResetCounts()
		w.cfn.ResetCounts()
		test(w)
	})
}

// table is the DMZ route table of a zone.
func (w *world) table(zone reconcile.Zone) string {
	for _, t := range w.ec2.Snapshot().RouteTables {
		if t.Tags["Name"] == "dmz-"+string(zone) {
			return t.ID
		}
	}
	w.t.Fatalf("no table in %s", zone)
	return ""
}

// gateway is the zone's one that is not gone.
func (w *world) gateway(zone reconcile.Zone) string {
	for _, g := range w.ec2.Snapshot().NATGateways {
		if g.Zone == string(zone) && g.Tags[awsec2.TagZone] != "" && (g.State == "available" || g.State == "pending") {
			return g.ID
		}
	}
	w.t.Fatalf("no gateway in %s", zone)
	return ""
}

// stackCalls are those that change something.
func (w *world) stackCalls() []string {
	var out []string
	for _, c := range w.cfn.Calls() {
		if !strings.HasPrefix(c.Operation, "Describe") && !strings.HasPrefix(c.Operation, "Get") && !strings.HasPrefix(c.Operation, "List") {
			out = append(out, c.Operation)
		}
	}
	return out
}

func must[Out any](t *testing.T) func(Out, error) Out {
	return func(out Out, err error) Out {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func TestRouteDeletedBehindTheStack(t *testing.T) {
	built(t, func(w *world) {
		must[*ec2.DeleteRouteOutput](t)(w.ec2.DeleteRoute(t.Context(), &ec2.DeleteRouteInput{
			RouteTableId: aws.String(w.table(zoneA)), DestinationCidrBlock: aws.String("8.8.8.8/32"),
		}))
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if calls := w.stackCalls(); len(calls) > 0 {
			t.Errorf("the stack was changed: %v; it has the route, so EC2 makes it again", calls)
		}
		delete(w.values, "dns") // and the stack can take it away again, since it is what the template says
		w.values["more"] = "9.9.9.9"
		w.converge()
		w.run(2 * time.Minute)
		w.wantRoutes("a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
	})
}

func TestRoutePointedAtAnotherGatewayOfOurs(t *testing.T) {
	built(t, func(w *world) {
		must[*ec2.ReplaceRouteOutput](t)(w.ec2.ReplaceRoute(t.Context(), &ec2.ReplaceRouteInput{
			RouteTableId: aws.String(w.table(zoneA)), DestinationCidrBlock: aws.String("8.8.8.8/32"), NatGatewayId: aws.String(w.gateway(zoneB)),
		}))
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if calls := w.stackCalls(); len(calls) > 0 {
			t.Errorf("the stack was changed: %v", calls)
		}
	})
}

// What was pointed at somebody else's has become theirs (rule 3), and the stack must not take it back either.
func TestRoutePointedElsewhere(t *testing.T) {
	built(t, func(w *world) {
		w.ec2.RemoveRoute(w.table(zoneA), netip.MustParsePrefix("8.8.8.8/32"))
		w.ec2.AddRoute(w.table(zoneA), inmemory.Route{Destination: netip.MustParsePrefix("8.8.8.8/32"), Target: "tgw-0a"})
		w.ec2.Settle()
		w.values["more"] = "9.9.9.9"
		w.converge()
		w.wantRoutes("b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
	})
}

// A stack makes nothing again that it believes in, unless it has another logical id; the address stays the same.
func TestGatewayDeletedBehindTheStack(t *testing.T) {
	built(t, func(w *world) {
		before := w.addresses()
		must[*ec2.DeleteNatGatewayOutput](t)(w.ec2.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(w.gateway(zoneA))}))
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
		must[*ec2.DeleteNatGatewayOutput](t)(w.ec2.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(w.gateway(zoneA))}))
		w.converge() // and again
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if dump := w.cfn.Dump(); !strings.Contains(dump, "NatGatewayeuXcentralX1aG3") || strings.Contains(dump, "NatGatewayeuXcentralX1bG") {
			t.Errorf("another generation is expected in a, and none in b:\n%s", dump)
		}
	})
}

// A gateway that was lost and cannot be made again is put aside as one that never was, and what is made of it in the end
// says whose it is (rule 1).
func TestLostGatewayThatCannotBeMade(t *testing.T) {
	built(t, func(w *world) {
		must[*ec2.DeleteNatGatewayOutput](t)(w.ec2.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(w.gateway(zoneA))}))
		w.failing(func(c inmemory.Call) bool { return c.Operation == "CreateNatGateway" })
		w.run(20 * time.Minute)
		tries := 0
		for _, c := range w.stackCalls() {
			if c == "ExecuteChangeSet" {
				tries++
			}
		}
		if tries < 2 || tries > 5 {
			t.Errorf("it was tried %d times in 20 minutes", tries)
		}
		w.ec2.SetHook(nil)
		w.run(time.Hour)
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		for _, g := range w.ec2.Snapshot().NATGateways {
			if g.Tags[awsec2.TagZone] == "" || g.Tags[awsec2.TagRole] == "" {
				t.Errorf("%s does not say whose it is: %v", g.ID, g.Tags)
			}
		}
	})
}

// A gateway with an address that was brought is made again with that one, though the stack has made another for its zone
// (rule 7).
func TestBroughtAddressIsUsedAgain(t *testing.T) {
	built(t, func(w *world) {
		first := w.gateway(zoneA)
		brought := w.ec2.Allocate(inmemory.Tags{"Name": "brought"})
		w.ec2.Settle()
		w.config.Zones[0].Allocation = brought
		w.config.AllowDisruption = []string{string(zoneA)}
		w.start()
		w.converge()
		for range 2 {
			must[*ec2.DeleteNatGatewayOutput](t)(w.ec2.DeleteNatGateway(t.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(w.gateway(zoneA))}))
			w.converge()
		}
		for _, g := range w.ec2.Snapshot().NATGateways {
			if g.ID != first && g.Zone == string(zoneA) && g.Allocation != brought {
				t.Errorf("the gateway %s was made with %s, and %s was brought", g.ID, g.Allocation, brought)
			}
		}
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
	})
}

// A gateway that works and lost our tags is not ours to take away, and the stack would do that to make another one.
func TestGatewayThatLostItsTagsAndItsAddress(t *testing.T) {
	built(t, func(w *world) {
		g := w.gateway(zoneA)
		w.ec2.RemoveTags(g, awsec2.TagCluster, awsec2.TagController, awsec2.TagRole)
		for _, a := range w.ec2.Snapshot().Addresses {
			if a.Gateway == g {
				w.ec2.TakeAddress(a.ID)
			}
		}
		w.config.AllowDisruption = []string{string(zoneA)}
		w.start()
		w.run(time.Hour)
		if !strings.Contains(w.ec2.Dump(), "nat-gateway "+g+" available") {
			t.Errorf("the gateway is gone:\n%s", w.ec2.Dump())
		}
		if w.last.Err == nil || !strings.Contains(w.last.Err.Error(), "lost our tags") {
			t.Errorf("it is not said: %v", w.last.Err)
		}
	})
}

// Other tags go out with the next change: one of all parts, and of no route, whatever CloudFormation says that it may come to.
func TestOtherTags(t *testing.T) {
	built(t, func(w *world) {
		gateway, before := w.gateway(zoneA), w.addresses()
		w.cloud.Tags = map[string]string{"team": "network"}
		w.values["more"] = "9.9.9.9"
		w.start()
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
		if after := w.addresses(); w.gateway(zoneA) != gateway || !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v, and the gateway %s is %s", before, after, gateway, w.gateway(zoneA))
		}
		if n := strings.Count(w.ec2.Dump(), "team=network"); n != 2*4 {
			t.Errorf("%d things have the tags", n)
		}
	})
}

// Rule 9: what the stack says that it made counts as there while EC2's lists lag behind. Nothing is made twice.
func TestListsThatLagBehindTheStack(t *testing.T) {
	in(t, 2, func(w *world) {
		w.lag = 2 * time.Minute // longer than it takes to make a gateway, and the stack is done before it is listed
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.run(10 * time.Minute)
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active")
		if dump := w.cfn.Dump(); strings.Contains(dump, "G2") {
			t.Errorf("something was made twice:\n%s", dump)
		}
		if failed := w.cfn.Events(stackName); strings.Contains(failed, "FAILED") {
			t.Errorf("something was tried twice:\n%s", failed)
		}
		if n := len(w.ec2.Snapshot().Addresses); n != 2 {
			t.Errorf("there are %d addresses", n)
		}
	})
}

func TestDefaultRouteDeletedBehindTheStack(t *testing.T) {
	built(t, func(w *world) {
		for _, table := range w.ec2.Snapshot().RouteTables {
			if table.Tags[awsec2.TagRole] == awsec2.RoleNATTable {
				must[*ec2.DeleteRouteOutput](t)(w.ec2.DeleteRoute(t.Context(), &ec2.DeleteRouteInput{
					RouteTableId: aws.String(table.ID), DestinationCidrBlock: aws.String("0.0.0.0/0"),
				}))
			}
		}
		w.converge()
		if calls := w.stackCalls(); len(calls) > 0 {
			t.Errorf("the stack was changed: %v", calls)
		}
	})
}

func TestAssociationTakenAway(t *testing.T) {
	built(t, func(w *world) {
		for _, table := range w.ec2.Snapshot().RouteTables {
			if table.Tags[awsec2.TagZone] == string(zoneA) {
				must[*ec2.DisassociateRouteTableOutput](t)(w.ec2.DisassociateRouteTable(t.Context(), &ec2.DisassociateRouteTableInput{
					AssociationId: aws.String(table.Associations[0].ID),
				}))
			}
		}
		w.converge()
		w.values = nil
		w.run(30 * time.Minute)
		w.converge()
		w.gone()
	})
}

// gone wants nothing of ours to be left but the addresses.
func (w *world) gone() {
	w.t.Helper()
	s := w.ec2.Snapshot()
	for _, n := range s.Subnets {
		if n.Tags[awsec2.TagCluster] != "" {
			w.t.Errorf("the subnet %s is still there", n.ID)
		}
	}
	for _, n := range s.RouteTables {
		if n.Tags[awsec2.TagCluster] != "" {
			w.t.Errorf("the route table %s is still there", n.ID)
		}
	}
	for _, g := range s.NATGateways {
		if g.State == "available" || g.State == "pending" {
			w.t.Errorf("the gateway %s is still there", g.ID)
		}
	}
	w.wantRoutes()
}
