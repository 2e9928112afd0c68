package reconcile

import (
	"cmp"
	"net/netip"
)

// Zone is the name of an availability zone, such as eu-central-1a.
type Zone string

// Kind says what sort of thing a [Key] names. The order of the constants is the order in which things are built.
type Kind int

// The kinds. All but TargetRoute are parts of a zone's egress path; InternetGateway and RouteTable only occur as what a
// [Ref] leads to.
const (
	Subnet       Kind = iota + 1 // the NAT subnet; it comes first: its CIDR is unique, so it serves as the zone's lock (rule 9)
	Address                      // the Elastic IP
	NATTable                     // the NAT subnet's own route table
	DefaultRoute                 // 0.0.0.0/0 in it, to the internet gateway
	Association                  // of the NAT subnet with the NAT route table
	NATGateway                   // the NAT gateway
	TargetRoute                  // a route in a DMZ route table, from a target to the NAT gateway of its zone

	CloudFormationStack // what carries out the plans of aws-cfn; nothing desired is of this kind
)

var kindNames = map[Kind]string{
	Subnet: "subnet", Address: "address", NATTable: "route-table", DefaultRoute: "default-route",
	Association: "association", NATGateway: "nat-gateway", TargetRoute: "route", CloudFormationStack: "stack",
}

func (k Kind) String() string { return kindNames[k] }

// Key is the identity of a thing: what stays the same when everything else about it changes (rule 2). For a part of an
// egress path that is its kind and the zone's name; for a target route, the route table's id and the destination. It is
// never a position in a list, so re-ordering zones or targets changes no identity.
type Key struct {
	Kind   Kind
	Zone   Zone         // of an egress path's part; empty for a target route
	Table  string       // of a target route: the id of the DMZ route table
	Prefix netip.Prefix // of a target route: its destination, canonical
}

// RouteKey is the key of the route to prefix in the route table with that id.
func RouteKey(table string, prefix netip.Prefix) Key {
	return Key{Kind: TargetRoute, Table: table, Prefix: prefix}
}

// Name is what tells a key from others of its kind and zone: "rtb-1 8.8.8.8/32" for a target route, else empty.
func (k Key) Name() string {
	if k.Kind != TargetRoute {
		return ""
	}
	if k.Table == "" { // in whatever table
		return k.Prefix.String()
	}
	if !k.Prefix.IsValid() { // all of ours in it
		return k.Table
	}
	return k.Table + " " + k.Prefix.String()
}

func (k Key) String() string {
	if k.Kind == TargetRoute {
		return k.Kind.String() + " " + k.Name()
	}
	return k.Kind.String() + " " + string(k.Zone)
}

// Compare orders keys: zone by zone in the order of building, then the target routes by table and prefix.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		cmp.Compare(btoi(k.Kind == TargetRoute), btoi(o.Kind == TargetRoute)),
		cmp.Compare(k.Zone, o.Zone),
		cmp.Compare(k.Kind, o.Kind),
		cmp.Compare(k.Table, o.Table),
		comparePrefix(k.Prefix, o.Prefix),
	)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func comparePrefix(a, b netip.Prefix) int {
	return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
}

// Ref says what something leads to: by its [Key] where that thing is the one we chose for a zone, made or yet to be made,
// and by its EC2 id where it is anything else.
type Ref struct {
	Kind Kind
	Zone Zone
	ID   string
}

// To is the reference to what a zone has, or will have, of a kind.
func To(kind Kind, zone Zone) Ref { return Ref{Kind: kind, Zone: zone} }

// ByID is the reference to the thing with that EC2 id.
func ByID(id string) Ref { return Ref{ID: id} }

func (r Ref) key() Key { return Key{Kind: r.Kind, Zone: r.Zone} }

func (r Ref) String() string {
	if r.ID != "" || r.Kind == 0 {
		return r.ID
	}
	return r.Kind.String() + " of " + string(r.Zone)
}
