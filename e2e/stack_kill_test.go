//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// 24 kills, each at a random call of the program's, while a stack is made and changed, which goes on without it. No address
// is lost, nothing is made twice, and what is wanted stays.
func TestStackKill(t *testing.T) {
	t.Parallel()
	const sites, kills = 2, 12
	for nth := range sites {
		t.Run(fmt.Sprint(nth), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("the seed is %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			w := newWired(t)
			w.controller = w.controller.by(asStack...)
			w.controller.pace = append(w.controller.pace, "--max-withdrawal=100")
			w.site.rule(t, rules{NATPending: 0.3, CFNStep: 0.03})
			targets := []string{"8.8.8.8/32", "9.9.9.9/32"}
			started, moments, seen := time.Now(), map[string]int{}, map[string]bool{}
			for round := range kills {
				w.edit(t, targets...)
				moments[w.killAt(t, random)]++
				for _, address := range strings.Split(w.site.observe(t).addresses(), "\n") {
					seen[address] = true
				}
				if len(targets) > 4 {
					gone := 1 + random.IntN(len(targets)-1)
					targets = slices.Delete(targets, gone, gone+1)
				}
				targets = append(targets, fmt.Sprintf("20.%d.0.1/32", round))
			}
			t.Logf("%d kills in %v: %v; %s", kills, time.Since(started).Round(time.Millisecond), moments, w.count())
			w.calls.harm(func(ec2Call) wire { return nil })
			running := w.controller.start(t)
			eventually(t, w.asWanted(t)) // one that goes on: nothing is withdrawn at once
			running.terminate(t)
			w.controller.planWantsNothing(t)
			w.wantStackWell(t, seen)
		})
	}
}

// wantStackWell looks at all that there is, and at all that the stack has ever done.
func (w *wired) wantStackWell(t *testing.T, seen map[string]bool) {
	t.Helper()
	w.site.wantState(t, w.want())
	st := w.site.observe(t)
	have := st.addresses()
	for address := range seen {
		if !strings.Contains(have, address) {
			t.Errorf("the address %s is gone", address)
		}
	}
	if foreign := st.foreign().bytes(t); foreign != w.foreign {
		t.Errorf("what is foreign is not as before:\n%s", difference(w.foreign, foreign))
	}
	operations := 0
	for _, e := range (&stacked{T: t, site: w.site}).events() {
		id, status := aws.ToString(e.LogicalResourceId), string(e.ResourceStatus)
		wanted := !strings.HasPrefix(id, "Routertb") || slices.ContainsFunc(w.targets, func(target string) bool {
			return strings.HasSuffix(id, "To"+strings.NewReplacer(".", "x", "/", "s").Replace(target))
		})
		switch {
		case strings.HasPrefix(status, "DELETE_") && wanted:
			t.Errorf("what is wanted was deleted: %s %s", id, status)
		case strings.HasSuffix(status, "_FAILED") || strings.Contains(status, "ROLLBACK"):
			t.Errorf("an operation failed: %s %s: %s", id, status, aws.ToString(e.ResourceStatusReason))
		case e.ResourceStatus == types.ResourceStatusUpdateInProgress && id == stackName:
			operations++
		}
	}
	t.Logf("%d updates of the stack", operations)
	for _, action := range []string{"AllocateAddress", "ReleaseAddress", "CreateNatGateway", "DeleteNatGateway", "CreateRoute", "DeleteRoute", "DeleteStack"} {
		if n := w.calls.came[action]; n != 0 {
			t.Errorf("there were %d calls of %s, which is for the stack to do", n, action)
		}
	}
}
