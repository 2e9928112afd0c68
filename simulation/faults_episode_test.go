package simulation_test

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// configMaps are the values of ConfigMaps, by name and key.
type configMaps map[string]map[string]string

func sortedNames[V any, M ~map[string]V](m M) []string { return slices.Sorted(maps.Keys(m)) }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// episode is one thing that happens to a controller that has come to rest, or its first hour.
type episode struct {
	name  string
	asked configMaps // before; nothing is built yet if there is none
	// happens is what people do. What they do to the cloud, others than us, they do with its hands.
	happens func(*stage)
	later   []later
	kept    bool   // the controller has a home
	owner   string // whose controller it is
	alone   bool   // no call goes wrong besides those that the story refuses; random histories have both
}

// base is what is asked for before most episodes begin.
func base() configMaps {
	return configMaps{
		"team-a": {"bank": "8.8.8.0/24", "dns": "9.9.9.9/32"},
		"team-b": {"wide": "52.94.0.0/17"},
	}
}

// edited is base after an edit of one value; an empty one takes it away.
func edited(name, key, value string) configMaps {
	m := base()
	if m[name] == nil {
		m[name] = map[string]string{}
	}
	m[name][key] = value
	if value == "" {
		delete(m[name], key)
	}
	return m
}

func becomes(maps configMaps) func(*stage) { return func(st *stage) { st.ask(maps) } }

// flags are other flags from now on: the controller is started again.
func flags(change func(*reconcile.Config)) func(*stage) {
	return func(st *stage) {
		st.stop()
		change(&st.config)
		st.loop, st.life = nil, nil
	}
}

func episodes() []episode { return slices.Concat(asking(), others()) }

// asking is what those who ask for things do, and those who start the controller.
func asking() []episode {
	return []episode{
		{name: "first-build", happens: becomes(base())},
		{name: "target-added", asked: base(), happens: becomes(edited("team-c", "api", "1.1.1.0/24"))},
		{name: "widened", asked: base(), happens: becomes(edited("team-b", "wide", "52.94.0.0/16"))},
		{name: "narrowed", asked: base(), happens: becomes(edited("team-b", "wide", "52.94.64.0/18"))},
		{name: "merged", asked: base(), happens: becomes(edited("team-c", "other-half", "52.94.128.0/17"))},
		{name: "split", asked: edited("team-c", "other-half", "52.94.128.0/17"), happens: becomes(edited("team-b", "wide", "52.94.200.0/21"))},
		{name: "value-removed", asked: base(), happens: becomes(edited("team-a", "dns", ""))},
		{name: "teardown", asked: base(), happens: becomes(nil)},
		{name: "idle-and-back", asked: base(), happens: becomes(nil), later: []later{
			{withdrawDelay + 30*time.Second, becomes(base())},
		}},
		{name: "gone-and-back", asked: base(), happens: becomes(nil), later: []later{ // while the gateways go
			{withdrawDelay + teardownDelay + 2*time.Second, becomes(base())},
		}},
		{name: "zone-added", asked: base(), happens: flags(func(c *reconcile.Config) { c.Zones = slices.Clone(zoneBlocks) })},
		{name: "zones-reordered", asked: base(), happens: flags(func(c *reconcile.Config) { slices.Reverse(c.Zones) })},
		{name: "zone-dropped", asked: base(), happens: flags(func(c *reconcile.Config) {
			c.Zones, c.AllowDisruption = c.Zones[:1], []string{"eu-central-1b"}
		})},
		{name: "zone-dropped-unasked", asked: base(), happens: flags(func(c *reconcile.Config) { c.Zones = c.Zones[:1] })},
		{name: "block-moved", asked: base(), happens: flags(func(c *reconcile.Config) {
			c.Zones[0].Block, c.AllowDisruption = prefix("172.31.65.0/28"), []string{"eu-central-1a"}
		})},
	}
}
