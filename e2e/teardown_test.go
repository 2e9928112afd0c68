//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestTeardown(t *testing.T) {
	t.Parallel()
	tearDown(t, "--provider=aws-ec2")
}

func TestStackTeardown(t *testing.T) {
	t.Parallel()
	tearDown(t, asStack...)
}

// tearDown builds, and takes all down: not at a wrong word, then but for the addresses, which are used again, and then with
// them. What is somebody else's is as it was before anybody came (rules 3, 7).
func tearDown(t *testing.T, provider ...string) {
	t.Helper()
	s, c := newSite(t, zoneA, zoneB), sharedControlPlane(t)
	somebodyElses(t, s)
	bare, foreign := s.snapshot(t), s.observe(t).bytes(t)
	namespace := c.ownNamespace(t)
	flags := []string{"--kubeconfig=" + c.user(t, mayReadConfigMaps, mayReadNamespaces, mayKeepMemory), "--namespace=" + namespace}
	run := s.controller(t, flags...).by(provider...)
	unnamed := *s
	unnamed.zones = nil
	end := unnamed.controller(t, flags...).by(provider...)
	c.put(t, configMap(namespace, "partners", "dns=8.8.8.8"))
	run.once(t)
	built, addresses := s.snapshot(t), s.observe(t).addresses()

	r := end.typing("y\n").exec(t, "teardown")
	if r.code == 0 || !strings.Contains(r.stderr, "nothing was done") || !strings.Contains(r.stdout, "IT IS STILL ASKED FOR by 1 ConfigMap") {
		t.Errorf("after another word: %v", r)
	}
	s.wantState(t, built)

	end.ends(t, clusterID+"\n")
	want := pictureOf(built)
	for _, zone := range s.zones {
		want.noRoute("dmz-"+zone, "8.8.8.8/32")
	}
	want.noPath(s.zones...)
	delete(want, stackThing)
	s.wantState(t, want.String())
	if now := s.observe(t).addresses(); now != addresses {
		t.Errorf("the addresses are others:\n%s", difference(addresses, now))
	}
	if r := end.exec(t, "teardown"); r.code != 0 || !strings.Contains(r.stdout, "Nothing to do.") {
		t.Errorf("when nothing is left: %v", r)
	}

	run.once(t)
	if now := s.observe(t).addresses(); now != addresses {
		t.Errorf("what is built again has other addresses:\n%s", difference(addresses, now))
	}
	end.ends(t, clusterID, "--release-addresses")
	s.wantState(t, bare)
	if now := s.observe(t).foreign().bytes(t); now != foreign {
		t.Errorf("what is foreign is not as before:\n%s", difference(foreign, now))
	}

	run.once(t) // nobody misses what was released
	if now := s.observe(t); len(now.NATGateways) == 0 {
		t.Errorf("it is not built again: %s", now.text())
	}
	run.planWantsNothing(t)
}

// ends takes all down, typing that, and wants that to work.
func (c *controller) ends(t *testing.T, typed string, args ...string) {
	t.Helper()
	args = append(args, "--timeout="+patience.String())
	if r := c.typing(typed).exec(t, "teardown", args...); r.code != 0 {
		t.Fatalf("teardown: %v", r)
	}
}

// somebodyElses are things that look like ours, or stand beside them: routes, an address, one of another cluster's.
func somebodyElses(t *testing.T, s *site) {
	t.Helper()
	for table, prefix := range map[string]string{"dmz-" + zoneA: "9.9.9.9/32", "dmz-" + zoneB: "0.0.0.0/0"} {
		call(t, s.ec2.CreateRoute, &ec2.CreateRouteInput{
			RouteTableId: aws.String(s.tables[table]), DestinationCidrBlock: aws.String(prefix), GatewayId: aws.String(s.igw),
		})
	}
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{})
	call(t, s.ec2.AllocateAddress, &ec2.AllocateAddressInput{TagSpecifications: []types.TagSpecification{{
		ResourceType: types.ResourceTypeElasticIp,
		Tags: []types.Tag{
			{Key: aws.String("static-egress/cluster"), Value: aws.String("another")},
			{Key: aws.String("static-egress/controller"), Value: aws.String("kube-static-egress-controller")},
			{Key: aws.String("static-egress/role"), Value: aws.String("eip")},
			{Key: aws.String("static-egress/zone"), Value: aws.String(zoneA)},
		},
	}}})
}
