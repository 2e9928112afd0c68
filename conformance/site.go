package conformance

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Ids of things that are nowhere.
const (
	noVPC         = "vpc-00000000000000000"
	noInternet    = "igw-00000000000000000"
	noSubnet      = "subnet-00000000000000000"
	noTable       = "rtb-00000000000000000"
	noAssociation = "rtbassoc-00000000000000000"
	noGateway     = "nat-00000000000000000"
	noAddress     = "eipalloc-00000000000000000"
	noPrefixList  = "pl-00000000000000000"
)

// What is free in the VPC, and what is nobody's.
const (
	block     = "172.31.64.0/28"
	block2    = "172.31.64.16/28"
	target    = "8.8.8.0/24"
	elsewhere = "9.9.9.0/24"
)

func (s *site) subnetInput(cidr string) *ec2.CreateSubnetInput {
	return &ec2.CreateSubnetInput{VpcId: &s.VPC, CidrBlock: &cidr, AvailabilityZone: &s.Zones[0]}
}

func (s *site) subnet(cidr string) string {
	s.Helper()
	return *do(s, s.EC2.CreateSubnet, s.subnetInput(cidr)).Subnet.SubnetId
}

func (s *site) deleteSubnet(id string) string {
	return try(s, s.EC2.DeleteSubnet, &ec2.DeleteSubnetInput{SubnetId: &id})
}

func (s *site) address() string {
	s.Helper()
	return *do(s, s.EC2.AllocateAddress, &ec2.AllocateAddressInput{}).AllocationId
}

func (s *site) release(id string) string {
	return try(s, s.EC2.ReleaseAddress, &ec2.ReleaseAddressInput{AllocationId: &id})
}

// listedAddress is an address as DescribeAddresses lists it; empty if it does not.
func (s *site) listedAddress(id string) types.Address {
	s.Helper()
	for _, a := range do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses {
		if *a.AllocationId == id {
			return a
		}
	}
	return types.Address{}
}

func (s *site) table() string {
	s.Helper()
	return *do(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.VPC}).RouteTable.RouteTableId
}

func (s *site) tableIn(vpc string) string {
	s.Helper()
	return *do(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &vpc}).RouteTable.RouteTableId
}

func (s *site) deleteTable(id string) string {
	return try(s, s.EC2.DeleteRouteTable, &ec2.DeleteRouteTableInput{RouteTableId: &id})
}

func (s *site) listedTable(id string) types.RouteTable {
	s.Helper()
	return do(s, s.EC2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{id}}).RouteTables[0]
}

func (s *site) mainTable(vpc string) types.RouteTable {
	s.Helper()
	list := do(s, s.EC2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{Filters: []types.Filter{
		filter("vpc-id", vpc), filter("association.main", "true"),
	}}).RouteTables
	if len(list) != 1 {
		s.Fatalf("%s has %d main tables", vpc, len(list))
	}
	return list[0]
}

func (s *site) associateInput(table, subnet string) *ec2.AssociateRouteTableInput {
	return &ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &subnet}
}

func (s *site) associate(table, subnet string) string {
	s.Helper()
	return *do(s, s.EC2.AssociateRouteTable, s.associateInput(table, subnet)).AssociationId
}

func (s *site) disassociate(id string) string {
	return try(s, s.EC2.DisassociateRouteTable, &ec2.DisassociateRouteTableInput{AssociationId: &id})
}

func (s *site) moveInput(association, table string) *ec2.ReplaceRouteTableAssociationInput {
	return &ec2.ReplaceRouteTableAssociationInput{AssociationId: &association, RouteTableId: &table}
}

// serving is how many tables serve a subnet.
func (s *site) serving(subnet string) int {
	s.Helper()
	count := 0
	for _, table := range do(s, s.EC2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{}).RouteTables {
		for _, a := range table.Associations {
			if aws.ToString(a.SubnetId) == subnet {
				count++
			}
		}
	}
	return count
}

func (s *site) gatewayInput(subnet, address string) *ec2.CreateNatGatewayInput {
	return &ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address}
}

func (s *site) gateway(subnet, address string) string {
	s.Helper()
	return *do(s, s.EC2.CreateNatGateway, s.gatewayInput(subnet, address)).NatGateway.NatGatewayId
}

// path makes a subnet, an address and a gateway, which is pending.
func (s *site) path() (subnet, address, gateway string) {
	s.Helper()
	subnet, address = s.subnet(block), s.address()
	return subnet, address, s.gateway(subnet, address)
}

// availableGateway is a gateway that works.
func (s *site) availableGateway() string {
	s.Helper()
	_, _, gateway := s.path()
	s.await(gateway, types.NatGatewayStateAvailable)
	return gateway
}

func (s *site) await(gateway string, states ...types.NatGatewayState) {
	s.Helper()
	s.Hands.Await(s.T, gateway, states...)
}

func (s *site) deleteGateway(id string) string {
	return try(s, s.EC2.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: &id})
}

// buried deletes a gateway and waits until that is done.
func (s *site) buried(gateway string) {
	s.Helper()
	do(s, s.EC2.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: &gateway})
	s.await(gateway, types.NatGatewayStateDeleted)
}

// listedGateway is a gateway as DescribeNatGateways lists it; empty if it does not.
func (s *site) listedGateway(id string) types.NatGateway {
	s.Helper()
	for _, g := range do(s, s.EC2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{}).NatGateways {
		if *g.NatGatewayId == id {
			return g
		}
	}
	return types.NatGateway{}
}

// fate is how a gateway ends that is asked for where none can be: refused at once, or failed.
func (s *site) fate(in *ec2.CreateNatGatewayInput) string {
	s.Helper()
	out, err := s.EC2.CreateNatGateway(s.Context(), in)
	if err != nil {
		return "refused " + ending(err)
	}
	s.await(*out.NatGateway.NatGatewayId, types.NatGatewayStateAvailable, types.NatGatewayStateFailed)
	g := s.listedGateway(*out.NatGateway.NatGatewayId)
	return strings.TrimSpace(string(g.State) + " " + aws.ToString(g.FailureCode))
}

func (s *site) routeInput(table, cidr, gateway string) *ec2.CreateRouteInput {
	return &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, NatGatewayId: &gateway}
}

func (s *site) route(table, cidr, gateway string) string {
	return try(s, s.EC2.CreateRoute, s.routeInput(table, cidr, gateway))
}

func (s *site) internetRoute(table, cidr, gateway string) string {
	return try(s, s.EC2.CreateRoute, &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, GatewayId: &gateway})
}

func (s *site) replaceRoute(table, cidr, gateway string) string {
	return try(s, s.EC2.ReplaceRoute, &ec2.ReplaceRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr, NatGatewayId: &gateway})
}

func (s *site) deleteRoute(table, cidr string) string {
	return try(s, s.EC2.DeleteRoute, &ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: &cidr})
}

// routes are a table's routes but for the local one: "CIDR STATE".
func (s *site) routes(table string) string {
	s.Helper()
	var list []string
	for _, r := range s.listedTable(table).Routes {
		if aws.ToString(r.GatewayId) != "local" {
			list = append(list, aws.ToString(r.DestinationCidrBlock)+" "+string(r.State))
		}
	}
	return sorted(list)
}

func sorted(list []string) string {
	slices.Sort(list)
	return cmp.Or(strings.Join(list, " and "), "none")
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

func tagged(kind types.ResourceType, tags map[string]string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: tagList(tags)}}
}

func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

// tagText is tags in the order of their keys.
func tagText(tags []types.Tag) string {
	var list []string
	for _, tag := range tags {
		list = append(list, aws.ToString(tag.Key)+"="+aws.ToString(tag.Value))
	}
	slices.Sort(list)
	return cmp.Or(strings.Join(list, " "), "none")
}

// addresses counts the addresses.
func (s *site) addresses() int {
	s.Helper()
	return len(do(s, s.EC2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses)
}
