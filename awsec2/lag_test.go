package awsec2_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
	"github.com/szuecs/kube-static-egress-controller/inmemory"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// TestDeletedByHandWhileListsLag: once a list has shown what we made, it is believed when it no longer does.
func TestDeletedByHandWhileListsLag(t *testing.T) {
	const lag = 2 * time.Minute
	s := newSite(t, inmemory.Options{Lag: lag})
	s.build()
	s.ec2.RemoveRoute(s.table, google)
	if s.find(reconcile.TargetRoute) == nil {
		t.Error("no list has shown the route yet, so it is there")
	}
	s.clock.add(5 * time.Minute)
	if s.find(reconcile.TargetRoute) != nil {
		t.Error("for five minutes no list has shown the route, so it is gone")
	}

	s = newSite(t, inmemory.Options{Lag: lag})
	s.build()
	s.clock.add(lag)
	s.observe()
	s.ec2.RemoveRoute(s.table, google)
	s.clock.add(lag)
	if s.find(reconcile.TargetRoute) != nil {
		t.Error("the lists have shown the route and no longer do, so it is gone")
	}
}

// TestLostAnswerIsNoRecord: only a look tells what became of a call whose answer was lost.
func TestLostAnswerIsNoRecord(t *testing.T) {
	s := newSite(t, inmemory.Options{Lag: time.Minute})
	s.ec2.SetHook(func(_ context.Context, c inmemory.Call, p inmemory.Phase) error {
		if c.Operation == "AllocateAddress" && p == inmemory.After {
			return errors.New("connection reset")
		}
		return nil
	})
	_, err := s.try(reconcile.Action{Verb: reconcile.Create, Key: key(reconcile.Address), After: s.wanted(reconcile.Address)})
	var lost interface{ Lost() bool }
	if !errors.As(err, &lost) || !lost.Lost() {
		t.Errorf("got %v", err)
	}
	if s.find(reconcile.Address) != nil {
		t.Error("the address is seen before it is listed")
	}
	s.clock.add(time.Minute)
	if s.find(reconcile.Address) == nil {
		t.Error("the address was made, and is not seen")
	}
}

// TestEarly: a write that does not find what another has just made will do later.
func TestEarly(t *testing.T) {
	s := newSite(t, inmemory.Options{Lag: time.Minute, ReferenceLag: time.Second})
	for _, kind := range parts[:3] {
		s.create(kind)
	}
	for _, kind := range []reconcile.Kind{reconcile.DefaultRoute, reconcile.Association, reconcile.NATGateway} {
		a := reconcile.Action{Verb: reconcile.Create, Key: key(kind), After: s.wanted(kind)}
		_, err := s.try(a)
		var early interface{ NotYet() bool }
		if !errors.As(err, &early) || !early.NotYet() || !awsec2.IsNotFound(err) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
	s.clock.add(time.Second)
	for _, kind := range parts[3:6] {
		s.create(kind)
	}
	s.clock.add(5 * time.Minute)
	s.observe()
	s.made[reconcile.NATTable] = "rtb-0" // not made by us: it is just not there
	_, err := s.try(reconcile.Action{Verb: reconcile.Create, Key: key(reconcile.DefaultRoute), After: s.wanted(reconcile.DefaultRoute)})
	var early interface{ NotYet() bool }
	if errors.As(err, &early) || !awsec2.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}

// TestGatewayAfterADeadOne: EC2 goes on to answer a token with the gateway that it made first (AWS.md A), so a token that
// knows of no dead one leads to it, and is salted.
func TestGatewayAfterADeadOne(t *testing.T) {
	s := newSite(t, inmemory.Options{DeletedFor: time.Hour})
	s.build()
	first := s.made[reconcile.NATGateway]
	s.create(reconcile.NATGateway)
	if s.made[reconcile.NATGateway] != first {
		t.Error("the same wish made another gateway")
	}
	for _, told := range []bool{true, false} { // the plan knows the dead one, or it is no longer listed
		dead := s.find(reconcile.NATGateway)
		s.ec2.RemoveGateway(dead.ID)
		s.clock.add(2 * time.Hour)
		s.restart()
		want := s.wanted(reconcile.NATGateway)
		a := reconcile.Action{Verb: reconcile.Create, Key: want.Key, After: want}
		if told {
			a.Before = dead
		}
		m := s.do(a)
		if m.ID == dead.ID || m.ID == "" {
			t.Errorf("told=%t: got %q, which is dead", told, m.ID)
		}
		if !m.Ready {
			t.Errorf("told=%t: it is available, so it is ready", told)
		}
		if again := s.do(a); again.ID != m.ID {
			t.Errorf("told=%t: the same wish made another gateway", told)
		}
	}
}

// TestTableOfANewSubnet: a zone that was torn down is built again after a restart, which knows of no dead table. EC2 still
// knows the last table's token, so the new subnet has to make another one of it.
func TestTableOfANewSubnet(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.create(reconcile.Subnet)
	dead := s.create(reconcile.NATTable).ID
	s.remove(s.find(reconcile.NATTable))
	s.remove(s.find(reconcile.Subnet))
	s.restart()
	s.create(reconcile.Subnet)
	if got := s.create(reconcile.NATTable).ID; got == dead {
		t.Errorf("got %s, the table of the subnet that is gone", got)
	}
}

// TestTableThatLostItsTags: EC2 answers the token of a NAT route table with that table also after somebody took our tags off
// it (rule 1). Another one is made, instead of the same default route in vain for ever.
func TestTableThatLostItsTags(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.create(reconcile.Subnet)
	lost := s.create(reconcile.NATTable).ID
	s.ec2.RemoveTags(lost, awsec2.TagCluster)
	s.observe()
	second := s.create(reconcile.NATTable).ID
	if second == lost {
		t.Errorf("got %s, which is not ours any more", lost)
	}
	s.observe()
	if again := s.create(reconcile.NATTable).ID; again != second {
		t.Errorf("the same wish made another table, %s after %s", again, second)
	}
}

// TestTableAfterADeadOne: an answer shows no state of a table, so what tells a dead one is that we deleted it, or that no
// list has it.
func TestTableAfterADeadOne(t *testing.T) {
	s := newSite(t, inmemory.Options{})
	s.create(reconcile.Subnet)
	dead := s.create(reconcile.NATTable).ID
	s.remove(s.find(reconcile.NATTable))
	second := s.create(reconcile.NATTable).ID
	if second == dead {
		t.Fatal("got the table that we deleted")
	}
	s.remove(s.find(reconcile.NATTable))
	s.restart() // which does not know what was deleted
	if got := s.create(reconcile.NATTable).ID; got != dead {
		t.Fatalf("got %s, want what the token leads to: %s", got, dead)
	}
	s.observe()
	s.clock.add(5 * time.Minute)
	if s.find(reconcile.NATTable) != nil {
		t.Fatal("for five minutes no list had the table")
	}
	s.create(reconcile.NATTable) // the second one is dead too, which is found out in the same way
	s.observe()
	s.clock.add(5 * time.Minute)
	s.observe()
	s.create(reconcile.NATTable)
	s.clock.add(5 * time.Minute)
	if s.find(reconcile.NATTable) == nil {
		t.Error("no table that is there was ever made")
	}
}

// TestCallsEnd: an EC2 that does not answer at all ends the call, not the controller.
func TestCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, inmemory.Options{}, func(c *awsec2.Config) { c.Timeout = time.Second })
		s.ec2.SetHook(func(ctx context.Context, _ inmemory.Call, _ inmemory.Phase) error {
			<-ctx.Done()
			return ctx.Err()
		})
		began := time.Now()
		_, err := s.Observe(t.Context())
		if took := time.Since(began); awsec2.Code(err) != "Timeout" || took > time.Minute {
			t.Errorf("after %s: %v", took, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Observe(ctx); err != context.Canceled { //nolint:errorlint // it is to be said once, and bare
			t.Errorf("got %v", err)
		}
	})
}
