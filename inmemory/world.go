package inmemory

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// account owns everything here.
const account = "123456789012"

// world is every record there is. The records are values: to change one is to put another in its place, and the maps and
// slices inside a record are never written to, so that copying the outer maps copies the world.
type world struct {
	vpcs             map[string]VPC
	internetGateways map[string]InternetGateway
	subnets          map[string]Subnet
	interfaces       map[string]string // somebody's network interfaces: id to subnet
	tables           map[string]RouteTable
	associations     map[string]Association
	gateways         map[string]NATGateway // deleted ones too: client tokens lead to them for ever
	addresses        map[string]Address
	prefixLists      map[string]PrefixList
	zones            map[string]types.AvailabilityZoneState // "" is available

	publicIPs map[netip.Addr]ipHolder // every public address that was ever handed out
	tokens    map[string]remembered   // by operation and client token
	minted    map[string]int          // how many ids a kind and key have had
}

func newWorld() *world {
	return &world{
		vpcs:             map[string]VPC{},
		internetGateways: map[string]InternetGateway{},
		subnets:          map[string]Subnet{},
		interfaces:       map[string]string{},
		tables:           map[string]RouteTable{},
		associations:     map[string]Association{},
		gateways:         map[string]NATGateway{},
		addresses:        map[string]Address{},
		prefixLists:      map[string]PrefixList{},
		zones:            map[string]types.AvailabilityZoneState{},
		publicIPs:        map[netip.Addr]ipHolder{},
		tokens:           map[string]remembered{},
		minted:           map[string]int{},
	}
}

func (w *world) clone() *world {
	return &world{
		vpcs:             maps.Clone(w.vpcs),
		internetGateways: maps.Clone(w.internetGateways),
		subnets:          maps.Clone(w.subnets),
		interfaces:       maps.Clone(w.interfaces),
		tables:           maps.Clone(w.tables),
		associations:     maps.Clone(w.associations),
		gateways:         maps.Clone(w.gateways),
		addresses:        maps.Clone(w.addresses),
		prefixLists:      maps.Clone(w.prefixLists),
		zones:            maps.Clone(w.zones),
		publicIPs:        maps.Clone(w.publicIPs),
		tokens:           maps.Clone(w.tokens),
		minted:           maps.Clone(w.minted),
	}
}

// moment is a world, looked at at one time.
type moment struct {
	*world
	now     time.Time
	options *Options
	byStack bool // the call is CloudFormation's
}

// inOrder lists a map's values by key, so that nothing depends on the order of a map.
func inOrder[T any](records map[string]T) []T {
	list := make([]T, 0, len(records))
	for _, id := range slices.Sorted(maps.Keys(records)) {
		list = append(list, records[id])
	}
	return list
}
