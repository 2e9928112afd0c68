package awsec2

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// findVPC finds the VPC that was named, else the default one, else the only one. All are listed in each case: so an
// error can say which there are.
func (p *Provider) findVPC(ctx context.Context) (string, error) {
	pages := ec2.NewDescribeVpcsPaginator(p.api, &ec2.DescribeVpcsInput{MaxResults: aws.Int32(maxResults)})
	vpcs, err := allPages(ctx, p, "DescribeVpcs", pages, func(o *ec2.DescribeVpcsOutput) []types.Vpc { return o.Vpcs })
	if err != nil {
		return "", err
	}
	return pickVPC(vpcs, p.config.VPC)
}

func pickVPC(vpcs []types.Vpc, named string) (string, error) {
	for _, v := range vpcs {
		if id := aws.ToString(v.VpcId); named != "" && id == named || named == "" && aws.ToBool(v.IsDefault) {
			return id, nil
		}
	}
	switch {
	case len(vpcs) == 0:
		return "", fmt.Errorf("there is no VPC in this account and region")
	case named != "":
		return "", fmt.Errorf("there is no VPC %s in this account and region; there is\n%s", named, listVPCs(vpcs))
	case len(vpcs) == 1:
		return aws.ToString(vpcs[0].VpcId), nil
	}
	return "", fmt.Errorf("no VPC is the default one, so --vpc-id must name one of\n%s", listVPCs(vpcs))
}

func listVPCs(vpcs []types.Vpc) string {
	lines := make([]string, 0, len(vpcs))
	for _, v := range vpcs {
		line := fmt.Sprintf("  %s %s %s", aws.ToString(v.VpcId), aws.ToString(v.CidrBlock), tagsOf(v.Tags)[tagName])
		lines = append(lines, strings.TrimRight(line, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// findZones lists the zones that the account can use, local zones that it opted into among them.
func (p *Provider) findZones(ctx context.Context) ([]reconcile.Zone, error) {
	out, err := ask(ctx, p, "DescribeAvailabilityZones", p.api.DescribeAvailabilityZones, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return nil, err
	}
	var zones []reconcile.Zone
	for _, z := range out.AvailabilityZones {
		zones = append(zones, reconcile.Zone(aws.ToString(z.ZoneName)))
	}
	slices.Sort(zones)
	return zones, nil
}
