package reconcile_test

import (
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rule 4: while the entries of a prefix list are not known, no route of ours may stand in for another one: an entry may lie
// between the two, and its turn would come.
func TestRoutesBesideAnUnreadPrefixListStay(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.2/32", "20.0.0.0/24")
	s.cloud.routeTo("20.0.0.2/32", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.site.Tables[0].Lists = []reconcile.Listed{{ID: "pl-1", Target: "vpce-1", Unread: "access denied"}}
	if did := s.doing(); did != "" {
		t.Errorf("it wants to\n%s", did)
	}
	s.cloud.site.Tables[0].Lists = nil
	if did := s.doing(); did != "delete route rtb-1 20.0.0.2/32" {
		t.Errorf("without the list it wants to\n%s", did)
	}
}

// Rule 4: a static route beats an entry of a prefix list with the same prefix. It stays beside a wider one of ours, and the
// claim is routed.
func TestRouteBesideAPrefixListsEntryStays(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.2/32", "20.0.0.0/24")
	s.cloud.routeTo("20.0.0.2/32", "nat-a", reconcile.Active)
	s.cloud.site.Tables[0].Lists = []reconcile.Listed{{ID: "pl-1", Target: "vpce-1", Prefixes: nets("20.0.0.2/32")}}
	if did := s.doing(); did != "create route rtb-1 20.0.0.0/24" {
		t.Errorf("it wants to\n%s", did)
	}
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	if did := s.doing(); did != "" {
		t.Errorf("then it wants to\n%s", did)
	}
	if v := s.decide().Report.Verdicts[0]; v.Standing != reconcile.StandingActive {
		t.Errorf("the claim of the entry's own prefix is %s: %s", v.Standing, v.Reason)
	}
}
