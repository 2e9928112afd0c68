package inmemory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/smithy-go"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

var errFault = errors.New("fault")

func TestHookBefore(t *testing.T) {
	s := seed(t, inmemory.Options{})
	before := s.Dump()
	s.SetHook(onlyBefore("AllocateAddress", errFault))
	_, err := s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	var operation *smithy.OperationError
	if !errors.Is(err, errFault) || !errors.As(err, &operation) || operation.Operation() != "AllocateAddress" {
		t.Errorf("got %v", err)
	}
	if s.Dump() != before {
		t.Error("the call had an effect")
	}
}

func TestHookAfter(t *testing.T) {
	s := seed(t, inmemory.Options{})
	s.SetHook(func(_ context.Context, _ inmemory.Call, p inmemory.Phase) error {
		return map[inmemory.Phase]error{inmemory.After: errFault}[p]
	})
	out, err := s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{})
	if out != nil || !errors.Is(err, errFault) {
		t.Errorf("got %v, %v", out, err)
	}
	if n := len(s.Snapshot().Addresses); n != 1 {
		t.Errorf("%d addresses, want the one whose answer was lost", n)
	}
}

func TestCancelled(t *testing.T) {
	s := seed(t, inmemory.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	s.SetHook(func(context.Context, inmemory.Call, inmemory.Phase) error { cancel(); return nil })
	for range 2 { // cancelled within the first, before the second
		_, err := s.AllocateAddress(ctx, &ec2.AllocateAddressInput{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n := len(s.Snapshot().Addresses); n != 0 {
		t.Errorf("%d addresses", n)
	}
}

func TestCallsAreNamed(t *testing.T) {
	s := seed(t, inmemory.Options{KeepCalls: true})
	subnet, allocation, gateway := s.path()
	s.wants(s.route(s.tableA, "8.8.8.8/24", gateway), "")
	s.wants(s.route(s.tableA, "8.8.8.8/24", gateway), "RouteAlreadyExists")
	s.allocate(zoneA)
	s.countSubnets()
	s.wants(s.deleteSubnet(subnet), "DependencyViolation")
	s.wants(s.release(allocation), "AuthFailure")
	want := []inmemory.Call{
		{Operation: "CreateSubnet", Key: "172.31.64.0/28", Attempt: 1},
		{Operation: "AllocateAddress", Key: zoneA, Attempt: 1},
		{Operation: "CreateNatGateway", Key: zoneA, Attempt: 1},
		{Operation: "CreateRoute", Key: s.tableA + " 8.8.8.8/24", Attempt: 1},
		{Operation: "CreateRoute", Key: s.tableA + " 8.8.8.8/24", Attempt: 2},
		{Operation: "AllocateAddress", Key: zoneA, Attempt: 2},
		{Operation: "DescribeSubnets", Attempt: 1},
		{Operation: "DeleteSubnet", Key: subnet, Attempt: 1},
		{Operation: "ReleaseAddress", Key: allocation, Attempt: 1},
	}
	if got := s.Calls(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := fmt.Sprint(s.Counts()); got != "map[AllocateAddress:2 CreateNatGateway:1 CreateRoute:2 CreateSubnet:1 DeleteSubnet:1 DescribeSubnets:1 ReleaseAddress:1]" {
		t.Errorf("got %s", got)
	}
	s.ResetCounts()
	if len(s.Counts())+len(s.Calls()) != 0 {
		t.Error("not reset")
	}
}

// Whatever the order of parallel calls, the end is the same to the byte.
func TestParallelCallsEndTheSame(t *testing.T) {
	ends := map[string]bool{}
	for range 20 {
		s := seed(t, inmemory.Options{Quotas: inmemory.Quotas{Addresses: 100, NATGatewaysPerZone: 100}})
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				zone := fmt.Sprintf("zone-%d", i)
				subnet := s.subnet(zoneA, fmt.Sprintf("172.31.64.%d/28", 16*i))
				gateway := s.gateway(zone, subnet, s.allocate(zone))
				if err := s.route(s.tableA, fmt.Sprintf("8.8.%d.0/24", i), gateway); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		ends[s.Dump()] = true
	}
	if len(ends) != 1 {
		t.Errorf("%d different ends", len(ends))
	}
}

// A hook that waits blocks nobody else, and time goes on in a bubble.
func TestHookWaitsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inmemory.Seed(inmemory.Options{Pending: time.Minute}, tagKey, []string{zoneA})
		s.SetHook(func(_ context.Context, _ inmemory.Call, p inmemory.Phase) error {
			if p == inmemory.Before {
				time.Sleep(time.Second)
			}
			return nil
		})
		began := time.Now()
		var wait sync.WaitGroup
		for range 5 {
			wait.Go(func() {
				if _, err := s.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %s", took)
		}
	})
}
