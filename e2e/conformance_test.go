//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/conformance"
)

// The other end-to-end tests are worth what their cloud is worth: it does what EC2 does, but for what the table of
// differences says.
func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.Run(t, conformance.Harness{Name: conformance.LocalStack, New: newCloud})
}

const forEver = 1e9 // seconds

func newCloud(t *testing.T, r conformance.Rules) conformance.Cloud {
	t.Helper()
	s := newSite(t)
	// An error is an answer here, so nothing is tried again.
	s.ec2 = ec2.New(ec2.Options{
		Region:       region,
		BaseEndpoint: &cloud.endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(s.account, "secret", ""),
		Retryer:      aws.NopRetryer{},
	})
	h := &cloudHands{site: s, rules: rules{
		NATPending: forEver, NATDeleting: forEver,
		Addresses: r.Addresses, Subnets: r.Subnets, Tables: r.RouteTables, Gateways: r.NATGateways, Routes: r.Routes,
	}}
	if r.Swift {
		h.rules.NATPending, h.rules.NATDeleting = 0, 0
	}
	s.rule(t, h.rules)
	h.cfn = cloudformation.New(cloudformation.Options{
		Region:       region,
		BaseEndpoint: &cloud.endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(s.account, "secret", ""),
		Retryer:      aws.NopRetryer{},
	})
	return conformance.Cloud{EC2: s.ec2, CloudFormation: h.cfn, VPC: s.vpc, InternetGateway: s.igw, Zones: [2]string{zoneA, zoneB}, Hands: h}
}

type cloudHands struct {
	*site
	rules rules
	cfn   *cloudformation.Client
}

// Settle asks until nothing is in progress. A stack that a change set has made is in review, which is no progress.
func (h *cloudHands) Settle(t *testing.T, stack string) {
	t.Helper()
	eventually(t, func() error {
		out, err := h.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
		if err != nil {
			return nil // it is not there
		}
		status := out.Stacks[0].StackStatus
		if strings.HasSuffix(string(status), "_IN_PROGRESS") && status != cfntypes.StackStatusReviewInProgress {
			return fmt.Errorf("%s is %s", stack, status)
		}
		sets, err := h.cfn.ListChangeSets(t.Context(), &cloudformation.ListChangeSetsInput{StackName: &stack})
		if err != nil {
			return nil
		}
		for _, set := range sets.Summaries {
			if strings.HasPrefix(string(set.Status), "CREATE_") && set.Status != cfntypes.ChangeSetStatusCreateComplete {
				return fmt.Errorf("%s is %s", *set.ChangeSetName, set.Status)
			}
		}
		return nil
	})
}

func (h *cloudHands) AddVPC(t *testing.T, cidr string) string {
	t.Helper()
	return *call(t, h.ec2.CreateVpc, &ec2.CreateVpcInput{CidrBlock: &cidr}).Vpc.VpcId
}

func (h *cloudHands) AddInternetGateway(t *testing.T, vpc string) string {
	t.Helper()
	id := call(t, h.ec2.CreateInternetGateway, &ec2.CreateInternetGatewayInput{}).InternetGateway.InternetGatewayId
	call(t, h.ec2.AttachInternetGateway, &ec2.AttachInternetGatewayInput{InternetGatewayId: id, VpcId: &vpc})
	return *id
}

func (h *cloudHands) DetachInternetGateway(t *testing.T, id, vpc string) {
	t.Helper()
	call(t, h.ec2.DetachInternetGateway, &ec2.DetachInternetGatewayInput{InternetGatewayId: &id, VpcId: &vpc})
}

func (h *cloudHands) AddInterface(t *testing.T, subnet string) string {
	t.Helper()
	return *call(t, h.ec2.CreateNetworkInterface, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet}).NetworkInterface.NetworkInterfaceId
}

func (h *cloudHands) UseAddress(t *testing.T, allocation, networkInterface string) {
	t.Helper()
	call(t, h.ec2.AssociateAddress, &ec2.AssociateAddressInput{AllocationId: &allocation, NetworkInterfaceId: &networkInterface})
}

func (h *cloudHands) AddPrefixList(t *testing.T, name string, cidrs ...string) string {
	t.Helper()
	in := &ec2.CreateManagedPrefixListInput{
		PrefixListName: &name, AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(int32(len(cidrs))),
	}
	for _, cidr := range cidrs {
		in.Entries = append(in.Entries, types.AddPrefixListEntry{Cidr: aws.String(cidr)})
	}
	return *call(t, h.ec2.CreateManagedPrefixList, in).PrefixList.PrefixListId
}

// Await lets the step that leads to a state take no time from now on: there is nothing to wait for then.
func (h *cloudHands) Await(t *testing.T, gateway string, states ...types.NatGatewayState) {
	t.Helper()
	if slices.Contains(states, types.NatGatewayStateAvailable) {
		h.rules.NATPending = 0
	}
	if slices.Contains(states, types.NatGatewayStateDeleted) {
		h.rules.NATDeleting = 0
	}
	h.rule(t, h.rules)
	eventually(t, func() error {
		out := call(t, h.ec2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{gateway}})
		if have := out.NatGateways[0].State; !slices.Contains(states, have) {
			return fmt.Errorf("%s is %s, and not one of %s", gateway, have, states)
		}
		return nil
	})
}
