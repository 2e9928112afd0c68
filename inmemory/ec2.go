package inmemory

import (
	"cmp"
	"sync"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
)

var _ awsec2.API = (*EC2)(nil)

// Options say how this EC2 behaves. The zero value is an EC2 in eu-central-1 where everything happens at once.
type Options struct {
	// Now is the clock, time.Now by default. It is the only source of time.
	Now func() time.Time

	// Pending and Deleting are how long a NAT gateway stays in these states.
	Pending, Deleting time.Duration
	// DeletedFor is how long a deleted gateway stays listed, and how long a failed one stays before EC2 deletes it
	// itself; 1h by default.
	DeletedFor time.Duration
	// Associating is how long after its gateway is available DescribeAddresses still shows an address as free.
	Associating time.Duration

	// Lag is how far every Describe lags behind the writes.
	Lag time.Duration
	// LagOf, if set, says how far one call lags, at most Lag: so that one list can be older than the one before it.
	LagOf func(Call) time.Duration
	// ReferenceLag is how long a write does not find what another write has just made.
	ReferenceLag time.Duration

	// PageSize is the most that one page of a paginated call looks at; 1000 by default.
	PageSize int
	Quotas   Quotas
	Region   string
	// Zones are the region's availability zones, REGION+a, b and c by default.
	Zones []string

	// Fail, if set, decides which gateways fail: a FailureCode, or "" for one that becomes available. It must depend on
	// nothing but its argument, and call nothing of this EC2.
	Fail func(Creation) string
	// Hook, if set, is called around the effect of every API call.
	Hook Hook
	// KeepCalls keeps the sequence of calls for Calls.
	KeepCalls bool
}

// Quotas are what an account may have; 0 is AWS's default (AWS.md B).
type Quotas struct {
	Addresses          int // in the region; 5
	NATGatewaysPerZone int // pending, available and deleting ones; 5
	RouteTables        int // in a VPC, the main one too; 200
	Subnets            int // in a VPC; 200
	RoutesPerTable     int // not counting propagated ones; 500
}

// EC2 is one account's EC2 in one region. Its methods may be called in parallel.
type EC2 struct {
	options Options

	mu       sync.Mutex
	versions []version // oldest first; the last one is the truth
	ledger   ledger
	hook     Hook
}

// New returns an empty EC2.
func New(o Options) *EC2 {
	o = o.withDefaults()
	e := &EC2{options: o, hook: o.Hook, ledger: newLedger()}
	w := newWorld()
	for _, zone := range o.Zones {
		w.zones[zone] = ""
	}
	e.versions = []version{{began: o.Now(), world: w}}
	return e
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.DeletedFor = cmp.Or(o.DeletedFor, time.Hour)
	o.PageSize = cmp.Or(o.PageSize, 1000)
	o.Region = cmp.Or(o.Region, "eu-central-1")
	if len(o.Zones) == 0 {
		o.Zones = []string{o.Region + "a", o.Region + "b", o.Region + "c"}
	}
	q := &o.Quotas
	q.Addresses = cmp.Or(q.Addresses, 5)
	q.NATGatewaysPerZone = cmp.Or(q.NATGatewaysPerZone, 5)
	q.RouteTables = cmp.Or(q.RouteTables, 200)
	q.Subnets = cmp.Or(q.Subnets, 200)
	q.RoutesPerTable = cmp.Or(q.RoutesPerTable, 500)
	return o
}
