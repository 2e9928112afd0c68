package inmemory

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// NATGateway is a public, zonal NAT gateway.
type NATGateway struct {
	ID          string
	VPC         string
	Subnet      string
	Zone        string
	Allocation  string
	Association string
	Interface   string
	PublicIP    netip.Addr
	PrivateIP   netip.Addr
	Tags        Tags
	Created     time.Time
	Deleted     time.Time // zero until it is
	State       types.NatGatewayState
	FailureCode string // once it has failed

	ready    time.Time // when it becomes available, or fails
	failure  string    // the FailureCode that it is going to have
	deleting time.Time // when it began to be deleted; zero for never
	deleted  time.Time // when that is done
	made     time.Time // zero once it is settled
}

// Creation is what decides whether a gateway fails. Attempt counts the gateways made in the zone, from 1.
type Creation struct {
	Zone, Subnet, Allocation string
	Attempt                  int
}

// Failure codes (SDK doc comment on NatGateway.FailureCode).
const (
	failedNoAddresses  = "InsufficientFreeAddressesInSubnet"
	failedNoInternet   = "Gateway.NotAttached"
	failedNoAllocation = "InvalidAllocationID.NotFound"
	failedAssociated   = "Resource.AlreadyAssociated"
	failedInternally   = "InternalError"
	failedNoSubnet     = "InvalidSubnetID.NotFound"
)

var gatewayListing = listing[NATGateway, types.NatGateway]{
	id:   func(g NATGateway) string { return g.ID },
	tags: func(g NATGateway) Tags { return g.Tags },
	filters: filters[NATGateway]{
		"nat-gateway-id": func(g NATGateway) []string { return one(g.ID) },
		"state":          func(g NATGateway) []string { return one(string(g.State)) },
		"subnet-id":      func(g NATGateway) []string { return one(g.Subnet) },
		"vpc-id":         func(g NATGateway) []string { return one(g.VPC) },
	},
	sdk:     NATGateway.sdk,
	missing: "NatGatewayNotFound",
	noun:    "natGateway",
	maxPage: 1000,
}

var describeNatGateways = operation[ec2.DescribeNatGatewaysInput, ec2.DescribeNatGatewaysOutput]{
	name:     "DescribeNatGateways",
	optional: []string{"NatGatewayIds", "Filter", "MaxResults", "NextToken"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeNatGatewaysInput) (*ec2.DescribeNatGatewaysOutput, error) {
		q := query{"DescribeNatGateways", in.NatGatewayIds, in.Filter, in.MaxResults, in.NextToken}
		gateways, next, err := gatewayListing.answer(m, q, m.gatewayList())
		return &ec2.DescribeNatGatewaysOutput{NatGateways: gateways, NextToken: next}, err
	},
}

// DescribeNatGateways lists NAT gateways, those too that have failed or were deleted not long ago.
func (e *EC2) DescribeNatGateways(ctx context.Context, in *ec2.DescribeNatGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error) {
	return describeNatGateways.call(ctx, e, in)
}

var createNatGateway = operation[ec2.CreateNatGatewayInput, ec2.CreateNatGatewayOutput]{
	name:     "CreateNatGateway",
	required: []string{"SubnetId", "AllocationId"}, // zonal and public ones only
	optional: []string{"ClientToken", "TagSpecifications", "ConnectivityType", "AvailabilityMode"},
	key:      func(in *ec2.CreateNatGatewayInput) string { return keyOf(in.TagSpecifications, in.SubnetId) },
	effect: func(m moment, in *ec2.CreateNatGatewayInput) (*ec2.CreateNatGatewayOutput, error) {
		id, err := m.recall("CreateNatGateway", in.ClientToken, in)
		if err != nil {
			return nil, err
		}
		if id == "" {
			if id, err = m.newGateway(in); err != nil {
				return nil, err
			}
			m.remember("CreateNatGateway", in.ClientToken, in, id)
		}
		out := m.current(m.gateways[id]).sdk()
		return &ec2.CreateNatGatewayOutput{NatGateway: &out, ClientToken: in.ClientToken}, nil
	},
}

// CreateNatGateway makes a NAT gateway, or finds the one that its token has made before, in whatever state that is.
func (e *EC2) CreateNatGateway(ctx context.Context, in *ec2.CreateNatGatewayInput, _ ...func(*ec2.Options)) (*ec2.CreateNatGatewayOutput, error) {
	return createNatGateway.call(ctx, e, in)
}

// newGateway refuses at once what names nothing that is there, and what is over the quota; all else shows when the
// gateway fails.
func (m moment) newGateway(in *ec2.CreateNatGatewayInput) (string, error) {
	if in.ConnectivityType == types.ConnectivityTypePrivate || in.AvailabilityMode == types.AvailabilityModeRegional {
		return "", failure("UnsupportedOperation", "The in-memory EC2 knows public zonal NAT gateways only")
	}
	tags, err := m.tagsOf(in.TagSpecifications, types.ResourceTypeNatgateway)
	if err != nil {
		return "", err
	}
	subnet, err := m.subnet(in.SubnetId)
	if err != nil {
		return "", err
	}
	address, ok := m.addresses[*in.AllocationId]
	if !ok || !m.finds(address.made) { // this code was seen in hashicorp/terraform-provider-aws#27087
		return "", notFound("InvalidElasticIpID.NotFound", "elasticIp", *in.AllocationId)
	}
	if state := m.zones[subnet.Zone]; state != "" && state != types.AvailabilityZoneStateAvailable { // AWS.md A
		return "", failure("NotAvailableInZone", "Nat Gateway is not available in this availability zone")
	}
	if m.counted(subnet.Zone) >= m.options.Quotas.NATGatewaysPerZone {
		return "", failure("NatGatewayLimitExceeded", "Performing this operation would exceed the limit of %d NAT gateways", m.options.Quotas.NATGatewaysPerZone)
	}
	g := m.draft(subnet, address, tags)
	g.ID = m.mint("nat", keyOf(in.TagSpecifications, in.SubnetId))
	g.Interface = derivedID("eni", g.ID)
	g.Association = derivedID("eipassoc", g.ID)
	m.gateways[g.ID] = g
	return g.ID, nil
}

// draft is a gateway without ids, whose fate is decided.
func (m moment) draft(subnet Subnet, address Address, tags Tags) NATGateway {
	return NATGateway{
		VPC:        subnet.VPC,
		Subnet:     subnet.ID,
		Zone:       subnet.Zone,
		Allocation: address.ID,
		PublicIP:   address.IP,
		PrivateIP:  m.privateIP(subnet),
		Tags:       tags,
		Created:    m.now,
		made:       m.now,
		ready:      m.now.Add(m.options.Pending),
		failure:    m.fate(subnet, address),
	}
}

// fate is the FailureCode that a new gateway is going to have, "" for none. EC2 accepts the call and the gateway fails
// later: VPC user guide, "Troubleshoot NAT gateways"; an associated address so seen in
// hashicorp/terraform-provider-aws#709.
func (m moment) fate(subnet Subnet, address Address) string {
	switch {
	case !m.hasInternet(subnet.VPC):
		return failedNoInternet
	case m.freeIn(subnet) <= 0:
		return failedNoAddresses
	case address.Interface != "" || m.holder(address.ID) != "":
		return failedAssociated
	case m.options.Fail == nil:
		return ""
	}
	c := Creation{Zone: subnet.Zone, Subnet: subnet.ID, Allocation: address.ID, Attempt: 1}
	for _, g := range m.gateways {
		if g.Zone == subnet.Zone {
			c.Attempt++
		}
	}
	return m.options.Fail(c)
}

// privateIP is an address of the subnet that no gateway has.
func (m moment) privateIP(subnet Subnet) netip.Addr {
	taken := map[netip.Addr]bool{}
	for _, g := range m.gateways {
		taken[g.PrivateIP] = g.Subnet == subnet.ID && m.stateOf(g) != types.NatGatewayStateDeleted || taken[g.PrivateIP]
	}
	usable := 1<<(32-subnet.CIDR.Bits()) - reservedAddresses
	for i := range usable {
		if ip := nth(subnet.CIDR, reservedAddresses-1+i); !taken[ip] {
			return ip
		}
	}
	return netip.Addr{}
}

var deleteNatGateway = operation[ec2.DeleteNatGatewayInput, ec2.DeleteNatGatewayOutput]{
	name:     "DeleteNatGateway",
	required: []string{"NatGatewayId"},
	key:      func(in *ec2.DeleteNatGatewayInput) string { return aws.ToString(in.NatGatewayId) },
	effect: func(m moment, in *ec2.DeleteNatGatewayInput) (*ec2.DeleteNatGatewayOutput, error) {
		g, ok := m.gateways[*in.NatGatewayId]
		if !ok || !m.finds(g.made) || !m.lists(g) {
			return nil, failure("NatGatewayNotFound", "NAT gateway %s was not found", *in.NatGatewayId)
		}
		m.gateways[g.ID] = m.deleteGateway(g)
		return &ec2.DeleteNatGatewayOutput{NatGatewayId: aws.String(g.ID)}, nil
	},
}

// DeleteNatGateway begins to delete a gateway. Routes to it stay, as black holes, and its address stays allocated.
func (e *EC2) DeleteNatGateway(ctx context.Context, in *ec2.DeleteNatGatewayInput, _ ...func(*ec2.Options)) (*ec2.DeleteNatGatewayOutput, error) {
	return deleteNatGateway.call(ctx, e, in)
}

// deleteGateway: a failed gateway is gone at once, another one after a while. A second call changes nothing and succeeds, as
// long as the gateway is listed (seen in gruntwork-io/cloud-nuke#248 with a deleted one).
func (m moment) deleteGateway(g NATGateway) NATGateway {
	if !g.deleting.IsZero() || m.stateOf(g) == types.NatGatewayStateDeleted {
		return g
	}
	g.deleting, g.deleted = m.now, m.now.Add(m.options.Deleting)
	if m.stateBefore(g) == types.NatGatewayStateFailed {
		g.deleted = m.now
	}
	return g
}

// gatewayList has the gateways that are still listed.
func (m moment) gatewayList() []NATGateway {
	var list []NATGateway
	for _, g := range inOrder(m.gateways) {
		if m.lists(g) {
			list = append(list, m.current(g))
		}
	}
	return list
}

// lists tells whether a gateway is still listed: a deleted one is "for a short while (usually about an hour)" (VPC user
// guide, "NAT gateways").
func (m moment) lists(g NATGateway) bool {
	end := m.end(g)
	return end.IsZero() || m.now.Before(end.Add(m.options.DeletedFor))
}

// failureMessage is what the SDK's doc comment on NatGateway.FailureMessage says.
func (g NATGateway) failureMessage() string {
	switch g.FailureCode {
	case failedNoAddresses:
		return "Subnet has insufficient free addresses to create this NAT gateway"
	case failedNoInternet:
		return fmt.Sprintf("Network %s has no Internet gateway attached", g.VPC)
	case failedNoAllocation:
		return fmt.Sprintf("Elastic IP address %s could not be associated with this NAT gateway", g.Allocation)
	case failedAssociated:
		return fmt.Sprintf("Elastic IP address %s is already associated", g.Allocation)
	case failedInternally:
		return fmt.Sprintf("Network interface %s, created and used internally by this NAT gateway is in an invalid state. Please try again.", g.Interface)
	case failedNoSubnet:
		return fmt.Sprintf("The specified subnet %s does not exist or could not be found.", g.Subnet)
	}
	return g.FailureCode
}

func (g NATGateway) sdk() types.NatGateway {
	out := types.NatGateway{
		NatGatewayId:        aws.String(g.ID),
		VpcId:               aws.String(g.VPC),
		SubnetId:            aws.String(g.Subnet),
		State:               g.State,
		ConnectivityType:    types.ConnectivityTypePublic,
		AvailabilityMode:    types.AvailabilityModeZonal,
		CreateTime:          aws.Time(g.Created),
		NatGatewayAddresses: []types.NatGatewayAddress{g.address()},
		Tags:                g.Tags.sdk(),
	}
	if !g.Deleted.IsZero() {
		out.DeleteTime = aws.Time(g.Deleted)
	}
	if g.FailureCode != "" {
		out.FailureCode, out.FailureMessage = aws.String(g.FailureCode), aws.String(g.failureMessage())
	}
	return out
}

// address: a pending gateway's has the allocation id and no more (seen in boto/boto3#779).
func (g NATGateway) address() types.NatGatewayAddress {
	out := types.NatGatewayAddress{AllocationId: aws.String(g.Allocation), IsPrimary: aws.Bool(true)}
	switch {
	case g.State == types.NatGatewayStatePending:
		out.Status = types.NatGatewayAddressStatusAssociating
		return out
	case g.FailureCode != "":
		out.Status = types.NatGatewayAddressStatusFailed
		out.FailureMessage = aws.String(g.failureMessage())
		out.NetworkInterfaceId = aws.String(g.Interface)
		return out
	case g.State == types.NatGatewayStateDeleting:
		out.Status = types.NatGatewayAddressStatusDisassociating
	default:
		out.Status = types.NatGatewayAddressStatusSucceeded
	}
	out.PublicIp = aws.String(g.PublicIP.String())
	out.PrivateIp = aws.String(g.PrivateIP.String())
	out.NetworkInterfaceId = aws.String(g.Interface)
	out.AssociationId = aws.String(g.Association)
	return out
}

// FailGateway is a hand: a gateway that is not deleted fails now. EC2 is known to do so to pending ones only.
func (e *EC2) FailGateway(id, code string) {
	e.changeGateway(id, func(m moment, g NATGateway) NATGateway {
		g.failure, g.ready = code, m.now
		return g
	})
}

// RemoveGateway is a hand: somebody begins to delete a gateway.
func (e *EC2) RemoveGateway(id string) {
	e.changeGateway(id, moment.deleteGateway)
}

func (e *EC2) changeGateway(id string, change func(moment, NATGateway) NATGateway) {
	must(e.update(func(m moment) error {
		g, ok := m.gateways[id]
		if !ok || m.stateOf(g) == types.NatGatewayStateDeleted {
			return failure("NatGatewayNotFound", "NAT gateway %s was not found", id)
		}
		m.gateways[id] = change(m, g)
		return nil
	}))
}
