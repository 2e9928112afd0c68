//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"strings"
)

// stackName is the stack of all tests: each has an account of its own.
const stackName = "e2e-stack"

// asStack is what tells the controller to keep one.
var asStack = []string{"--provider=aws-cfn", "--stack-name=" + stackName}

// stackThing is our stack in a picture.
const stackThing = "stack " + stackName + ": at rest"

// stack lets all that comes into the picture from now on be made by our stack.
func (p picture) stack(owner string) {
	p[stackThing] = []string{
		"  static-egress/cluster=" + clusterID,
		"  static-egress/controller=kube-static-egress-controller",
		"  static-egress/owner=" + owner,
	}
}

func (p picture) inStack() bool { return p[stackThing] != nil }

// logical is how a zone is called in logical ids and the names of outputs.
func logical(zone string) string { return strings.ReplaceAll(zone, "-", "X") }

// stackTags are those that a thing has because a stack made it.
func stackTags(role, zone string) []string {
	kind := map[string]string{"eip": "EIP", "subnet": "Subnet", "nat-gateway": "NatGateway", "route-table": "RouteTable"}[role]
	return []string{
		"  aws:cloudformation:logical-id=" + kind + logical(zone),
		"  aws:cloudformation:stack-id=stack/" + stackName,
		"  aws:cloudformation:stack-name=" + stackName,
		"  static-egress/stack=" + stackName,
	}
}

// hold lets the stack hold a resource, and letGo lets it go.
func (p picture) hold(logicalID, physical string) {
	if physical != "" {
		physical = ": " + physical
	}
	p.letGo(logicalID)
	p.change(stackThing, "", "holds "+logicalID+physical)
}

func (p picture) letGo(logicalID string) {
	p[stackThing] = slices.DeleteFunc(slices.Clone(p[stackThing]), func(line string) bool {
		return line == "  holds "+logicalID || strings.HasPrefix(line, "  holds "+logicalID+":")
	})
}

// holdPath lets the stack hold an egress path, and show its address.
func (p picture) holdPath(zone string) {
	at, name := logical(zone), pathName(zone)
	p.hold("EIP"+at, "address "+name)
	p.hold("Subnet"+at, "subnet "+name)
	p.hold("RouteTable"+at, "table "+name)
	p.hold("DefaultRoute"+at, "")
	p.hold("Association"+at, "")
	p.hold("NatGateway"+at, "gateway "+name)
	p.change(stackThing, "shows AllocationId"+at, "shows AllocationId"+at+": address "+name)
	p.change(stackThing, "shows PublicIp"+at, "shows PublicIp"+at+": address "+name)
	p.change(stackThing, "shows NatGatewayId"+at, "shows NatGatewayId"+at+": gateway "+name)
}

// noPath takes all of a zone's path out of the picture but the address, which is kept.
func (p picture) noPath(zones ...string) {
	for _, zone := range zones {
		name := pathName(zone)
		p["address "+name+": free"] = p["address "+name+": in use"]
		maps.DeleteFunc(p, func(thing string, _ []string) bool {
			return !strings.HasPrefix(thing, "address "+name+": free") && strings.Contains(thing, name)
		})
		for _, kind := range []string{"Subnet", "RouteTable", "DefaultRoute", "Association", "NatGateway"} {
			p.letGo(kind + logical(zone))
		}
		p.change(stackThing, "shows NatGatewayId"+logical(zone))
	}
}

// again says that a thing was lost and made again, under another logical id. Without a stack things have none.
func (p picture) again(kind, zone string) {
	before := kind + logical(zone)
	for thing, lines := range p {
		p[thing] = slices.Clone(lines)
		for i, line := range lines {
			if strings.HasPrefix(line, "  holds "+before+":") || line == "  aws:cloudformation:logical-id="+before {
				p[thing][i] = strings.Replace(line, before, before+"G2", 1)
			}
		}
	}
}

// routeID is the logical id of a route in a DMZ table.
func routeID(table, prefix string) string {
	return "Route<" + table + ">To" + strings.NewReplacer(".", "x", "/", "s").Replace(prefix)
}

// addressesOfAnother says that the addresses were made by an earlier stack: ours uses them and does not hold them.
func (p picture) addressesOfAnother(zones ...string) {
	for _, zone := range zones {
		p.letGo("EIP" + logical(zone))
	}
}
