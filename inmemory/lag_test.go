package inmemory_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func (s *site) countSubnets() int {
	s.Helper()
	out, err := s.DescribeSubnets(s.Context(), &ec2.DescribeSubnetsInput{})
	return len(need(s, out, err).Subnets)
}

func TestListsLag(t *testing.T) {
	s := seed(t, inmemory.Options{Lag: 10 * time.Second})
	if got := s.countSubnets(); got != 2 {
		t.Fatalf("the seed lags: %d subnets", got)
	}
	s.clock.advance(time.Minute)
	subnet := s.subnet(zoneA, "172.31.64.0/28")
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 2}, {9 * time.Second, 2}, {time.Second, 3}} {
		if s.clock.advance(step.after); s.countSubnets() != step.want {
			t.Fatalf("%d subnets, want %d", s.countSubnets(), step.want)
		}
	}
	s.wants(s.deleteSubnet(subnet), "")
	s.clock.advance(9 * time.Second)
	if got := s.countSubnets(); got != 3 {
		t.Errorf("a deleted subnet is gone too early: %d", got)
	}
	s.clock.advance(time.Second)
	if got := s.countSubnets(); got != 2 {
		t.Errorf("a deleted subnet is there too late: %d", got)
	}
}

func TestStatesAndRoutesLag(t *testing.T) {
	s := seed(t, inmemory.Options{Pending: time.Minute, Lag: 10 * time.Second})
	s.clock.advance(time.Minute)
	_, _, first := s.path()
	s.wantsState(first, "")
	second := s.gateway(zoneA, s.subnet(zoneA, "172.31.64.16/28"), s.allocate(zoneA))
	s.clock.advance(time.Minute)
	s.wantsState(first, types.NatGatewayStatePending) // it is available, but not in the list
	s.clock.advance(10 * time.Second)
	s.wantsState(first, types.NatGatewayStateAvailable)

	s.wants(s.route(s.tableA, "8.8.8.0/24", first), "")
	s.clock.advance(time.Minute)
	s.wants(s.replace(s.tableA, "8.8.8.0/24", second), "")
	byTarget := func(id string) int {
		out, err := s.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{Filters: []types.Filter{filter("route.nat-gateway-id", id)}})
		return len(need(s, out, err).RouteTables)
	}
	if byTarget(first) != 1 || byTarget(second) != 0 {
		t.Error("a replaced route does not lag")
	}
	s.Settle()
	if byTarget(first) != 0 || byTarget(second) != 1 {
		t.Error("Settle left something behind")
	}
}

// One list can be older than the one before it.
func TestLagOf(t *testing.T) {
	s := seed(t, inmemory.Options{Lag: time.Minute, LagOf: func(c inmemory.Call) time.Duration {
		return time.Duration(c.Attempt%2) * time.Hour // at most Lag
	}})
	s.subnet(zoneA, "172.31.64.0/28")
	s.clock.advance(time.Second)
	if a, b, c := s.countSubnets(), s.countSubnets(), s.countSubnets(); a != 2 || b != 3 || c != 2 {
		t.Errorf("got %d, %d, %d", a, b, c)
	}
}

func TestReferencesLag(t *testing.T) {
	s := seed(t, inmemory.Options{ReferenceLag: 5 * time.Second})
	allocation, subnet := s.allocate(zoneA), s.subnet(zoneA, "172.31.64.0/28")
	create := func() error {
		_, err := s.CreateNatGateway(t.Context(), s.natGatewayInput(zoneA, subnet, allocation))
		return err
	}
	s.wants(create(), "InvalidSubnetID.NotFound")
	s.clock.advance(5 * time.Second)
	s.wants(create(), "")
	gateway := s.Snapshot().NATGateways[0].ID
	s.wants(s.route(s.tableA, "8.8.8.0/24", gateway), "InvalidNatGatewayID.NotFound")
	s.Settle()
	s.wants(s.route(s.tableA, "8.8.8.0/24", gateway), "")
}
