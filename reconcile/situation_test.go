package reconcile_test

import (
	"fmt"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// noon is when every situation begins.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// situation is all that a pass is given. Its networks are few and lie close together, so that they collide.
type situation struct {
	config  reconcile.Config
	cloud   *cloud
	reading reconcile.Reading
	memory  reconcile.Memory
	now     time.Time
}

func (s situation) decide() reconcile.Decision {
	return reconcile.Decide(s.config, s.cloud.observed(), s.reading, s.memory, s.now)
}

// dice draws situations. All of its draws shrink towards what is plain.
type dice struct{ t *rapid.T }

var (
	percent = func() *rapid.Generator[int] {
		var all []int
		for i := range 100 {
			all = append(all, i)
		}
		return rapid.SampledFrom(all)
	}()
	lengths = rapid.SampledFrom([]int{24, 25, 26, 27, 28, 30, 31, 32})
	places  = rapid.SampledFrom([]int{0, 1, 2, 3, 4, 5, 6, 7})
)

// chance is true in so many cases of a hundred.
func (d dice) chance(label string, of100 int) bool { return percent.Draw(d.t, label) >= 100-of100 }

// upTo is a number from 0 to n.
func (d dice) upTo(label string, n int) int { return percent.Draw(d.t, label) % (n + 1) }

func pick[T any](d dice, label string, from ...T) T {
	return from[percent.Draw(d.t, label)%len(from)]
}

func (d dice) prefix(label string) netip.Prefix {
	bits := lengths.Draw(d.t, label)
	at := places.Draw(d.t, label+" at") << (32 - bits) % 1024
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{20, 0, byte(at >> 8), byte(at)}), bits)
}

// zoneNames are the zones of the region. Those that are configured are some of them.
var zoneNames = []reconcile.Zone{"a", "b", "c", "d"}

func blockOf(z reconcile.Zone) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 64, (z[0] - 'a') * 16}), 28)
}

func (d dice) situation() situation {
	s := situation{now: noon}
	s.config = d.config()
	s.cloud = d.cloud(s.config)
	s.config.MaxRoutes = 500
	if d.chance("tight", 50) {
		s.config.MaxRoutes = 1 + d.upTo("max routes", 11)
	}
	s.memory = d.memory(s)
	s.reading = d.reading("now", s.memory)
	return s
}

func (d dice) config() reconcile.Config {
	c := reconcile.Config{
		MinPrefixLength: 16, MaxRoutes: 500, ReleaseDelay: 7 * 24 * time.Hour,
		WithdrawDelay: time.Minute, TeardownDelay: 10 * time.Minute,
	}
	for _, z := range zoneNames[:1+d.upTo("zones", 2)] {
		zc := reconcile.ZoneConfig{Zone: z, Block: blockOf(z)}
		if d.chance("brought", 10) {
			zc.Allocation = "eipalloc-brought-" + string(z)
		}
		c.Zones = append(c.Zones, zc)
	}
	c.ReleaseAddresses = d.chance("release", 30)
	c.Preallocate = d.chance("preallocate", 10)
	if d.chance("no withdraw delay", 20) {
		c.WithdrawDelay, c.TeardownDelay = 0, 0
	}
	if d.chance("disruption", 20) {
		c.AllowDisruption = append(c.AllowDisruption, pick(d, "of", "a", "b", "d", "rtb-1", "rtb-2"))
	}
	if d.chance("deny", 10) {
		c.Deny = append(c.Deny, d.prefix("denied"))
	}
	return c
}

// cloud draws what exists.
func (d dice) cloud(c reconcile.Config) *cloud {
	w := &cloud{site: reconcile.Site{
		VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, InternetGateway: "igw-1", Zones: zoneNames,
	}}
	if d.chance("no internet gateway", 3) {
		w.site.InternetGateway = ""
	}
	for _, zc := range c.Zones {
		if zc.Allocation != "" && d.chance("it exists", 80) {
			w.add(reconcile.Found{Key: pathKey(reconcile.Address, ""), ID: zc.Allocation, Holder: reconcile.Foreign})
		}
	}
	for _, z := range zoneNames {
		d.path(w, z)
	}
	for i := range 1 + d.upTo("tables", 3) {
		d.table(w, fmt.Sprintf("rtb-%d", i+1))
	}
	return w
}

func pathKey(k reconcile.Kind, z reconcile.Zone) reconcile.Key {
	return reconcile.Key{Kind: k, Zone: z}
}

// path draws a zone's egress path: none, all of it, or parts, with a gateway in any state.
func (d dice) path(w *cloud, z reconcile.Zone) {
	how := pick(d, "path "+string(z), "all", "none", "all", "parts", "parts")
	if how == "none" {
		return
	}
	id := func(what string) string { return what + "-" + string(z) }
	has := func(what string) bool { return how == "all" || d.chance(what, 70) }
	subnet := has("subnet")
	if subnet {
		block := blockOf(z)
		if how == "parts" && d.chance("other block", 20) {
			block = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 65, (z[0] - 'a') * 16}), 28)
		}
		w.add(reconcile.Found{Key: pathKey(reconcile.Subnet, z), ID: id("subnet"), Holder: reconcile.Ours, Spec: reconcile.Spec{CIDR: block}})
	}
	address := has("address")
	if address {
		holder := reconcile.Ours
		if how == "parts" && d.chance("tags lost", 10) {
			holder = reconcile.Foreign
		}
		w.add(reconcile.Found{Key: pathKey(reconcile.Address, z), ID: id("eipalloc"), Holder: holder})
	}
	if d.chance("spare address", 5) {
		w.add(reconcile.Found{Key: pathKey(reconcile.Address, z), ID: id("eipalloc-spare"), Holder: reconcile.Ours})
	}
	table := has("nat table")
	if table {
		w.add(reconcile.Found{Key: pathKey(reconcile.NATTable, z), ID: id("rtb-nat"), Holder: reconcile.Ours})
		w.site.Tables = append(w.site.Tables, reconcile.Table{ID: id("rtb-nat"), NAT: true})
		if has("default route") {
			f := reconcile.Found{Key: pathKey(reconcile.DefaultRoute, z), ID: id("rtb-nat"), Holder: reconcile.Ours, Spec: leadsTo("igw-1")}
			if how == "parts" && d.chance("black", 20) {
				f.Status = reconcile.Blackhole
			}
			if how == "parts" && d.chance("elsewhere", 10) {
				f.Spec = leadsTo("igw-old")
			}
			w.add(f)
		}
	}
	if d.chance("spare nat table", 5) {
		w.add(reconcile.Found{Key: pathKey(reconcile.NATTable, z), ID: id("rtb-spare"), Holder: reconcile.Ours})
		w.site.Tables = append(w.site.Tables, reconcile.Table{ID: id("rtb-spare"), NAT: true})
	}
	if subnet && table && has("association") {
		to := id("rtb-nat")
		if how == "parts" && d.chance("elsewhere", 10) {
			to = "rtb-main"
		}
		w.associate(id("subnet"), to, reconcile.Ours)
	}
	if subnet && address && has("gateway") {
		status := reconcile.Active
		if how == "parts" {
			status = pick(d, "status", reconcile.Active, reconcile.Pending, reconcile.Failed, reconcile.Deleting, reconcile.Deleted)
		}
		w.gateway(id("nat"), z, id("subnet"), id("eipalloc"), status)
	}
	if d.chance("spare gateway", 7) && subnet && w.find(id("eipalloc-spare")) != nil {
		w.gateway(id("nat-spare"), z, id("subnet"), id("eipalloc-spare"), pick(d, "spare status", reconcile.Active, reconcile.Pending))
	}
	if d.chance("dead gateway", 10) && subnet && address {
		w.gateway(id("nat-dead"), z, id("subnet"), id("eipalloc"), pick(d, "dead status", reconcile.Deleted, reconcile.Failed))
	}
}

func leadsTo(id string) reconcile.Spec { return reconcile.Spec{Target: reconcile.ByID(id)} }

// table draws a route table, most of them DMZ tables, with routes of all sorts.
func (d dice) table(w *cloud, id string) {
	t := reconcile.Table{ID: id, Zone: pick(d, "tag", "a", "a", "b", "c", "a", "b", "d", reconcile.Zone(""))}
	if d.chance("barred", 5) {
		t.Barred = "it serves the subnet of somebody else"
	}
	if d.chance("prefix list", 10) {
		l := reconcile.Listed{ID: "pl-1", Target: "vpce-1"}
		if d.chance("unread", 20) {
			l.Unread = "access denied"
		} else {
			l.Prefixes = append(l.Prefixes, d.prefix("listed"))
		}
		t.Lists = append(t.Lists, l)
	}
	w.site.Tables = append(w.site.Tables, t)
	if d.chance("default route", 70) {
		w.route(id, netip.MustParsePrefix("0.0.0.0/0"), pick(d, "default to", "nat-foreign", "igw-1", "nat-a"), reconcile.Active, false)
	}
	own := t.Zone
	if own == "" {
		own = pick(d, "own", zoneNames...)
	}
	for range d.upTo("routes", 6) {
		p := d.prefix("route")
		if w.routeAt(id, p) != nil {
			continue
		}
		to := pick(d, "to", "nat-"+string(own), "nat-"+string(own), "nat-"+string(own), "nat-b", "nat-spare-"+string(own), "nat-dead-"+string(own), "pcx-1", "pcx-1", "vgw-1")
		w.route(id, p, to, w.statusTo(to, d.chance("black", 25)), to == "vgw-1")
		if to != "vgw-1" && d.chance("propagated beside", 3) {
			w.route(id, p, "vgw-1", reconcile.Active, true)
		}
	}
}

// values are what people write.
func (d dice) value(label string) string {
	if d.chance(label+" invalid", 10) {
		return pick(d, label+" which", "nonsense", "20.0.0.0/8", "10.0.0.0/24", "::1/128", "", "20.0.0.0/24, 20.0.0.0/33")
	}
	value := ""
	for i := range 1 + d.upTo(label+" targets", 2) {
		if i > 0 {
			value += ", "
		}
		value += d.prefix(label).String()
	}
	return value
}

// reading draws what people ask for. Memory makes it likely that a cluster that cannot be read was read before.
func (d dice) reading(label string, m reconcile.Memory) reconcile.Reading {
	var r reconcile.Reading
	clusters := []string{""}
	if d.chance(label+" two clusters", 20) {
		clusters = append(clusters, "other")
	}
	for _, name := range clusters {
		c := reconcile.Cluster{Name: name}
		of100 := 5
		if m.Complete[name] {
			of100 = 20
		}
		if d.chance(label+" incomplete", of100) {
			c.Incomplete = "does not answer"
		}
		for i := range d.upTo(label+" maps", 3) {
			cm := reconcile.ConfigMap{
				Namespace: "default", Name: fmt.Sprintf("egress-t%d", i+1),
				Created: noon.Add(-time.Duration(d.upTo("age", 3)) * time.Hour), Data: map[string]string{},
			}
			for k := range 1 + d.upTo(label+" keys", 1) {
				cm.Data[fmt.Sprintf("k%d", k)] = d.value(label)
			}
			c.ConfigMaps = append(c.ConfigMaps, cm)
		}
		r.Clusters = append(r.Clusters, c)
	}
	return r
}

// memory draws what is remembered: nothing, or what an earlier pass over the same things left, when people asked for
// something else.
func (d dice) memory(s situation) reconcile.Memory {
	var m reconcile.Memory
	if d.chance("remembers", 60) {
		before := s
		before.reading = d.reading("before", m)
		before.now = s.now.Add(-pick(d, "ago", time.Second, time.Minute, time.Hour, 8*24*time.Hour))
		m = before.decide().Memory
	}
	if d.chance("knows dead gateways", 20) {
		if m.Gateways == nil {
			m.Gateways = map[string]reconcile.Zone{}
		}
		for _, z := range zoneNames {
			m.Gateways["nat-dead-"+string(z)] = z
			m.Gateways["nat-"+string(z)] = z
		}
	}
	if d.chance("address gone", 5) {
		if m.Address == nil {
			m.Address = map[reconcile.Zone]string{}
		}
		m.Address[pick(d, "of", zoneNames...)] = "eipalloc-gone"
	}
	if d.chance("called full", 5) {
		if m.Limits == nil {
			m.Limits = map[string]reconcile.Limit{}
		}
		m.Limits["rtb-1"] = reconcile.Limit{Used: d.upTo("at", 8), Since: s.now.Add(-30 * time.Minute)}
	}
	return m
}

// kept gives what is claimed, and what of our routes stays for now though nobody claims it.
func (s situation) kept() (claims []reconcile.Claim, keep []netip.Prefix) {
	seen := reconcile.See(s.config, s.cloud.observed(), s.memory)
	accepted, m := reconcile.Accept(s.config, s.cloud.site.CIDRs, s.reading, s.memory)
	asked, _ := reconcile.Desire(s.config, seen, accepted, m, s.now)
	return accepted.List, asked.Keep
}
