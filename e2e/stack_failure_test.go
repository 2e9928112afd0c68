//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// Two routes are impossible in one zone's table: for a stack that is all or nothing. What is to blame is put aside, and
// all else is made (rule 12); when the table has room, they are made too.
func TestStackImpossibleRoutes(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA, zoneB)
	for _, foreign := range []string{"203.1.0.0/16", "203.2.0.0/16"} {
		s.foreignRoute("dmz-"+zoneA, foreign)
		s.want.change(dmz("dmz-"+zoneA), "", foreign+" -> internet gateway, active")
	}
	s.build("8.8.8.8/32", "9.9.9.9/32")
	s.site.rule(t, rules{Routes: 4})

	s.claim("8.8.8.8/32", "9.9.9.9/32", "4.4.4.4/32", "5.5.5.5/32")
	s.want.route("dmz-"+zoneB, zoneB, "4.4.4.4/32", "5.5.5.5/32")
	s.site.eventuallyState(t, s.want.String())
	for _, prefix := range []string{"4x4x4x4s32", "5x5x5x5s32"} {
		s.says("put aside", strings.ReplaceAll(s.site.tables["dmz-"+zoneA], "-", "X")+"To"+prefix, "maximum number of routes")
	}

	s.claim("8.8.8.8/32", "4.4.4.4/32", "5.5.5.5/32")
	s.noRoutes("9.9.9.9/32")
	s.site.eventuallyState(t, s.want.String()) // and the rest goes on meanwhile

	s.site.rule(t, rules{})
	s.want.route("dmz-"+zoneA, zoneA, "4.4.4.4/32", "5.5.5.5/32")
	s.restart(s.controller) // who is new there tries at once what was put aside for a minute
	s.becomes("there is room for them")
}

// Somebody takes a route's place between the plan and its execution. Nothing of theirs is touched, and it is reported as
// what it is then, a conflict (rule 3).
func TestStackObstacle(t *testing.T) {
	t.Parallel()
	s := newStacked(t, zoneA, zoneB)
	s.build("8.8.8.8/32")
	var once sync.Once
	s.calls.harm(func(c ec2Call) wire {
		if c.action != "ExecuteChangeSet" {
			return nil
		}
		once.Do(func() { s.foreignRoute("dmz-"+zoneA, "4.4.4.4/32") })
		return func(w http.ResponseWriter, _ *http.Request, cloud func() *httptest.ResponseRecorder) {
			deliver(w, cloud())
		}
	})
	s.want.change(dmz("dmz-"+zoneA), "", "4.4.4.4/32 -> internet gateway, active")
	s.claim("8.8.8.8/32", "4.4.4.4/32", "5.5.5.5/32")
	s.routes("5.5.5.5/32")
	s.want.route("dmz-"+zoneB, zoneB, "4.4.4.4/32")
	s.becomes("somebody took the place of a route")
	if r := s.controller.exec(t, "plan"); !strings.Contains(r.stdout, "onflict") || !strings.Contains(r.stdout, "4.4.4.4/32") {
		t.Errorf("the conflict is not reported: %v", r)
	}

	call(t, s.site.ec2.DeleteRoute, &ec2.DeleteRouteInput{
		RouteTableId: aws.String(s.site.tables["dmz-"+zoneA]), DestinationCidrBlock: aws.String("4.4.4.4/32"),
	})
	s.want.noRoute("dmz-"+zoneA, "4.4.4.4/32")
	s.routes("4.4.4.4/32")
	s.restart(s.controller) // who is new there tries at once
	s.becomes("the place is free")
}

func (s *stacked) foreignRoute(table, prefix string) {
	s.Helper()
	call(s.T, s.site.ec2.CreateRoute, &ec2.CreateRouteInput{
		RouteTableId: aws.String(s.site.tables[table]), DestinationCidrBlock: &prefix, GatewayId: &s.site.igw,
	})
}
