package inmemory_test

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/conformance"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// The EC2 and the CloudFormation in memory have no entry in the table of differences, and are to have none.
func TestConformance(t *testing.T) {
	conformance.Run(t, conformance.Harness{Name: "inmemory", New: newCloud})
}

// plenty is a quota that no fact uses up.
const plenty = 100

func newCloud(_ *testing.T, r conformance.Rules) conformance.Cloud {
	c := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	step := time.Minute
	if r.Swift {
		step = 0
	}
	e := inmemory.New(inmemory.Options{
		Now: c.Now, Pending: step, Deleting: step,
		Zones: []string{zoneA, zoneB},
		Quotas: inmemory.Quotas{
			Addresses:          cmp.Or(r.Addresses, plenty),
			NATGatewaysPerZone: cmp.Or(r.NATGateways, plenty),
			RouteTables:        r.RouteTables,
			Subnets:            r.Subnets,
			RoutesPerTable:     r.Routes,
		},
	})
	vpc := e.CreateVPC(true, "172.31.0.0/16")
	cfn := inmemory.NewCloudFormation(e, inmemory.CloudFormationOptions{ChangesPerPage: 7, EventsPerPage: 7, ChangeSetsPerPage: 1})
	return conformance.Cloud{
		EC2: e, CloudFormation: cfn, VPC: vpc, InternetGateway: e.AttachInternetGateway(vpc),
		Zones: [2]string{zoneA, zoneB},
		Hands: hands{e, c, cfn},
	}
}

type hands struct {
	*inmemory.EC2
	clock *clock
	cfn   *inmemory.CloudFormation
}

func (h hands) Settle(t *testing.T, _ string) {
	t.Helper()
	if err := h.cfn.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h hands) AddVPC(_ *testing.T, cidr string) string { return h.CreateVPC(false, cidr) }

func (h hands) AddInternetGateway(_ *testing.T, vpc string) string {
	return h.AttachInternetGateway(vpc)
}

func (h hands) DetachInternetGateway(_ *testing.T, id, _ string) { h.EC2.DetachInternetGateway(id) }

func (h hands) AddInterface(_ *testing.T, subnet string) string { return h.EC2.AddInterface(subnet) }

func (h hands) UseAddress(_ *testing.T, allocation, networkInterface string) {
	h.AssociateAddress(allocation, networkInterface)
}

func (h hands) AddPrefixList(_ *testing.T, name string, cidrs ...string) string {
	var entries []netip.Prefix
	for _, cidr := range cidrs {
		entries = append(entries, prefix(cidr))
	}
	return h.EC2.AddPrefixList(name, len(entries), entries...)
}

// Await moves the clock, a minute at a time: each state that passes by itself takes one.
func (h hands) Await(t *testing.T, gateway string, states ...types.NatGatewayState) {
	t.Helper()
	var state types.NatGatewayState
	for range 3 {
		out, err := h.DescribeNatGateways(t.Context(), &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{gateway}})
		if err != nil {
			t.Fatal(err)
		}
		if state = out.NatGateways[0].State; slices.Contains(states, state) {
			return
		}
		h.clock.advance(time.Minute)
	}
	t.Fatalf("%s is %s, and does not become one of %s", gateway, state, states)
}
