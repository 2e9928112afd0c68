package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// routeText is routes, in the order of their texts, with where they lead as far as that can be said without an id.
func routeText(routes []types.Route) string {
	var list []string
	for _, r := range routes {
		kind, _, _ := strings.Cut(aws.ToString(r.GatewayId)+aws.ToString(r.NatGatewayId), "-")
		list = append(list, strings.Join([]string{aws.ToString(r.DestinationCidrBlock), kind, string(r.State), string(r.Origin)}, " "))
	}
	return sorted(list)
}

var routeFacts = []fact{
	{
		name:   "a route's CIDR is made canonical",
		source: "SDK, CreateRouteInput.DestinationCidrBlock",
		aws:    "ok, 192.112.0.0/21 active",
		see: func(s *site) string {
			table := s.table()
			return say(s.internetRoute(table, "192.112.1.0/21", s.InternetGateway), s.routes(table))
		},
	},
	{
		name:   "a table has one route to a CIDR, however that is written",
		source: errorCodes + ", RouteAlreadyExists; SDK, CreateRouteInput.DestinationCidrBlock",
		aws:    "RouteAlreadyExists, RouteAlreadyExists, RouteAlreadyExists",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.internetRoute(table, "192.112.0.0/21", s.InternetGateway)
			return say(
				s.route(table, "192.112.0.0/21", gateway),
				s.internetRoute(table, "192.112.0.0/21", s.InternetGateway),
				s.internetRoute(table, "192.112.1.0/21", s.InternetGateway),
			)
		},
	},
	{
		name:   "routes inside each other are no conflict",
		source: tablesGuide + ": the most specific one is used",
		aws:    "ok, ok, 8.8.0.0/16 active and 8.8.8.0/24 active",
		see: func(s *site) string {
			table := s.table()
			return say(s.internetRoute(table, "8.8.0.0/16", s.InternetGateway), s.internetRoute(table, "8.8.8.0/24", s.InternetGateway), s.routes(table))
		},
	},
	{
		name:   "a route says who made it",
		source: "SDK, Route.Origin",
		aws:    "172.31.0.0/16 local active CreateRouteTable and 8.8.8.0/24 nat active CreateRoute",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.route(table, target, gateway)
			return routeText(s.listedTable(table).Routes)
		},
	},
	{
		name:   "no route is made to a NAT gateway that is not there",
		source: errorCodes + ", InvalidNatGatewayID.NotFound; boto/boto3#779",
		aws:    "InvalidNatGatewayID.NotFound, InvalidNatGatewayID.NotFound, 8.8.8.0/24 active",
		see: func(s *site) string {
			table := s.table()
			s.internetRoute(table, target, s.InternetGateway)
			return say(s.route(table, elsewhere, noGateway), s.replaceRoute(table, target, noGateway), s.routes(table))
		},
	},
	{
		name:   "no route is made to an internet gateway that is not there",
		source: errorCodes + ", InvalidGatewayID.NotFound",
		aws:    "InvalidGatewayID.NotFound",
		see:    func(s *site) string { return s.internetRoute(s.table(), target, noInternet) },
	},
	{
		name:   "a NAT gateway's id is no gateway id",
		source: "devopsacademyau/academy#906: The gateway ID 'nat-...' does not exist",
		aws:    "InvalidGatewayID.NotFound, none",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			return say(s.internetRoute(table, target, gateway), s.routes(table))
		},
	},
	{
		name:   "no route leads into another VPC's gateways",
		source: "smoketurner/serverless-vpc-plugin#147: route table ... and network gateway ... belong to different networks",
		aws:    "InvalidParameterValue, none",
		see: func(s *site) string {
			table := s.tableIn(s.Hands.AddVPC(s.T, "10.0.0.0/16"))
			return say(s.internetRoute(table, target, s.InternetGateway), s.routes(table))
		},
	},
	{
		name:   "a route can be made to a pending gateway",
		source: "boto/boto3#779",
		aws:    "ok",
		see: func(s *site) string {
			_, _, gateway := s.path()
			return s.route(s.table(), target, gateway)
		},
	},
	{
		name:   "a route needs a table",
		source: errorCodes + ", InvalidRouteTableID.NotFound",
		aws:    "InvalidRouteTableID.NotFound, InvalidRouteTableID.NotFound, InvalidRouteTableID.NotFound",
		see: func(s *site) string {
			gateway := s.availableGateway()
			return say(s.route(noTable, target, gateway), s.replaceRoute(noTable, target, gateway), s.deleteRoute(noTable, target))
		},
	},
	{
		name:   "a replaced route leads elsewhere and is no second one",
		source: "SDK, ReplaceRoute",
		aws:    "ok, 172.31.0.0/16 local active CreateRouteTable and 8.8.8.0/24 nat active CreateRoute",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.internetRoute(table, target, s.InternetGateway)
			return say(s.replaceRoute(table, target, gateway), routeText(s.listedTable(table).Routes))
		},
	},
	{
		name:   "a route that is not there cannot be replaced",
		source: "moto, RouteBackend.replace_route: AWS does not answer InvalidRoute.NotFound here",
		aws:    "InvalidParameterValue, none",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			return say(s.replaceRoute(table, target, gateway), s.routes(table))
		},
	},
	{
		name:   "a route is replaced by its exact CIDR",
		source: "SDK, ReplaceRouteInput.DestinationCidrBlock",
		aws:    "InvalidParameterValue",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.internetRoute(table, "192.112.0.0/21", s.InternetGateway)
			return s.replaceRoute(table, "192.112.1.0/21", gateway)
		},
	},
	{
		name:   "a route is deleted by its exact CIDR",
		source: "SDK, DeleteRouteInput.DestinationCidrBlock",
		aws:    "InvalidRoute.NotFound, 192.112.0.0/21 active, ok, none",
		see: func(s *site) string {
			table := s.table()
			s.internetRoute(table, "192.112.0.0/21", s.InternetGateway)
			return say(s.deleteRoute(table, "192.112.1.0/21"), s.routes(table), s.deleteRoute(table, "192.112.0.0/21"), s.routes(table))
		},
	},
	{
		name:   "a route that is not there cannot be deleted",
		source: errorCodes + ", InvalidRoute.NotFound",
		aws:    "InvalidRoute.NotFound",
		see:    func(s *site) string { return s.deleteRoute(s.table(), target) },
	},
	{
		name:   "a route to a deleted gateway stays, as a black hole",
		source: natGuide + "; SDK, DeleteNatGateway, Route.State",
		aws:    "8.8.8.0/24 active, 8.8.8.0/24 blackhole",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.route(table, target, gateway)
			before := s.routes(table)
			s.buried(gateway)
			return say(before, s.routes(table))
		},
	},
	{
		name:   "a black hole is replaced in place",
		source: "SDK, ReplaceRoute, Route.State",
		aws:    "RouteAlreadyExists, ok, 8.8.8.0/24 active",
		see: func(s *site) string {
			subnet, address, gateway := s.path()
			table := s.table()
			s.await(gateway, types.NatGatewayStateAvailable)
			s.route(table, target, gateway)
			s.buried(gateway)
			next := s.gateway(subnet, address)
			s.await(next, types.NatGatewayStateAvailable)
			return say(s.route(table, target, next), s.replaceRoute(table, target, next), s.routes(table))
		},
	},
	{
		name:   "a black hole can be deleted",
		source: natGuide + ": until you delete or update the routes",
		aws:    "ok, none",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.route(table, target, gateway)
			s.buried(gateway)
			return say(s.deleteRoute(table, target), s.routes(table))
		},
	},
	{
		name:   "no route is made to a deleted gateway",
		source: errorCodes + ", InvalidNatGatewayID.NotFound",
		aws:    "InvalidNatGatewayID.NotFound",
		see: func(s *site) string {
			gateway := s.availableGateway()
			s.buried(gateway)
			return s.route(s.table(), target, gateway)
		},
	},
	{
		name:   "a route to a detached internet gateway is a black hole",
		source: "SDK, Route.State",
		aws:    "8.8.8.0/24 blackhole",
		see: func(s *site) string {
			table := s.table()
			s.internetRoute(table, target, s.InternetGateway)
			s.Hands.DetachInternetGateway(s.T, s.InternetGateway, s.VPC)
			return s.routes(table)
		},
	},
	{
		name:   "a gateway that routes lead to can be deleted",
		source: "SDK, DeleteNatGateway: does not delete any NAT gateway routes",
		aws:    "ok",
		see: func(s *site) string {
			gateway := s.availableGateway()
			s.route(s.table(), target, gateway)
			return s.deleteGateway(gateway)
		},
	},
	{
		name:   "a table is deleted with its routes",
		source: "SDK, DeleteRouteTable: only associations keep it",
		aws:    "ok",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			s.route(table, target, gateway)
			return s.deleteTable(table)
		},
	},
	{
		name:   "no second route is made to the VPC's own CIDR",
		source: "hashicorp/terraform-provider-aws#23866",
		aws:    "RouteAlreadyExists, 172.31.0.0/16 local active CreateRouteTable",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			return say(s.route(table, "172.31.0.0/16", gateway), routeText(s.listedTable(table).Routes))
		},
	},
	{
		name:   "a route inside the local one is for a whole subnet",
		source: tablesGuide + "; with which code another is refused, it does not say",
		aws:    "refused, none",
		see: func(s *site) string {
			gateway, table := s.availableGateway(), s.table()
			return say(refused(s.route(table, "172.31.128.0/24", gateway)), s.routes(table))
		},
	},
	{
		name:   "the local route cannot be deleted",
		source: tablesGuide + "; with which code, it does not say",
		aws:    "refused, 172.31.0.0/16 local active CreateRouteTable",
		see: func(s *site) string {
			table := s.table()
			return say(refused(s.deleteRoute(table, "172.31.0.0/16")), routeText(s.listedTable(table).Routes))
		},
	},
	{
		name:   "no route leads to EC2's services for instances",
		source: tablesGuide + ": 169.254.168.0/22; with which code it is refused, it does not say",
		aws:    "refused, none",
		see: func(s *site) string {
			table := s.table()
			return say(refused(s.internetRoute(table, "169.254.169.0/24", s.InternetGateway)), s.routes(table))
		},
	},
	{
		name:   "a route's CIDR must be one",
		source: errorCodes + ", InvalidParameterValue",
		aws:    "InvalidParameterValue",
		see:    func(s *site) string { return s.internetRoute(s.table(), "somewhere", s.InternetGateway) },
	},
	{
		name:   "a route needs a target",
		source: "SDK, CreateRoute: exactly one of the resources",
		aws:    "refused, none",
		see: func(s *site) string {
			table := s.table()
			return say(refused(try(s, s.EC2.CreateRoute, &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String(target)})), s.routes(table))
		},
	},
}
