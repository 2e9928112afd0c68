package reconcile_test

import (
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rule 14: the room of a stack is that of all tables together, so the tables share it. Else the first table would take the
// newest claim, and the last one would have no room for the oldest.
func TestTablesShareTheRoomOfAStack(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		room int
		want string
	}{
		{0, ""},
		{1, ""},                  // the last one is for changing what stands
		{2, "rtb-2 20.0.0.0/24"}, // what the others leave is the last one's
		{3, "rtb-1 20.0.0.0/24, rtb-2 20.0.0.0/24"},
		{4, "rtb-1 20.0.0.0/24, rtb-2 20.0.0.0/24, rtb-2 20.0.2.0/24"},
		{5, "rtb-1 20.0.0.0/24, rtb-1 20.0.2.0/24, rtb-2 20.0.0.0/24, rtb-2 20.0.2.0/24"},
		{9, "rtb-1 20.0.0.0/24, rtb-1 20.0.2.0/24, rtb-1 20.0.4.0/24, rtb-2 20.0.0.0/24, rtb-2 20.0.2.0/24, rtb-2 20.0.4.0/24"},
	} {
		s := built("20.0.0.0/24", "20.0.2.0/24", "20.0.4.0/24")
		s.cloud.site.Tables = append(s.cloud.site.Tables, reconcile.Table{ID: "rtb-2", Zone: "a"})
		o := s.cloud.observed()
		o.Stack = &reconcile.Stack{Name: "egress", Status: "CREATE_COMPLETE", Room: x.room, Full: "it is"}
		var routes []string
		for _, a := range reconcile.Decide(s.config, o, s.reading, s.memory, s.now).Report.Plan.Actions {
			routes = append(routes, a.Key.Table+" "+a.Key.Prefix.String())
		}
		if got := strings.Join(routes, ", "); got != x.want {
			t.Errorf("with room for %d it makes\n%s\nand not\n%s", x.room, got, x.want)
		}
	}
}
