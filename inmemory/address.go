package inmemory

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Address is an Elastic IP address. Gateway and Interface say who has it; Shown says whether DescribeAddresses says so.
type Address struct {
	ID        string
	IP        netip.Addr
	Tags      Tags
	Gateway   string // the NAT gateway that has it, or ""
	Interface string // somebody's network interface that has it, or ""
	Shown     bool

	made time.Time
}

// ipHolder says who has a public address that was handed out.
type ipHolder int

// A released address can be recovered until another account has got it.
const (
	ours ipHolder = iota
	released
	anotherAccount
)

// pool is where public addresses come from: a network for benchmarks (RFC 2544), in which nobody is.
var pool = netip.MustParsePrefix("198.18.0.0/15")

var addressListing = listing[Address, types.Address]{
	id:   func(a Address) string { return a.ID },
	tags: func(a Address) Tags { return a.Tags },
	filters: filters[Address]{
		"allocation-id":        func(a Address) []string { return one(a.ID) },
		"public-ip":            func(a Address) []string { return one(a.IP.String()) },
		"domain":               func(Address) []string { return one(string(types.DomainTypeVpc)) },
		"association-id":       func(a Address) []string { return one(a.association()) },
		"network-interface-id": func(a Address) []string { return one(a.networkInterface()) },
	},
	sdk:     Address.sdk,
	missing: "InvalidAllocationID.NotFound", // AWS.md A
	noun:    "allocation",
}

var describeAddresses = operation[ec2.DescribeAddressesInput, ec2.DescribeAddressesOutput]{
	name:     "DescribeAddresses",
	optional: []string{"AllocationIds", "PublicIps", "Filters"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeAddressesInput) (*ec2.DescribeAddressesOutput, error) {
		all := m.addressList()
		if len(in.PublicIps) > 0 {
			var err error
			if all, err = withIPs(all, in.PublicIps); err != nil {
				return nil, err
			}
		}
		q := query{operation: "DescribeAddresses", ids: in.AllocationIds, filters: in.Filters}
		addresses, _, err := addressListing.answer(m, q, all)
		for i := range addresses {
			addresses[i].NetworkBorderGroup = aws.String(m.options.Region)
		}
		return &ec2.DescribeAddressesOutput{Addresses: addresses}, err
	},
}

// DescribeAddresses lists addresses. It has no pages.
func (e *EC2) DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	return describeAddresses.call(ctx, e, in)
}

func withIPs(all []Address, ips []string) ([]Address, error) {
	for _, ip := range ips {
		if !slices.ContainsFunc(all, func(a Address) bool { return a.IP.String() == ip }) {
			return nil, failure("InvalidAddress.NotFound", "Address '%s' not found.", ip)
		}
	}
	return slices.DeleteFunc(all, func(a Address) bool { return !slices.Contains(ips, a.IP.String()) }), nil
}

var allocateAddress = operation[ec2.AllocateAddressInput, ec2.AllocateAddressOutput]{
	name:     "AllocateAddress",
	optional: []string{"Domain", "Address", "TagSpecifications"},
	key:      func(in *ec2.AllocateAddressInput) string { return keyOf(in.TagSpecifications, in.Address) },
	effect: func(m moment, in *ec2.AllocateAddressInput) (*ec2.AllocateAddressOutput, error) {
		tags, err := m.tagsOf(in.TagSpecifications, types.ResourceTypeElasticIp)
		if err != nil {
			return nil, err
		}
		if in.Domain != "" && in.Domain != types.DomainTypeVpc {
			return nil, invalidValue("domain", string(in.Domain), "The domain must be vpc.")
		}
		if len(m.addresses) >= m.options.Quotas.Addresses {
			return nil, failure("AddressLimitExceeded", "The maximum number of addresses has been reached.")
		}
		a := Address{Tags: tags, made: m.now}
		if a.IP, err = m.recoverable(in.Address); err != nil {
			return nil, err
		}
		a = m.allocate(a, keyOf(in.TagSpecifications, in.Address))
		return &ec2.AllocateAddressOutput{
			AllocationId:       aws.String(a.ID),
			PublicIp:           aws.String(a.IP.String()),
			Domain:             types.DomainTypeVpc,
			PublicIpv4Pool:     aws.String("amazon"),
			NetworkBorderGroup: aws.String(m.options.Region),
		}, nil
	},
}

// AllocateAddress allocates an address: a new one with every call, or a released one again. It takes no client token.
func (e *EC2) AllocateAddress(ctx context.Context, in *ec2.AllocateAddressInput, _ ...func(*ec2.Options)) (*ec2.AllocateAddressOutput, error) {
	return allocateAddress.call(ctx, e, in)
}

// recoverable reads the address that is to be recovered, the zero one if none is. It must have been released by us and
// given to nobody since (EC2 user guide, "Elastic IP addresses"; SDK doc comment on the call). The code of the refusal is
// assumed. Its tags are lost, and it gets a new allocation id (assumed).
func (m moment) recoverable(address *string) (netip.Addr, error) {
	if aws.ToString(address) == "" {
		return netip.Addr{}, nil
	}
	ip, err := netip.ParseAddr(*address)
	if err != nil {
		return ip, invalidValue("address", *address, "Invalid IPv4 address.")
	}
	if holder, ok := m.publicIPs[ip]; !ok || holder != released {
		return ip, failure("InvalidAddress.NotFound", "Address '%s' not found.", ip)
	}
	return ip, nil
}

// allocate puts in an address, with a public address that nobody ever had unless it comes with one.
func (m moment) allocate(a Address, key string) Address {
	a.ID = m.mint("eipalloc", key)
	size := 1 << (32 - pool.Bits())
	for i := hashed(a.ID, size); !a.IP.IsValid(); i = (i + 1) % size {
		if ip := nth(pool, i); !m.handedOut(ip) {
			a.IP = ip
		}
	}
	m.publicIPs[a.IP] = ours
	m.addresses[a.ID] = a
	return a
}

func (m moment) handedOut(ip netip.Addr) bool {
	_, ok := m.publicIPs[ip]
	return ok
}

var releaseAddress = operation[ec2.ReleaseAddressInput, ec2.ReleaseAddressOutput]{
	name:     "ReleaseAddress",
	required: []string{"AllocationId"},
	key:      func(in *ec2.ReleaseAddressInput) string { return aws.ToString(in.AllocationId) },
	effect: func(m moment, in *ec2.ReleaseAddressInput) (*ec2.ReleaseAddressOutput, error) {
		a, ok := m.addresses[*in.AllocationId]
		if !ok || !m.finds(a.made) {
			// Seen in ansible/ansible#20167. AWS's list of codes has InvalidAddressID.NotFound for this (AWS.md A): a client
			// should know both.
			return nil, failure("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", *in.AllocationId)
		}
		// A gateway's address is not the SDK's InvalidIPAddress.InUse, and no lack of permissions either: seen in
		// kubernetes/kops#938 and #1604, genevieve/leftovers#33 and eformat/sno-for-100#5, until the gateway is gone.
		if m.holder(a.ID) != "" {
			return nil, failure("AuthFailure", "You do not have permission to access the specified resource.")
		}
		if !m.canRelease(a) {
			return nil, failure("InvalidIPAddress.InUse", "Address %s is in use.", a.IP)
		}
		m.drop(a)
		return &ec2.ReleaseAddressOutput{}, nil
	},
}

// ReleaseAddress gives an address up.
func (e *EC2) ReleaseAddress(ctx context.Context, in *ec2.ReleaseAddressInput, _ ...func(*ec2.Options)) (*ec2.ReleaseAddressOutput, error) {
	return releaseAddress.call(ctx, e, in)
}

// canRelease: an address that somebody's interface has cannot be released, except that in a default VPC it is taken from
// the instance that has it (SDK doc comment on the call). An interface of which no more is known is taken to be in the
// default VPC (assumed, the worst).
func (m moment) canRelease(a Address) bool {
	if a.Interface == "" {
		return true
	}
	subnet, known := m.interfaces[a.Interface]
	return !known || m.vpcs[m.subnets[subnet].VPC].Default
}

func (m moment) drop(a Address) {
	delete(m.addresses, a.ID)
	m.publicIPs[a.IP] = released
}

// addressList has the addresses with what is computed.
//
// An address is shown as associated only once its gateway is available, and a while later still: 15 to 30 seconds were
// seen in kubernetes-sigs/cluster-api-provider-aws#1752. Until then the list calls an address free that is not.
func (m moment) addressList() []Address {
	list := inOrder(m.addresses)
	for i, a := range list {
		list[i].Gateway = m.holder(a.ID)
		list[i].Shown = a.Interface != ""
		if g, ok := m.gateways[list[i].Gateway]; ok {
			list[i].Shown = !m.now.Before(g.ready.Add(m.options.Associating))
		}
	}
	return list
}

// networkInterface is the one that DescribeAddresses shows.
func (a Address) networkInterface() string {
	switch {
	case !a.Shown:
		return ""
	case a.Gateway != "":
		return derivedID("eni", a.Gateway)
	}
	return a.Interface
}

// association is the one that DescribeAddresses shows.
func (a Address) association() string {
	switch {
	case !a.Shown:
		return ""
	case a.Gateway != "":
		return derivedID("eipassoc", a.Gateway)
	}
	return derivedID("eipassoc", a.ID+" "+a.Interface)
}

func (a Address) sdk() types.Address {
	out := types.Address{
		AllocationId:       aws.String(a.ID),
		PublicIp:           aws.String(a.IP.String()),
		Domain:             types.DomainTypeVpc,
		PublicIpv4Pool:     aws.String("amazon"),
		AssociationId:      optional(a.association()),
		NetworkInterfaceId: optional(a.networkInterface()),
		Tags:               a.Tags.sdk(),
	}
	if out.NetworkInterfaceId != nil {
		out.NetworkInterfaceOwnerId = aws.String(account)
	}
	return out
}

// Allocate is a hand: somebody allocates an address, whatever the quota says. The tags' Name is its key.
func (e *EC2) Allocate(tags Tags) string {
	a := Address{Tags: tags}
	must(e.update(func(m moment) error {
		a.made = m.now
		a = m.allocate(a, tags["Name"])
		return nil
	}))
	return a.ID
}

// TakeAddress is a hand: an address is released behind our back, used or not. It can be recovered.
func (e *EC2) TakeAddress(allocation string) {
	e.changeAddress(allocation, func(m moment, a Address) { m.drop(a) })
}

// GiveAway is a hand: another account gets a public address, and it is lost for ever.
func (e *EC2) GiveAway(ip netip.Addr) {
	must(e.update(func(m moment) error {
		for _, a := range m.addresses {
			if a.IP == ip {
				return failure("InvalidIPAddress.InUse", "Address %s is allocated", ip)
			}
		}
		m.publicIPs[ip] = anotherAccount
		return nil
	}))
}

// AssociateAddress is a hand: somebody uses an address that no gateway has, for a network interface of theirs.
func (e *EC2) AssociateAddress(allocation, networkInterface string) {
	e.changeAddress(allocation, func(m moment, a Address) {
		if g := m.holder(a.ID); g != "" { // EC2 refuses as well
			must(failure("Resource.AlreadyAssociated", "%s is associated with %s", a.ID, g))
		}
		a.Interface = networkInterface
		m.addresses[a.ID] = a
	})
}

// DisassociateAddress is a hand: somebody's network interface no longer uses an address.
func (e *EC2) DisassociateAddress(allocation string) {
	e.changeAddress(allocation, func(m moment, a Address) {
		a.Interface = ""
		m.addresses[a.ID] = a
	})
}

func (e *EC2) changeAddress(allocation string, change func(moment, Address)) {
	must(e.update(func(m moment) error {
		a, ok := m.addresses[allocation]
		if !ok {
			return notFound("InvalidAllocationID.NotFound", "allocation", allocation)
		}
		change(m, a)
		return nil
	}))
}
