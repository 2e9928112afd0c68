package reconcile_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-multierror"
	"pgregory.net/rapid"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rule 5: what needs a thing that is not ready is deferred, and the rest goes on. Rule 12: what needs a thing that failed is
// skipped, and the rest goes on; a failure weighs more than a delay.
func TestHowActionsEnd(t *testing.T) {
	t.Parallel()
	at := func(k reconcile.Kind) reconcile.Key { return pathKey(k, "a") }
	refused := fails(errors.New("refused"))
	for _, x := range []struct {
		name string
		do   does
		want string // of subnet, address, table, default route, association, gateway, route
	}{
		{"all is done", nil, "done done done done done done done"},
		{"a gateway takes its time (rule 5)", does{at(reconcile.NATGateway): begun}, "done done done done done done deferred"},
		{"a subnet takes its time", does{at(reconcile.Subnet): begun}, "done deferred deferred deferred deferred deferred deferred"},
		{"EC2 does not know the address yet (rule 9)", does{at(reconcile.NATGateway): fails(notYet{})}, "done done done done done deferred deferred"},
		{
			"a wrapped one is told too",
			does{at(reconcile.NATGateway): fails(errors.Join(errors.New("call 7"), notYet{}))},
			"done done done done done deferred deferred",
		},
		{"an address is refused", does{at(reconcile.Address): refused}, "done failed done done done skipped skipped"},
		{"a table is refused", does{at(reconcile.NATTable): refused}, "done done failed skipped skipped skipped skipped"},
		{"the subnet is refused", does{at(reconcile.Subnet): refused}, "failed skipped skipped skipped skipped skipped skipped"},
		{
			"one is late and another fails",
			does{at(reconcile.Address): begun, at(reconcile.NATTable): refused},
			"done done failed skipped skipped skipped skipped",
		},
		{
			"one fails and another is late",
			does{at(reconcile.Address): refused, at(reconcile.NATTable): begun},
			"done failed done deferred deferred skipped skipped",
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			p := wholePath()
			r, err := reconcile.Execute(t.Context(), p, &doer{do: x.do})
			var got []string
			failed := 0
			for i, o := range r.Outcomes {
				got = append(got, string(o))
				if (r.Errors[i] != nil) != (o == reconcile.FailedThen) {
					t.Errorf("%s is %s, and its error is %v", p.Actions[i].Key, o, r.Errors[i])
				}
				if o == reconcile.FailedThen {
					failed++
				}
			}
			if strings.Join(got, " ") != x.want {
				t.Errorf("it ends with\n%s", outcomes(p, r))
			}
			if (err != nil) != (failed > 0) {
				t.Errorf("%d failed, and the error is %v", failed, err)
			}
		})
	}
}

// An action is told the ids that the plan knows and those of what was made before it in the same plan; of anything else it
// is told that there is none.
func TestIDsAreHandedOn(t *testing.T) {
	t.Parallel()
	p := wholePath()
	p.Actions = p.Actions[1:] // the subnet is there
	for i := range p.Actions {
		needs := slices.DeleteFunc(slices.Clone(p.Actions[i].Needs), func(j int) bool { return j == 0 })
		for n := range needs {
			needs[n]--
		}
		p.Actions[i].Needs = needs
	}
	p.IDs = map[reconcile.Key]string{pathKey(reconcile.Subnet, "a"): "subnet-a"}
	got := map[string]string{}
	ask := func(ctx context.Context, a reconcile.Action, id func(reconcile.Ref) string) (reconcile.Made, error) {
		got["subnet"], got["address"] = id(reconcile.To(reconcile.Subnet, "a")), id(reconcile.To(reconcile.Address, "a"))
		got["itself"], got["another zone's"] = id(reconcile.To(reconcile.NATGateway, "a")), id(reconcile.To(reconcile.Subnet, "b"))
		got["by its id"] = id(reconcile.ByID("igw-1"))
		return ready(ctx, a, id)
	}
	d := &doer{do: does{
		pathKey(reconcile.NATGateway, "a"): ask,
	}}
	if r, err := reconcile.Execute(t.Context(), p, d); err != nil {
		t.Fatalf("%v\n%s", err, outcomes(p, r))
	}
	for what, want := range map[string]string{
		"subnet": "subnet-a", "address": "new-address", "itself": "", "another zone's": "", "by its id": "igw-1",
	} {
		if got[what] != want {
			t.Errorf("%s: %q, and not %q", what, got[what], want)
		}
	}
	if p.IDs[pathKey(reconcile.Address, "a")] != "" {
		t.Error("the plan was changed")
	}
}

// Errors come together, in the plan's order, each once, each naming its action. What only follows from one is not repeated.
func TestErrorsComeTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p reconcile.Plan
		d := &doer{do: does{}}
		for i, prefix := range manyPrefixes(6) {
			key := reconcile.RouteKey("rtb-1", prefix)
			p.Actions = append(p.Actions, reconcile.Action{Verb: reconcile.Create, Key: key, After: &reconcile.Resource{Key: key}})
			d.do[key] = func(context.Context, reconcile.Action, func(reconcile.Ref) string) (reconcile.Made, error) {
				time.Sleep(time.Duration(6-i) * time.Second) // the last one is the first to fail
				return reconcile.Made{}, errors.New("refused")
			}
		}
		follows := reconcile.RouteKey("rtb-1", nets("20.0.0.0/24")[0])
		p.Actions = append(p.Actions, reconcile.Action{Verb: reconcile.Delete, Key: follows, Needs: []int{0, 1}})
		_, err := reconcile.Execute(t.Context(), p, d)
		var joined *multierror.Error
		if !errors.As(err, &joined) || len(joined.Errors) != 6 {
			t.Fatalf("the error is %v", err)
		}
		want := "create route rtb-1 20.0.0.0/32: refused\ncreate route rtb-1 20.0.0.1/32: refused\ncreate route rtb-1 20.0.0.2/32: refused\n" +
			"create route rtb-1 20.0.0.3/32: refused\ncreate route rtb-1 20.0.0.4/32: refused\ncreate route rtb-1 20.0.0.5/32: refused"
		if err.Error() != want {
			t.Errorf("it says\n%v", err)
		}
	})
}

// A panic becomes the error of its action, with its stack once, and the rest goes on (rule 12).
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	p := wholePath()
	d := &doer{do: does{
		pathKey(reconcile.Address, "a"): func(context.Context, reconcile.Action, func(reconcile.Ref) string) (reconcile.Made, error) {
			panic("out of paper")
		},
	}}
	r, err := reconcile.Execute(t.Context(), p, d)
	if err == nil || r.Outcomes[1] != reconcile.FailedThen || r.Outcomes[4] != reconcile.Done || r.Outcomes[6] != reconcile.Skipped {
		t.Fatalf("%v\n%s", err, outcomes(p, r))
	}
	for _, once := range []string{"create address a: panic: out of paper\n", "[running]", "out of paper"} {
		if n := strings.Count(err.Error(), once); n != 1 {
			t.Errorf("%q stands %d times in\n%v", once, n, err)
		}
	}
	if !strings.Contains(err.Error(), "TestPanicIsAnError") {
		t.Errorf("where it happened is not said:\n%v", err)
	}
}

// Actions that do not need each other go side by side, twenty at most: EC2 throttles.
func TestParallelIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p reconcile.Plan
		d := &doer{do: does{}}
		for _, prefix := range manyPrefixes(50) {
			key := reconcile.RouteKey("rtb-1", prefix)
			p.Actions = append(p.Actions, reconcile.Action{Verb: reconcile.Create, Key: key, After: &reconcile.Resource{Key: key}})
			d.do[key] = func(context.Context, reconcile.Action, func(reconcile.Ref) string) (reconcile.Made, error) {
				time.Sleep(time.Second)
				return reconcile.Made{Ready: true}, nil
			}
		}
		begin := time.Now()
		if _, err := reconcile.Execute(t.Context(), p, d); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); d.most != 20 || took != 3*time.Second {
			t.Errorf("%d ran at once, and 50 took %s", d.most, took)
		}
	})
}

// Whatever the graph, an action begins only when all that it needs has ended well, and every action ends in one way.
func TestNeedsComeFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := dice{t}
		var p reconcile.Plan
		fake := &doer{do: does{}}
		for i := range 1 + d.upTo("actions", 15) {
			key := reconcile.RouteKey("rtb-1", netip.PrefixFrom(netip.AddrFrom4([4]byte{20, 0, 0, byte(i)}), 32))
			a := reconcile.Action{Verb: reconcile.Create, Key: key, After: &reconcile.Resource{Key: key}}
			for j := range i {
				if d.chance("needs", 25) {
					a.Needs = append(a.Needs, j)
				}
			}
			p.Actions = append(p.Actions, a)
			fake.do[key] = pick(d, "ends", ready, ready, ready, ready, begun, fails(notYet{}), fails(errors.New("refused")))
		}
		r, _ := reconcile.Execute(t.Context(), p, fake)
		for i, a := range p.Actions {
			began := slices.Index(fake.begun, a.Key.String())
			want := reconcile.Outcome("")
			for _, j := range a.Needs {
				before := slices.Index(fake.begun, p.Actions[j].Key.String())
				if began >= 0 && (before < 0 || before > began || r.Outcomes[j] != reconcile.Done) {
					t.Fatalf("%s begins, and needs %s, which is %s", a.Key, p.Actions[j].Key, r.Outcomes[j])
				}
				switch r.Outcomes[j] {
				case reconcile.FailedThen, reconcile.Skipped:
					want = reconcile.Skipped
				case reconcile.DeferredThen:
					if want == "" {
						want = reconcile.DeferredThen
					}
				case reconcile.Done:
				}
			}
			if want != "" && (r.Outcomes[i] != want || began >= 0) {
				t.Fatalf("%s is %s, and should be %s:\n%s", a.Key, r.Outcomes[i], want, outcomes(p, r))
			}
			if r.Outcomes[i] == "" {
				t.Fatalf("nothing became of %s", a.Key)
			}
		}
	})
}
