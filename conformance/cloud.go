package conformance

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awscfn"
	"github.com/szuecs/kube-static-egress-controller/awsec2"
)

// Harness makes the clouds that are to be asked.
type Harness struct {
	// Name is what the table of differences calls these clouds.
	Name string
	// New makes a cloud that nobody else uses. The test is for cleaning up, and for failing.
	New func(*testing.T, Rules) Cloud
}

// Rules are quotas that a cloud is to have; where one is 0 it is large enough for every fact. Whether the local route and
// the main table count is not said: the facts go on until they are refused.
type Rules struct {
	Addresses   int // in the region
	Subnets     int // in a VPC
	RouteTables int // in a VPC
	NATGateways int // in a zone
	Routes      int // in a table
	// Swift is for facts about stacks, which wait for gateways: these are available, and gone, at once.
	Swift bool
}

// Cloud is an EC2: an account in a region with one VPC, the default one, and the internet gateway that is attached to it; and
// the CloudFormation over it, without stacks. NAT gateways stay pending, and deleting, until somebody awaits what comes after.
type Cloud struct {
	EC2             awsec2.API
	CloudFormation  awscfn.API
	VPC             string // has 172.31.0.0/16; what is at or above 172.31.64.0 is free
	InternetGateway string
	Zones           [2]string
	Hands           Hands
}

// Hands do what the rest of the world does. They succeed, or fail the test.
type Hands interface {
	// AddVPC makes a VPC without an internet gateway.
	AddVPC(t *testing.T, cidr string) string
	// AddInternetGateway makes an internet gateway and attaches it to a VPC.
	AddInternetGateway(t *testing.T, vpc string) string
	// DetachInternetGateway takes an internet gateway away from its VPC.
	DetachInternetGateway(t *testing.T, id, vpc string)
	// AddInterface makes a network interface in a subnet.
	AddInterface(t *testing.T, subnet string) string
	// UseAddress associates an address with a network interface.
	UseAddress(t *testing.T, allocation, networkInterface string)
	// AddPrefixList makes a managed prefix list of IPv4 CIDRs.
	AddPrefixList(t *testing.T, name string, cidrs ...string) string
	// Await lets time pass until a gateway has one of these states. From then on that step may take no time.
	Await(t *testing.T, gateway string, states ...types.NatGatewayState)
	// Settle waits until nothing is done to a stack any more, nor to its change sets. It need not be there.
	Settle(t *testing.T, stack string)
}
