package inmemory_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	zoneA  = "eu-central-1a"
	zoneB  = "eu-central-1b"
	tagKey = "AvailabilityZone"
)

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is a seeded EC2, with the ids that tests need.
type site struct {
	*inmemory.EC2
	*testing.T
	clock        *clock
	vpc, igw     string
	tableA       string
	workersA     string
	mainTable    string
	mainAssoc    string
	workersAssoc string
}

func seed(t *testing.T, o inmemory.Options) *site {
	t.Helper()
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o.Now = c.Now
	s := &site{EC2: inmemory.Seed(o, tagKey, []string{zoneA, zoneB}), T: t, clock: c}
	all := s.Snapshot()
	s.vpc, s.igw = all.VPCs[0].ID, all.InternetGateways[0].ID
	for _, n := range all.Subnets {
		if n.Zone == zoneA {
			s.workersA = n.ID
		}
	}
	for _, table := range all.RouteTables {
		switch {
		case table.Tags[tagKey] == zoneA:
			s.tableA, s.workersAssoc = table.ID, table.Associations[0].ID
		case table.Associations[0].Main:
			s.mainTable, s.mainAssoc = table.ID, table.Associations[0].ID
		}
	}
	return s
}

// wants fails the test unless the error has the code; "" is for no error.
func (s *site) wants(err error, code string) {
	s.Helper()
	if got := codeOf(err); got != code {
		s.Fatalf("got %q (%v), want %q", got, err, code)
	}
}

func codeOf(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

func need[T any](s *site, out T, err error) T {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func tagged(kind types.ResourceType, keysAndValues ...string) []types.TagSpecification {
	specification := types.TagSpecification{ResourceType: kind}
	for i := 0; i < len(keysAndValues); i += 2 {
		specification.Tags = append(specification.Tags, types.Tag{Key: &keysAndValues[i], Value: &keysAndValues[i+1]})
	}
	return []types.TagSpecification{specification}
}

func zoneTags(kind types.ResourceType, zone string) []types.TagSpecification {
	return tagged(kind, "static-egress/zone", zone)
}

func (s *site) allocate(zone string) string {
	s.Helper()
	out, err := s.AllocateAddress(s.Context(), &ec2.AllocateAddressInput{TagSpecifications: zoneTags(types.ResourceTypeElasticIp, zone)})
	return *need(s, out, err).AllocationId
}

func (s *site) subnet(zone, cidr string) string {
	s.Helper()
	out, err := s.CreateSubnet(s.Context(), &ec2.CreateSubnetInput{VpcId: &s.vpc, AvailabilityZone: &zone, CidrBlock: &cidr})
	return *need(s, out, err).Subnet.SubnetId
}

func (s *site) natGatewayInput(zone, subnet, allocation string) *ec2.CreateNatGatewayInput {
	return &ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &allocation, TagSpecifications: zoneTags(types.ResourceTypeNatgateway, zone)}
}

func (s *site) gateway(zone, subnet, allocation string) string {
	s.Helper()
	out, err := s.CreateNatGateway(s.Context(), s.natGatewayInput(zone, subnet, allocation))
	return *need(s, out, err).NatGateway.NatGatewayId
}

// path makes a subnet, an address and a gateway in zone A.
func (s *site) path() (subnet, allocation, gateway string) {
	s.Helper()
	subnet, allocation = s.subnet(zoneA, "172.31.64.0/28"), s.allocate(zoneA)
	return subnet, allocation, s.gateway(zoneA, subnet, allocation)
}

func (s *site) deleteGateway(id string) error {
	_, err := s.DeleteNatGateway(s.Context(), &ec2.DeleteNatGatewayInput{NatGatewayId: &id})
	return err
}

func (s *site) release(id string) error {
	_, err := s.ReleaseAddress(s.Context(), &ec2.ReleaseAddressInput{AllocationId: &id})
	return err
}

func (s *site) deleteSubnet(id string) error {
	_, err := s.DeleteSubnet(s.Context(), &ec2.DeleteSubnetInput{SubnetId: &id})
	return err
}

func (s *site) route(table, cidr, gateway string) error {
	_, err := s.CreateRoute(s.Context(), &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, NatGatewayId: &gateway})
	return err
}

func (s *site) associate(table, subnet string) error {
	_, err := s.AssociateRouteTable(s.Context(), &ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &subnet})
	return err
}

// listed is the gateway as DescribeNatGateways lists it; nil if it does not.
func (s *site) listed(id string) *types.NatGateway {
	s.Helper()
	out, err := s.DescribeNatGateways(s.Context(), &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{filter("nat-gateway-id", id)}})
	for _, g := range need(s, out, err).NatGateways {
		return &g
	}
	return nil
}

// routeState is the state of a route as DescribeRouteTables lists it; "" if it does not.
func (s *site) routeState(table, cidr string) types.RouteState {
	s.Helper()
	out, err := s.DescribeRouteTables(s.Context(), &ec2.DescribeRouteTablesInput{RouteTableIds: []string{table}})
	for _, r := range need(s, out, err).RouteTables[0].Routes {
		if aws.ToString(r.DestinationCidrBlock) == cidr {
			return r.State
		}
	}
	return ""
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func onlyBefore(operation string, err error) inmemory.Hook {
	return func(_ context.Context, c inmemory.Call, p inmemory.Phase) error {
		if c.Operation == operation && p == inmemory.Before {
			return err
		}
		return nil
	}
}
