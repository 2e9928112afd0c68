package awsec2_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

const (
	zoneA, zoneB = "eu-central-1a", "eu-central-1b"
	tagKey       = "AvailabilityZone"
)

var (
	blockA = netip.MustParsePrefix("172.31.64.0/28")
	google = netip.MustParsePrefix("8.8.8.8/32")
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is a provider that looks at the README's site, held in memory.
type site struct {
	*testing.T
	*awsec2.Provider
	ec2           *inmemory.EC2
	clock         *clock
	vpc, internet string
	table         string // the DMZ route table of zone A
	config        awsec2.Config
	made          map[reconcile.Kind]string // what was made for zone A, by kind
}

func newSite(t *testing.T, o inmemory.Options, change ...func(*awsec2.Config)) *site {
	t.Helper()
	s := &site{
		T: t, clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, made: map[reconcile.Kind]string{},
	}
	o.Now = s.clock.Now
	s.ec2 = inmemory.Seed(o, tagKey, []string{zoneA, zoneB})
	s.config = awsec2.Config{
		Cluster: "kube-1", Controller: "egress", Owner: "uid-1", Tags: map[string]string{"team": "network"},
		Blocks: map[reconcile.Zone]netip.Prefix{zoneA: blockA}, Now: s.clock.Now,
	}
	for _, f := range change {
		f(&s.config)
	}
	all := s.ec2.Snapshot()
	s.vpc, s.internet = all.VPCs[0].ID, all.InternetGateways[0].ID
	for _, table := range all.RouteTables {
		if table.Tags[tagKey] == zoneA {
			s.table = table.ID
		}
	}
	s.restart()
	s.ec2.ResetCounts()
	return s
}

// restart makes another provider, which knows nothing of the first one's writes.
func (s *site) restart() {
	s.Helper()
	p, err := awsec2.New(s.Context(), s.ec2, s.config)
	if err != nil {
		s.Fatal(err)
	}
	s.Provider = p
}

func (s *site) observe() reconcile.Observed {
	s.Helper()
	o, err := s.Observe(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return o
}

// id is what [reconcile.Execute] hands to Do.
func (s *site) id(r reconcile.Ref) string {
	if r.ID != "" {
		return r.ID
	}
	return s.made[r.Kind]
}

func key(kind reconcile.Kind) reconcile.Key { return reconcile.Key{Kind: kind, Zone: zoneA} }

// wanted is what there is to be of zone A, by kind.
func (s *site) wanted(kind reconcile.Kind) *reconcile.Resource {
	to := func(k reconcile.Kind) reconcile.Ref { return reconcile.To(k, zoneA) }
	r := &reconcile.Resource{Key: key(kind)}
	switch kind {
	case reconcile.Subnet:
		r.Spec.CIDR = blockA
	case reconcile.DefaultRoute:
		r.Spec.Target = reconcile.ByID(s.internet)
	case reconcile.Association:
		r.Spec.Subnet, r.Spec.Target = to(reconcile.Subnet), to(reconcile.NATTable)
	case reconcile.NATGateway:
		r.Spec.Subnet, r.Spec.Address = to(reconcile.Subnet), to(reconcile.Address)
	case reconcile.TargetRoute:
		r.Key, r.Spec.Target = reconcile.RouteKey(s.table, google), to(reconcile.NATGateway)
	case reconcile.Address, reconcile.NATTable, reconcile.CloudFormationStack:
	}
	return r
}

func (s *site) try(a reconcile.Action) (reconcile.Made, error) {
	s.Helper()
	m, err := s.Do(s.Context(), a, s.id)
	if err == nil && a.Verb != reconcile.Delete && m.ID != "" {
		s.made[a.Key.Kind] = m.ID
	}
	return m, err
}

func (s *site) do(a reconcile.Action) reconcile.Made {
	s.Helper()
	m, err := s.try(a)
	if err != nil {
		s.Fatal(err)
	}
	return m
}

func (s *site) create(kind reconcile.Kind) reconcile.Made {
	s.Helper()
	want := s.wanted(kind)
	return s.do(reconcile.Action{Verb: reconcile.Create, Key: want.Key, After: want})
}

func (s *site) remove(f *reconcile.Found) reconcile.Made {
	s.Helper()
	return s.do(reconcile.Action{Verb: reconcile.Delete, Key: f.Key, Before: f})
}

var parts = []reconcile.Kind{
	reconcile.Subnet, reconcile.Address, reconcile.NATTable, reconcile.DefaultRoute, reconcile.Association,
	reconcile.NATGateway, reconcile.TargetRoute,
}

// build makes all of zone A, one look and one action at a time, and fails where something is not seen at the next look.
func (s *site) build() {
	s.Helper()
	for _, kind := range parts {
		if s.find(kind) != nil {
			s.Fatalf("the %s is there already", kind)
		}
		s.create(kind)
		if s.find(kind) == nil {
			s.Fatalf("the %s was made and is not seen", kind)
		}
	}
}

// find gives what a look shows of zone A: what is ours, or the one route that we made.
func (s *site) find(kind reconcile.Kind) *reconcile.Found {
	s.Helper()
	for _, f := range s.observe().Found {
		switch {
		case f.Key.Kind != kind:
		case kind == reconcile.TargetRoute && f.Key == reconcile.RouteKey(s.table, google):
			return &f
		case kind == reconcile.Association && f.Spec.Subnet.ID == s.made[reconcile.Subnet]:
			return &f
		case f.Key == key(kind) && f.Holder == reconcile.Ours && f.Status != reconcile.Deleted:
			return &f
		}
	}
	return nil
}
