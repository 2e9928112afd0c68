package reconcile

import (
	"net/netip"
	"time"
)

// Observed is all that a provider saw in one look, facts only: nothing in it is decided yet. Duplicates are allowed,
// because they happen. The order of its lists carries no meaning.
type Observed struct {
	Site  Site
	Found []Found
	Stack *Stack // nil but where all is kept as one CloudFormation stack
}

// Site is what is there already and never ours.
type Site struct {
	VPC             string
	CIDRs           []netip.Prefix // of the VPC, as its route tables' local routes give them
	InternetGateway string         // the one that is attached; empty if there is none
	Zones           []Zone         // the region's availability zones; empty if they were not looked up
	Tables          []Table        // every route table of the VPC
}

// Table is one route table of the VPC. All are listed, and the DMZ tables are picked out of the list, so that a table
// that lost its tag while our routes are in it is still seen (rule 8). Its routes are [Found] things.
type Table struct {
	ID     string
	Zone   Zone     // the value of the tag --tag-key; empty without the tag
	Barred string   // why it is no DMZ table in spite of its tag, such as a filter it does not match; empty if it may be one
	NAT    bool     // carries our role tag, or serves a NAT subnet: never a DMZ table (rule 15)
	Used   int      // how much of the table's quota is used: its IPv4 routes that are not propagated, local ones included
	Lists  []Listed // its routes to prefix lists
}

// Listed is a route whose destination is a managed prefix list, such as that of a gateway endpoint.
type Listed struct {
	ID       string
	Target   string
	Prefixes []netip.Prefix
	Unread   string // why its entries are not known; empty if they are
}

// Holder says whose a thing is.
type Holder int

// The holders.
const (
	Foreign Holder = iota // anybody else's: never changed (rule 3)
	Ours                  // carries our cluster's, controller's and role's tags; a target route: its gateway is ours
	Others                // ours by its tags, but held by the other provider: by a CloudFormation stack, or by none where ours is one
)

// Status is what state a thing is in.
type Status int

// The statuses. A provider maps EC2's own states onto these; one that it does not know is Pending: it waits (house habit:
// an unknown state waits and is reported).
const (
	Active    Status = iota // there, and does its work
	Pending                 // a gateway that is being made; an address whose making can still be undone
	Failed                  // a gateway that could not be made; Code says why
	Deleting                // a gateway on its way out: its address is still taken (rule 6)
	Deleted                 // a gateway that is gone, and listed for about another hour
	Blackhole               // a route that leads nowhere
)

var statusNames = map[Status]string{
	Active: "active", Pending: "pending", Failed: "failed", Deleting: "deleting", Deleted: "deleted", Blackhole: "blackhole",
}

func (s Status) String() string { return statusNames[s] }

// Found is one thing that exists.
//
//   - A subnet: every subnet of the VPC. Key.Zone is the zone of its zone tag if it is ours, else the zone it lies in.
//   - An address: every address of the account in the region. Key.Zone is that of its zone tag, if any.
//   - A NAT route table: those with our role tag. The route 0.0.0.0/0 in one is a DefaultRoute, and has the table's id for
//     its own.
//   - An association: every explicit association of a subnet with a route table. Key.Zone is left empty; it follows from the subnet.
//   - A gateway: every NAT gateway of the VPC.
//   - A target route: every other route in any table of the VPC, 0.0.0.0/0 too. Whose it is follows from its gateway.
type Found struct {
	Key        Key
	Spec       Spec
	ID         string // its EC2 id (for an address the allocation id; for a default route that of its table); empty for target routes
	Holder     Holder
	Stack      string // of what a stack holds: the stack; empty for what no stack holds
	Owner      string // of what is ours: the value of its owner tag (rule 16); empty if it has none
	Status     Status
	Code       string     // of a failed gateway: EC2's failure code and message
	PublicIP   netip.Addr // of an address, and of a gateway
	User       string     // of an address: the id of what uses it (gateway, instance, interface); empty if nothing does
	Created    time.Time  // of a gateway: when it was asked for
	Propagated bool       // of a route: a virtual private gateway put it there
}

// Spec is what can be right or wrong about a thing: two are equal if nothing has drifted. References in a Spec that comes
// from a provider are ids.
type Spec struct {
	CIDR    netip.Prefix // of a subnet
	Target  Ref          // of a route: where it leads; of an association: the route table
	Subnet  Ref          // of an association, a gateway
	Address Ref          // of a gateway; of an address that the user brought: itself
	IP      netip.Addr   // of an address that was lost and is to be had back: the very one (rule 7)
}
