package inmemory_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func (s *site) replace(table, cidr, gateway string) error {
	_, err := s.ReplaceRoute(s.Context(), &ec2.ReplaceRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, NatGatewayId: &gateway})
	return err
}

func (s *site) deleteRoute(table, cidr string) error {
	_, err := s.DeleteRoute(s.Context(), &ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr})
	return err
}

func TestCreateRoute(t *testing.T) {
	for _, test := range []struct{ name, cidr, target, want string }{
		{name: "plain", cidr: "8.8.8.0/24"},
		{name: "not canonical", cidr: "8.8.8.8/24"},
		{name: "there already", cidr: "9.9.9.0/24", want: "RouteAlreadyExists"},
		{name: "there already, not canonical", cidr: "9.9.9.9/24", want: "RouteAlreadyExists"},
		{name: "beside a propagated one", cidr: "7.7.7.0/24"},
		{name: "local", cidr: "172.31.0.0/16", want: "RouteAlreadyExists"},
		{name: "around local", cidr: "172.16.0.0/12"},
		{name: "inside local", cidr: "172.31.1.0/24", want: "InvalidParameterValue"},
		{name: "a whole subnet", cidr: "172.31.0.0/22"},
		{name: "services", cidr: "169.254.168.0/22", want: "InvalidParameterValue"},
		{name: "inside services", cidr: "169.254.169.254/32", want: "InvalidParameterValue"},
		{name: "around services", cidr: "169.254.0.0/16"},
		{name: "no CIDR", cidr: "8.8.8.8", want: "InvalidParameterValue"},
		{name: "IPv6", cidr: "2001:db8::/32", want: "InvalidParameterValue"},
		{name: "no gateway", cidr: "8.8.8.0/24", target: "nat-0", want: "InvalidNatGatewayID.NotFound"},
		{name: "no such field for it", cidr: "8.8.8.0/24", target: "igw-0", want: "InvalidNatGatewayID.NotFound"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := seed(t, inmemory.Options{})
			_, _, gateway := s.path()
			s.wants(s.route(s.tableA, "9.9.9.0/24", gateway), "")
			s.AddRoute(s.tableA, inmemory.Route{Destination: prefix("7.7.7.0/24"), Target: "vgw-1", Origin: types.RouteOriginEnableVgwRoutePropagation})
			before := s.Dump()
			if test.target == "" {
				test.target = gateway
			}
			err := s.route(s.tableA, test.cidr, test.target)
			s.wants(err, test.want)
			if err != nil && s.Dump() != before {
				t.Errorf("a refused call changed something:\n%s\n%s", before, s.Dump())
			}
		})
	}
}

func TestRouteTargets(t *testing.T) {
	s := seed(t, inmemory.Options{})
	_, _, gateway := s.path()
	table, cidr, none := s.newTable(), "0.0.0.0/0", "igw-0"
	create := func(internet, nat *string) error {
		_, err := s.CreateRoute(t.Context(), &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, GatewayId: internet, NatGatewayId: nat})
		return err
	}
	s.wants(create(nil, nil), "MissingParameter")
	s.wants(create(&s.igw, &gateway), "InvalidParameterCombination")
	s.wants(create(&none, nil), "InvalidGatewayID.NotFound")
	s.wants(create(&gateway, nil), "InvalidGatewayID.NotFound")
	s.DetachInternetGateway(s.igw)
	s.wants(create(&s.igw, nil), "InvalidParameterValue")
	s.ReattachInternetGateway(s.igw, s.vpc)
	s.wants(create(&s.igw, nil), "")

	other := s.AddRouteTable(s.CreateVPC(false, "10.0.0.0/16"), nil)
	s.wants(s.route(other, "8.8.8.0/24", gateway), "InvalidParameterValue")

	s.DetachInternetGateway(s.igw)
	if got := s.routeState(table, cidr); got != types.RouteStateBlackhole {
		t.Errorf("a route to a detached internet gateway is %s", got)
	}
}

func TestReplaceAndDeleteRoute(t *testing.T) {
	s := seed(t, inmemory.Options{})
	_, _, gateway := s.path()
	s.AddRoute(s.tableA, inmemory.Route{Destination: prefix("8.8.8.0/24"), Target: "eni-1", State: types.RouteStateBlackhole})
	s.AddRoute(s.tableA, inmemory.Route{Destination: prefix("7.7.7.0/24"), Target: "vgw-1", Origin: types.RouteOriginEnableVgwRoutePropagation})

	s.wants(s.replace(s.tableA, "8.8.8.8/24", gateway), "InvalidParameterValue")
	s.wants(s.replace(s.tableA, "9.9.9.0/24", gateway), "InvalidParameterValue")
	s.wants(s.replace(s.tableA, "7.7.7.0/24", gateway), "InvalidParameterValue")
	s.wants(s.replace(s.tableA, "8.8.8.0/24", "nat-0"), "InvalidNatGatewayID.NotFound")
	s.wants(s.replace(s.tableA, "8.8.8.0/24", gateway), "")
	if got := s.routeState(s.tableA, "8.8.8.0/24"); got != types.RouteStateActive {
		t.Errorf("the replaced route is %s", got)
	}
	s.wants(s.deleteRoute(s.tableA, "8.8.8.8/24"), "InvalidRoute.NotFound")
	s.wants(s.deleteRoute(s.tableA, "7.7.7.0/24"), "InvalidRoute.NotFound")
	s.wants(s.deleteRoute(s.tableA, "172.31.0.0/16"), "InvalidParameterValue")
	s.wants(s.deleteRoute(s.tableA, "8.8.8.0/24"), "")
	s.wants(s.deleteRoute(s.tableA, "8.8.8.0/24"), "InvalidRoute.NotFound")
	s.wants(s.deleteRoute("rtb-0", "8.8.8.0/24"), "InvalidRouteTableID.NotFound")
}

func TestRoutesPerTable(t *testing.T) {
	s := seed(t, inmemory.Options{Quotas: inmemory.Quotas{RoutesPerTable: 8}})
	_, _, gateway := s.path()
	list := s.AddPrefixList("partners", 3, prefix("6.6.6.0/24"))
	s.AddRoute(s.tableA, inmemory.Route{PrefixList: list, Target: "pcx-1"})
	s.AddRoute(s.tableA, inmemory.Route{Destination: prefix("7.7.7.0/24"), Target: "vgw-1", Origin: types.RouteOriginEnableVgwRoutePropagation})
	s.AddRoute(s.tableA, inmemory.Route{Destination: prefix("::/0"), Target: "eigw-1"})
	for i := range 3 { // local, default, and 3 of the list are there
		s.wants(s.route(s.tableA, fmt.Sprintf("8.8.%d.0/24", i), gateway), "")
	}
	s.wants(s.route(s.tableA, "8.8.3.0/24", gateway), "RouteLimitExceeded")
	s.wants(s.replace(s.tableA, "8.8.2.0/24", gateway), "")
	s.wants(s.deleteRoute(s.tableA, "8.8.2.0/24"), "")
	s.wants(s.route(s.tableA, "8.8.3.0/24", gateway), "")
}
