package awsec2

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// TestEveryStateIsDecidedAbout walks the states that the SDK knows: one that it adds is Pending until it is decided about.
func TestEveryStateIsDecidedAbout(t *testing.T) {
	gateways := map[types.NatGatewayState]reconcile.Status{
		"pending": reconcile.Pending, "available": reconcile.Active, "failed": reconcile.Failed,
		"deleting": reconcile.Deleting, "deleted": reconcile.Deleted,
	}
	for _, state := range types.NatGatewayStatePending.Values() {
		want, known := gateways[state]
		if got := gatewayStatus(state); !known || got != want {
			t.Errorf("gateway %s: %s", state, got)
		}
	}
	strange := types.NatGateway{State: "resting"}
	if gatewayStatus(strange.State) != reconcile.Pending || !alive(strange.State) || gatewayCode(strange) != "unknown state resting" {
		t.Error("a gateway in an unknown state is waited for, has its address, and says so")
	}
	subnets := map[types.SubnetState]reconcile.Status{
		"pending": reconcile.Pending, "available": reconcile.Active, "unavailable": reconcile.Pending,
		"failed": reconcile.Failed, "failed-insufficient-capacity": reconcile.Failed,
	}
	for _, state := range types.SubnetStatePending.Values() {
		want, known := subnets[state]
		if got := subnetStatus(state); !known || got != want {
			t.Errorf("subnet %s: %s", state, got)
		}
	}
	routes := map[types.RouteState]reconcile.Status{
		"active": reconcile.Active, "blackhole": reconcile.Blackhole, "filtered": reconcile.Pending,
	}
	for _, state := range types.RouteStateActive.Values() {
		want, known := routes[state]
		if got := routeStatus(state); !known || got != want {
			t.Errorf("route %s: %s", state, got)
		}
	}
	associations := map[types.RouteTableAssociationStateCode]struct {
		there  bool
		status reconcile.Status
	}{
		"associating": {true, reconcile.Pending}, "associated": {true, reconcile.Active}, "disassociating": {true, reconcile.Deleting},
		"disassociated": {false, reconcile.Pending}, "failed": {false, reconcile.Pending},
	}
	for _, state := range types.RouteTableAssociationStateCodeAssociated.Values() {
		a := types.RouteTableAssociation{SubnetId: aws.String("subnet-1"), AssociationState: &types.RouteTableAssociationState{State: state}}
		want, known := associations[state]
		if there, status := ofSubnet(a), associationStatus(a); !known || there != want.there || status != want.status {
			t.Errorf("association %s: there: %t, %s", state, there, status)
		}
	}
}

// TestEveryTargetIsKnown walks the fields of the SDK's route: one that it adds is looked at.
func TestEveryTargetIsKnown(t *testing.T) {
	kind := reflect.TypeFor[types.Route]()
	for i := range kind.NumField() {
		f := kind.Field(i)
		if f.Type != reflect.TypeFor[*string]() || strings.HasPrefix(f.Name, "Destination") || f.Name == "InstanceOwnerId" {
			continue
		}
		var r types.Route
		reflect.ValueOf(&r).Elem().Field(i).Set(reflect.ValueOf(aws.String("x")))
		if target(r) != "x" {
			t.Errorf("a route by %s leads to %s", f.Name, target(r))
		}
	}
	if got := target(types.Route{}); got != "unknown" {
		t.Errorf("got %q", got)
	}
}

// TestGatewaysThatAreNotLikeOurs: our tags on a gateway of another sort do not make it ours.
func TestGatewaysThatAreNotLikeOurs(t *testing.T) {
	c := Config{Cluster: "c", Controller: "k"}.withDefaults()
	own := c.tagsFor(RoleNATGateway, "eu-central-1a").list()
	address := []types.NatGatewayAddress{{AllocationId: aws.String("eipalloc-2")}, {AllocationId: aws.String("eipalloc-1"), IsPrimary: aws.Bool(true)}}
	for _, x := range []struct {
		name string
		g    types.NatGateway
		want reconcile.Holder
	}{
		{"public", types.NatGateway{State: "available", NatGatewayAddresses: address}, reconcile.Ours},
		{"private", types.NatGateway{State: "available", ConnectivityType: "private"}, reconcile.Foreign},
		{"regional", types.NatGateway{State: "available", AvailabilityMode: "regional", NatGatewayAddresses: address}, reconcile.Foreign},
		{"without an address", types.NatGateway{State: "available"}, reconcile.Foreign},
		{"without an address yet", types.NatGateway{State: "pending"}, reconcile.Ours},
		{"without an address any longer", types.NatGateway{State: "deleting"}, reconcile.Ours},
	} {
		x.g.Tags = own
		f := sight{config: c, listing: &listing{}}.gatewayFound(x.g)
		if f.Holder != x.want {
			t.Errorf("%s: held by %d, want %d", x.name, f.Holder, x.want)
		}
		if x.g.NatGatewayAddresses != nil && f.Spec.Address.ID != "eipalloc-1" {
			t.Errorf("%s: its primary address is %s", x.name, f.Spec.Address)
		}
	}
}
