package inmemory_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

var slow = inmemory.Options{Pending: time.Minute, Deleting: 5 * time.Minute}

func (s *site) wantsState(id string, want types.NatGatewayState) {
	s.Helper()
	got := s.listed(id)
	if got == nil {
		if want != "" {
			s.Fatalf("%s is not listed, want %s", id, want)
		}
		return
	}
	if got.State != want {
		s.Fatalf("%s is %s, want %q", id, got.State, want)
	}
}

func TestGatewayLife(t *testing.T) {
	s := seed(t, slow)
	subnet, allocation, gateway := s.path()

	s.wantsState(gateway, types.NatGatewayStatePending)
	s.wants(s.route(s.tableA, "8.8.8.0/24", gateway), "")
	if got := s.listed(gateway).NatGatewayAddresses[0]; got.PublicIp != nil || *got.AllocationId != allocation {
		t.Errorf("a pending gateway shows %+v", got)
	}
	s.wants(s.release(allocation), "AuthFailure")
	s.wants(s.deleteSubnet(subnet), "DependencyViolation")

	s.clock.advance(time.Minute)
	s.wantsState(gateway, types.NatGatewayStateAvailable)
	if got := s.listed(gateway).NatGatewayAddresses[0]; got.PublicIp == nil {
		t.Error("an available gateway shows no address")
	}

	s.wants(s.deleteGateway(gateway), "")
	s.wantsState(gateway, types.NatGatewayStateDeleting)
	s.clock.advance(4 * time.Minute)
	s.wants(s.deleteGateway(gateway), "") // does not begin anew
	s.wants(s.release(allocation), "AuthFailure")
	s.wants(s.deleteSubnet(subnet), "DependencyViolation")
	s.wants(s.route(s.tableA, "9.9.9.0/24", gateway), "InvalidNatGatewayID.NotFound")
	if got := s.routeState(s.tableA, "8.8.8.0/24"); got != types.RouteStateBlackhole {
		t.Errorf("a route to a gateway that is being deleted is %s", got)
	}

	s.clock.advance(time.Minute)
	s.wantsState(gateway, types.NatGatewayStateDeleted)
	s.wants(s.deleteGateway(gateway), "") // changes nothing
	s.wants(s.release(allocation), "")
	s.wants(s.deleteSubnet(subnet), "")
	s.clock.advance(time.Hour - time.Second)
	s.wantsState(gateway, types.NatGatewayStateDeleted)
	s.clock.advance(time.Second)
	s.wantsState(gateway, "")
	s.wants(s.deleteGateway(gateway), "NatGatewayNotFound")
	if got := s.routeState(s.tableA, "8.8.8.0/24"); got != types.RouteStateBlackhole {
		t.Errorf("a route to a deleted gateway is %s", got)
	}
}

func TestCreateNatGatewayRefused(t *testing.T) {
	s := seed(t, inmemory.Options{})
	subnet, allocation := s.subnet(zoneA, "172.31.64.0/28"), s.allocate(zoneA)
	create := func(in *ec2.CreateNatGatewayInput) error {
		_, err := s.CreateNatGateway(t.Context(), in)
		return err
	}
	s.wants(create(s.natGatewayInput(zoneA, "subnet-0", allocation)), "InvalidSubnetID.NotFound")
	s.wants(create(s.natGatewayInput(zoneA, subnet, "eipalloc-0")), "InvalidElasticIpID.NotFound")
	private := s.natGatewayInput(zoneA, subnet, allocation)
	private.ConnectivityType = types.ConnectivityTypePrivate
	s.wants(create(private), "UnsupportedOperation")
	s.SetZoneState(zoneA, types.AvailabilityZoneStateConstrained)
	s.wants(create(s.natGatewayInput(zoneA, subnet, allocation)), "NotAvailableInZone")
	if n := len(s.Snapshot().NATGateways); n != 0 {
		t.Errorf("%d gateways were made", n)
	}
}

func TestGatewayFails(t *testing.T) {
	for _, test := range []struct {
		name    string
		options inmemory.Options
		prepare func(s *site, subnet, allocation string)
		want    string
		free    bool // whether the address can be released while the failed gateway stands
	}{
		{name: "no internet gateway", want: "Gateway.NotAttached", prepare: func(s *site, _, _ string) { s.DetachInternetGateway(s.igw) }},
		{name: "address of somebody's interface", want: "Resource.AlreadyAssociated", free: true, prepare: func(s *site, subnet, allocation string) {
			s.AssociateAddress(allocation, s.AddInterface(subnet))
		}},
		{name: "no room", want: "InsufficientFreeAddressesInSubnet", prepare: func(s *site, subnet, _ string) {
			for range 11 {
				s.AddInterface(subnet)
			}
		}},
		{name: "as told", want: "InternalError", options: inmemory.Options{Fail: func(c inmemory.Creation) string {
			return map[bool]string{true: "InternalError"}[c.Zone == zoneA && c.Attempt == 1]
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Pending, test.options.Deleting = time.Minute, time.Minute
			s := seed(t, test.options)
			subnet, allocation := s.subnet(zoneA, "172.31.64.0/28"), s.allocate(zoneA)
			if test.prepare != nil {
				test.prepare(s, subnet, allocation)
			}
			gateway := s.gateway(zoneA, subnet, allocation)
			s.wantsState(gateway, types.NatGatewayStatePending)
			s.wants(s.route(s.tableA, "8.8.8.0/24", gateway), "")

			s.clock.advance(time.Minute)
			got := s.listed(gateway)
			if got.State != types.NatGatewayStateFailed || aws.ToString(got.FailureCode) != test.want || aws.ToString(got.FailureMessage) == "" {
				t.Fatalf("got %s %s, want failed %s", got.State, aws.ToString(got.FailureCode), test.want)
			}
			if state := s.routeState(s.tableA, "8.8.8.0/24"); state != types.RouteStateBlackhole {
				t.Errorf("a route to a failed gateway is %s", state)
			}
			s.wants(s.route(s.tableA, "9.9.9.0/24", gateway), "InvalidNatGatewayID.NotFound")
			if err := s.release(allocation); (err == nil) != test.free {
				t.Errorf("release of its address: %v", err)
			}
			s.wants(s.deleteGateway(gateway), "")
			s.wantsState(gateway, types.NatGatewayStateDeleted)
			s.wants(s.deleteGateway(gateway), "")
		})
	}
}

func TestSecondGatewayForAnAddress(t *testing.T) {
	s := seed(t, inmemory.Options{Pending: time.Minute})
	subnet, allocation, first := s.path()
	second := s.gateway(zoneA, subnet, allocation)
	s.clock.advance(time.Minute)
	s.wantsState(first, types.NatGatewayStateAvailable)
	s.wantsState(second, types.NatGatewayStateFailed)
	s.wants(s.deleteGateway(second), "")
	if got := s.Snapshot().Addresses[0].Gateway; got != first {
		t.Errorf("the address is with %q, want %s", got, first)
	}
}

func TestFailedGatewayIsDeletedByItself(t *testing.T) {
	s := seed(t, inmemory.Options{Fail: func(inmemory.Creation) string { return "InternalError" }})
	_, allocation, gateway := s.path()
	s.wantsState(gateway, types.NatGatewayStateFailed)
	s.clock.advance(time.Hour)
	s.wantsState(gateway, types.NatGatewayStateDeleted)
	s.wants(s.release(allocation), "")
	s.clock.advance(time.Hour)
	s.wantsState(gateway, "")
}

func TestFailGateway(t *testing.T) {
	s := seed(t, slow)
	_, _, gateway := s.path()
	s.FailGateway(gateway, "InternalError")
	s.wantsState(gateway, types.NatGatewayStateFailed)
}

func TestNATGatewayQuota(t *testing.T) {
	o := slow
	o.Quotas = inmemory.Quotas{NATGatewaysPerZone: 1}
	s := seed(t, o)
	subnet, allocation, gateway := s.path()
	create := func() error {
		_, err := s.CreateNatGateway(t.Context(), s.natGatewayInput(zoneA, subnet, allocation))
		return err
	}
	s.wants(create(), "NatGatewayLimitExceeded")
	s.wants(s.deleteGateway(gateway), "")
	s.wants(create(), "NatGatewayLimitExceeded")
	s.gateway(zoneB, s.subnet(zoneB, "172.31.64.16/28"), s.allocate(zoneB))
	s.clock.advance(5 * time.Minute)
	s.wants(create(), "")
}
