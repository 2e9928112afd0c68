package conformance

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

var tableFacts = []fact{
	{
		name:   "a new table has the local route and nothing else",
		source: "SDK, CreateRouteTable; " + tablesGuide,
		aws:    "172.31.0.0/16 local active CreateRouteTable, 0",
		see: func(s *site) string {
			table := s.listedTable(s.table())
			return say(routeText(table.Routes), len(table.Associations))
		},
	},
	{
		name:   "a table is in a VPC",
		source: errorCodes + ", InvalidVpcID.NotFound",
		aws:    "InvalidVpcID.NotFound",
		see: func(s *site) string {
			return try(s, s.EC2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: aws.String(noVPC)})
		},
	},
	{
		name:   "a table that a subnet uses stays",
		source: "SDK, DeleteRouteTable; hashicorp/terraform-provider-aws#73",
		aws:    "DependencyViolation, ok, ok",
		see: func(s *site) string {
			table := s.table()
			association := s.associate(table, s.subnet(block))
			return say(s.deleteTable(table), s.disassociate(association), s.deleteTable(table))
		},
	},
	{
		name:   "the main table stays",
		source: "SDK, DeleteRouteTable; aws/aws-cli#1549",
		aws:    "DependencyViolation",
		see:    func(s *site) string { return s.deleteTable(*s.mainTable(s.VPC).RouteTableId) },
	},
	{
		name:   "a deleted table is gone",
		source: errorCodes + ", InvalidRouteTableID.NotFound",
		aws:    "ok, InvalidRouteTableID.NotFound",
		see: func(s *site) string {
			table := s.table()
			return say(s.deleteTable(table), s.deleteTable(table))
		},
	},
	{
		name:   "a subnet has one table",
		source: "hashicorp/terraform-provider-aws#38960, #73",
		aws:    "Resource.AlreadyAssociated, 1",
		see: func(s *site) string {
			subnet := s.subnet(block)
			s.associate(s.table(), subnet)
			return say(try(s, s.EC2.AssociateRouteTable, s.associateInput(s.table(), subnet)), s.serving(subnet))
		},
	},
	{
		name:   "an association needs a table and a subnet",
		source: errorCodes + ", InvalidRouteTableID.NotFound, InvalidSubnetID.NotFound",
		aws:    "InvalidRouteTableID.NotFound, InvalidSubnetID.NotFound",
		see: func(s *site) string {
			return say(
				try(s, s.EC2.AssociateRouteTable, s.associateInput(noTable, s.subnet(block))),
				try(s, s.EC2.AssociateRouteTable, s.associateInput(s.table(), noSubnet)),
			)
		},
	},
	{
		name:   "a subnet has no table of another VPC",
		source: "SDK, AssociateRouteTable: in your VPC; with which code another is refused, it does not say",
		aws:    "refused, 0",
		see: func(s *site) string {
			subnet, table := s.subnet(block), s.tableIn(s.Hands.AddVPC(s.T, "10.0.0.0/16"))
			return say(refused(try(s, s.EC2.AssociateRouteTable, s.associateInput(table, subnet))), s.serving(subnet))
		},
	},
	{
		name:   "an association is replaced by another, with another id",
		source: "SDK, ReplaceRouteTableAssociationOutput.NewAssociationId",
		aws:    "another id, 0 and 1, InvalidAssociationID.NotFound",
		see: func(s *site) string {
			subnet, from, to := s.subnet(block), s.table(), s.table()
			old := s.associate(from, subnet)
			id := "another id"
			if *do(s, s.EC2.ReplaceRouteTableAssociation, s.moveInput(old, to)).NewAssociationId == old {
				id = "the same id"
			}
			counts := fmt.Sprint(len(s.listedTable(from).Associations), " and ", len(s.listedTable(to).Associations))
			return say(id, counts, s.disassociate(old))
		},
	},
	{
		name:   "the main association can be moved, and then the old table deleted",
		source: "SDK, ReplaceRouteTableAssociation: change which table is the main route table",
		aws:    "ok, the new one is main, ok",
		see: func(s *site) string {
			old, table := s.mainTable(s.VPC), s.table()
			moved := try(s, s.EC2.ReplaceRouteTableAssociation, s.moveInput(*old.Associations[0].RouteTableAssociationId, table))
			which := "another is main"
			if *s.mainTable(s.VPC).RouteTableId == table {
				which = "the new one is main"
			}
			return say(moved, which, s.deleteTable(*old.RouteTableId))
		},
	},
	{
		name:   "the main association cannot be taken away",
		source: "ansible/ansible#25521",
		aws:    "InvalidParameterValue",
		see: func(s *site) string {
			return s.disassociate(*s.mainTable(s.VPC).Associations[0].RouteTableAssociationId)
		},
	},
	{
		name:   "an association that is not there is not found",
		source: errorCodes + ", InvalidAssociationID.NotFound",
		aws:    "InvalidAssociationID.NotFound, InvalidAssociationID.NotFound",
		see: func(s *site) string {
			return say(s.disassociate(noAssociation), try(s, s.EC2.ReplaceRouteTableAssociation, s.moveInput(noAssociation, s.table())))
		},
	},
	{
		name:   "a subnet without an association is in no table's list",
		source: "SDK, DisassociateRouteTable: it uses the main route table",
		aws:    "1, ok, 0",
		see: func(s *site) string {
			subnet := s.subnet(block)
			association := s.associate(s.table(), subnet)
			return say(s.serving(subnet), s.disassociate(association), s.serving(subnet))
		},
	},
}
