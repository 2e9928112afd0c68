package simulation_test

import (
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// ownership are the tags that make a thing ours.
var ownership = []string{awsec2.TagCluster, awsec2.TagController, awsec2.TagRole}

// others is what somebody else does in the cloud.
func others() []episode {
	return []episode{
		{name: "table-added", asked: base(), happens: func(st *stage) {
			sn := st.ec2.Snapshot()
			table := st.ec2.AddRouteTable(sn.VPCs[0].ID, inmemory.Tags{tagKey: "eu-central-1a", "Name": "more-nodes"})
			st.ec2.AddRoute(table, inmemory.Route{Destination: prefix("0.0.0.0/0"), Target: sn.InternetGateways[0].ID})
		}},
		{name: "gateway-deleted", asked: base(), happens: func(st *stage) { st.ec2.RemoveGateway(st.gateway("eu-central-1a")) }},
		{name: "route-deleted", asked: base(), happens: func(st *stage) {
			st.ec2.RemoveRoute(st.table("eu-central-1b"), prefix("8.8.8.0/24"))
		}},
		{name: "zone-retagged", asked: base(), happens: func(st *stage) {
			st.ec2.SetTags(st.table("eu-central-1a"), inmemory.Tags{tagKey: "eu-central-1b"})
		}},
		{name: "table-untagged", asked: base(), happens: func(st *stage) { st.ec2.RemoveTags(st.table("eu-central-1a"), tagKey) }},
		{name: "gateway-failed", asked: base(), happens: func(st *stage) { st.ec2.FailGateway(st.gateway("eu-central-1a"), "InternalError") }},
		{name: "address-taken", asked: base(), happens: func(st *stage) {
			st.ec2.TakeAddress(st.address("eu-central-1a"))
		}},
		{name: "gateway-deleted-and-address-used", asked: base(), happens: func(st *stage) {
			st.ec2.RemoveGateway(st.gateway("eu-central-1a"))
			time.Sleep(deleting) // shorter than to the next look
			st.use(st.address("eu-central-1a"))
		}},
		{name: "gateway-deleted-and-address-taken", alone: true, asked: base(), happens: func(st *stage) {
			address := st.address("eu-central-1a")
			st.ec2.RemoveGateway(st.gateway("eu-central-1a"))
			time.Sleep(deleting)
			st.ec2.TakeAddress(address)
		}},
		{name: "teardown-beside-a-route", asked: base(), happens: func(st *stage) { // of somebody else, in a table of his own
			st.ec2.AddRoute(st.tableNamed("private"), inmemory.Route{Destination: prefix("0.0.0.0/0"), Target: st.gateway("eu-central-1a")})
			st.ask(nil)
		}, later: []later{{withdrawDelay + teardownDelay + 30*time.Second, func(st *stage) {
			st.ec2.RemoveRoute(st.tableNamed("private"), prefix("0.0.0.0/0"))
		}}}},
		{name: "subnet-untagged", asked: base(), happens: untag(func(st *stage) string { return st.subnet("eu-central-1a") })},
		{name: "subnet-untagged-and-led-elsewhere", asked: base(), happens: func(st *stage) { // from now on both are for others to say
			subnet := st.subnet("eu-central-1a")
			st.ec2.RemoveTags(subnet, ownership...)
			time.Sleep(st.lag) // until the one list shows that, nobody can know whose the other's association is
			st.ec2.Associate(st.tableNamed("private"), subnet)
		}},
		{name: "address-untagged", asked: base(), happens: untag(func(st *stage) string { return st.address("eu-central-1a") })},
		{name: "nat-table-untagged", asked: base(), happens: untag(func(st *stage) string { return st.natTable("eu-central-1a") })},
		{name: "gateway-untagged", asked: base(), happens: untag(func(st *stage) string { return st.gateway("eu-central-1a") })},
		{name: "routes-black", asked: base(), happens: leads("eni-0dead", types.RouteStateBlackhole)},
		{name: "routes-pointed-elsewhere", asked: base(), happens: leads("tgw-0a", "")},
		{name: "routes-pointed-at-another-of-ours", asked: base(), happens: func(st *stage) {
			leads(st.gateway("eu-central-1b"), "")(st)
		}},
		{name: "address-quota", alone: true, happens: meets("AllocateAddress", "AddressLimitExceeded"), later: lifted()},
		{name: "subnet-quota", alone: true, happens: meets("CreateSubnet", "SubnetLimitExceeded"), later: lifted()},
		{name: "table-quota", alone: true, happens: meets("CreateRouteTable", "RouteTableLimitExceeded"), later: lifted()},
		{name: "gateway-quota", alone: true, happens: meets("CreateNatGateway", "NatGatewayLimitExceeded"), later: lifted()},
		{name: "route-quota", alone: true, asked: base(), happens: func(st *stage) {
			st.quotas = map[string]string{"CreateRoute": "RouteLimitExceeded"}
			st.ask(edited("team-b", "wide", "52.94.0.0/16"))
		}, later: []later{{time.Hour, lift}}}, // for an hour EC2 is believed
	}
}

// untag takes all of our tags off a thing.
func untag(what func(*stage) string) func(*stage) {
	return func(st *stage) { st.ec2.RemoveTags(what(st), ownership...) }
}

// leads points all our routes in one table elsewhere.
func leads(target string, state types.RouteState) func(*stage) {
	return func(st *stage) {
		for _, p := range []string{"8.8.8.0/24", "9.9.9.9/32", "52.94.0.0/17"} {
			st.ec2.AddRoute(st.table("eu-central-1a"), inmemory.Route{Destination: netip.MustParsePrefix(p), Target: target, State: state})
		}
	}
}

// meets lets the first build meet a quota.
func meets(operation, code string) func(*stage) {
	return func(st *stage) {
		st.quotas = map[string]string{operation: code}
		st.ask(base())
	}
}

func lift(st *stage) { st.quotas = nil }

func lifted() []later { return []later{{2 * time.Minute, lift}} }
