package simulation_test

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

func (s *scenario) lines() []string {
	var out []string
	for line := range strings.Lines(s.d.Input) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// flags starts the controller again, with others.
func (s *scenario) flags() string {
	w := s.world
	fresh := newWorld(s.t, withEC2, 1, inmemory.Options{})
	config, cloud := fresh.config, fresh.cloud
	config.Zones = slices.Clone(zoneBlocks[:s.zones()])
	var zones []reconcile.ZoneConfig
	brought := map[reconcile.Zone]string{}
	s.namespaces = nil
	for _, word := range strings.Fields(s.d.Input) {
		flag, value, _ := strings.Cut(word, "=")
		switch flag {
		case "--aws-az":
			i := slices.IndexFunc(zoneBlocks, func(z reconcile.ZoneConfig) bool { return z.Zone == reconcile.Zone(value) })
			z := reconcile.ZoneConfig{Zone: reconcile.Zone(value)}
			if i >= 0 {
				z = zoneBlocks[i]
			}
			zones = append(zones, z)
		case "--aws-nat-cidr-block":
			zones[len(zones)-1].Block = netip.MustParsePrefix(value)
		case "--aws-eip-allocation-id":
			zone, name, _ := strings.Cut(value, "=")
			brought[reconcile.Zone(zone)] = s.names.id(name)
		case "--namespace":
			s.namespaces = append(s.namespaces, value)
		case "--take-over":
			config.TakeOver = append(config.TakeOver, value)
		case "--max-withdrawal":
			config.MaxWithdrawal = s.number(value)
		case "--allow-disruption":
			config.AllowDisruption = append(config.AllowDisruption, s.names.id(value))
		case "--aws-route-table-tag":
			key, v, _ := strings.Cut(value, "=")
			cloud.TableTags = map[string]string{key: v}
		case "--preallocate":
			config.Preallocate = true
		case "--eip-reclaim-policy":
			config.ReleaseAddresses = value == "Delete"
			s.watch.mayRelease = s.watch.mayRelease || config.ReleaseAddresses
		case "--max-routes-per-table":
			config.MaxRoutes = s.number(value)
		case "--min-prefix-length":
			config.MinPrefixLength = s.number(value)
		case "--allow-cidr":
			config.Allow = append(config.Allow, netip.MustParsePrefix(value))
		case "--deny-cidr":
			config.Deny = append(config.Deny, netip.MustParsePrefix(value))
		default:
			s.d.Fatalf(s.t, "what is %s?", word)
		}
	}
	if zones != nil {
		config.Zones = zones
	}
	for i := range config.Zones {
		config.Zones[i].Allocation = brought[config.Zones[i].Zone]
	}
	config.Cluster, cloud.Owner = w.config.Cluster, w.cloud.Owner
	w.config, w.cloud = config, cloud
	s.reading()
	if !s.d.HasArg("keep-memory") {
		w.home.lose()
	}
	return s.restart()
}

// zones is how many the world began with.
func (s *scenario) zones() int {
	n := 0
	for _, t := range s.world.ec2.Snapshot().RouteTables {
		if strings.HasPrefix(t.Tags["Name"], "dmz-"+region) {
			n++
		}
	}
	return n
}

func (s *scenario) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
	return n
}

var keyValue = regexp.MustCompile(`([^\s=]+)=("[^"]*"|\S*)`)

// claims sets all ConfigMaps of a cluster.
func (s *scenario) claims() string {
	var maps []reconcile.ConfigMap
	for _, line := range s.lines() {
		name, rest, _ := strings.Cut(line, " ")
		namespace, name, _ := strings.Cut(name, "/")
		m := reconcile.ConfigMap{Namespace: namespace, Name: name, Data: map[string]string{}}
		if year, ok := strings.CutPrefix(rest, "@"); ok {
			year, rest, _ = strings.Cut(year, " ")
			m.Created = time.Date(s.number(year), 1, 1, 0, 0, 0, 0, time.UTC)
		}
		for _, p := range keyValue.FindAllStringSubmatch(rest, -1) {
			m.Data[p[1]] = strings.Trim(p[2], `"`)
		}
		maps = append(maps, m)
	}
	s.read[s.cluster()] = maps
	s.reading()
	return ""
}

func (s *scenario) cluster() string {
	name := ""
	if s.d.HasArg("cluster") {
		s.d.ScanArgs(s.t, "cluster", &name)
	}
	return name
}

func (s *scenario) incomplete() string {
	s.away[s.cluster()] = s.d.Input
	s.reading()
	return ""
}

func (s *scenario) complete() string {
	delete(s.away, s.cluster())
	s.reading()
	return ""
}

// reading is what the controller reads from now on: nothing at all from a cluster that is away.
func (s *scenario) reading() {
	r := reconcile.Reading{Owner: s.world.cloud.Owner}
	known := map[string]bool{}
	for name := range s.read {
		known[name] = true
	}
	for name := range s.away {
		known[name] = true
	}
	for name := range known {
		c := reconcile.Cluster{Name: name, ConfigMaps: s.asking(s.read[name]), Incomplete: s.away[name]}
		if c.Incomplete != "" {
			c.ConfigMaps = nil
		}
		r.Clusters = append(r.Clusters, c)
	}
	slices.SortFunc(r.Clusters, func(a, b reconcile.Cluster) int { return strings.Compare(a.Name, b.Name) })
	s.world.reading = r
}

// hands are what somebody else does in the cloud. THING is a name as drawn; whatever else a route leads to is named as
// EC2 would: pcx-1, tgw-1, vpce-1.
//
//	route TABLE PREFIX|LIST -> TARGET [blackhole] [propagated]    puts it there, in place of what stands there
//	delete-route TABLE PREFIX
//	tag THING KEY=VALUE ...; untag THING KEY ...|all
//	table NAME [KEY=VALUE ...]; delete-table TABLE
//	subnet NAME ZONE CIDR [KEY=VALUE ...]
//	associate TABLE SUBNET
//	address NAME [KEY=VALUE ...]; use ADDRESS SUBNET; take ADDRESS
//	gateway SUBNET ADDRESS [KEY=VALUE ...]; delete-gateway GATEWAY
//	fail-gateways ZONE CODE; heal-gateways ZONE                   those that will be made
//	prefix-list NAME PREFIX ...
//	detach IGW; reattach IGW
//	vpc-cidr CIDR                                                 one more network of the VPC
//	quota OPERATION N; lift OPERATION                             it fails when there are N of what it makes
//	deny OPERATION; allow OPERATION
//
// KEY=VALUE can be "ours" in its place: the tags that we put on such a thing, OURS=ZONE.
var hands = map[string]func(*scenario, []string){
	"route": (*scenario).handRoute,
	"delete-route": func(s *scenario, w []string) {
		s.world.ec2.RemoveRoute(s.names.id(w[0]), netip.MustParsePrefix(w[1]))
	},
	"tag":   func(s *scenario, w []string) { s.world.ec2.SetTags(s.names.id(w[0]), s.tags("", w[1:])) },
	"untag": (*scenario).handUntag,
	"table": func(s *scenario, w []string) {
		s.world.ec2.AddRouteTable(s.vpc(), s.named(awsec2.RoleNATTable, w[0], w[1:]))
	},
	"delete-table": func(s *scenario, w []string) { s.world.ec2.RemoveRouteTable(s.names.id(w[0])) },
	"subnet": func(s *scenario, w []string) {
		s.world.ec2.AddSubnet(s.vpc(), w[1], w[2], s.named(awsec2.RoleSubnet, w[0], w[3:]))
	},
	"associate":    func(s *scenario, w []string) { s.world.ec2.Associate(s.names.id(w[0]), s.names.id(w[1])) },
	"disassociate": (*scenario).handDisassociate,
	"address":      func(s *scenario, w []string) { s.world.ec2.Allocate(s.named(awsec2.RoleAddress, w[0], w[1:])) },
	"use": func(s *scenario, w []string) {
		s.world.ec2.AssociateAddress(s.names.id(w[0]), s.world.ec2.AddInterface(s.names.id(w[1])))
	},
	"take": func(s *scenario, w []string) {
		s.watch.taken[s.names.id(w[0])] = true
		s.world.ec2.TakeAddress(s.names.id(w[0]))
	},
	"give-away": func(s *scenario, w []string) { // to somebody who keeps it
		for _, a := range s.world.ec2.Snapshot().Addresses {
			if id := s.names.id(w[0]); a.ID == id {
				s.watch.taken[id] = true
				s.world.ec2.TakeAddress(id)
				s.world.ec2.GiveAway(a.IP)
			}
		}
	},
	"gateway":        (*scenario).handGateway,
	"delete-gateway": func(s *scenario, w []string) { s.world.ec2.RemoveGateway(s.names.id(w[0])) },
	"fail-gateway":   func(s *scenario, w []string) { s.world.ec2.FailGateway(s.names.id(w[0]), w[1]) },
	"fail-gateways":  func(s *scenario, w []string) { s.fates[w[0]] = w[1] },
	"heal-gateways":  func(s *scenario, w []string) { delete(s.fates, w[0]) },
	"prefix-list":    (*scenario).handPrefixList,
	"detach":         func(s *scenario, w []string) { s.world.ec2.DetachInternetGateway(s.names.id(w[0])) },
	"reattach":       func(s *scenario, w []string) { s.world.ec2.ReattachInternetGateway(s.names.id(w[0]), s.vpc()) },
	"vpc-cidr":       func(s *scenario, w []string) { s.world.ec2.AddVPCCIDR(s.vpc(), w[0]) },
	"quota":          func(s *scenario, w []string) { s.quotas[w[0]] = s.number(w[1]) },
	"lift":           func(s *scenario, w []string) { delete(s.quotas, w[0]) },
	"deny":           func(s *scenario, w []string) { s.denied[w[0]] = true },
	"allow":          func(s *scenario, w []string) { delete(s.denied, w[0]) },
}

func (s *scenario) aws() string {
	for _, line := range s.lines() {
		w := strings.Fields(line)
		hand := hands[w[0]]
		if hand == nil {
			s.d.Fatalf(s.t, "what is %s?", w[0])
		}
		hand(s, w[1:])
		s.names.learn(s.world.ec2.Snapshot())
	}
	return ""
}

func (s *scenario) vpc() string { return s.world.ec2.Snapshot().VPCs[0].ID }

func (s *scenario) named(role, name string, pairs []string) inmemory.Tags {
	tags := s.tags(role, pairs)
	if tags["Name"] == "" {
		tags["Name"] = name
	}
	return tags
}

// tags reads KEY=VALUE pairs; ours=ZONE is all that we put on a thing in that role.
func (s *scenario) tags(role string, pairs []string) inmemory.Tags {
	tags := inmemory.Tags{}
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		if key != "ours" {
			tags[key] = value
			continue
		}
		tags[awsec2.TagCluster], tags[awsec2.TagController] = s.world.cloud.Cluster, s.world.cloud.Controller
		tags[awsec2.TagRole], tags[awsec2.TagZone] = role, value
		tags["Name"] = s.world.cloud.Cluster + "-static-egress-" + value
	}
	return tags
}

func (s *scenario) handUntag(w []string) {
	keys := w[1:]
	if keys[0] == "all" {
		keys = []string{awsec2.TagCluster, awsec2.TagController, awsec2.TagRole, awsec2.TagZone, "Name"}
	}
	s.world.ec2.RemoveTags(s.names.id(w[0]), keys...)
}

func (s *scenario) handRoute(w []string) {
	r := inmemory.Route{Target: s.names.id(w[3])}
	if p, err := netip.ParsePrefix(w[1]); err == nil {
		r.Destination = p
	} else {
		r.PrefixList = s.names.id(w[1])
	}
	if slices.Contains(w, "blackhole") {
		r.State = types.RouteStateBlackhole
	}
	if slices.Contains(w, "propagated") {
		r.Origin = types.RouteOriginEnableVgwRoutePropagation
	}
	s.world.ec2.AddRoute(s.names.id(w[0]), r)
}

func (s *scenario) handDisassociate(w []string) {
	for _, t := range s.world.ec2.Snapshot().RouteTables {
		for _, a := range t.Associations {
			if a.Subnet == s.names.id(w[0]) {
				s.must(s.world.ec2.DisassociateRouteTable(s.t.Context(), &ec2.DisassociateRouteTableInput{AssociationId: aws.String(a.ID)}))
			}
		}
	}
}

func (s *scenario) handGateway(w []string) {
	var tags []types.Tag
	for key, value := range s.tags(awsec2.RoleNATGateway, w[2:]) {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	s.must(s.world.ec2.CreateNatGateway(s.t.Context(), &ec2.CreateNatGatewayInput{
		SubnetId: aws.String(s.names.id(w[0])), AllocationId: aws.String(s.names.id(w[1])),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeNatgateway, Tags: tags}},
	}))
}

func (s *scenario) must(_ any, err error) {
	if err != nil {
		s.d.Fatalf(s.t, "%v", err)
	}
}

func (s *scenario) handPrefixList(w []string) {
	var entries []netip.Prefix
	for _, p := range w[1:] {
		entries = append(entries, netip.MustParsePrefix(p))
	}
	s.world.ec2.AddPrefixList(w[0], len(entries), entries...)
}

// scenarioQuotas are the codes of EC2's quotas, by the call that meets them, and how to count what they limit: Snapshot and
// the call's key.
var scenarioQuotas = map[string]struct {
	code  string
	count func(inmemory.Snapshot, string) int
}{
	"AllocateAddress":  {"AddressLimitExceeded", func(s inmemory.Snapshot, _ string) int { return len(s.Addresses) }},
	"CreateSubnet":     {"SubnetLimitExceeded", func(s inmemory.Snapshot, _ string) int { return len(s.Subnets) }},
	"CreateRouteTable": {"RouteTableLimitExceeded", func(s inmemory.Snapshot, _ string) int { return len(s.RouteTables) }},
	"CreateNatGateway": {"NatGatewayLimitExceeded", func(s inmemory.Snapshot, zone string) int {
		n := 0
		for _, g := range s.NATGateways {
			if g.Zone == zone && g.State != types.NatGatewayStateDeleted && g.State != types.NatGatewayStateFailed {
				n++
			}
		}
		return n
	}},
	"CreateRoute": {"RouteLimitExceeded", func(s inmemory.Snapshot, route string) int {
		for _, t := range s.RouteTables {
			if strings.HasPrefix(route, t.ID+" ") {
				return len(t.Routes)
			}
		}
		return 0
	}},
}

// hook keeps the story's quotas and permissions. It is called by many at once, but the story changes between passes only.
func (s *scenario) hook(_ context.Context, c inmemory.Call, phase inmemory.Phase) error {
	if phase == inmemory.After {
		if s.watch.covered != nil && !strings.HasPrefix(c.Operation, "Describe") {
			s.watch.called(s.world.ec2.Snapshot(), c)
		}
		return nil
	}
	if s.denied[c.Operation] {
		return &smithy.GenericAPIError{Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}
	}
	quota, limited := s.quotas[c.Operation]
	if limit := scenarioQuotas[c.Operation]; limited && limit.count(s.world.ec2.Snapshot(), c.Key) >= quota {
		return &smithy.GenericAPIError{Code: limit.code, Message: fmt.Sprintf("The limit of %d is reached.", quota)}
	}
	return nil
}
