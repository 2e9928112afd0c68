//go:build e2e

package e2e

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const region = "eu-central-1"

// The zones of the region.
const (
	zoneA = region + "a"
	zoneB = region + "b"
	zoneC = region + "c"
)

var allZones = []string{zoneA, zoneB, zoneC}

// site is an AWS account with what is there before the controller comes: the default VPC, 172.31.0.0/16, with an
// internet gateway, and a DMZ route table for each zone.
type site struct {
	account string
	zones   []string
	ec2     *ec2.Client
	cfn     *cloudformation.Client
	vpc     string
	igw     string
	tables  map[string]string // DMZ route tables: name to id
}

// accounts counts the accounts that were given away. LocalStack takes any 12 digits for a new, empty one.
var accounts atomic.Int64

func newAccount() string { return fmt.Sprint(100_000_000_000 + accounts.Add(1)) }

// newSite makes a site in an account of its own.
func newSite(t *testing.T, zones ...string) *site {
	t.Helper()
	s := &site{account: newAccount(), zones: zones, tables: map[string]string{}}
	s.ec2, s.cfn = s.client(cloud.endpoint), cloudformation.New(cloudformation.Options{
		Region: region, BaseEndpoint: &cloud.endpoint, Credentials: s.credentials(),
	})
	vpcs := call(t, s.ec2.DescribeVpcs, &ec2.DescribeVpcsInput{})
	for _, vpc := range vpcs.Vpcs {
		if aws.ToBool(vpc.IsDefault) {
			s.vpc = aws.ToString(vpc.VpcId)
		}
	}
	igw := call(t, s.ec2.CreateInternetGateway, &ec2.CreateInternetGatewayInput{})
	s.igw = aws.ToString(igw.InternetGateway.InternetGatewayId)
	call(t, s.ec2.AttachInternetGateway, &ec2.AttachInternetGatewayInput{InternetGatewayId: &s.igw, VpcId: &s.vpc})
	for _, zone := range zones {
		s.addTable(t, "dmz-"+zone, zone)
	}
	return s
}

// client is a bare client of the SDK, as the controller has one.
func (s *site) client(endpoint string) *ec2.Client {
	return ec2.New(ec2.Options{
		Region:       region,
		BaseEndpoint: &endpoint,
		Credentials:  s.credentials(),
	})
}

func (s *site) credentials() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(s.account, "secret", "")
}

// addTable makes a DMZ route table.
func (s *site) addTable(t *testing.T, name, zone string) {
	t.Helper()
	out := call(t, s.ec2.CreateRouteTable, &ec2.CreateRouteTableInput{VpcId: &s.vpc, TagSpecifications: []types.TagSpecification{{
		ResourceType: types.ResourceTypeRouteTable,
		Tags: []types.Tag{
			{Key: aws.String("Name"), Value: &name},
			{Key: aws.String("AvailabilityZone"), Value: &zone},
		},
	}}})
	s.tables[name] = aws.ToString(out.RouteTable.RouteTableId)
}

// flags are what tells the controller of the site: the zones, each with a block of 16 addresses from 172.31.64.0 on.
func (s *site) flags() []string {
	flags := []string{"--cluster-id=" + clusterID}
	for _, zone := range s.zones {
		flags = append(flags, "--aws-az="+zone, "--aws-nat-cidr-block="+block(zone).String())
	}
	return flags
}

const clusterID = "e2e"

// block is a zone's NAT CIDR block. It belongs to the zone and not to its place among others.
func block(zone string) netip.Prefix {
	nth := zone[len(zone)-1] - 'a'
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31, 64, nth * 16}), 28)
}
