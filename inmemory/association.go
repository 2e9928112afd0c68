package inmemory

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Association says which route table a subnet uses, or which one is its VPC's main table.
type Association struct {
	ID     string
	VPC    string
	Table  string
	Subnet string // "" for the main table
	Main   bool
}

var associateRouteTable = operation[ec2.AssociateRouteTableInput, ec2.AssociateRouteTableOutput]{
	name:     "AssociateRouteTable",
	required: []string{"RouteTableId", "SubnetId"}, // gateways can be associated too; we never do that
	key: func(in *ec2.AssociateRouteTableInput) string {
		return aws.ToString(in.RouteTableId) + " " + aws.ToString(in.SubnetId)
	},
	effect: func(m moment, in *ec2.AssociateRouteTableInput) (*ec2.AssociateRouteTableOutput, error) {
		table, err := m.table(in.RouteTableId)
		if err != nil {
			return nil, err
		}
		subnet, err := m.subnet(in.SubnetId)
		if err != nil {
			return nil, err
		}
		if table.VPC != subnet.VPC {
			return nil, differentNetworks(table, "subnet "+subnet.ID)
		}
		// Seen in hashicorp/terraform-provider-aws#38960. That it holds for the same table too is assumed.
		if len(m.associationsOf(func(a Association) bool { return a.Subnet == subnet.ID })) > 0 {
			return nil, failure("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", table.ID)
		}
		a := m.associate(Association{VPC: table.VPC, Table: table.ID, Subnet: subnet.ID}, subnet.ID)
		return &ec2.AssociateRouteTableOutput{AssociationId: aws.String(a.ID), AssociationState: associated()}, nil
	},
}

// AssociateRouteTable gives a subnet a route table.
func (e *EC2) AssociateRouteTable(ctx context.Context, in *ec2.AssociateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.AssociateRouteTableOutput, error) {
	return associateRouteTable.call(ctx, e, in)
}

var replaceRouteTableAssociation = operation[ec2.ReplaceRouteTableAssociationInput, ec2.ReplaceRouteTableAssociationOutput]{
	name:     "ReplaceRouteTableAssociation",
	required: []string{"AssociationId", "RouteTableId"},
	key: func(in *ec2.ReplaceRouteTableAssociationInput) string {
		return aws.ToString(in.AssociationId) + " " + aws.ToString(in.RouteTableId)
	},
	effect: func(m moment, in *ec2.ReplaceRouteTableAssociationInput) (*ec2.ReplaceRouteTableAssociationOutput, error) {
		old, err := m.association(in.AssociationId)
		if err != nil {
			return nil, err
		}
		table, err := m.table(in.RouteTableId)
		if err != nil {
			return nil, err
		}
		if table.VPC != old.VPC {
			return nil, differentNetworks(table, "association "+old.ID)
		}
		// One step, and a new id (SDK: NewAssociationId); the main table's association too (SDK doc comment on the call).
		delete(m.associations, old.ID)
		old.Table = table.ID
		a := m.associate(old, cmp.Or(old.Subnet, old.VPC))
		return &ec2.ReplaceRouteTableAssociationOutput{NewAssociationId: aws.String(a.ID), AssociationState: associated()}, nil
	},
}

// ReplaceRouteTableAssociation gives a subnet another route table, without a moment in between.
func (e *EC2) ReplaceRouteTableAssociation(ctx context.Context, in *ec2.ReplaceRouteTableAssociationInput, _ ...func(*ec2.Options)) (*ec2.ReplaceRouteTableAssociationOutput, error) {
	return replaceRouteTableAssociation.call(ctx, e, in)
}

var disassociateRouteTable = operation[ec2.DisassociateRouteTableInput, ec2.DisassociateRouteTableOutput]{
	name:     "DisassociateRouteTable",
	required: []string{"AssociationId"},
	key:      func(in *ec2.DisassociateRouteTableInput) string { return aws.ToString(in.AssociationId) },
	effect: func(m moment, in *ec2.DisassociateRouteTableInput) (*ec2.DisassociateRouteTableOutput, error) {
		a, err := m.association(in.AssociationId)
		if err != nil {
			return nil, err
		}
		if a.Main { // assumed: there is always a main table
			return nil, failure("InvalidParameterValue", "cannot disassociate the main route table association %s", a.ID)
		}
		delete(m.associations, a.ID)
		return &ec2.DisassociateRouteTableOutput{}, nil
	},
}

// DisassociateRouteTable takes a subnet's route table away: it uses the main table then.
func (e *EC2) DisassociateRouteTable(ctx context.Context, in *ec2.DisassociateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.DisassociateRouteTableOutput, error) {
	return disassociateRouteTable.call(ctx, e, in)
}

func (m moment) associate(a Association, key string) Association {
	a.ID = m.mint("rtbassoc", key)
	m.associations[a.ID] = a
	return a
}

func (m moment) association(id *string) (Association, error) {
	a, ok := m.associations[aws.ToString(id)]
	if !ok {
		return a, notFound("InvalidAssociationID.NotFound", "association", aws.ToString(id))
	}
	return a, nil
}

// associationsOf lists associations in the order of their ids.
func (m moment) associationsOf(which func(Association) bool) []Association {
	var list []Association
	for _, a := range inOrder(m.associations) {
		if which(a) {
			list = append(list, a)
		}
	}
	return list
}

func (a Association) sdk() types.RouteTableAssociation {
	return types.RouteTableAssociation{
		RouteTableAssociationId: aws.String(a.ID),
		RouteTableId:            aws.String(a.Table),
		SubnetId:                optional(a.Subnet),
		Main:                    aws.Bool(a.Main),
		AssociationState:        associated(),
	}
}

func associated() *types.RouteTableAssociationState {
	return &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated}
}

func differentNetworks(table RouteTable, other string) error {
	return failure("InvalidParameterValue", "route table %s and %s belong to different networks", table.ID, other)
}

// Associate is a hand: somebody gives a subnet a route table, in place of any it had.
func (e *EC2) Associate(table, subnet string) string {
	var a Association
	must(e.update(func(m moment) error {
		t, ok := m.tables[table]
		if _, there := m.subnets[subnet]; !ok || !there {
			return notFound("InvalidID", "route table or subnet", table+" "+subnet)
		}
		for _, old := range m.associationsOf(func(a Association) bool { return a.Subnet == subnet }) {
			delete(m.associations, old.ID)
		}
		a = m.associate(Association{VPC: t.VPC, Table: table, Subnet: subnet}, subnet)
		return nil
	}))
	return a.ID
}
