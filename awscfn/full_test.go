package awscfn_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// claim lets a ConfigMap ask for n targets that cannot be merged; the older one has the better right.
func (w *world) claim(name string, age time.Duration, first, n int) {
	data := map[string]string{}
	for i := range n {
		data[fmt.Sprintf("target-%03d", first+i)] = fmt.Sprintf("193.%d.%d.0/24", (first+i)/100, (first+i)%100*2)
	}
	w.others = append(w.others, reconcile.ConfigMap{Namespace: "default", Name: name, Created: time.Now().Add(-age), Data: data})
}

// standing counts the verdicts of a ConfigMap's claims.
func (w *world) standing(configMap string) map[reconcile.Standing]int {
	out := map[reconcile.Standing]int{}
	for _, v := range w.last.Verdicts {
		if v.Source.ConfigMap == configMap {
			out[v.Standing]++
		}
	}
	return out
}

func (w *world) wantStanding(configMap string, want map[reconcile.Standing]int) {
	w.t.Helper()
	if have := w.standing(configMap); fmt.Sprint(have) != fmt.Sprint(want) {
		w.t.Errorf("the claims of %s stand %v, and should %v", configMap, have, want)
	}
}

// A stack has 500 resources. What does not fit is refused, the newest first, and nothing that is routed makes room for it
// (rule 14).
func TestFullStackRefusesTheNewest(t *testing.T) {
	in(t, 2, func(w *world) {
		w.stack.Bucket = &w.bucket
		w.start()
		w.claim("old", 2*time.Hour, 0, 200)
		w.claim("new", time.Hour, 200, 100) // 12 parts, 2 tables: there is room for 244 targets
		w.converge()
		if n := strings.Count(w.template(), `"Type":`); n > 500 || n < 498 {
			t.Errorf("the stack has %d resources", n)
		}
		w.wantStanding("old", map[reconcile.Standing]int{reconcile.StandingActive: 200})
		full := w.standing("new")
		if full[reconcile.StandingActive] < 40 || full[reconcile.StandingActive] == 100 {
			t.Errorf("the claims of the newer one stand %v", full)
		}
		w.wantToldFull("at most 500 resources")

		// Who comes later takes nobody's place, however old it says to be.
		before := w.template()
		w.claim("oldest", 3*time.Hour, 300, 10)
		w.converge()
		w.run(time.Minute)
		w.wantTemplate(before)
		slices.Reverse(w.others)
		w.start()
		w.run(time.Minute)
		w.wantTemplate(before)

		// When there is room again, it is the older one's.
		w.others = slices.DeleteFunc(w.others, func(m reconcile.ConfigMap) bool { return m.Name == "new" })
		w.run(2 * time.Minute)
		w.converge()
		w.wantStanding("oldest", map[reconcile.Standing]int{reconcile.StandingActive: 10})
	})
}

func (w *world) wantTemplate(want string) {
	w.t.Helper()
	if w.template() != want {
		w.t.Errorf("the stack was changed: %v", w.stackCalls())
	}
}

func (w *world) wantToldFull(why string) {
	w.t.Helper()
	for _, v := range w.last.Verdicts {
		if strings.Contains(v.Reason, "the stack "+stackName+" is full") && strings.Contains(v.Reason, why) {
			return
		}
	}
	w.t.Errorf("no verdict says that the stack is full (%s):\n%s", why, w.plan(w.last))
}

// Without a bucket a template has 51,200 bytes, which are fewer routes than there is room for in the stack.
func TestTemplateThatIsTooLongForACall(t *testing.T) {
	in(t, 2, func(w *world) {
		w.claim("old", 2*time.Hour, 0, 200)
		w.converge()
		if n := len(w.template()); n > 51_200 || n < 40_000 {
			t.Errorf("the template has %d bytes", n)
		}
		w.wantToldFull("51200 bytes without --cf-template-bucket")
		routed := len(w.routes())

		w.stack.Bucket = &w.bucket
		w.start()
		w.converge()
		if len(w.routes()) != 400 || len(w.template()) < 51_200 || len(w.bucket.stored) == 0 {
			t.Errorf("with a bucket %d routes, a template of %d bytes, %d files", len(w.routes()), len(w.template()), len(w.bucket.stored))
		}

		// And without it again nothing is taken back, and nothing is stuck.
		w.stack.Bucket = nil
		w.start()
		w.claim("more", time.Hour, 200, 5)
		w.run(10 * time.Minute)
		if len(w.routes()) != 400 {
			t.Errorf("%d routes are left; without a bucket there were %d", len(w.routes()), routed)
		}
		w.wantToldFull("51200 bytes without --cf-template-bucket")
	})
}

// A bucket that cannot be written to is told, and nothing else is hurt.
func TestBucketThatIsBroken(t *testing.T) {
	in(t, 2, func(w *world) {
		w.stack.Bucket = &w.bucket
		w.start()
		w.claim("old", time.Hour, 0, 60)
		w.converge()
		w.bucket.broken = errors.New("AccessDenied: no")
		w.claim("more", time.Hour, 60, 140)
		w.run(2 * time.Minute)
		if w.last.Err == nil || !strings.Contains(w.last.Err.Error(), "AccessDenied") || len(w.routes()) != 120 {
			t.Errorf("%d routes, and the error is %v", len(w.routes()), w.last.Err)
		}
		w.bucket.broken = nil
		w.run(2 * time.Minute)
		w.converge()
		if len(w.routes()) != 400 {
			t.Errorf("%d routes", len(w.routes()))
		}
	})
}
