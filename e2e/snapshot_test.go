//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// state is all that an account has, as AWS says it.
type state struct {
	Addresses        []types.Address
	InternetGateways []types.InternetGateway
	NATGateways      []types.NatGateway
	RouteTables      []types.RouteTable
	Subnets          []types.Subnet
	VPCs             []types.Vpc
	Stacks           []stackState
}

// observe looks at everything. A gateway that is gone is listed for an hour; it does not exist.
func (s *site) observe(t *testing.T) state {
	t.Helper()
	st := state{
		Addresses:        call(t, s.ec2.DescribeAddresses, &ec2.DescribeAddressesInput{}).Addresses,
		InternetGateways: call(t, s.ec2.DescribeInternetGateways, &ec2.DescribeInternetGatewaysInput{}).InternetGateways,
		NATGateways:      call(t, s.ec2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{}).NatGateways,
		RouteTables:      call(t, s.ec2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{}).RouteTables,
		Subnets:          call(t, s.ec2.DescribeSubnets, &ec2.DescribeSubnetsInput{}).Subnets,
		VPCs:             call(t, s.ec2.DescribeVpcs, &ec2.DescribeVpcsInput{}).Vpcs,
		Stacks:           s.stacks(t),
	}
	st.NATGateways = slices.DeleteFunc(st.NATGateways, func(n types.NatGateway) bool {
		return n.State == types.NatGatewayStateDeleted
	})
	sortBy(st.Addresses, func(a types.Address) string { return aws.ToString(a.AllocationId) })
	sortBy(st.InternetGateways, func(g types.InternetGateway) string { return aws.ToString(g.InternetGatewayId) })
	sortBy(st.NATGateways, func(n types.NatGateway) string { return aws.ToString(n.NatGatewayId) })
	sortBy(st.RouteTables, func(r types.RouteTable) string { return aws.ToString(r.RouteTableId) })
	sortBy(st.Subnets, func(s types.Subnet) string { return aws.ToString(s.SubnetId) })
	sortBy(st.VPCs, func(v types.Vpc) string { return aws.ToString(v.VpcId) })
	for _, r := range st.RouteTables {
		sortBy(r.Routes, destination)
		sortBy(r.Associations, func(a types.RouteTableAssociation) string { return aws.ToString(a.RouteTableAssociationId) })
	}
	return st
}

func sortBy[T any](list []T, key func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

func destination(r types.Route) string {
	return cmp.Or(aws.ToString(r.DestinationCidrBlock), aws.ToString(r.DestinationPrefixListId), aws.ToString(r.DestinationIpv6CidrBlock))
}

// bytes is the state with every field and every id, for "as before, byte for byte".
func (st state) bytes(t *testing.T) string {
	t.Helper()
	text, err := json.MarshalIndent(st, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// addresses are those that the account has, with their ids: each costs something when it is lost.
func (st state) addresses() string {
	var addresses []string
	for _, a := range st.Addresses {
		addresses = append(addresses, aws.ToString(a.AllocationId)+" "+aws.ToString(a.PublicIp))
	}
	return strings.Join(addresses, "\n")
}

// ids are those of the things that cost an address or a connection when they are made twice or anew.
func (st state) ids() string {
	ids := []string{st.addresses()}
	for _, n := range st.NATGateways {
		ids = append(ids, aws.ToString(n.NatGatewayId))
	}
	return strings.Join(ids, "\n")
}

// snapshot is the state of the account in words that are the same each time: names in place of ids.
func (s *site) snapshot(t *testing.T) string {
	t.Helper()
	return s.observe(t).text()
}

// names gives each id a name: the tag Name and, where several things of a kind have the same, which of them it is.
type names map[string]string

func (n names) add(id, name string) {
	taken := map[string]bool{}
	for _, other := range n {
		taken[other] = true
	}
	unique := name
	for i := 2; taken[unique]; i++ {
		unique = fmt.Sprintf("%s #%d", name, i)
	}
	n[id] = unique
}

func (n names) of(id *string) string {
	return cmp.Or(n[aws.ToString(id)], aws.ToString(id))
}

func (st state) names() names {
	n := names{}
	for _, v := range st.VPCs {
		n.add(aws.ToString(v.VpcId), "vpc "+named(v.Tags, aws.ToString(v.CidrBlock)))
	}
	for _, g := range st.InternetGateways {
		n.add(aws.ToString(g.InternetGatewayId), "internet gateway")
	}
	for _, a := range st.Addresses {
		n.add(aws.ToString(a.AllocationId), "address "+named(a.Tags, "without a name"))
		n[aws.ToString(a.PublicIp)] = n[aws.ToString(a.AllocationId)] // which is how CloudFormation calls it
	}
	for _, s := range st.Subnets {
		n.add(aws.ToString(s.SubnetId), "subnet "+named(s.Tags, aws.ToString(s.AvailabilityZone)))
	}
	for _, g := range st.NATGateways {
		n.add(aws.ToString(g.NatGatewayId), "gateway "+named(g.Tags, "without a name"))
	}
	for _, r := range st.RouteTables {
		fallback := "without a name"
		if slices.ContainsFunc(r.Associations, func(a types.RouteTableAssociation) bool { return aws.ToBool(a.Main) }) {
			fallback = "main"
		}
		n.add(aws.ToString(r.RouteTableId), "table "+named(r.Tags, fallback))
	}
	for _, s := range st.Stacks {
		n.add(aws.ToString(s.StackId), "stack "+aws.ToString(s.StackName))
	}
	return n
}

func named(tags []types.Tag, fallback string) string {
	return cmp.Or(tagMap(tags)["Name"], fallback)
}

func tagMap(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

// text is a block of lines for each thing, sorted: first what it is, then what belongs to it.
func (st state) text() string {
	n := st.names()
	var blocks []string
	add := func(id *string, about string, tags []types.Tag, rest ...string) {
		lines := []string{n.of(id) + ": " + about}
		m := tagMap(tags)
		delete(m, "Name")
		for _, key := range slices.Sorted(maps.Keys(m)) {
			lines = append(lines, "  "+key+"="+anyStack.ReplaceAllString(m[key], "stack/$1"))
		}
		slices.Sort(rest)
		for _, r := range rest {
			lines = append(lines, "  "+r)
		}
		blocks = append(blocks, strings.Join(lines, "\n")+"\n")
	}
	for _, v := range st.VPCs {
		add(v.VpcId, aws.ToString(v.CidrBlock), v.Tags)
	}
	for _, g := range st.InternetGateways {
		var at []string
		for _, a := range g.Attachments {
			at = append(at, n.of(a.VpcId))
		}
		add(g.InternetGatewayId, "at "+strings.Join(at, ", "), g.Tags)
	}
	for _, a := range st.Addresses {
		use := "free"
		if a.AssociationId != nil {
			use = "in use"
		}
		add(a.AllocationId, use, a.Tags)
	}
	for _, s := range st.Subnets {
		add(s.SubnetId, aws.ToString(s.CidrBlock)+" in "+aws.ToString(s.AvailabilityZone), s.Tags)
	}
	for _, g := range st.NATGateways {
		var with []string
		for _, a := range g.NatGatewayAddresses {
			with = append(with, n.of(a.AllocationId))
		}
		add(g.NatGatewayId, fmt.Sprintf("%s in %s with %s", g.State, n.of(g.SubnetId), strings.Join(with, ", ")), g.Tags)
	}
	for _, r := range st.RouteTables {
		var rest []string
		for _, route := range r.Routes {
			to := cmp.Or(aws.ToString(route.GatewayId), aws.ToString(route.NatGatewayId), aws.ToString(route.VpcPeeringConnectionId),
				aws.ToString(route.TransitGatewayId), aws.ToString(route.NetworkInterfaceId))
			rest = append(rest, fmt.Sprintf("%s -> %s, %s", destination(route), n.of(&to), route.State))
		}
		for _, a := range r.Associations {
			if !aws.ToBool(a.Main) {
				rest = append(rest, "serves "+n.of(a.SubnetId))
			}
		}
		add(r.RouteTableId, "in "+n.of(r.VpcId), r.Tags, rest...)
	}
	for _, st := range st.Stacks {
		add(st.StackId, st.about(), st.tags(), st.lines(n)...)
	}
	slices.Sort(blocks)
	return strings.Join(blocks, "")
}

// compare compares the whole account with what is expected.
func (s *site) compare(t *testing.T, want string) error {
	t.Helper()
	if have := s.snapshot(t); have != want {
		return fmt.Errorf("the account is not as it should be:\n%s", difference(want, have))
	}
	return nil
}

func (s *site) wantState(t *testing.T, want string) {
	t.Helper()
	if err := s.compare(t, want); err != nil {
		t.Error(err)
	}
}

func (s *site) eventuallyState(t *testing.T, want string) {
	t.Helper()
	eventually(t, func() error { return s.compare(t, want) })
}
