package reconcile_test

import (
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Rule 3: somebody took our tags off a NAT subnet, so it is theirs now. Our route table that it gets out by stays, with its
// way out, while the rest is torn down; and that is said.
func TestRouteTableServesAnUntaggedSubnet(t *testing.T) {
	t.Parallel()
	s := built()
	lose(t, s.cloud, reconcile.NATGateway, "nat-a")
	s.cloud.find("subnet-a").Holder = reconcile.Foreign
	s.config.TeardownDelay = 0
	if did := s.doing(); did != "" {
		t.Errorf("it wants to\n%s", did)
	}
	if said := s.heard(); !strings.Contains(said, "the subnet subnet-a, which is not ours, is associated with route table rtb-nat-a") {
		t.Errorf("it says\n%s", said)
	}
}

// Rule 3: nor is a subnet without our tags led to another table, though our gateway is in it: what is routed already stays,
// new routes wait, and it is said why.
func TestUntaggedSubnetKeepsItsRouteTable(t *testing.T) {
	t.Parallel()
	s := built("20.0.0.0/24", "20.0.2.0/24")
	s.cloud.routeTo("20.0.0.0/24", "nat-a", reconcile.Active)
	s.cloud.find("subnet-a").Holder = reconcile.Foreign
	s.cloud.find("rtb-nat-a").Holder = reconcile.Foreign
	if did := s.doing(); strings.Contains(did, "association") || strings.Contains(did, "route rtb-1") {
		t.Errorf("it wants to\n%s", did)
	}
	if said := s.heard(); !strings.Contains(said, "the subnet subnet-a of a does not carry our tags") {
		t.Errorf("it says\n%s", said)
	}
}
