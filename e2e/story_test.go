//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// story is what happens to one site and one cluster while the controller runs, step by step. After each, the whole
// account is as it should be, and nothing is left to do.
type story struct {
	*testing.T
	site       *site
	cluster    *controlPlane
	controller *controller
	running    *process
	calls      *awsProxy // sees those of the running controller
	want       picture
}

func newStory(t *testing.T, provider ...string) *story {
	s := &story{T: t, site: newSite(t, allZones...), cluster: newControlPlane(t), calls: newAWSProxy(t)}
	kubeconfig := s.cluster.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory)
	s.controller = s.site.controller(t, "--kubeconfig="+kubeconfig).through(s.calls).by(provider...)
	s.want = pictureOf(s.site.snapshot(t))
	s.running = s.controller.start(t)
	return s
}

// then lets something happen, and waits for what should come of it.
func (s *story) then(what string, happens func()) {
	s.Helper()
	started := time.Now()
	happens()
	settled := time.Now()
	if err := poll(s.Context(), patience, func() error { return s.site.compare(s.T, s.want.String()) }); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	s.Logf("%-60s %6s after it happened", what, time.Since(settled).Round(time.Millisecond))
	s.controller.planWantsNothing(s.T)
	if s.Failed() {
		s.Fatalf("%s: begun %s ago", what, time.Since(started).Round(time.Millisecond))
	}
}

func TestStory(t *testing.T) {
	t.Parallel()
	tell(t, newStory(t, "--provider=aws-ec2"))
}

// The same as one stack. Whoever asks sees no difference, but in what the account says of the stack.
func TestStackStory(t *testing.T) {
	t.Parallel()
	tell(t, newStory(t, asStack...))
}

func tell(t *testing.T, s *story) {
	owner := s.cluster.owner(t)

	s.then("nobody asks for anything", func() {})

	s.then("the example", func() {
		s.cluster.put(t, configMap("default", "egress-t1", "service-provider1=192.112.1.0/21", "google-dns=8.8.8.8/32"))
		if s.stacked() {
			s.want.stack(owner)
		}
		s.want.path(owner, allZones...)
		for _, zone := range allZones {
			s.want.route("dmz-"+zone, zone, "192.112.0.0/21", "8.8.8.8/32")
		}
	})
	built := s.site.observe(t).ids()

	s.then("a second table in a zone", func() {
		s.site.addTable(t, "second", zoneB)
		s.want.change(dmz("second"), "", "AvailabilityZone="+zoneB, "172.31.0.0/16 -> local, active")
		s.want.route("second", zoneB, "192.112.0.0/21", "8.8.8.8/32")
	})
	tables := map[string]string{"dmz-" + zoneA: zoneA, "dmz-" + zoneB: zoneB, "dmz-" + zoneC: zoneC, "second": zoneB}
	appear := func(prefixes ...string) {
		for table, zone := range tables {
			s.want.route(table, zone, prefixes...)
		}
	}
	vanish := func(prefixes ...string) {
		for table := range tables {
			s.want.noRoute(table, prefixes...)
		}
	}

	for _, namespace := range []string{"team-a", "team-b"} {
		s.cluster.addNamespace(t, namespace)
	}
	partners := configMap("team-a", "partners", "one=9.9.9.9", "two=151.101.0.0/17 151.101.128.0/17")
	s.then("ConfigMaps are added, one to a target that is there", func() {
		s.cluster.put(t, partners)
		s.cluster.put(t, configMap("team-b", "partners", "dns=8.8.8.8", "x=1.0.0.0/24"))
		appear("9.9.9.9/32", "151.101.0.0/16", "1.0.0.0/24")
	})
	s.then("one is edited: wider, and narrower", func() {
		partners.Data = map[string]string{"one": "9.9.9.0/24", "two": "151.101.128.0/17"}
		s.cluster.put(t, partners)
		vanish("9.9.9.9/32", "151.101.0.0/16")
		appear("9.9.9.0/24", "151.101.128.0/17")
	})
	s.then("a value is no prefix, beside good ones", func() {
		partners.Data["broken"] = "not-a-prefix"
		partners.Data["three"] = "9.9.8.0/24"
		s.cluster.put(t, partners)
		vanish("9.9.9.0/24")
		appear("9.9.8.0/23")
	})
	s.then("one loses its label", func() {
		partners.Labels = map[string]string{"egress": "none"}
		s.cluster.put(t, partners)
		vanish("9.9.8.0/23", "151.101.128.0/17")
	})
	s.then("and has it again", func() {
		partners.Labels = map[string]string{"egress": "static"}
		delete(partners.Data, "broken")
		s.cluster.put(t, partners)
		appear("9.9.8.0/23", "151.101.128.0/17")
	})
	s.then("a namespace is deleted", func() {
		if err := s.cluster.admin.CoreV1().Namespaces().Delete(t.Context(), "team-b", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		vanish("1.0.0.0/24") // the example still asks for 8.8.8.8
	})
	s.then("a ConfigMap is deleted", func() {
		s.cluster.remove(t, partners)
		vanish("9.9.8.0/23", "151.101.128.0/17")
	})

	if now := s.site.observe(t).ids(); now != built {
		t.Errorf("addresses or gateways are not those that were built first:\n%s", difference(built, now))
	}

	s.then("a gateway is deleted by hand", func() {
		call(t, s.site.ec2.DeleteNatGateway, &ec2.DeleteNatGatewayInput{NatGatewayId: aws.String(s.gateway(zoneA))})
		s.want.again("NatGateway", zoneA)
	})
	s.then("a route is deleted by hand", func() {
		call(t, s.site.ec2.DeleteRoute, &ec2.DeleteRouteInput{
			RouteTableId: aws.String(s.site.tables["second"]), DestinationCidrBlock: aws.String("8.8.8.8/32"),
		})
	})
	s.then("a route is pointed at another gateway of ours", func() {
		call(t, s.site.ec2.ReplaceRoute, &ec2.ReplaceRouteInput{
			RouteTableId: aws.String(s.site.tables["dmz-"+zoneC]), DestinationCidrBlock: aws.String("8.8.8.8/32"),
			NatGatewayId: aws.String(s.gateway(zoneA)),
		})
	})

	// Nobody can ask for a plan while the API server is away, so these are no steps of their own.
	s.cluster.stop(t)
	s.calls.passes(t, 5)
	s.site.wantState(t, s.want.String())
	s.running.kill(t)
	heard := s.controller.heard(t)
	s.running = s.controller.start(t)
	s.controller.says(t, heard, "the lease cannot be had or renewed")
	s.site.wantState(t, s.want.String())
	s.then("the API server was stopped, and is started again", func() { s.cluster.start(t) })
	s.then("and is watched again", func() {
		s.cluster.put(t, partners)
		appear("9.9.8.0/23", "151.101.128.0/17")
	})

	built = s.site.observe(t).ids()
	s.then("the program is killed, misses something and is started again", func() {
		s.running.kill(t)
		s.cluster.put(t, configMap("team-a", "more", "four=4.4.0.0/16"))
		appear("4.4.0.0/16")
		s.running = s.controller.start(t)
	})
	s.then("and is ended and started again", func() {
		s.running.terminate(t)
		s.running = s.controller.start(t)
	})
	if now := s.site.observe(t).ids(); now != built {
		t.Errorf("something was made anew:\n%s", difference(built, now))
	}
}

func (s *story) stacked() bool { return slices.Equal(s.controller.provider, asStack) }

// gateway is the id of a zone's gateway.
func (s *story) gateway(zone string) string {
	s.Helper()
	for _, n := range s.site.observe(s.T).NATGateways {
		if tagMap(n.Tags)["static-egress/zone"] == zone && n.State == types.NatGatewayStateAvailable {
			return aws.ToString(n.NatGatewayId)
		}
	}
	s.Fatalf("no gateway in %s", zone)
	return ""
}
