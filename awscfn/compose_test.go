package awscfn

import (
	"net/netip"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// A template that refers to what is not in it would be a panic when it is written, and CloudFormation refuses it whole: what
// is held stays as it was, and what is new waits.
func TestNothingRefersToWhatIsNotThere(t *testing.T) {
	key := func(prefix string) reconcile.Key { return reconcile.RouteKey("rtb-1", netip.MustParsePrefix(prefix)) }
	held, fresh := logicalID(key("8.8.8.8/32"), 1), logicalID(key("9.9.9.9/32"), 1)
	was := Resource{Properties: &Route{RouteTableID: text("rtb-1"), DestinationCIDRBlock: "8.8.8.8/32", NatGatewayID: text("nat-1")}}
	missing := ref(logicalID(reconcile.Key{Kind: reconcile.NATGateway, Zone: "eu-central-1a"}, 1))
	c := composition{
		stack: stack{template: Template{Resources: map[string]Resource{held: was}}},
		out: Template{Resources: map[string]Resource{
			held:  {Properties: &Route{RouteTableID: text("rtb-1"), DestinationCIDRBlock: "8.8.8.8/32", NatGatewayID: missing}},
			fresh: {Properties: &Route{RouteTableID: text("rtb-1"), DestinationCIDRBlock: "9.9.9.9/32", NatGatewayID: missing}},
		}},
	}
	c.mendReferences()
	if r, ok := c.out.Resources[held]; !ok || r.Properties != was.Properties {
		t.Errorf("what is held is %v, and should be as it was", r.Properties)
	}
	if r, ok := c.out.Resources[fresh]; ok {
		t.Errorf("what is new refers to nothing: %v", r.Properties)
	}
}
