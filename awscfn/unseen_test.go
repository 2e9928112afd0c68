package awscfn_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// Somebody takes our tags off a zone's gateway and subnet, so that nothing of the zone is ours any more. What works stays:
// nobody has asked for its end (rules 3 and 4).
func TestStrippedPathStays(t *testing.T) {
	built(t, func(w *world) {
		gateway := w.gateway(zoneA)
		ours := []string{awsec2.TagCluster, awsec2.TagController, awsec2.TagRole}
		w.ec2.RemoveTags(gateway, ours...)
		for _, n := range w.ec2.Snapshot().Subnets {
			if n.Tags[awsec2.TagZone] == string(zoneA) {
				w.ec2.RemoveTags(n.ID, ours...)
			}
		}
		w.ec2.Settle()
		w.values["more"] = "9.9.9.9"
		w.run(time.Hour)
		for _, g := range w.ec2.Snapshot().NATGateways {
			if g.ID == gateway && g.State != "available" {
				t.Errorf("the gateway that worked is %s", g.State)
			}
		}
	})
}

// hiding is an EC2 whose list of route tables leaves one out.
type hiding struct {
	*inmemory.EC2
	w *world
}

func (h hiding) DescribeRouteTables(ctx context.Context, in *ec2.DescribeRouteTablesInput, o ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error) {
	out, err := h.EC2.DescribeRouteTables(ctx, in, o...)
	if err == nil {
		out.RouteTables = slices.DeleteFunc(out.RouteTables, func(t ec2types.RouteTable) bool { return aws.ToString(t.RouteTableId) == h.w.hidden })
	}
	return out, err
}

// A route table that a list leaves out is not gone, and its routes are still wanted (rule 9).
func TestRoutesOfATableThatIsNotListedStay(t *testing.T) {
	built(t, func(w *world) {
		w.hidden = w.table(zoneA)
		w.values["more"] = "9.9.9.9"
		w.run(2 * time.Minute)
		w.hidden = ""
		if routes := strings.Join(w.routes(), ", "); !strings.Contains(routes, "a 8.8.8.8/32 -> a active") {
			t.Errorf("the route is gone: %s", routes)
		}
		w.converge()
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")

		delete(w.values, "dns") // what the stack has learnt to retain is deleted all the same when nobody wants it
		w.run(5 * time.Minute)
		w.converge()
		w.wantRoutes("a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
	})
}

// While a roll-back is stuck, what the operation made can still be taken back: its address is not told.
func TestAddressIsNotToldWhileARollBackIsStuck(t *testing.T) {
	in(t, 1, func(w *world) {
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.run(time.Minute)
		w.cfn.SetStackStatus(stackName, types.StackStatusUpdateRollbackFailed)
		if r := w.loop.Plan(w.t.Context()); len(w.addresses()) != 1 || r.Zones[0].PublicIP.IsValid() {
			t.Errorf("of the addresses %v, %s is told", w.addresses(), r.Zones[0].PublicIP)
		}
	})
}
