package inmemory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// zone is an availability zone.
type zone struct {
	name, id, region string
	state            types.AvailabilityZoneState
}

var zoneListing = listing[zone, types.AvailabilityZone]{
	id: func(z zone) string { return z.name },
	filters: filters[zone]{
		"zone-name":     func(z zone) []string { return one(z.name) },
		"zone-id":       func(z zone) []string { return one(z.id) },
		"region-name":   func(z zone) []string { return one(z.region) },
		"state":         func(z zone) []string { return one(string(z.state)) },
		"zone-type":     func(zone) []string { return one("availability-zone") },
		"opt-in-status": func(zone) []string { return one(string(types.AvailabilityZoneOptInStatusOptInNotRequired)) },
	},
	sdk: zone.sdk,
}

var describeAvailabilityZones = operation[ec2.DescribeAvailabilityZonesInput, ec2.DescribeAvailabilityZonesOutput]{
	name:     "DescribeAvailabilityZones",
	optional: []string{"ZoneNames", "Filters"},
	reads:    true,
	effect: func(m moment, in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
		for _, name := range in.ZoneNames {
			if _, ok := m.zones[name]; !ok {
				return nil, failure("InvalidParameterValue", "Invalid availability zone: [%s]", name)
			}
		}
		q := query{operation: "DescribeAvailabilityZones", ids: in.ZoneNames, filters: in.Filters}
		zones, _, err := zoneListing.answer(m, q, m.zoneList())
		return &ec2.DescribeAvailabilityZonesOutput{AvailabilityZones: zones}, err
	},
}

// DescribeAvailabilityZones lists the zones. It has no pages.
func (e *EC2) DescribeAvailabilityZones(ctx context.Context, in *ec2.DescribeAvailabilityZonesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAvailabilityZonesOutput, error) {
	return describeAvailabilityZones.call(ctx, e, in)
}

func (m moment) zoneList() []zone {
	var zones []zone
	for i, name := range slices.Sorted(maps.Keys(m.zones)) {
		zones = append(zones, zone{
			name:   name,
			id:     fmt.Sprintf("%s-az%d", m.options.Region, i+1),
			region: m.options.Region,
			state:  cmp.Or(m.zones[name], types.AvailabilityZoneStateAvailable),
		})
	}
	return zones
}

func (z zone) sdk() types.AvailabilityZone {
	return types.AvailabilityZone{
		ZoneName:           aws.String(z.name),
		ZoneId:             aws.String(z.id),
		RegionName:         aws.String(z.region),
		State:              z.state,
		ZoneType:           aws.String("availability-zone"),
		OptInStatus:        types.AvailabilityZoneOptInStatusOptInNotRequired,
		GroupName:          aws.String(z.region + "-zg-1"),
		NetworkBorderGroup: aws.String(z.region),
	}
}

// SetZoneState is a hand: no gateway can be made in a zone that is constrained or unavailable.
func (e *EC2) SetZoneState(name string, state types.AvailabilityZoneState) {
	must(e.update(func(m moment) error {
		if _, ok := m.zones[name]; !ok {
			return failure("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
		m.zones[name] = state
		return nil
	}))
}
