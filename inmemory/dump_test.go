package inmemory_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/szuecs/kube-static-egress-controller/inmemory"
)

// The seeded site with one path, one of everything else, drawn.
func TestDump(t *testing.T) {
	s := seed(t, inmemory.Options{})
	_, _, gateway := s.path()
	s.wants(s.route(s.tableA, "8.8.8.0/24", gateway), "")
	s.AddRoute(s.tableA, inmemory.Route{PrefixList: s.AddPrefixList("partners", 5, prefix("6.6.6.0/24")), Target: "pcx-1"})
	s.AddRoute(s.tableA, inmemory.Route{Destination: prefix("10.0.0.0/8"), Target: "eni-1", State: types.RouteStateBlackhole})
	s.TakeAddress(s.Allocate(inmemory.Tags{"Name": "somebody's"}))
	got := s.Dump()
	for _, want := range []string{
		"vpc vpc-", " 172.31.0.0/16 default\n",
		"internet-gateway " + s.igw + " vpc=" + s.vpc + "\n",
		" 172.31.64.0/28 zone=eu-central-1a vpc=" + s.vpc + "\n",
		"route-table " + s.tableA + " vpc=" + s.vpc + " {AvailabilityZone=eu-central-1a, Name=dmz-eu-central-1a}\n  association " + s.workersAssoc + " subnet=" + s.workersA + "\n  route pl-",
		" -> pcx-1 active CreateRoute\n  route 0.0.0.0/0 -> " + s.igw + " active CreateRoute\n  route 8.8.8.0/24 -> " + gateway + " active CreateRoute\n  route 10.0.0.0/8 -> eni-1 blackhole CreateRoute\n  route 172.31.0.0/16 -> local active CreateRouteTable\n",
		"nat-gateway " + gateway + " available zone=eu-central-1a subnet=subnet-",
		" gateway=" + gateway + " {static-egress/zone=eu-central-1a}\n",
		" partners max=5 entries=6.6.6.0/24\nreleased 198.1",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if again := s.Dump(); again != got {
		t.Errorf("another dump of the same:\n%s", again)
	}
}

func TestHandsPanicOnWhatIsNotThere(t *testing.T) {
	s := seed(t, inmemory.Options{})
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		s.Dump() // the lock was given back
	}()
	s.TakeAddress("eipalloc-0")
}
