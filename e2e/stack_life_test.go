//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// All claims go, and the addresses stay: in the same stack, and in a new one (rules 7, 13).
func TestStackOutlived(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA, zoneB)
	s.build("8.8.8.8/32", "9.9.9.9/32")
	addresses := s.site.observe(t).addresses()
	same := func(when string) {
		t.Helper()
		if now := s.site.observe(t).addresses(); now != addresses {
			t.Errorf("%s the addresses are others:\n%s", when, difference(addresses, now))
		}
	}

	s.claim()
	s.noRoutes("8.8.8.8/32", "9.9.9.9/32")
	s.want.noPath(zoneA, zoneB)
	s.becomes("nobody asks for anything")
	same("when nobody asks for anything")

	s.claim("8.8.8.8/32")
	s.want.path("nobody", zoneA, zoneB)
	s.routes("8.8.8.8/32")
	s.becomes("it is asked for again")
	same("when it is asked for again")

	first := s.stackID()
	s.deleteStack()
	s.want.addressesOfAnother(zoneA, zoneB)
	s.becomes("the stack is deleted by hand")
	same("in a new stack")
	if s.stackID() == first {
		t.Error("the stack is still the one that was deleted")
	}

	s.claim()
	s.noRoutes("8.8.8.8/32")
	s.want.noPath(zoneA, zoneB)
	delete(s.want, stackThing)
	s.becomes("nothing is left to put into the new one")
	same("when the new stack is gone")
}

// Zones in another order are the same zones. One that is added or removed touches no other (rule 2).
func TestStackZones(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA, zoneB)
	s.build("8.8.8.8/32", "9.9.9.9/32")

	mark := s.calls.mark()
	s.restart(s.program(zoneB, zoneA))
	s.calls.passes(t, 3)
	s.becomes("the zones are in another order")
	if n := s.count(mark, "CreateChangeSet"); n != 0 {
		t.Errorf("there were %d change sets", n)
	}

	s.site.addTable(t, "dmz-"+zoneC, zoneC)
	s.site.zones = []string{zoneA, zoneB, zoneC}
	s.want.change(dmz("dmz-"+zoneC), "", "AvailabilityZone="+zoneC, "172.31.0.0/16 -> local, active")
	s.want.path("nobody", zoneC)
	s.want.route("dmz-"+zoneC, zoneC, "8.8.8.8/32", "9.9.9.9/32")
	s.touchesOnly(zoneC, func() {
		s.restart(s.program(zoneC, zoneB, zoneA))
		s.becomes("a zone is added, before the others")
	})

	mark = s.calls.mark()
	s.restart(s.program(zoneC, zoneA))
	s.calls.passes(t, 3)
	s.site.wantState(t, s.want.String()) // what interrupts traffic is asked for (rule 8)
	if n := s.count(mark, "CreateChangeSet"); n != 0 {
		t.Errorf("there were %d change sets", n)
	}
	s.want.noRoute("dmz-"+zoneB, "8.8.8.8/32", "9.9.9.9/32")
	s.want.noPath(zoneB)
	s.touchesOnly(zoneB, func() {
		removed := s.program(zoneC, zoneA)
		removed.flags = slices.Concat(removed.flags, []string{"--allow-disruption=" + zoneB})
		s.restart(removed)
		s.becomes("a zone is removed")
	})
}

// touchesOnly wants that the stack does something to what is a zone's, and to nothing else: by its own events, and by the
// change set that it was sent.
func (s *stacked) touchesOnly(zone string, happens func()) {
	s.Helper()
	before := len(s.events())
	happens()
	touched := map[string]bool{}
	for _, e := range s.events()[before:] {
		if aws.ToString(e.PhysicalResourceId) != aws.ToString(e.StackId) {
			touched[aws.ToString(e.LogicalResourceId)] = true
		}
	}
	for _, set := range call(s.T, s.site.cfn.ListChangeSets, &cloudformation.ListChangeSetsInput{StackName: aws.String(stackName)}).Summaries {
		for _, c := range call(s.T, s.site.cfn.DescribeChangeSet, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId}).Changes {
			touched[aws.ToString(c.ResourceChange.LogicalResourceId)] = true
		}
	}
	table := strings.ReplaceAll(s.site.tables["dmz-"+zone], "-", "X")
	for id := range touched {
		if !strings.HasSuffix(id, logical(zone)) && !strings.Contains(id, table) {
			s.Errorf("%s was touched, which is not of %s", id, zone)
		}
	}
	if len(touched) == 0 {
		s.Errorf("nothing of %s was touched", zone)
	}
}
