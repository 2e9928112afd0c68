package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// checker turns values into a setup and collects every mistake on the way: whoever sets this up should not have to start
// it once for each.
type checker struct {
	options  []*option
	given    given
	mistakes []mistake
}

// check is pure: what a setup means depends on nothing but the words.
func check(g given, options []*option) (setup, []mistake) {
	c := &checker{options: options, given: g}
	s := setup{
		provider:      c.provider(),
		vpc:           c.id("vpc-id", "vpc-"),
		tagKey:        c.tagKey(),
		tableTags:     c.pairs("aws-route-table-tag"),
		controller:    c.tagValue("controller-id"),
		home:          c.home(),
		takeOver:      c.texts("take-over"),
		maxWithdrawal: c.number("max-withdrawal", 1, 100),
		release:       c.oneOf("eip-reclaim-policy", "Retain", "Delete") == "Delete",
		releaseDelay:  c.duration("release-delay", 0),
		preallocate:   c.truth("preallocate"),
		configmaps:    c.configmaps(),
		kubeconfig:    c.word("kubeconfig").text,
		contexts:      c.texts("context"),
		master:        c.word("master").text,
		namespaces:    c.namespaces(),
		minPrefix:     c.number("min-prefix-length", 1, 32),
		allow:         c.networks("allow-cidr"),
		deny:          c.networks("deny-cidr"),
		withdrawDelay: c.duration("withdraw-delay", 0),
		teardownDelay: c.duration("teardown-delay", 0),
		maxRoutes:     c.number("max-routes-per-table", 1, 1000), // EC2 raises the quota to 1000 and no further
		disrupt:       c.texts("allow-disruption"),
		once:          c.truth("once"),
		timeout:       c.duration("timeout", time.Second),
		dryRun:        c.truth("dry-run"),
		resync:        c.duration("resync-interval", time.Second), // anything shorter is a load on AWS and on nobody's mind
		address:       c.address(),
		json:          c.oneOf("output", "text", "json") == "json",
		detailed:      c.truth("detailed-exitcode"),
		logJSON:       c.oneOf("log-format", "text", "json") == "json",
		logLevel:      c.level(),

		teardown:         c.ends(),
		releaseAddresses: c.truth("release-addresses"),
		yes:              c.truth("yes"),
	}
	s.zones, s.brought = c.zones()
	s.cluster = c.cluster(s.provider, s.zones)
	s.tags = c.tags(s.tagKey)
	s.stackName, s.bucket, s.protect = c.stack(s), c.bucket(), c.truth("stack-termination-protection")
	if s.once && s.dryRun {
		c.wrong("dry-run", c.word("dry-run"), "cannot be had with --once: nothing would ever be done, so it would wait in vain; use the command plan")
	}
	if len(g["timeout"]) > 0 && !s.once && !s.teardown {
		c.wrong("timeout", c.word("timeout"), "only --once has an end to wait for")
	}
	if s.teardown {
		s.resync = longestPause
	}
	if s.once && len(g["address"]) == 0 {
		// What ends by itself is not watched, and a port that happens to be taken is no reason for it to fail.
		s.address = ""
	}
	slices.SortStableFunc(c.mistakes, func(a, b mistake) int { return cmp.Compare(a.at, b.at) })
	return s, c.mistakes
}

// wrong notes a mistake in one value of a flag.
func (c *checker) wrong(name string, w word, format string, a ...any) {
	c.note(name, fmt.Sprintf("%s %q: %s", w.from, w.text, fmt.Sprintf(format, a...)))
}

// lacks notes that a flag is needed and was not given.
func (c *checker) lacks(name, format string, a ...any) {
	c.note(name, fmt.Sprintf("%s: %s", dashed(name), fmt.Sprintf(format, a...)))
}

func (c *checker) note(name, text string) {
	at := slices.Index(c.options, find(c.options, name))
	c.mistakes = append(c.mistakes, mistake{at: at, text: text})
}

// word is the one value of a flag: the one that was given, or its default.
func (c *checker) word(name string) word {
	if ws := c.given[name]; len(ws) > 0 {
		return ws[0]
	}
	w := word{from: dashed(name)}
	if o := find(c.options, name); o != nil {
		w.text = o.preset
	}
	return w
}

func (c *checker) texts(name string) []string {
	var texts []string
	for _, w := range c.given[name] {
		texts = append(texts, w.text)
	}
	return texts
}

// has reports whether the command knows the flag at all. What it does not know is neither checked nor reported.
func (c *checker) has(name string) bool { return find(c.options, name) != nil }

// ends reports whether the command is teardown.
func (c *checker) ends() bool { return c.has("release-addresses") }

func (c *checker) truth(name string) bool {
	w := c.word(name)
	if w.text == "" {
		return false
	}
	b, err := strconv.ParseBool(w.text)
	if err != nil {
		c.wrong(name, w, "neither true nor false")
	}
	return b
}

func (c *checker) number(name string, least, most int) int {
	if !c.has(name) {
		return 0
	}
	w := c.word(name)
	n, err := strconv.Atoi(w.text)
	if err != nil || n < least || n > most {
		c.wrong(name, w, "not a whole number from %d to %d", least, most)
	}
	return n
}

func (c *checker) duration(name string, least time.Duration) time.Duration {
	if !c.has(name) {
		return 0
	}
	w := c.word(name)
	d, err := time.ParseDuration(w.text)
	switch {
	case err != nil:
		c.wrong(name, w, "not a time such as 90s, 10m or 168h")
	case d < 0:
		c.wrong(name, w, "a time cannot be negative")
	case d < least:
		c.wrong(name, w, "shorter than %v", least)
	}
	return d
}

func (c *checker) oneOf(name string, values ...string) string {
	if !c.has(name) {
		return ""
	}
	w := c.word(name)
	if !slices.Contains(values, w.text) {
		text := "not one of " + strings.Join(values, ", ")
		for _, v := range values {
			if strings.EqualFold(v, w.text) {
				text += fmt.Sprintf("; did you mean %s?", v)
			}
		}
		c.wrong(name, w, "%s", text)
	}
	return w.text
}

// id checks no more than what sort of id it is. EC2 knows the rest.
func (c *checker) id(name, prefix string) string {
	w := c.word(name)
	if w.text != "" && !isID(w.text, prefix) {
		c.wrong(name, w, "not an id that begins with %s", prefix)
	}
	return w.text
}

func isID(text, prefix string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	return ok && rest != "" && !strings.ContainsAny(rest, " \t\"'=/")
}

// theseProviders is said wherever a provider is missing or wrong.
const theseProviders = "there are aws-ec2, aws-cfn and inmemory"

func (c *checker) provider() string {
	w := c.word("provider")
	switch w.text {
	case "aws-ec2", "aws-cfn", "inmemory":
	case "":
		c.lacks("provider", "is required; %s", theseProviders)
	case "aws":
		c.wrong("provider", w, "what an older program called aws, one CloudFormation stack, is called aws-cfn here; %s", theseProviders)
	case "noop":
		c.wrong("provider", w, "to see what would be done use the command plan, or --dry-run; %s", theseProviders)
	default:
		c.wrong("provider", w, "there is no such provider; %s", theseProviders)
	}
	return w.text
}

// zones pairs zones with blocks, in order. The ids are those of the addresses that the user brings.
func (c *checker) zones() (zones []reconcile.ZoneConfig, brought []string) {
	if !c.has("aws-az") {
		_, brought = c.brought(nil)
		return nil, brought
	}
	names, blocks := c.given["aws-az"], c.given["aws-nat-cidr-block"]
	if len(names) == 0 && len(blocks) == 0 && !c.ends() { // what there is to tear down is found without
		c.lacks("aws-az", "at least one zone is needed, with its --aws-nat-cidr-block")
	}
	for _, w := range names[min(len(names), len(blocks)):] {
		c.wrong("aws-az", w, "this zone lacks an --aws-nat-cidr-block: they are paired in order (zones: %d, blocks: %d)", len(names), len(blocks))
	}
	for _, w := range blocks[min(len(names), len(blocks)):] {
		c.wrong("aws-nat-cidr-block", w, "this block lacks an --aws-az: they are paired in order (zones: %d, blocks: %d)", len(names), len(blocks))
	}

	for i, w := range names {
		if slices.ContainsFunc(names[:i], func(o word) bool { return o.text == w.text }) {
			c.wrong("aws-az", w, "this zone was given already")
		}
		if reason := badID(w.text); reason != "" {
			c.wrong("aws-az", w, "no zone has such a name: %s", reason)
		}
		zones = append(zones, reconcile.ZoneConfig{Zone: reconcile.Zone(w.text)})
	}
	var good []netip.Prefix
	for i, w := range blocks {
		block, ok := c.block(w)
		if !ok {
			continue
		}
		if j := slices.IndexFunc(good, block.Overlaps); j >= 0 {
			c.wrong("aws-nat-cidr-block", w, "overlaps %s", good[j])
		}
		good = append(good, block)
		if i < len(zones) {
			zones[i].Block = block
		}
	}
	zones, brought = c.brought(zones)
	slices.SortStableFunc(zones, func(a, b reconcile.ZoneConfig) int { return cmp.Compare(a.Zone, b.Zone) })
	return zones, brought
}

func (c *checker) block(w word) (netip.Prefix, bool) {
	p, ok := c.network("aws-nat-cidr-block", w)
	if ok && (p.Bits() < 16 || p.Bits() > 28) {
		c.wrong("aws-nat-cidr-block", w, "EC2 makes subnets from /28 to /16")
		return p, false
	}
	return p, ok
}

// network takes an IPv4 network in its canonical form only. In a ConfigMap a stray host bit is forgiven; here it is more
// likely that the wrong number was changed, and the block would be another one than was meant.
func (c *checker) network(name string, w word) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(w.text)
	switch {
	case err != nil:
		c.wrong(name, w, "not an IPv4 network, which is written like 172.31.64.0/28")
	case !p.Addr().Is4():
		c.wrong(name, w, "IPv6: only IPv4 goes through a public NAT gateway here")
	case p != p.Masked():
		c.wrong(name, w, "has bits beyond its length; did you mean %s?", p.Masked())
	default:
		return p, true
	}
	return netip.Prefix{}, false
}

func (c *checker) networks(name string) []netip.Prefix {
	var ps []netip.Prefix
	for _, w := range c.given[name] {
		if p, ok := c.network(name, w); ok {
			ps = append(ps, p)
		}
	}
	return ps
}

// brought gives the zones the addresses that the user brought, and returns their ids too, sorted. A command that knows no zones
// takes any. To tear down, nobody need name the zones, and an address that is not to be released can be named all the same.
func (c *checker) brought(zones []reconcile.ZoneConfig) (with []reconcile.ZoneConfig, ids []string) {
	const name = "aws-eip-allocation-id"
	has, used := map[string]string{}, map[string]string{}
	for _, w := range c.given[name] {
		zone, id, ok := strings.Cut(w.text, "=")
		zone, id = strings.TrimSpace(zone), strings.TrimSpace(id)
		if !ok || zone == "" || !isID(id, "eipalloc-") {
			c.wrong(name, w, "not of the form ZONE=eipalloc-…")
			continue
		}
		i := slices.IndexFunc(zones, func(z reconcile.ZoneConfig) bool { return string(z.Zone) == zone })
		if i < 0 && c.ends() {
			i, zones = len(zones), append(zones, reconcile.ZoneConfig{Zone: reconcile.Zone(zone)})
		}
		switch {
		case i < 0 && c.has("aws-az"):
			c.wrong(name, w, "the zone %s is not among --aws-az", zone)
		case has[zone] != "":
			c.wrong(name, w, "the zone %s has %s already", zone, has[zone])
		case used[id] != "":
			c.wrong(name, w, "the zone %s has this address already", used[id])
		default:
			has[zone], used[id] = id, zone
			if i >= 0 {
				zones[i].Allocation = id
			}
		}
	}
	return zones, slices.Sorted(maps.Keys(used))
}

// cluster is the cluster id. It is required where things outlive the program: without it, two clusters in one VPC would
// take each other's addresses for their own.
func (c *checker) cluster(provider string, zones []reconcile.ZoneConfig) string {
	w := c.word("cluster-id")
	if w.text == "" {
		if provider == "inmemory" {
			return "inmemory"
		}
		c.lacks("cluster-id", "is required: it tells whose addresses and gateways these are")
		return ""
	}
	if c.tagValue("cluster-id") != "" {
		for _, z := range zones {
			if n := len(w.text + "-static-egress-" + string(z.Zone)); n > maxTagValue {
				c.wrong("cluster-id", w, "too long: the tag Name in zone %s would have %d characters, and EC2 takes %d", z.Zone, n, maxTagValue)
				break
			}
		}
	}
	return w.text
}

// EC2's limits for tags.
const (
	maxTagKey   = 128
	maxTagValue = 256
	maxTags     = 50
	ownTags     = 6 // static-egress/{cluster,controller,owner,role,zone} and Name
)

// badTagText says what makes a text unusable in a tag of EC2's; empty if nothing does. EC2 takes nearly every character.
func badTagText(text string, most int) string {
	if n := len([]rune(text)); n > most {
		return fmt.Sprintf("it has %d characters, and EC2 takes %d", n, most)
	}
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		return "it has a character that cannot be written"
	}
	return ""
}

// badID says what makes a text unusable in our own tags. They keep to the characters that every AWS service takes: a
// policy or a stack has to name them too.
func badID(text string) string {
	for _, r := range text {
		if r != ' ' && !strings.ContainsRune("+-=._:/@", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return fmt.Sprintf("not every AWS service takes %q in a tag", r)
		}
	}
	return badTagText(text, maxTagValue)
}

func (c *checker) tagValue(name string) string {
	w := c.word(name)
	if reason := badID(w.text); reason != "" {
		c.wrong(name, w, "cannot be the value of a tag: %s", reason)
		return ""
	}
	return w.text
}

func (c *checker) tagKey() string {
	w := c.word("tag-key")
	switch {
	case w.text == "Name", strings.HasPrefix(w.text, ownPrefix):
		// All that we make carries it, so our own NAT route tables would be taken for DMZ tables.
		c.wrong("tag-key", w, "this tag is set on everything that is made, so it cannot tell DMZ route tables apart")
	case strings.HasPrefix(strings.ToLower(w.text), "aws:"):
		c.wrong("tag-key", w, "only AWS sets tags that begin with aws:")
	default:
		if reason := badTagText(w.text, maxTagKey); reason != "" {
			c.wrong("tag-key", w, "cannot be the key of a tag: %s", reason)
		}
	}
	return w.text
}

// ownPrefix begins the keys of the tags that say whose a thing is.
const ownPrefix = "static-egress/"

// tags are the user's own. One that overrode an ownership tag would make a thing that nobody owns; one with the tag key a
// DMZ table of our NAT route table; one of the cluster's would invite load balancers into the NAT subnets.
func (c *checker) tags(tagKey string) map[string]string {
	tags := c.pairs("aws-tag")
	for _, w := range c.given["aws-tag"] {
		key, _, _ := strings.Cut(w.text, "=")
		key = strings.TrimSpace(key)
		switch {
		case strings.HasPrefix(key, ownPrefix), key == "Name":
			c.wrong("aws-tag", w, "the tag %s is set by this program", key)
		case key == tagKey:
			c.wrong("aws-tag", w, "this is the tag of the DMZ route tables (--tag-key), which none of ours may carry")
		case strings.HasPrefix(key, "kubernetes.io/cluster/"):
			c.wrong("aws-tag", w, "load balancer controllers would put load balancers into the NAT subnets")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			c.wrong("aws-tag", w, "only AWS sets tags that begin with aws:")
		}
	}
	if len(tags) > maxTags-ownTags {
		c.lacks("aws-tag", "there are %d tags, and with ours EC2 takes %d", len(tags), maxTags-ownTags)
	}
	return tags
}

// pairs reads KEY=VALUE. The first = ends the key, so a value may have more of them.
func (c *checker) pairs(name string) map[string]string {
	pairs := map[string]string{}
	for _, w := range c.given[name] {
		key, value, ok := strings.Cut(w.text, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		_, twice := pairs[key]
		reason := cmp.Or(badTagText(key, maxTagKey), badTagText(value, maxTagValue))
		switch {
		case !ok || key == "":
			c.wrong(name, w, "not of the form KEY=VALUE")
		case twice:
			c.wrong(name, w, "the key %s was given already", key)
		case reason != "":
			c.wrong(name, w, "cannot be a tag: %s", reason)
		default:
			pairs[key] = value
		}
	}
	return pairs
}

// configmaps are the manifests that are read instead of a cluster; without them it is a cluster.
func (c *checker) configmaps() []string {
	paths := c.texts("configmaps")
	for _, name := range []string{"kubeconfig", "context", "master"} {
		if len(paths) > 0 && len(c.given[name]) > 0 {
			c.wrong(name, c.word(name), "says which cluster to read, and --configmaps says to read none")
		}
	}
	for i, w := range c.given["configmaps"] {
		if slices.Contains(paths[:i], w.text) {
			c.wrong("configmaps", w, "was given already")
		}
	}
	return paths
}

// home is the controller's own namespace.
func (c *checker) home() string {
	w := c.word("controller-namespace")
	if w.text != "" && !isNamespace(w.text) {
		c.wrong("controller-namespace", w, "not the name of a namespace")
	}
	return w.text
}

func (c *checker) namespaces() []string {
	var names []string
	for _, w := range c.given["namespace"] {
		if !isNamespace(w.text) {
			c.wrong("namespace", w, "no namespace has such a name: it has up to 63 of a-z, 0-9 and -, and a letter or digit at both ends")
		}
		if !slices.Contains(names, w.text) {
			names = append(names, w.text)
		}
	}
	return names
}

func isNamespace(name string) bool {
	if name == "" || len(name) > 63 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })
}

func (c *checker) address() string {
	if !c.has("address") {
		return ""
	}
	w := c.word("address")
	if w.text == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(w.text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		c.wrong("address", w, "not of the form HOST:PORT, such as :8080")
	}
	return w.text
}

func (c *checker) level() slog.Level {
	if !c.has("log-level") {
		return slog.LevelInfo
	}
	switch w := c.word("log-level"); w.text {
	case "debug":
		return slog.LevelDebug
	case "info":
		return slog.LevelInfo
	case "warn", "warning": // the older program's word
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		c.wrong("log-level", w, "not one of debug, info, warn, error")
		return slog.LevelInfo
	}
}
