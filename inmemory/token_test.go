package inmemory_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestClientTokenOfNatGateway(t *testing.T) {
	s := seed(t, inmemory.Options{Fail: func(inmemory.Creation) string { return "InternalError" }})
	subnet, allocation := s.subnet(zoneA, "172.31.64.0/28"), s.allocate(zoneA)
	create := func(token, zone string) (*ec2.CreateNatGatewayOutput, error) {
		in := s.natGatewayInput(zone, subnet, allocation)
		in.ClientToken = &token
		return s.CreateNatGateway(t.Context(), in)
	}
	first, err := create("t1", zoneA)
	s.wants(err, "")
	id := *first.NatGateway.NatGatewayId
	for _, want := range []types.NatGatewayState{types.NatGatewayStateFailed, types.NatGatewayStateDeleted} {
		again, err := create("t1", zoneA)
		if s.wants(err, ""); *again.NatGateway.NatGatewayId != id || again.NatGateway.State != want {
			t.Errorf("got %s %s, want %s %s", *again.NatGateway.NatGatewayId, again.NatGateway.State, id, want)
		}
		if want == types.NatGatewayStateFailed {
			s.wants(s.deleteGateway(id), "")
		}
	}
	_, err = create("t1", zoneB)
	s.wants(err, "IdempotentParameterMismatch")
	other, err := create("t2", zoneA)
	if s.wants(err, ""); *other.NatGateway.NatGatewayId == id {
		t.Error("another token found the same gateway")
	}
	_, err = create(strings.Repeat("x", 65), zoneA)
	s.wants(err, "InvalidParameterValue")
	_, err = create("é", zoneA)
	s.wants(err, "InvalidParameterValue")
}

func TestClientTokenOfRouteTable(t *testing.T) {
	s := seed(t, inmemory.Options{})
	create := func(zone string) (*ec2.CreateRouteTableOutput, error) {
		token := "t"
		return s.CreateRouteTable(t.Context(), &ec2.CreateRouteTableInput{VpcId: &s.vpc, ClientToken: &token, TagSpecifications: zoneTags(types.ResourceTypeRouteTable, zone)})
	}
	first, err := create(zoneA)
	s.wants(err, "")
	again, err := create(zoneA)
	if s.wants(err, ""); *again.RouteTable.RouteTableId != *first.RouteTable.RouteTableId {
		t.Error("the same token made two tables")
	}
	_, err = create(zoneB)
	s.wants(err, "IdempotentParameterMismatch")
	s.wants(s.deleteTable(*first.RouteTable.RouteTableId), "")
	again, err = create(zoneA)
	if s.wants(err, ""); *again.RouteTable.RouteTableId != *first.RouteTable.RouteTableId {
		t.Error("a token was forgotten with its table")
	}
}

// A call that was refused is not remembered: the same token works later.
func TestTokenOfARefusedCall(t *testing.T) {
	s := seed(t, inmemory.Options{Quotas: inmemory.Quotas{RouteTables: 3}})
	token := "t"
	create := func() error {
		_, err := s.CreateRouteTable(t.Context(), &ec2.CreateRouteTableInput{VpcId: &s.vpc, ClientToken: &token})
		return err
	}
	s.wants(create(), "RouteTableLimitExceeded")
	s.wants(s.disassociate(s.workersAssoc), "")
	s.wants(s.deleteTable(s.tableA), "")
	s.wants(create(), "")
}
