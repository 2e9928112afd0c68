//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

// The tests are worth what their cloud is worth. This is what localstack/awslike changes in EC2.
func TestTheCloudIsLikeAWS(t *testing.T) {
	t.Parallel()
	s := newSite(t, zoneA)
	table := s.tables["dmz-"+zoneA]
	subnet := call(t, s.ec2.CreateSubnet, &ec2.CreateSubnetInput{
		VpcId: &s.vpc, CidrBlock: aws.String(block(zoneA).String()), AvailabilityZone: aws.String(zoneA),
	}).Subnet.SubnetId
	address := call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{}).AllocationId
	build := &ec2.CreateNatGatewayInput{SubnetId: subnet, AllocationId: address, ClientToken: aws.String("one")}

	s.rule(t, rules{NATPending: 0.5})
	gateway := call(t, s.ec2.CreateNatGateway, build).NatGateway
	if gateway.State != types.NatGatewayStatePending {
		t.Errorf("a new gateway is %s", gateway.State)
	}
	if again := call(t, s.ec2.CreateNatGateway, build).NatGateway; *again.NatGatewayId != *gateway.NatGatewayId {
		t.Error("the same client token made another gateway")
	}
	other := *build
	other.ConnectivityType = types.ConnectivityTypePrivate
	_, err := s.ec2.CreateNatGateway(t.Context(), &other)
	wantCode(t, err, "IdempotentParameterMismatch")
	first := call(t, s.ec2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.vpc, ClientToken: aws.String("one")})
	second := call(t, s.ec2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.vpc, ClientToken: aws.String("one")})
	if *first.RouteTable.RouteTableId != *second.RouteTable.RouteTableId {
		t.Error("the same client token made another table")
	}
	s.awaitGateway(t, gateway.NatGatewayId, types.NatGatewayStateAvailable)

	_, err = s.ec2.ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: address})
	wantCode(t, err, "AuthFailure")
	_, err = s.ec2.DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: subnet})
	wantCode(t, err, "DependencyViolation")

	route := func(prefix string, gateway *string) error {
		_, err := s.ec2.CreateRoute(t.Context(), &ec2.CreateRouteInput{
			RouteTableId: &table, DestinationCidrBlock: &prefix, NatGatewayId: gateway,
		})
		return err
	}
	if err := route("192.112.1.0/21", gateway.NatGatewayId); err != nil {
		t.Error(err)
	}
	wantCode(t, route("192.112.0.0/21", gateway.NatGatewayId), "RouteAlreadyExists")
	wantCode(t, route("8.8.8.8/32", aws.String("nat-00000000000000000")), "InvalidNatGatewayID.NotFound")
	_, err = s.ec2.ReplaceRoute(t.Context(), &ec2.ReplaceRouteInput{
		RouteTableId: &table, DestinationCidrBlock: aws.String("192.112.0.0/21"), NatGatewayId: aws.String("nat-00000000000000000"),
	})
	wantCode(t, err, "InvalidNatGatewayID.NotFound")
	s.rule(t, rules{NATDeleting: forEver, Addresses: 1, Routes: 1})
	wantCode(t, route("8.8.8.8/32", gateway.NatGatewayId), "RouteLimitExceeded")
	_, err = s.ec2.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	wantCode(t, err, "AddressLimitExceeded")

	call(t, s.ec2.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: gateway.NatGatewayId})
	s.awaitGateway(t, gateway.NatGatewayId, types.NatGatewayStateDeleting)
	s.rule(t, rules{Addresses: 1, Routes: 1})
	s.awaitGateway(t, gateway.NatGatewayId, types.NatGatewayStateDeleted)
	states := map[types.RouteState]int{}
	for _, r := range call(t, s.ec2.DescribeRouteTables, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{table}}).RouteTables[0].Routes {
		states[r.State]++
	}
	if states[types.RouteStateActive] != 1 || states[types.RouteStateBlackhole] != 1 {
		t.Errorf("routes are %v, want the local one active and a black hole", states)
	}
	call(t, s.ec2.DeleteSubnet, &ec2.DeleteSubnetInput{SubnetId: subnet})
	call(t, s.ec2.ReleaseAddress, &ec2.ReleaseAddressInput{AllocationId: address})
	_, err = s.ec2.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{"nat-00000000000000000"}})
	wantCode(t, err, "NatGatewayNotFound")
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if api := smithy.APIError(nil); !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("have %v, want %s", err, code)
	}
}

func (s *site) awaitGateway(t *testing.T, id *string, state types.NatGatewayState) {
	t.Helper()
	eventually(t, func() error {
		out := call(t, s.ec2.DescribeNatGateways, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{*id}})
		if have := out.NatGateways[0].State; have != state {
			return fmt.Errorf("the gateway is %s, and not %s", have, state)
		}
		return nil
	})
}

// And this is what it changes in CloudFormation.
func TestTheCloudHasStacks(t *testing.T) {
	t.Parallel()
	python, err := made("localstack/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "localstack/lifecycle.py")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(),
		"AWS_ENDPOINT_URL=" + cloud.endpoint, "AWS_ACCESS_KEY_ID=" + newAccount(),
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
