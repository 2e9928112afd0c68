//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
)

// picture is what an account should look like, as snapshot writes it: a thing and the lines below it. A test begins with
// what is there before the controller comes, and says what changes.
type picture map[string][]string

// pictureOf reads a snapshot.
func pictureOf(snapshot string) picture {
	p := picture{}
	thing := ""
	for line := range strings.Lines(snapshot) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, " ") {
			thing = line
			p[thing] = nil
			continue
		}
		p[thing] = append(p[thing], line)
	}
	return p
}

func (p picture) String() string {
	var blocks []string
	for thing, lines := range p {
		blocks = append(blocks, strings.Join(append([]string{thing}, lines...), "\n")+"\n")
	}
	slices.Sort(blocks)
	return strings.Join(blocks, "")
}

// pathName is the tag Name of all that the controller makes in a zone.
func pathName(zone string) string { return clusterID + "-static-egress-" + zone }

// path adds egress paths: address, subnet, table with its default route, association, gateway. The owner is the cluster
// that they are made for.
func (p picture) path(owner string, zones ...string) {
	for _, zone := range zones {
		name := pathName(zone)
		tags := func(role string) []string {
			tags := []string{
				"  static-egress/cluster=" + clusterID,
				"  static-egress/controller=kube-static-egress-controller",
				"  static-egress/owner=" + owner,
				"  static-egress/role=" + role,
				"  static-egress/zone=" + zone,
			}
			if p.inStack() {
				tags = append(tags, stackTags(role, zone)...)
			}
			slices.Sort(tags)
			return tags
		}
		delete(p, "address "+name+": free")
		p["address "+name+": in use"] = tags("eip")
		p[fmt.Sprintf("subnet %s: %s in %s", name, block(zone), zone)] = tags("subnet")
		p[fmt.Sprintf("gateway %s: available in subnet %s with address %[1]s", name, name)] = tags("nat-gateway")
		p[fmt.Sprintf("table %s: in vpc 172.31.0.0/16", name)] = append(tags("route-table"),
			"  0.0.0.0/0 -> internet gateway, active",
			"  172.31.0.0/16 -> local, active",
			"  serves subnet "+name)
		if p.inStack() {
			p.holdPath(zone)
		}
	}
}

func dmz(table string) string { return fmt.Sprintf("table %s: in vpc 172.31.0.0/16", table) }

// change takes out of a thing the lines that begin with prefix, and puts in others; sorted, but for the tags, which
// come first.
func (p picture) change(thing, out string, in ...string) {
	lines := slices.Clone(p[thing])
	if out != "" {
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "  "+out) })
	}
	for _, line := range in {
		lines = append(lines, "  "+line)
	}
	slices.SortStableFunc(lines, func(a, b string) int {
		if aTag, bTag := isTag(a), isTag(b); aTag != bTag {
			if aTag {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	p[thing] = lines
}

func isTag(line string) bool { return strings.Contains(line, "=") }

// route adds routes to a DMZ table, through the gateway of a zone.
func (p picture) route(table, zone string, prefixes ...string) {
	for _, prefix := range prefixes {
		p.change(dmz(table), prefix+" ", fmt.Sprintf("%s -> gateway %s, active", prefix, pathName(zone)))
		if p.inStack() {
			p.hold(routeID(table, prefix), "")
		}
	}
}

// noRoute takes routes out of a DMZ table.
func (p picture) noRoute(table string, prefixes ...string) {
	for _, prefix := range prefixes {
		p.change(dmz(table), prefix+" ")
		if p.inStack() {
			p.letGo(routeID(table, prefix))
		}
	}
}
