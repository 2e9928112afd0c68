package awsec2_test

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// TestEveryDeed builds all of a zone and takes it down again, with each list five minutes less a second behind. All is seen
// at once, and nothing is made or deleted twice.
func TestEveryDeed(t *testing.T) {
	for _, lag := range []time.Duration{0, 5*time.Minute - time.Second} {
		t.Run(lag.String(), func(t *testing.T) {
			s := newSite(t, inmemory.Options{Lag: lag, Deleting: time.Minute})
			s.build()
			s.clock.add(time.Minute)
			s.takeDown()
			left := s.ec2.Snapshot()
			if len(left.Addresses) != 0 || len(left.Subnets) != 2 || len(left.RouteTables) != 3 {
				t.Errorf("left behind: %s", s.ec2.Dump())
			}
			for operation, n := range s.ec2.Counts() {
				if !strings.HasPrefix(operation, "Describe") && n != 1+btoi(operation == "CreateRoute" || operation == "DeleteRoute") {
					t.Errorf("%d calls of %s", n, operation)
				}
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *site) takeDown() {
	s.Helper()
	goes := func(kind reconcile.Kind, ready bool) {
		s.Helper()
		if m := s.remove(s.find(kind)); m.Ready != ready {
			s.Errorf("the %s is gone: %t", kind, m.Ready)
		}
		if f := s.find(kind); f != nil && ready {
			s.Errorf("the %s was deleted and is seen: %+v", kind, f)
		}
	}
	goes(reconcile.TargetRoute, true)
	goes(reconcile.NATGateway, false)
	if f := s.find(reconcile.NATGateway); f == nil || f.Status != reconcile.Deleting {
		s.Errorf("the gateway is going, and is seen as %+v", f)
	}
	s.clock.add(time.Minute)
	s.ec2.Settle() // the lists must know that the address is free
	goes(reconcile.Association, true)
	goes(reconcile.DefaultRoute, true)
	goes(reconcile.NATTable, true)
	goes(reconcile.Subnet, true)
	goes(reconcile.Address, true)
}

// TestDeletingWhatIsGone: EC2's "not found" is what was asked for.
func TestDeletingWhatIsGone(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	for kind, id := range map[reconcile.Kind]string{
		reconcile.Subnet: "subnet-0", reconcile.Address: "eipalloc-0", reconcile.NATTable: "rtb-0", reconcile.DefaultRoute: "rtb-0",
		reconcile.Association: "rtbassoc-0", reconcile.NATGateway: "nat-0", reconcile.TargetRoute: "",
	} {
		f := &reconcile.Found{Key: s.wanted(kind).Key, ID: id, Holder: reconcile.Ours}
		if m := s.remove(f); !m.Ready {
			t.Errorf("the %s is gone, and what waits for that goes on waiting", kind)
		}
	}
}

func TestReplacingInPlace(t *testing.T) {
	const lag = time.Minute
	s := newSite(t, inmemory.Options{Lag: lag})
	s.build()
	s.ec2.Settle()
	s.observe()
	other := s.ec2.AddRouteTable(s.vpc, inmemory.Tags{})
	s.ec2.Associate(other, s.made[reconcile.Subnet])
	s.ec2.RemoveRoute(s.made[reconcile.NATTable], netip.MustParsePrefix("0.0.0.0/0"))
	s.ec2.AddRoute(s.made[reconcile.NATTable], inmemory.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: "eni-1"})
	s.ec2.RemoveRoute(s.table, google)
	s.ec2.AddRoute(s.table, inmemory.Route{Destination: google, Target: "eni-2"})
	s.clock.add(lag)
	for kind, target := range map[reconcile.Kind]string{
		reconcile.Association: other, reconcile.DefaultRoute: "eni-1", reconcile.TargetRoute: "eni-2",
	} {
		f := s.find(kind)
		if f == nil || f.Spec.Target.ID != target {
			t.Fatalf("%s: got %+v", kind, f)
		}
		want := s.wanted(kind)
		s.do(reconcile.Action{Verb: reconcile.Replace, Key: want.Key, Before: f, After: want})
		for _, later := range []time.Duration{0, lag} { // by our own word, then by the lists'
			s.clock.add(later)
			f = s.find(kind)
			if f == nil || f.Spec.Target.ID != s.id(want.Spec.Target) || f.Status != reconcile.Active {
				t.Errorf("%s, %s later: got %+v", kind, later, f)
			}
		}
	}
}

func TestWhatCannotBeDone(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	for _, kind := range []reconcile.Kind{reconcile.Subnet, reconcile.Address, reconcile.NATTable, reconcile.NATGateway} {
		if _, err := s.try(reconcile.Action{Verb: reconcile.Replace, Key: key(kind), Before: &reconcile.Found{}, After: s.wanted(kind)}); err == nil {
			t.Errorf("a %s was replaced", kind)
		}
	}
	for _, kind := range parts {
		for verb := range map[reconcile.Verb]bool{reconcile.Create: true, reconcile.Replace: true, reconcile.Delete: true} {
			if _, err := s.try(reconcile.Action{Verb: verb, Key: key(kind)}); err == nil {
				t.Errorf("%s %s, with neither before nor after", verb, kind)
			}
		}
	}
	for _, kind := range []reconcile.Kind{reconcile.DefaultRoute, reconcile.Association, reconcile.NATGateway, reconcile.TargetRoute} {
		if _, err := s.try(reconcile.Action{Verb: reconcile.Create, Key: key(kind), After: s.wanted(kind)}); err == nil || !strings.Contains(err.Error(), "is not there") {
			t.Errorf("create %s without what it needs: %v", kind, err)
		}
	}
	for _, f := range []reconcile.Found{
		{Key: key(reconcile.Address), ID: "eipalloc-1", Holder: reconcile.Foreign},
		{Key: key(reconcile.Address), ID: "eipalloc-1", Holder: reconcile.Others},
		{Key: key(reconcile.Address), ID: "eipalloc-1", Holder: reconcile.Ours, User: "nat-1"},
	} {
		if _, err := s.try(reconcile.Action{Verb: reconcile.Delete, Key: f.Key, Before: &f}); err == nil {
			t.Errorf("%+v was released", f)
		}
	}
	if n := s.ec2.Counts(); len(n) != 0 {
		t.Errorf("calls were made: %v", n)
	}
}

func TestTagsOfWhatIsMade(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.build()
	for kind, role := range map[reconcile.Kind]string{
		reconcile.Subnet: awsec2.RoleSubnet, reconcile.Address: awsec2.RoleAddress,
		reconcile.NATTable: awsec2.RoleNATTable, reconcile.NATGateway: awsec2.RoleNATGateway,
	} {
		want := inmemory.Tags{
			"static-egress/cluster": "kube-1", "static-egress/controller": "egress", "static-egress/owner": "uid-1",
			"static-egress/role": role, "static-egress/zone": zoneA, "Name": "kube-1-static-egress-" + zoneA, "team": "network",
		}
		if got := s.tags(s.made[kind]); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", kind, got, want)
		}
	}
	nobody := newSite(t, inmemory.Options{}, func(c *awsec2.Config) { c.Owner = "" })
	nobody.build()
	if _, has := nobody.tags(nobody.made[reconcile.Subnet])[awsec2.TagOwner]; has {
		t.Error("the owner is nobody, and written all the same")
	}
}

func TestTagsThatNobodyMayAskFor(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	for _, tag := range []string{tagKey, "Name", awsec2.TagOwner, "static-egress/other", "kubernetes.io/cluster/kube-1"} {
		c := s.config
		c.Tags = map[string]string{tag: "x"}
		if _, err := awsec2.New(t.Context(), s.ec2, c); err == nil || !strings.Contains(err.Error(), tag) {
			t.Errorf("%s: %v", tag, err)
		}
	}
	for _, c := range []awsec2.Config{{Cluster: "kube-1"}, {Controller: "egress"}} {
		if _, err := awsec2.New(t.Context(), s.ec2, c); err == nil {
			t.Errorf("%+v: everybody's things would be ours", c)
		}
	}
}

// TestAFullTable is what package reconcile must be able to tell without the SDK (rule 14).
func TestAFullTable(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.build()
	s.ec2.SetHook(refuse("CreateRoute", "RouteLimitExceeded"))
	want := s.wanted(reconcile.TargetRoute)
	_, err := s.try(reconcile.Action{Verb: reconcile.Create, Key: want.Key, After: want})
	var full interface{ TableFull() bool }
	if !errors.As(err, &full) || !full.TableFull() {
		t.Errorf("got %v", err)
	}
	if got := fmt.Sprint(err); got != "CreateRoute: RouteLimitExceeded: no" {
		t.Errorf("got %q", got)
	}
}

func TestCallsAreCounted(t *testing.T) {
	calls := make(chan string, 100)
	s := newSite(t, inmemory.Options{}, func(c *awsec2.Config) {
		c.OnCall = func(operation, code string, _ time.Duration) { calls <- operation + " " + code }
	})
	s.ec2.SetHook(refuse("CreateSubnet", "SubnetLimitExceeded"))
	_, _ = s.try(reconcile.Action{Verb: reconcile.Create, Key: key(reconcile.Subnet), After: s.wanted(reconcile.Subnet)})
	close(calls)
	got := map[string]bool{}
	for c := range calls {
		got[c] = true
	}
	for _, want := range []string{"DescribeVpcs ", "DescribeAvailabilityZones ", "CreateSubnet SubnetLimitExceeded"} {
		if !got[want] {
			t.Errorf("no %q among %v", want, got)
		}
	}
}

func TestApply(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	var plan reconcile.Plan
	for i, kind := range parts[:3] {
		want := s.wanted(kind)
		a := reconcile.Action{Verb: reconcile.Create, Key: want.Key, After: want}
		if i > 0 {
			a.Needs = []int{0}
		}
		plan.Actions = append(plan.Actions, a)
	}
	s.ec2.SetHook(refuse("AllocateAddress", "AddressLimitExceeded"))
	result, err := s.Apply(t.Context(), plan)
	want := "create address eu-central-1a: AllocateAddress: AddressLimitExceeded: no"
	if fmt.Sprint(err) != want || fmt.Sprint(result.Outcomes) != "[done failed done]" {
		t.Errorf("got %v, %v", result.Outcomes, err)
	}
}
