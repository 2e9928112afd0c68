package simulation_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// names gives EC2's ids names that a reader can tell apart: what is ours after its kind and zone (eip-a, nat-a1), what is
// not after its Name. A thing keeps its name; another one of its sort gets a number.
type names struct{ byID, byName map[string]string }

func newNames() names { return names{byID: map[string]string{}, byName: map[string]string{}} }

func (n names) give(id, name string) {
	if n.byID[id] != "" {
		return
	}
	for i := 2; n.byName[name] != ""; i++ {
		name = fmt.Sprintf("%s%d", strings.TrimRight(name, "0123456789"), i)
	}
	n.byID[id], n.byName[name] = name, id
}

const region = "eu-central-1"

// called is a thing's name: after its zone if it carries our tags, else after its Name, else the one given.
func called(tags inmemory.Tags, ours, otherwise string) string {
	if zone := tags[awsec2.TagZone]; zone != "" {
		return ours + strings.TrimPrefix(zone, region)
	}
	return strings.ReplaceAll(cmp.Or(tags["Name"], otherwise), region, "")
}

func (n names) learn(s inmemory.Snapshot) {
	for _, g := range s.InternetGateways {
		n.give(g.ID, "igw")
	}
	for _, v := range s.VPCs {
		n.give(v.ID, "vpc")
	}
	for _, a := range s.Addresses {
		n.give(a.ID, called(a.Tags, "eip-", "address"))
	}
	for _, x := range s.Subnets {
		n.give(x.ID, called(x.Tags, "subnet-", "somebodys-subnet"))
	}
	gateways := slices.SortedFunc(slices.Values(s.NATGateways), func(a, b inmemory.NATGateway) int { return a.Created.Compare(b.Created) })
	for _, g := range gateways {
		name := called(g.Tags, "nat-", "somebodys-nat")
		if g.Tags[awsec2.TagZone] != "" {
			name += "1"
		}
		n.give(g.ID, name)
	}
	for _, t := range s.RouteTables {
		n.give(t.ID, called(t.Tags, "table-", "main"))
		for _, a := range t.Associations {
			n.give(a.ID, "assoc-"+cmp.Or(n.byID[a.Subnet], "main"))
		}
	}
	for _, p := range s.PrefixLists {
		n.give(p.ID, p.Name)
	}
}

var ec2IDs = regexp.MustCompile(`\b[a-z]+-[0-9a-f]{17}\b`)

// in puts the names in the place of ids. What the story does not know, such as a gateway's interface, is what it is.
func (n names) in(text string) string {
	return ec2IDs.ReplaceAllStringFunc(text, func(id string) string {
		kind, _, _ := strings.Cut(id, "-")
		return cmp.Or(n.byID[id], kind)
	})
}

// id finds what is called so; what nobody knows is an id of its own, such as that of a peering connection.
func (n names) id(name string) string { return cmp.Or(n.byName[name], name) }

// text is the plan as it is printed.
func (s *scenario) text(r reconcile.Report) string {
	var b strings.Builder
	if err := reconcile.WritePlan(&b, r); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// planned is the plan with names, its columns in line again, and without its empty lines.
func (s *scenario) planned(r reconcile.Report) string {
	s.names.learn(s.world.ec2.Snapshot())
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for line := range strings.Lines(s.names.in(s.text(r))) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			words := strings.TrimLeft(line, " ")
			indent := line[:len(line)-len(words)]
			_, _ = fmt.Fprintln(t, indent+columns.ReplaceAllString(words, "\t")) // into a strings.Builder
		}
	}
	_ = t.Flush()
	return b.String()
}

var columns = regexp.MustCompile(`  +`)

// state draws what exists: each gateway of ours with what it rests on, what of ours no gateway uses, what somebody else
// has made in the story, and the routes of each table, those aside that every VPC has.
func (s *scenario) state() string {
	snap := s.world.ec2.Snapshot()
	s.names.learn(snap)
	d := drawing{snapshot: snap, used: map[string]bool{}}
	for _, t := range snap.RouteTables {
		for _, a := range t.Associations {
			if a.Subnet != "" {
				d.tableOf(a.Subnet)
			}
		}
	}
	var lines []string
	for _, g := range snap.NATGateways {
		if g.State != types.NatGatewayStateDeleted {
			lines = append(lines, s.names.in(d.gateway(g)))
		}
	}
	for _, a := range snap.Addresses {
		if !d.used[a.ID] {
			lines = append(lines, s.names.in(d.address(a)))
		}
	}
	for _, x := range snap.Subnets {
		if !d.used[x.ID] && !strings.HasPrefix(x.Tags["Name"], "workers-") {
			lines = append(lines, s.names.in(d.subnet(x)))
		}
	}
	for _, t := range snap.RouteTables {
		if !d.used[t.ID] && t.Tags[awsec2.TagRole] == awsec2.RoleNATTable {
			lines = append(lines, s.names.in(d.natTable(t)))
		}
	}
	slices.Sort(lines)
	var tables []string
	for _, t := range snap.RouteTables {
		if text := d.table(t); text != "" {
			tables = append(tables, s.names.in(text))
		}
	}
	slices.Sort(tables)
	return strings.Join(append(lines, tables...), "")
}

type drawing struct {
	snapshot inmemory.Snapshot
	used     map[string]bool
}

func (d *drawing) gateway(g inmemory.NATGateway) string {
	out := g.ID + " " + string(g.State)
	if g.FailureCode != "" {
		out += " (" + g.FailureCode + ")"
	}
	if g.Tags[awsec2.TagRole] == "" {
		out += ", foreign"
	}
	out += ": " + g.Allocation + " is gone"
	for _, a := range d.snapshot.Addresses {
		if a.ID == g.Allocation {
			d.used[a.ID] = true
			out = strings.TrimSuffix(out, g.Allocation+" is gone") + strings.TrimSuffix(d.address(a), "\n")
		}
	}
	for _, x := range d.snapshot.Subnets {
		if x.ID == g.Subnet {
			d.used[x.ID] = true
			out += ", in " + d.subnet(x)
		}
	}
	return out
}

func (d *drawing) address(a inmemory.Address) string {
	out := a.ID + " " + a.IP.String()
	if a.Tags[awsec2.TagRole] == "" {
		out += " untagged"
	}
	switch {
	case a.Interface != "":
		out += ", used by somebody's interface"
	case a.Gateway == "":
		out += ", unused"
	}
	return out + "\n"
}

func (d *drawing) subnet(x inmemory.Subnet) string {
	out := x.ID + " " + x.CIDR.String()
	if t, ok := d.tableOf(x.ID); ok {
		d.used[t.ID] = true
		out += ", " + strings.TrimSuffix(d.natTable(t), "\n")
	}
	return out + "\n"
}

func (d *drawing) tableOf(subnet string) (inmemory.RouteTable, bool) {
	for _, t := range d.snapshot.RouteTables {
		for _, a := range t.Associations {
			if a.Subnet == subnet {
				return t, true
			}
		}
	}
	return inmemory.RouteTable{}, false
}

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

func (d *drawing) natTable(t inmemory.RouteTable) string {
	out := t.ID
	for _, r := range t.Routes {
		if r.Destination == everywhere {
			out += " to " + r.Target
			if r.State == types.RouteStateBlackhole {
				out += " (a black hole)"
			}
		}
	}
	return out + "\n"
}

// table draws a table that has a zone, or routes worth a word.
func (d *drawing) table(t inmemory.RouteTable) string {
	if t.Tags[awsec2.TagRole] == awsec2.RoleNATTable && t.Tags[tagKey] == "" {
		return ""
	}
	out := ""
	for _, r := range t.Routes {
		usual := r.Target == "local" || r.Destination == everywhere && strings.HasPrefix(r.Target, "igw-") && r.State == types.RouteStateActive
		if !usual {
			out += "  " + d.route(r) + "\n"
		}
	}
	zone := t.Tags[tagKey]
	if zone == "" && out == "" {
		return ""
	}
	return t.ID + " of " + cmp.Or(zone, "no zone") + "\n" + out
}

func (d *drawing) route(r inmemory.Route) string {
	out := r.Destination.String()
	if r.PrefixList != "" {
		out = r.PrefixList
	}
	out += " -> " + r.Target
	if r.State == types.RouteStateBlackhole {
		out += ", a black hole"
	}
	if r.Origin == types.RouteOriginEnableVgwRoutePropagation {
		out += ", propagated"
	}
	return out
}
