package inmemory

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// RouteTable is a route table with its routes.
type RouteTable struct {
	ID           string
	VPC          string
	Tags         Tags
	Associations []Association // in the order of their ids
	Routes       []Route       // in the order of their destinations

	made time.Time
}

var routeTableListing = listing[RouteTable, types.RouteTable]{
	id:   func(t RouteTable) string { return t.ID },
	tags: func(t RouteTable) Tags { return t.Tags },
	filters: filters[RouteTable]{
		"route-table-id":                         func(t RouteTable) []string { return one(t.ID) },
		"vpc-id":                                 func(t RouteTable) []string { return one(t.VPC) },
		"owner-id":                               func(RouteTable) []string { return one(account) },
		"association.route-table-association-id": ofAssociations(func(a Association) string { return a.ID }),
		"association.route-table-id":             ofAssociations(func(a Association) string { return a.Table }),
		"association.subnet-id":                  ofAssociations(func(a Association) string { return a.Subnet }),
		"association.main":                       ofAssociations(func(a Association) string { return strconv.FormatBool(a.Main) }),
		"route.destination-cidr-block":           ofRoutes(Route.ipv4),
		"route.destination-prefix-list-id":       ofRoutes(func(r Route) string { return r.PrefixList }),
		"route.gateway-id":                       ofRoutes(func(r Route) string { return aws.ToString(r.sdk().GatewayId) }),
		"route.nat-gateway-id":                   ofRoutes(func(r Route) string { return aws.ToString(r.sdk().NatGatewayId) }),
		"route.origin":                           ofRoutes(func(r Route) string { return string(r.Origin) }),
		"route.state":                            ofRoutes(func(r Route) string { return string(r.State) }),
	},
	sdk:     RouteTable.sdk,
	missing: "InvalidRouteTableID.NotFound",
	noun:    "routeTable",
	maxPage: 100, // fewer than the other lists, as every table brings its routes (assumed)
}

func ofAssociations(value func(Association) string) func(RouteTable) []string {
	return func(t RouteTable) []string {
		var values []string
		for _, a := range t.Associations {
			values = append(values, one(value(a))...)
		}
		return values
	}
}

func ofRoutes(value func(Route) string) func(RouteTable) []string {
	return func(t RouteTable) []string {
		var values []string
		for _, r := range t.Routes {
			values = append(values, one(value(r))...)
		}
		return values
	}
}

var describeRouteTables = operation[ec2.DescribeRouteTablesInput, ec2.DescribeRouteTablesOutput]{
	name:     "DescribeRouteTables",
	optional: []string{"RouteTableIds", "Filters", "MaxResults", "NextToken"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
		q := query{"DescribeRouteTables", in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken}
		tables, next, err := routeTableListing.answer(m, q, m.tableList())
		return &ec2.DescribeRouteTablesOutput{RouteTables: tables, NextToken: next}, err
	},
}

// DescribeRouteTables lists route tables with their routes and associations.
func (e *EC2) DescribeRouteTables(ctx context.Context, in *ec2.DescribeRouteTablesInput, _ ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error) {
	return describeRouteTables.call(ctx, e, in)
}

var createRouteTable = operation[ec2.CreateRouteTableInput, ec2.CreateRouteTableOutput]{
	name:     "CreateRouteTable",
	required: []string{"VpcId"},
	optional: []string{"ClientToken", "TagSpecifications"},
	key:      func(in *ec2.CreateRouteTableInput) string { return keyOf(in.TagSpecifications, in.VpcId) },
	effect: func(m moment, in *ec2.CreateRouteTableInput) (*ec2.CreateRouteTableOutput, error) {
		id, err := m.recall("CreateRouteTable", in.ClientToken, in)
		if err != nil {
			return nil, err
		}
		if id == "" {
			if id, err = m.newTable(in); err != nil {
				return nil, err
			}
			m.remember("CreateRouteTable", in.ClientToken, in, id)
		}
		table, ok := m.tables[id]
		if !ok { // made with this token and deleted since: assumed to be answered all the same
			table = RouteTable{ID: id, VPC: *in.VpcId}
		}
		out := m.seen(table).sdk()
		return &ec2.CreateRouteTableOutput{RouteTable: &out, ClientToken: in.ClientToken}, nil
	},
}

// CreateRouteTable makes a route table, or finds the one that its token has made before.
func (e *EC2) CreateRouteTable(ctx context.Context, in *ec2.CreateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.CreateRouteTableOutput, error) {
	return createRouteTable.call(ctx, e, in)
}

func (m moment) newTable(in *ec2.CreateRouteTableInput) (string, error) {
	tags, err := m.tagsOf(in.TagSpecifications, types.ResourceTypeRouteTable)
	if err != nil {
		return "", err
	}
	vpc, err := m.vpc(in.VpcId)
	if err != nil {
		return "", err
	}
	count := 0
	for _, t := range m.tables {
		if t.VPC == vpc.ID {
			count++
		}
	}
	if count >= m.options.Quotas.RouteTables {
		return "", failure("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
	}
	return m.addTable(vpc, tags, keyOf(in.TagSpecifications, in.VpcId)).ID, nil
}

var deleteRouteTable = operation[ec2.DeleteRouteTableInput, ec2.DeleteRouteTableOutput]{
	name:     "DeleteRouteTable",
	required: []string{"RouteTableId"},
	key:      func(in *ec2.DeleteRouteTableInput) string { return aws.ToString(in.RouteTableId) },
	effect: func(m moment, in *ec2.DeleteRouteTableInput) (*ec2.DeleteRouteTableOutput, error) {
		table, err := m.table(in.RouteTableId)
		if err != nil {
			return nil, err
		}
		// The main table and one with associations cannot be deleted (SDK doc comment on the call).
		if len(m.seen(table).Associations) > 0 {
			return nil, failure("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", table.ID)
		}
		delete(m.tables, table.ID)
		return &ec2.DeleteRouteTableOutput{}, nil
	},
}

// DeleteRouteTable deletes a route table that no subnet uses.
func (e *EC2) DeleteRouteTable(ctx context.Context, in *ec2.DeleteRouteTableInput, _ ...func(*ec2.Options)) (*ec2.DeleteRouteTableOutput, error) {
	return deleteRouteTable.call(ctx, e, in)
}

func (m moment) addTable(vpc VPC, tags Tags, key string) RouteTable {
	t := RouteTable{ID: m.mint("rtb", key), VPC: vpc.ID, Tags: tags, made: m.now}
	for _, cidr := range vpc.CIDRs {
		t = t.with(localRoute(cidr))
	}
	m.tables[t.ID] = t
	return t
}

// table finds a route table for a call that names it.
func (m moment) table(id *string) (RouteTable, error) {
	t, ok := m.tables[aws.ToString(id)]
	if !ok || !m.finds(t.made) {
		return t, notFound("InvalidRouteTableID.NotFound", "routeTable", aws.ToString(id))
	}
	return t, nil
}

// seen is a table with what is computed: its associations, and the states of its routes.
func (m moment) seen(t RouteTable) RouteTable {
	t.Associations = m.associationsOf(func(a Association) bool { return a.Table == t.ID })
	t.Routes = slices.Clone(t.Routes)
	for i, r := range t.Routes {
		t.Routes[i].State = m.routeState(t, r)
	}
	return t
}

func (m moment) tableList() []RouteTable {
	list := inOrder(m.tables)
	for i := range list {
		list[i] = m.seen(list[i])
	}
	return list
}

func (t RouteTable) sdk() types.RouteTable {
	out := types.RouteTable{
		RouteTableId: aws.String(t.ID),
		VpcId:        aws.String(t.VPC),
		OwnerId:      aws.String(account),
		Tags:         t.Tags.sdk(),
	}
	for _, a := range t.Associations {
		out.Associations = append(out.Associations, a.sdk())
	}
	for _, r := range t.Routes {
		out.Routes = append(out.Routes, r.sdk())
	}
	return out
}

// AddRouteTable is a hand: somebody's route table, with the local routes.
func (e *EC2) AddRouteTable(vpc string, tags Tags) string {
	id := ""
	must(e.update(func(m moment) error {
		v, err := m.vpc(&vpc)
		if err != nil {
			return err
		}
		key := tags["Name"]
		if key == "" {
			key = vpc
		}
		id = m.addTable(v, tags, key).ID
		return nil
	}))
	return id
}

// RemoveRouteTable is a hand: somebody deletes a table with its associations and routes.
func (e *EC2) RemoveRouteTable(id string) {
	must(e.update(func(m moment) error {
		for _, a := range m.associationsOf(func(a Association) bool { return a.Table == id }) {
			delete(m.associations, a.ID)
		}
		delete(m.tables, id)
		return nil
	}))
}
