package simulation_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// happenings are all steps of a history. ZONE is a, b or c. TABLE is a zone's DMZ route table, or NEW, one that somebody
// made. What a step is about may not be there; then it is nothing.
//
//	wait DURATION
//	claim CLUSTER/CONFIGMAP KEY VALUE|-; unclaim CLUSTER/CONFIGMAP KEY; unclaim-all
//	away CLUSTER all|part; back CLUSTER
//	restart; lead                                    with what its home remembers; with the old memory
//	home; lose; ...                                  see [historyHomes]
//	flags [zones=ZONE,...] [allow=ZONE|TABLE,...] [block=ZONE:CIDR] [brought=ZONE] [deny=CIDR] [max=N] [preallocate] [release]
//	storm N SALT; calm                               one of N calls goes wrong, in any way
//	lag; no-lag; references lag
//	quota OPERATION; lift
//	doom ZONE; bless ZONE                            the gateways to come fail
//	route TABLE CIDR TARGET [black|propagated]       TARGET may be a ZONE: its gateway
//	delete-route TABLE CIDR
//	lead-all TABLE TARGET [black]                    all our routes in a table
//	list TABLE CIDR; relist CIDR                     a prefix list and a route to it; other entries
//	tag TABLE ZONE; untag TABLE; new-table ZONE; drop-table
//	strip KIND ZONE; mend KIND ZONE                  our tags: subnet, address, nat-table, gateway
//	delete-gateway ZONE; fail-gateway ZONE
//	take ZONE; give ZONE; use ZONE; unuse ZONE       its address
//	associate ZONE; detach; reattach
//	nat-route ZONE delete|black|else                 the way out of the NAT subnet
//	grow CIDR                                        the VPC
//	constrain ZONE; unconstrain ZONE
var happenings map[string]func(*history, []string)

func init() {
	happenings = map[string]func(*history, []string){
		"wait": func(h *history, w []string) {
			d, err := time.ParseDuration(w[0])
			if err != nil {
				panic(err)
			}
			h.pump(d)
		},
		"claim":       (*history).claim,
		"unclaim":     (*history).unclaim,
		"unclaim-all": func(h *history, _ []string) { clear(h.asked); h.means(); h.nudge() },
		"away": func(h *history, w []string) {
			h.away[w[0]] = map[string]string{"all": "no answer", "part": inPart}[w[1]]
			h.means()
		},
		"back":       func(h *history, w []string) { delete(h.away, w[0]); h.means(); h.nudge() },
		"restart":    func(h *history, _ []string) { h.stop(); h.loop = nil; h.again() },
		"lead":       func(h *history, _ []string) { h.stop(); h.again() },
		"flags":      (*history).newFlags,
		"storm":      func(h *history, w []string) { h.rate, h.salt = uint64(number(w[0])), w[1] }, //nolint:gosec // a count
		"calm":       func(h *history, _ []string) { h.rate = 0 },
		"lag":        func(h *history, _ []string) { h.lag = lagOfLists },
		"no-lag":     func(h *history, _ []string) { h.lag = 0 },
		"references": func(*history, []string) {}, // from the beginning
		"quota":      func(h *history, w []string) { h.quotas = map[string]string{w[0]: quotaCodes[w[0]]} },
		"lift":       func(h *history, _ []string) { h.quotas = nil },
		"doom":       func(h *history, w []string) { h.fates[region+w[0]] = true },
		"bless":      func(h *history, w []string) { delete(h.fates, region+w[0]) },
	}
	for name, do := range historyHands {
		happenings[name] = func(h *history, w []string) { h.hand(func() { do(h, w) }) }
	}
}

var quotaCodes = map[string]string{
	"AllocateAddress": "AddressLimitExceeded", "CreateSubnet": "SubnetLimitExceeded", "CreateRouteTable": "RouteTableLimitExceeded",
	"CreateNatGateway": "NatGatewayLimitExceeded", "CreateRoute": "RouteLimitExceeded",
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func source(where, key string) reconcile.Source {
	cluster, name, _ := strings.Cut(where, "/")
	return reconcile.Source{Cluster: cluster, Namespace: "default", ConfigMap: name, Key: key}
}

func (h *history) claim(w []string) {
	s, value := source(w[0], w[1]), strings.TrimPrefix(w[2], "-")
	if h.asked[s] == nil {
		h.asked[s] = &asked{}
	}
	h.asked[s].value = value
	h.means()
	h.nudge()
}

func (h *history) unclaim(w []string) {
	delete(h.asked, source(w[0], w[1]))
	h.means()
	h.nudge()
}

// newFlags starts the controller again, before lists show what it did. With another block for a zone the subnet is no lock
// (rule 9), and two looks come first (rule 16).
func (h *history) newFlags(w []string) {
	h.stop()
	h.config, h.loop = h.flags(w), nil
	h.again()
}

// flags are those that are said, and the defaults.
func (h *history) flags(words []string) reconcile.Config {
	c := reconcile.Config{
		MinPrefixLength: 16, MaxRoutes: 500, ReleaseDelay: 20 * time.Minute, WithdrawDelay: withdrawDelay, TeardownDelay: teardownDelay,
	}
	zones := "a,b"
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "zones":
			zones = value
		case "allow":
			for a := range strings.SplitSeq(value, ",") {
				c.AllowDisruption = append(c.AllowDisruption, region+a, h.table(a))
			}
		case "deny":
			c.Deny = []netip.Prefix{prefix(value)}
		case "max":
			c.MaxRoutes = number(value)
		case "preallocate":
			c.Preallocate = true
		case "release":
			c.ReleaseAddresses = true
		}
	}
	for z := range strings.SplitSeq(zones, ",") {
		c.Zones = append(c.Zones, zoneBlocks[slices.IndexFunc(zoneBlocks, func(b reconcile.ZoneConfig) bool { return string(b.Zone) == region+z })])
	}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		letter, block, _ := strings.Cut(value, ":")
		i := slices.IndexFunc(c.Zones, func(z reconcile.ZoneConfig) bool { return string(z.Zone) == region+letter })
		switch {
		case i < 0:
		case name == "block":
			c.Zones[i].Block = prefix(block)
		case name == "brought":
			for _, a := range h.ec2.Snapshot().Addresses {
				if a.Tags["Name"] == "a bastion's" {
					c.Zones[i].Allocation = a.ID
					h.letMove(c, region+letter, a.IP.String())
				}
			}
			h.witness.harmed[region+letter] = true
		}
	}
	return c
}

// letMove: where the disruption is allowed, a zone that is gone from the flags gives up the address that is brought for
// another one. While its gateway lives it is seen to have it still.
func (h *history) letMove(c reconcile.Config, zone, ip string) {
	for z, its := range h.witness.address {
		gone := !slices.ContainsFunc(c.Zones, func(of reconcile.ZoneConfig) bool { return string(of.Zone) == z })
		if gone && its == ip && slices.Contains(c.AllowDisruption, zone) {
			delete(h.witness.address, z)
		}
	}
}

// table is the id of a table by its name in a history; "" if it is not there.
func (h *history) table(name string) string {
	for _, t := range h.ec2.Snapshot().RouteTables {
		if t.Tags["Name"] == "dmz-"+region+name || t.Tags["Name"] == name {
			return t.ID
		}
	}
	return ""
}

// target is the id of what a route leads to.
func (h *history) target(name string) string {
	if len(name) == 1 {
		return h.gateway(region + name)
	}
	return name
}

// historyHands are what somebody else does in the cloud.
var historyHands = map[string]func(*history, []string){
	"route": func(h *history, w []string) {
		if table, target := h.table(w[0]), h.target(w[2]); table != "" && target != "" {
			r := inmemory.Route{Destination: prefix(w[1]), Target: target}
			switch {
			case slices.Contains(w, "black"):
				r.State = types.RouteStateBlackhole
			case slices.Contains(w, "propagated"):
				r.Origin = types.RouteOriginEnableVgwRoutePropagation
			}
			h.ec2.AddRoute(table, r)
		}
	},
	"delete-route": func(h *history, w []string) {
		if table := h.table(w[0]); table != "" {
			h.ec2.RemoveRoute(table, prefix(w[1]))
		}
	},
	"lead-all": func(h *history, w []string) {
		id, target := h.table(w[0]), h.target(w[1])
		for _, t := range h.ec2.Snapshot().RouteTables {
			for _, r := range t.Routes {
				if t.ID == id && h.witness.gateways[r.Target] && target != "" {
					r.Target = target
					if r.State = ""; slices.Contains(w, "black") {
						r.State = types.RouteStateBlackhole
					}
					h.ec2.AddRoute(id, r)
				}
			}
		}
	},
	"list": func(h *history, w []string) {
		if table := h.table(w[0]); table != "" && h.things["list"] == "" {
			h.things["list"] = h.ec2.AddPrefixList("somebody's", 3, prefix(w[1]))
			h.ec2.AddRoute(table, inmemory.Route{PrefixList: h.things["list"], Target: "tgw-0a"})
		}
	},
	"relist": func(h *history, w []string) {
		if list := h.things["list"]; list != "" {
			h.ec2.SetPrefixListEntries(list, prefix(w[0]))
		}
	},
	"tag": func(h *history, w []string) {
		if table := h.table(w[0]); table != "" {
			h.ec2.SetTags(table, inmemory.Tags{tagKey: region + w[1]})
		}
	},
	"untag": func(h *history, w []string) {
		if table := h.table(w[0]); table != "" {
			h.ec2.RemoveTags(table, tagKey)
		}
	},
	"new-table": func(h *history, w []string) {
		if h.table("NEW") == "" {
			sn := h.ec2.Snapshot()
			table := h.ec2.AddRouteTable(sn.VPCs[0].ID, inmemory.Tags{tagKey: region + w[0], "Name": "NEW"})
			h.ec2.AddRoute(table, inmemory.Route{Destination: prefix("0.0.0.0/0"), Target: sn.InternetGateways[0].ID})
		}
	},
	"drop-table": func(h *history, _ []string) {
		if table := h.table("NEW"); table != "" {
			h.ec2.RemoveRouteTable(table)
		}
	},
	"strip": func(h *history, w []string) {
		if id := h.part(w[0], w[1]); id != "" {
			h.things["stripped "+w[0]+w[1]] = id
			h.ec2.RemoveTags(id, ownership...)
			h.witness.harmed[region+w[1]] = true
		}
	},
	"mend": func(h *history, w []string) {
		id := h.things["stripped "+w[0]+w[1]]
		if delete(h.things, "stripped "+w[0]+w[1]); id != "" && h.exists(id) {
			h.ec2.SetTags(id, inmemory.Tags{
				awsec2.TagCluster: cluster, awsec2.TagController: controller, awsec2.TagRole: partRoles[w[0]], awsec2.TagZone: region + w[1],
			})
		}
	},
	"delete-gateway": func(h *history, w []string) {
		if id := h.gateway(region + w[0]); id != "" {
			h.ec2.RemoveGateway(id)
		}
	},
	"fail-gateway": func(h *history, w []string) {
		if id := h.gateway(region + w[0]); id != "" {
			h.ec2.FailGateway(id, "InternalError")
		}
	},
	"take": func(h *history, w []string) { h.take(region + w[0]) },
	"give": func(h *history, w []string) {
		if ip := h.take(region + w[0]); ip.IsValid() {
			h.ec2.GiveAway(ip)
		}
	},
	"use": func(h *history, w []string) {
		for _, a := range h.ec2.Snapshot().Addresses {
			if a.ID == h.address(region+w[0]) && a.Gateway == "" && a.Interface == "" {
				h.use(a.ID)
			}
		}
	},
	"unuse": func(h *history, w []string) {
		for _, a := range h.ec2.Snapshot().Addresses {
			if a.ID == h.address(region+w[0]) && a.Interface != "" {
				h.ec2.DisassociateAddress(a.ID)
			}
		}
	},
	"associate": func(h *history, w []string) {
		if id := h.subnet(region + w[0]); id != "" {
			h.ec2.Associate(h.table("private"), id)
		}
	},
	"detach": func(h *history, _ []string) {
		if g := h.ec2.Snapshot().InternetGateways[0]; g.VPC != "" {
			h.ec2.DetachInternetGateway(g.ID)
		}
	},
	"reattach": func(h *history, _ []string) {
		if sn := h.ec2.Snapshot(); sn.InternetGateways[0].VPC == "" {
			h.ec2.ReattachInternetGateway(sn.InternetGateways[0].ID, sn.VPCs[0].ID)
		}
	},
	"nat-route": func(h *history, w []string) {
		table := h.natTable(region + w[0])
		switch {
		case table == "":
		case w[1] == "delete":
			h.ec2.RemoveRoute(table, prefix("0.0.0.0/0"))
		case w[1] == "black":
			h.ec2.AddRoute(table, inmemory.Route{Destination: prefix("0.0.0.0/0"), Target: "eni-0dead", State: types.RouteStateBlackhole})
		default:
			h.ec2.AddRoute(table, inmemory.Route{Destination: prefix("0.0.0.0/0"), Target: "tgw-0a"})
		}
	},
	"grow": func(h *history, w []string) {
		if p := prefix(w[0]); !slices.Contains(h.grown, p) {
			h.grown = append(h.grown, p)
			h.ec2.AddVPCCIDR(h.ec2.Snapshot().VPCs[0].ID, w[0])
		}
	},
	"constrain": func(h *history, w []string) {
		h.ec2.SetZoneState(region+w[0], types.AvailabilityZoneStateConstrained)
	},
	"unconstrain": func(h *history, w []string) {
		h.ec2.SetZoneState(region+w[0], types.AvailabilityZoneStateAvailable)
	},
}

var partRoles = map[string]string{
	"subnet": awsec2.RoleSubnet, "address": awsec2.RoleAddress, "nat-table": awsec2.RoleNATTable, "gateway": awsec2.RoleNATGateway,
}

// part is the id of a part of a zone's egress path.
func (h *history) part(kind, zone string) string {
	find := map[string]func(string) string{"subnet": h.subnet, "address": h.address, "nat-table": h.natTable, "gateway": h.gateway}
	return find[kind](region + zone)
}

func (h *history) exists(id string) bool {
	return strings.Contains(h.ec2.Dump(), " "+id+" ")
}

// take releases the address of a zone behind our back.
func (h *history) take(zone string) netip.Addr {
	id := h.address(zone)
	for _, a := range h.ec2.Snapshot().Addresses {
		if a.ID == id && a.Interface == "" {
			h.ec2.TakeAddress(id)
			return a.IP
		}
	}
	return netip.Addr{}
}
