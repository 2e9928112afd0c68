package reconcile_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

type (
	do   = func(context.Context, reconcile.Action, func(reconcile.Ref) string) (reconcile.Made, error)
	does = map[reconcile.Key]do
)

// doer performs actions by what a test says for each, by the action's key. What no test speaks of is done at once, and ready.
type doer struct {
	do does

	mu      sync.Mutex
	running int
	most    int      // how many ran at once
	begun   []string // in the order of beginning
}

func (d *doer) Do(ctx context.Context, a reconcile.Action, id func(reconcile.Ref) string) (reconcile.Made, error) {
	d.mu.Lock()
	d.running++
	d.most = max(d.most, d.running)
	d.begun = append(d.begun, a.Key.String())
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.running--
		d.mu.Unlock()
	}()
	if do := d.do[a.Key]; do != nil {
		return do(ctx, a, id)
	}
	return ready(ctx, a, id)
}

// The ways in which an action can end.
func ready(_ context.Context, a reconcile.Action, _ func(reconcile.Ref) string) (reconcile.Made, error) {
	return reconcile.Made{ID: "new-" + a.Key.Kind.String(), Ready: true}, nil
}

func begun(_ context.Context, a reconcile.Action, _ func(reconcile.Ref) string) (reconcile.Made, error) {
	return reconcile.Made{ID: "new-" + a.Key.Kind.String()}, nil
}

func fails(err error) do {
	return func(context.Context, reconcile.Action, func(reconcile.Ref) string) (reconcile.Made, error) {
		return reconcile.Made{}, err
	}
}

// notYet is what a provider says of something that EC2 does not know yet.
type notYet struct{}

func (notYet) Error() string { return "InvalidSubnetID.NotFound" }
func (notYet) NotYet() bool  { return true }

// tableFull is what a provider says when EC2 says that a table takes no more routes.
type tableFull struct{}

func (tableFull) Error() string   { return "RouteLimitExceeded" }
func (tableFull) TableFull() bool { return true }

// planOf makes a plan of creates, one for each kind, in zone a.
func planOf(actions ...reconcile.Action) reconcile.Plan { return reconcile.Plan{Actions: actions} }

func create(k reconcile.Kind, needs ...int) reconcile.Action {
	key := pathKey(k, "a")
	return reconcile.Action{Verb: reconcile.Create, Key: key, After: &reconcile.Resource{Key: key}, Needs: needs}
}

// wholePath makes the plan that builds a zone's path and one route.
func wholePath() reconcile.Plan {
	key := reconcile.RouteKey("rtb-1", nets("20.0.0.0/24")[0])
	route := reconcile.Action{
		Verb: reconcile.Create, Key: key, Needs: []int{3, 4, 5},
		After: &reconcile.Resource{Key: key, Spec: reconcile.Spec{Target: reconcile.To(reconcile.NATGateway, "a")}},
	}
	return planOf(create(reconcile.Subnet), create(reconcile.Address, 0), create(reconcile.NATTable, 0), create(reconcile.DefaultRoute, 2),
		create(reconcile.Association, 0, 2, 3), create(reconcile.NATGateway, 0, 1, 3, 4), route)
}

// manyPrefixes are the first n addresses of a network, each as one of its own.
func manyPrefixes(n int) []netip.Prefix {
	var out []netip.Prefix
	for i := range n {
		out = append(out, netip.PrefixFrom(netip.AddrFrom4([4]byte{20, 0, byte(i >> 8), byte(i)}), 32))
	}
	return out
}

// outcomes writes down how each action ended.
func outcomes(p reconcile.Plan, r reconcile.Result) string {
	var lines []string
	for i, a := range p.Actions {
		lines = append(lines, fmt.Sprintf("%s %s", a.Key, r.Outcomes[i]))
	}
	return strings.Join(lines, "\n")
}
