package inmemory

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Subnet is a part of a VPC's addresses, in one zone.
type Subnet struct {
	ID   string
	VPC  string
	Zone string
	CIDR netip.Prefix
	Tags Tags
	Free int // addresses that nothing uses

	made time.Time // zero once it is settled
}

// reservedAddresses of each subnet are AWS's own: the first four and the last (VPC user guide, "Subnet CIDR blocks").
const reservedAddresses = 5

var subnetListing = listing[Subnet, types.Subnet]{
	id:   func(s Subnet) string { return s.ID },
	tags: func(s Subnet) Tags { return s.Tags },
	filters: filters[Subnet]{
		"subnet-id":         func(s Subnet) []string { return one(s.ID) },
		"vpc-id":            func(s Subnet) []string { return one(s.VPC) },
		"availability-zone": func(s Subnet) []string { return one(s.Zone) },
		"cidr-block":        func(s Subnet) []string { return one(s.CIDR.String()) },
		"state":             func(Subnet) []string { return one(string(types.SubnetStateAvailable)) },
		"owner-id":          func(Subnet) []string { return one(account) },
		"default-for-az":    func(Subnet) []string { return one("false") },
	},
	sdk:     Subnet.sdk,
	missing: "InvalidSubnetID.NotFound",
	noun:    "subnet",
	maxPage: 1000,
}

var describeSubnets = operation[ec2.DescribeSubnetsInput, ec2.DescribeSubnetsOutput]{
	name:     "DescribeSubnets",
	optional: []string{"SubnetIds", "Filters", "MaxResults", "NextToken"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
		q := query{"DescribeSubnets", in.SubnetIds, in.Filters, in.MaxResults, in.NextToken}
		subnets, next, err := subnetListing.answer(m, q, m.subnetList())
		return &ec2.DescribeSubnetsOutput{Subnets: subnets, NextToken: next}, err
	},
}

// DescribeSubnets lists subnets.
func (e *EC2) DescribeSubnets(ctx context.Context, in *ec2.DescribeSubnetsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error) {
	return describeSubnets.call(ctx, e, in)
}

var createSubnet = operation[ec2.CreateSubnetInput, ec2.CreateSubnetOutput]{
	name:     "CreateSubnet",
	required: []string{"VpcId", "CidrBlock", "AvailabilityZone"}, // without a zone EC2 picks one; we never ask for that
	optional: []string{"TagSpecifications"},
	key:      func(in *ec2.CreateSubnetInput) string { return canonicalText(in.CidrBlock) },
	effect: func(m moment, in *ec2.CreateSubnetInput) (*ec2.CreateSubnetOutput, error) {
		tags, err := m.tagsOf(in.TagSpecifications, types.ResourceTypeSubnet)
		if err != nil {
			return nil, err
		}
		cidr, err := canonical("cidrBlock", in.CidrBlock)
		if err != nil {
			return nil, err
		}
		s, err := m.addSubnet(Subnet{VPC: *in.VpcId, Zone: *in.AvailabilityZone, CIDR: cidr, Tags: tags})
		if err != nil {
			return nil, err
		}
		out := s.sdk()
		return &ec2.CreateSubnetOutput{Subnet: &out}, nil
	},
}

// CreateSubnet makes a subnet. It takes no client token, but its CIDR can be taken only once.
func (e *EC2) CreateSubnet(ctx context.Context, in *ec2.CreateSubnetInput, _ ...func(*ec2.Options)) (*ec2.CreateSubnetOutput, error) {
	return createSubnet.call(ctx, e, in)
}

var deleteSubnet = operation[ec2.DeleteSubnetInput, ec2.DeleteSubnetOutput]{
	name:     "DeleteSubnet",
	required: []string{"SubnetId"},
	key:      func(in *ec2.DeleteSubnetInput) string { return aws.ToString(in.SubnetId) },
	effect: func(m moment, in *ec2.DeleteSubnetInput) (*ec2.DeleteSubnetOutput, error) {
		s, err := m.subnet(in.SubnetId)
		if err != nil {
			return nil, err
		}
		if m.interfacesIn(s) > 0 {
			return nil, failure("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", s.ID)
		}
		delete(m.subnets, s.ID)
		for _, a := range m.associationsOf(func(a Association) bool { return a.Subnet == s.ID }) {
			delete(m.associations, a.ID) // assumed: the association goes with its subnet
		}
		return &ec2.DeleteSubnetOutput{}, nil
	},
}

// DeleteSubnet deletes a subnet that nothing is in.
func (e *EC2) DeleteSubnet(ctx context.Context, in *ec2.DeleteSubnetInput, _ ...func(*ec2.Options)) (*ec2.DeleteSubnetOutput, error) {
	return deleteSubnet.call(ctx, e, in)
}

func (m moment) addSubnet(s Subnet) (Subnet, error) {
	vpc, err := m.vpc(&s.VPC)
	if err != nil {
		return s, err
	}
	if err := m.checkSubnet(vpc, s); err != nil {
		return s, err
	}
	s.ID = m.mint("subnet", s.CIDR.String())
	s.made = m.now
	m.subnets[s.ID] = s
	s.Free = m.freeIn(s)
	return s, nil
}

// checkSubnet keeps the VPC user guide's "Subnet CIDR blocks": /28 to /16, inside one of the VPC's CIDRs, overlapping no
// other subnet.
func (m moment) checkSubnet(vpc VPC, s Subnet) error {
	if _, ok := m.zones[s.Zone]; !ok {
		return invalidValue("availabilityZone", s.Zone, "Subnets can currently only be created in the following availability zones: "+strings.Join(m.options.Zones, ", ")+".")
	}
	inside := false
	for _, block := range vpc.CIDRs {
		inside = inside || block.Bits() <= s.CIDR.Bits() && block.Contains(s.CIDR.Addr())
	}
	if !inside || s.CIDR.Bits() < 16 || s.CIDR.Bits() > 28 {
		return failure("InvalidSubnet.Range", "The CIDR '%s' is invalid.", s.CIDR)
	}
	count := 0
	for _, other := range inOrder(m.subnets) {
		if other.VPC != vpc.ID {
			continue
		}
		count++
		if other.CIDR.Overlaps(s.CIDR) {
			return failure("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", s.CIDR)
		}
	}
	if count >= m.options.Quotas.Subnets {
		return failure("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	return nil
}

// subnet finds a subnet for a call that names it.
func (m moment) subnet(id *string) (Subnet, error) {
	s, ok := m.subnets[aws.ToString(id)]
	if !ok || !m.finds(s.made) {
		return s, notFound("InvalidSubnetID.NotFound", "subnet", aws.ToString(id))
	}
	return s, nil
}

func (m moment) subnetList() []Subnet {
	list := inOrder(m.subnets)
	for i := range list {
		list[i].Free = m.freeIn(list[i])
	}
	return list
}

// interfacesIn counts the network interfaces in a subnet: somebody's, and those of gateways that are not gone.
func (m moment) interfacesIn(s Subnet) int {
	count := 0
	for _, subnet := range m.interfaces {
		if subnet == s.ID {
			count++
		}
	}
	for _, g := range m.gateways {
		if g.Subnet == s.ID && m.stateOf(g) != types.NatGatewayStateDeleted {
			count++
		}
	}
	return count
}

func (m moment) freeIn(s Subnet) int {
	return 1<<(32-s.CIDR.Bits()) - reservedAddresses - m.interfacesIn(s)
}

func (s Subnet) sdk() types.Subnet {
	return types.Subnet{
		SubnetId:                aws.String(s.ID),
		VpcId:                   aws.String(s.VPC),
		AvailabilityZone:        aws.String(s.Zone),
		CidrBlock:               aws.String(s.CIDR.String()),
		AvailableIpAddressCount: aws.Int32(int32(s.Free)),
		State:                   types.SubnetStateAvailable,
		OwnerId:                 aws.String(account),
		DefaultForAz:            aws.Bool(false),
		MapPublicIpOnLaunch:     aws.Bool(false),
		Tags:                    s.Tags.sdk(),
	}
}

// canonical reads an IPv4 CIDR and masks it: EC2 modifies what it is given to its canonical form (SDK doc comments on
// CreateSubnet's CidrBlock and CreateRoute's DestinationCidrBlock).
func canonical(parameter string, cidr *string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(aws.ToString(cidr))
	if err != nil || !p.Addr().Is4() {
		return p, invalidValue(parameter, aws.ToString(cidr), "This is not a valid CIDR block.")
	}
	return p.Masked(), nil
}

func canonicalText(cidr *string) string {
	if p, err := canonical("", cidr); err == nil {
		return p.String()
	}
	return aws.ToString(cidr)
}

// AddSubnet is a hand: somebody's subnet, kept to the same rules.
func (e *EC2) AddSubnet(vpc, zone, cidr string, tags Tags) string {
	s := Subnet{VPC: vpc, Zone: zone, CIDR: netip.MustParsePrefix(cidr), Tags: tags}
	must(e.update(func(m moment) (err error) {
		s, err = m.addSubnet(s)
		return err
	}))
	return s.ID
}

// AddInterface is a hand: somebody's network interface, which keeps its subnet from being deleted.
func (e *EC2) AddInterface(subnet string) string {
	id := ""
	must(e.update(func(m moment) error {
		if _, ok := m.subnets[subnet]; !ok {
			return notFound("InvalidSubnetID.NotFound", "subnet", subnet)
		}
		id = m.mint("eni", subnet)
		m.interfaces[id] = subnet
		return nil
	}))
	return id
}

// RemoveInterface is a hand: somebody's network interface goes.
func (e *EC2) RemoveInterface(id string) {
	must(e.update(func(m moment) error {
		delete(m.interfaces, id)
		for _, a := range inOrder(m.addresses) {
			if a.Interface == id {
				a.Interface = ""
				m.addresses[a.ID] = a
			}
		}
		return nil
	}))
}
