package inmemory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

func TestFilters(t *testing.T) {
	s := seed(t, inmemory.Options{})
	for _, test := range []struct {
		name    string
		filters []types.Filter
		want    int
		code    string
	}{
		{name: "none", want: 3},
		{name: "vpc", filters: []types.Filter{filter("vpc-id", s.vpc)}, want: 3},
		{name: "another vpc", filters: []types.Filter{filter("vpc-id", "vpc-0")}},
		{name: "tag key", filters: []types.Filter{filter("tag-key", tagKey)}, want: 2},
		{name: "tag key with wildcard", filters: []types.Filter{filter("tag-key", "Avail*")}, want: 2},
		{name: "tag", filters: []types.Filter{filter("tag:"+tagKey, zoneA)}, want: 1},
		{name: "case counts", filters: []types.Filter{filter("tag:"+tagKey, "EU-CENTRAL-1A")}},
		{name: "one of two", filters: []types.Filter{filter("tag:"+tagKey, zoneA, zoneB)}, want: 2},
		{name: "one character", filters: []types.Filter{filter("tag:"+tagKey, "eu-central-1?")}, want: 2},
		{name: "escaped", filters: []types.Filter{filter("tag:"+tagKey, `eu-central-1\?`)}},
		{name: "star in the middle", filters: []types.Filter{filter("tag:Name", "d*1b")}, want: 1},
		{name: "both", filters: []types.Filter{filter("tag:"+tagKey, zoneA), filter("association.subnet-id", s.workersA)}, want: 1},
		{name: "not both", filters: []types.Filter{filter("tag:"+tagKey, zoneB), filter("association.subnet-id", s.workersA)}},
		{name: "main", filters: []types.Filter{filter("association.main", "true")}, want: 1},
		{name: "route", filters: []types.Filter{filter("route.gateway-id", s.igw)}, want: 2},
		{name: "state", filters: []types.Filter{filter("route.state", "blackhole")}},
		{name: "unknown", filters: []types.Filter{filter("colour", "red")}, code: "InvalidParameterValue"},
		{name: "no tag", filters: []types.Filter{filter("tag:", "red")}, code: "InvalidParameterValue"},
		{name: "no values", filters: []types.Filter{filter("vpc-id")}, code: "InvalidParameterValue"},
		{name: "too many values", filters: []types.Filter{filter("vpc-id", make([]string, 201)...)}, code: "FilterLimitExceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := s.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{Filters: test.filters})
			if codeOf(err) != test.code || err == nil && len(out.RouteTables) != test.want {
				t.Errorf("got %+v, %v; want %d tables, %q", out, err, test.want, test.code)
			}
		})
	}
}

func TestOtherFilters(t *testing.T) {
	s := seed(t, inmemory.Options{})
	subnet, allocation, gateway := s.path()
	ctx := t.Context()
	list := s.AddPrefixList("partners", 5, prefix("6.6.6.0/24"))
	vpcs, err := s.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{filter("is-default", "true"), filter("state", "available")}})
	s.wants(err, "")
	igws, err := s.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: []types.Filter{filter("attachment.vpc-id", s.vpc)}})
	s.wants(err, "")
	gateways, err := s.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{Filter: []types.Filter{filter("subnet-id", subnet), filter("state", "available", "pending"), filter("vpc-id", s.vpc), filter("tag:static-egress/zone", zoneA)}})
	s.wants(err, "")
	addresses, err := s.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{filter("tag:static-egress/zone", zoneA), filter("allocation-id", allocation)}})
	s.wants(err, "")
	zones, err := s.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{Filters: []types.Filter{filter("zone-name", zoneA), filter("state", "available")}})
	s.wants(err, "")
	lists, err := s.DescribeManagedPrefixLists(ctx, &ec2.DescribeManagedPrefixListsInput{Filters: []types.Filter{filter("prefix-list-id", list)}})
	s.wants(err, "")
	got := fmt.Sprint(len(vpcs.Vpcs), len(igws.InternetGateways), len(gateways.NatGateways), len(addresses.Addresses), len(zones.AvailabilityZones), len(lists.PrefixLists))
	if got != "1 1 1 1 1 1" || *gateways.NatGateways[0].NatGatewayId != gateway {
		t.Errorf("got %s", got)
	}
	_, err = s.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{ZoneNames: []string{"mars-1a"}})
	s.wants(err, "InvalidParameterValue")
}

// A page is cut before the filters are applied, so this list has empty pages before the one with the answer.
func TestPages(t *testing.T) {
	s := seed(t, inmemory.Options{PageSize: 1})
	for i := range 5 {
		s.subnet(zoneB, fmt.Sprintf("172.31.64.%d/28", 16*i))
	}
	in := &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("availability-zone", zoneA)}}
	pages, found := 0, []types.Subnet{}
	for p := ec2.NewDescribeSubnetsPaginator(s, in); p.HasMorePages(); pages++ {
		out, err := p.NextPage(t.Context())
		found = append(found, need(s, out, err).Subnets...)
	}
	if pages != 7 || len(found) != 1 || *found[0].SubnetId != s.workersA {
		t.Errorf("%d pages, %d subnets", pages, len(found))
	}
}

func TestNextToken(t *testing.T) {
	s := seed(t, inmemory.Options{PageSize: 1})
	describe := func(token *string, filters ...types.Filter) (*ec2.DescribeRouteTablesOutput, error) {
		return s.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{NextToken: token, Filters: filters})
	}
	first, err := describe(nil)
	s.wants(err, "")
	_, err = describe(first.NextToken)
	s.wants(err, "")
	_, err = describe(first.NextToken, filter("vpc-id", s.vpc))
	s.wants(err, "InvalidNextToken")
	_, err = s.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{NextToken: first.NextToken})
	s.wants(err, "InvalidNextToken")
	_, err = describe(aws.String("nonsense"))
	s.wants(err, "InvalidNextToken")
	s.clock.advance(2 * time.Hour)
	_, err = describe(first.NextToken)
	s.wants(err, "InvalidNextToken")
	_, err = s.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(4)})
	s.wants(err, "InvalidParameterValue")
	_, err = s.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(5), RouteTableIds: []string{s.tableA}})
	s.wants(err, "InvalidParameterCombination")
	_, err = s.DescribeRouteTables(t.Context(), &ec2.DescribeRouteTablesInput{RouteTableIds: []string{s.tableA, "rtb-0"}})
	s.wants(err, "InvalidRouteTableID.NotFound")
}

func TestPrefixListEntries(t *testing.T) {
	s := seed(t, inmemory.Options{PageSize: 2})
	list := s.AddPrefixList("com.amazonaws.eu-central-1.s3", 1, prefix("6.6.6.0/24"), prefix("5.5.5.0/24"), prefix("7.0.0.0/8"))
	read := func() (cidrs []string) {
		for p := ec2.NewGetManagedPrefixListEntriesPaginator(s, &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &list}); p.HasMorePages(); {
			out, err := p.NextPage(t.Context())
			for _, entry := range need(s, out, err).Entries {
				cidrs = append(cidrs, *entry.Cidr)
			}
		}
		return cidrs
	}
	if got := read(); !slices.Equal(got, []string{"5.5.5.0/24", "6.6.6.0/24", "7.0.0.0/8"}) {
		t.Errorf("got %v", got)
	}
	s.SetPrefixListEntries(list, prefix("9.0.0.0/8"))
	if got := read(); !slices.Equal(got, []string{"9.0.0.0/8"}) {
		t.Errorf("got %v", got)
	}
	none := "pl-0"
	_, err := s.GetManagedPrefixListEntries(t.Context(), &ec2.GetManagedPrefixListEntriesInput{PrefixListId: &none})
	s.wants(err, "InvalidPrefixListID.NotFound")
}
