package reconcile_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// firstCall is how long after the beginning the first call of a loop came, and which it was; "" if there was none.
func (w *world) firstCall() (after time.Duration, call string) {
	for _, r := range w.reports {
		if r.Applied {
			return r.At.Sub(w.begin), w.cloud.calls[0]
		}
	}
	return 0, ""
}

// Rule 16: a new leader, who knows nothing of the last one's writes, makes what can be made twice only when it has looked
// twice, ten seconds apart. Whoever has looked for a while already does it at once, and so does not keep anybody waiting.
func TestNewLeaderLooksTwice(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		claims time.Duration // when somebody first claims something
		lead   time.Duration // when it leads again, while another one may have led
		want   time.Duration
	}{
		{"claimed before it began", 0, 0, 10 * time.Second},
		{"claimed between the looks", 4 * time.Second, 0, 10 * time.Second},
		{"claimed after ten seconds", 11 * time.Second, 0, 11 * time.Second},
		{"claimed after hours", 5 * time.Hour, 0, 5 * time.Hour},
		{"it led before", 5 * time.Hour, 5*time.Hour - time.Second, 5*time.Hour + 9*time.Second},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if x.claims > 0 {
					w.situated.claim()
					defer time.AfterFunc(x.claims, func() { w.edits("20.0.0.0/24") }).Stop()
				}
				if x.lead > 0 {
					w.run(t, x.lead)
				}
				w.run(t, x.want+time.Second-x.lead)
				if after, call := w.firstCall(); after != x.want || call != "create subnet a" {
					t.Errorf("after %s comes %q, and should after %s", after, call, x.want)
				}
			})
		})
	}
}

// The looks are ten seconds apart from the beginning of one to the beginning of the other: what a look shows is as old as
// that, however long the answers take.
func TestLooksThatTakeLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.cloud.lookTakes = 8 * time.Second
		w.wakes()
		w.run(t, 40*time.Second)
		if after, _ := w.firstCall(); after != 16*time.Second {
			t.Errorf("the first call follows the look that began after %s: %s", after, w.when())
		}
	})
}

// Rule 9: before the second look a subnet of another block is not the lock either, and what was remembered of an earlier
// search does not shorten it.
func TestWhatANewLeaderMayNotMake(t *testing.T) {
	t.Parallel()
	begin := func(change func(*situation)) situation {
		s := built("20.0.0.0/24")
		s.cloud = &cloud{site: s.cloud.site}
		s.config.Look = noon.Add(10 * time.Second)
		change(&s)
		return s
	}
	subnet := func(s *situation, cidr string) {
		s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Subnet, "a"), ID: "subnet-a", Holder: reconcile.Ours, Spec: reconcile.Spec{CIDR: nets(cidr)[0]}})
	}
	for _, x := range []struct {
		name        string
		situation   situation
		early, late string
	}{
		{
			"nothing is seen", begin(func(*situation) {}), "",
			"create subnet a\ncreate address a\ncreate route-table a\ncreate default-route a\ncreate association a\ncreate nat-gateway a\ncreate route rtb-1 20.0.0.0/24",
		},
		{
			"a subnet of another block", begin(func(s *situation) { subnet(s, "10.0.99.0/28") }), "", "delete subnet a",
		},
		{
			"the subnet, and a search that is over", begin(func(s *situation) {
				subnet(s, blockOf("a").String())
				s.memory.Sought = map[reconcile.Zone]reconcile.Search{"a": {Since: noon.Add(-time.Hour)}}
			}),
			"create route-table a\ncreate default-route a\ncreate association a",
			"create address a\ncreate route-table a\ncreate default-route a\ncreate association a\ncreate nat-gateway a\ncreate route rtb-1 20.0.0.0/24",
		},
		{
			"the subnet and the address", begin(func(s *situation) {
				subnet(s, blockOf("a").String())
				s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, "a"), ID: "eipalloc-a", Holder: reconcile.Ours})
			}),
			"create route-table a\ncreate default-route a\ncreate association a\ncreate nat-gateway a\ncreate route rtb-1 20.0.0.0/24",
			"create route-table a\ncreate default-route a\ncreate association a\ncreate nat-gateway a\ncreate route rtb-1 20.0.0.0/24",
		},
	} {
		for _, l := range []at{{after: 10*time.Second - 1, want: x.early}, {after: 10 * time.Second, want: x.late}} {
			if x.situation.now = noon.Add(l.after); x.situation.doing() != l.want {
				t.Errorf("%s: after %s it does\n%s\nand should\n%s", x.name, l.after, x.situation.doing(), l.want)
			}
		}
	}
}
