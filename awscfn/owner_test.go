package awscfn_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/szuecs/kube-static-egress-controller/awsec2"
)

// stackTags are the stack's own.
func (w *world) stackTags() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, tag := range w.described().Tags {
		out[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return out
}

// ownedBy is a world with two zones that belongs to somebody.
func ownedBy(t *testing.T, owner string, test func(*world)) {
	t.Helper()
	in(t, 2, func(w *world) {
		w.cloud.Owner, w.owner = owner, owner
		w.cloud.Tags = map[string]string{"team": "networks"}
		w.start()
		w.values = map[string]string{"dns": "8.8.8.8"}
		w.converge()
		test(w)
	})
}

func TestStackCarriesTags(t *testing.T) {
	ownedBy(t, "uid-1", func(w *world) {
		want := map[string]string{
			awsec2.TagCluster: "test", awsec2.TagController: "kube-static-egress-controller", awsec2.TagOwner: "uid-1", "team": "networks",
		}
		if have := w.stackTags(); !maps.Equal(have, want) {
			t.Errorf("the stack's tags are %v", have)
		}
		before := w.addresses()
		w.cloud.Tags = map[string]string{"team": "platform", "stage": "live"}
		w.start()
		w.converge() // other tags alone are no reason for a change, and come with the next one
		w.values["more"] = "9.9.9.9"
		w.converge()
		want["team"], want["stage"] = "platform", "live"
		if have := w.stackTags(); !maps.Equal(have, want) {
			t.Errorf("with other --aws-tag the stack's tags are %v", have)
		}
		for _, a := range w.ec2.Snapshot().Addresses {
			if a.Tags["team"] != "platform" || a.Tags["stage"] != "live" {
				t.Errorf("the tags of %s are %v", a.ID, a.Tags)
			}
		}
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")
		if after := w.addresses(); !maps.Equal(before, after) {
			t.Errorf("the addresses were %v and are %v", before, after)
		}
	})
}

// Another owner changes nothing until it is told to take over; then the stack's tags and those of all that is in it are
// rewritten, in place (rule 16).
func TestTakeOver(t *testing.T) {
	ownedBy(t, "uid-1", func(w *world) {
		before := w.addresses()
		w.cfn.ResetCounts()
		w.cloud.Owner, w.owner = "uid-2", "uid-2"
		w.start()
		w.values["more"] = "9.9.9.9"
		w.run(waitAndSee)
		if calls := w.stackCalls(); len(calls) > 0 || !strings.Contains(w.problems(), "uid-1") || !strings.Contains(w.problems(), "--take-over=uid-1") {
			t.Errorf("it does %v, and says %q", calls, w.problems())
		}

		w.config.TakeOver = []string{"uid-1"}
		w.start()
		w.converge()
		if have := w.stackTags()[awsec2.TagOwner]; have != "uid-2" {
			t.Errorf("the stack belongs to %q", have)
		}
		s := w.ec2.Snapshot()
		for _, a := range s.Addresses {
			if a.Tags[awsec2.TagOwner] != "uid-2" {
				t.Errorf("the address %s belongs to %q", a.ID, a.Tags[awsec2.TagOwner])
			}
		}
		for _, g := range s.NATGateways {
			if g.Tags[awsec2.TagOwner] != "uid-2" {
				t.Errorf("the gateway %s belongs to %q", g.ID, g.Tags[awsec2.TagOwner])
			}
		}
		if after := w.addresses(); !maps.Equal(before, after) || len(s.NATGateways) != 2 {
			t.Errorf("the addresses were %v and are %v, with %d gateways", before, after, len(s.NATGateways))
		}
		w.wantRoutes("a 8.8.8.8/32 -> a active", "b 8.8.8.8/32 -> b active", "a 9.9.9.9/32 -> a active", "b 9.9.9.9/32 -> b active")

		w.config.TakeOver = nil // and from then on it is its own
		w.start()
		w.converge()
	})
}
