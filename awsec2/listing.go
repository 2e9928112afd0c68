package awsec2

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// listing is what EC2 lists of one VPC, in EC2's own words. Our own writes are laid over it before anything is made of it:
// so all that follows from a route or a gateway (who uses an address, how full a table is) follows from them too.
type listing struct {
	addresses        []types.Address // of the whole region: addresses have no VPC
	subnets          []types.Subnet
	tables           []types.RouteTable
	gateways         []types.NatGateway
	internetGateways []types.InternetGateway
}

// What one page may hold at most (EC2 API reference, MaxResults of each call). An unpaginated list may time out or be
// refused when it is long ("Query requests", pagination).
const (
	maxResults      = 1000
	maxResultsTable = 100
)

// list looks at everything with five calls side by side, pages aside; no more are made in a pass with nothing to do, but one
// where a table routes to a prefix list that people edit.
func (p *Provider) list(ctx context.Context) (listing, error) {
	var l listing
	err := sideBySide(
		func() (err error) { l.addresses, err = p.listAddresses(ctx); return err },
		func() (err error) { l.subnets, err = p.listSubnets(ctx); return err },
		func() (err error) { l.tables, err = p.listTables(ctx); return err },
		func() (err error) { l.gateways, err = p.listGateways(ctx); return err },
		func() (err error) { l.internetGateways, err = p.listInternetGateways(ctx); return err },
	)
	if ctx.Err() != nil {
		return listing{}, ctx.Err() // once, and not as the failure of five calls
	}
	return l, err
}

// listAddresses asks for all addresses, without a filter: an address that the user brought has no tags of ours, and one
// that our gateway uses must be seen even if somebody took its tags off (rule 1). The call knows no pages.
func (p *Provider) listAddresses(ctx context.Context) ([]types.Address, error) {
	out, err := ask(ctx, p, "DescribeAddresses", p.api.DescribeAddresses, &ec2.DescribeAddressesInput{})
	if err != nil {
		return nil, err
	}
	return out.Addresses, nil
}

func (p *Provider) listSubnets(ctx context.Context) ([]types.Subnet, error) {
	pages := ec2.NewDescribeSubnetsPaginator(p.api, &ec2.DescribeSubnetsInput{
		Filters: p.inVPC("vpc-id"), MaxResults: aws.Int32(maxResults),
	})
	all, err := allPages(ctx, p, "DescribeSubnets", pages, func(o *ec2.DescribeSubnetsOutput) []types.Subnet { return o.Subnets })
	return slices.DeleteFunc(all, func(s types.Subnet) bool { return p.elsewhere(s.VpcId) }), err
}

func (p *Provider) listTables(ctx context.Context) ([]types.RouteTable, error) {
	pages := ec2.NewDescribeRouteTablesPaginator(p.api, &ec2.DescribeRouteTablesInput{
		Filters: p.inVPC("vpc-id"), MaxResults: aws.Int32(maxResultsTable),
	})
	all, err := allPages(ctx, p, "DescribeRouteTables", pages, func(o *ec2.DescribeRouteTablesOutput) []types.RouteTable { return o.RouteTables })
	return slices.DeleteFunc(all, func(t types.RouteTable) bool { return p.elsewhere(t.VpcId) }), err
}

// listGateways asks for gateways in all states: a failed one has a reason to tell, and a deleting one an address to wait
// for (rule 6).
func (p *Provider) listGateways(ctx context.Context) ([]types.NatGateway, error) {
	pages := ec2.NewDescribeNatGatewaysPaginator(p.api, &ec2.DescribeNatGatewaysInput{
		Filter: p.inVPC("vpc-id"), MaxResults: aws.Int32(maxResults),
	})
	all, err := allPages(ctx, p, "DescribeNatGateways", pages, func(o *ec2.DescribeNatGatewaysOutput) []types.NatGateway { return o.NatGateways })
	return slices.DeleteFunc(all, func(g types.NatGateway) bool { return p.elsewhere(g.VpcId) }), err
}

func (p *Provider) listInternetGateways(ctx context.Context) ([]types.InternetGateway, error) {
	pages := ec2.NewDescribeInternetGatewaysPaginator(p.api, &ec2.DescribeInternetGatewaysInput{
		Filters: p.inVPC("attachment.vpc-id"), MaxResults: aws.Int32(maxResults),
	})
	return allPages(ctx, p, "DescribeInternetGateways", pages, func(o *ec2.DescribeInternetGatewaysOutput) []types.InternetGateway { return o.InternetGateways })
}

func (p *Provider) inVPC(filter string) []types.Filter {
	return []types.Filter{{Name: aws.String(filter), Values: []string{p.vpc}}}
}

// elsewhere guards against an EC2 that ignores a filter, as emulators do (AWS.md F): what is not in the VPC is not looked at.
func (p *Provider) elsewhere(vpc *string) bool { return aws.ToString(vpc) != p.vpc }

// sort puts each list in the order of ids, so that equal sights are equal to the byte whatever order EC2 lists them in.
func (l *listing) sort() {
	sortByID(l.addresses, func(a types.Address) *string { return a.AllocationId })
	sortByID(l.subnets, func(s types.Subnet) *string { return s.SubnetId })
	sortByID(l.tables, func(t types.RouteTable) *string { return t.RouteTableId })
	sortByID(l.gateways, func(g types.NatGateway) *string { return g.NatGatewayId })
	sortByID(l.internetGateways, func(g types.InternetGateway) *string { return g.InternetGatewayId })
}

func sortByID[T any](list []T, id func(T) *string) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(aws.ToString(id(a)), aws.ToString(id(b))) })
}

func (l *listing) subnet(id string) (types.Subnet, bool) {
	for _, s := range l.subnets {
		if aws.ToString(s.SubnetId) == id {
			return s, true
		}
	}
	return types.Subnet{}, false
}
