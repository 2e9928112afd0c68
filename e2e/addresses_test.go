//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// addressesDoc tells people where their addresses are.
var addressesDoc = filepath.Join("..", "docs", "addresses.md")

// A command of kubectl's in it, and what that prints.
var shown = regexp.MustCompile(`(?s)(<!-- shown[^\n]* -->\n\n)    \$ (kubectl [^\n]*)\n.*?(\n<!-- end -->\n)`)

// What docs/addresses.md shows is what somebody sees who does what it says, on a cluster and in an account where just this was
// done. With -update it is written anew.
func TestAddressesDoc(t *testing.T) {
	t.Parallel()
	s, c := newSite(t, zoneA, zoneB), newControlPlane(t)
	call(t, s.ec2.CreateRoute, &ec2.CreateRouteInput{
		RouteTableId: aws.String(s.tables["dmz-"+zoneA]), DestinationCidrBlock: aws.String("9.9.9.0/24"), GatewayId: &s.igw,
	})
	c.addNamespace(t, "team-a")
	// It is there before the admission policy, which would not let the mistake in it pass.
	c.put(t, configMap("team-a", "partners", "bank=192.112.1.0/21", "dns=8.8.8.8", "office=10.1.0.0/16", "vpn=9.9.9.0/24"))
	deployment := c.install(t, example(t))
	p := c.runPod(t, &c.pods(t, deployment)[0], s.podEnvironment()...)
	c.wantsAllEvents(t, "team-a", "partners", "Normal Active: to", "Warning Conflict: 9.9.9.0/24", "Warning Rejected: office")
	c.wantsAllEvents(t, deployment.Namespace, statusName, "Normal AddressAllocated: "+zoneA, "Normal AddressAllocated: "+zoneB)
	p.terminate(t) // what it wrote last stays

	text, err := os.ReadFile(addressesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if blocks := len(shown.FindAll(text, -1)); blocks != strings.Count(string(text), "<!-- shown") || blocks < 4 {
		t.Fatalf("%s has %d blocks to be shown: is the search for them broken?", addressesDoc, blocks)
	}
	have := shown.ReplaceAllStringFunc(string(text), func(block string) string {
		m := shown.FindStringSubmatch(block)
		printed, err := c.kubectl(strings.Fields(strings.ReplaceAll(m[2], "'", ""))[1:]...) // no shell takes the quotes away
		if err != nil {
			t.Fatal(err)
		}
		return m[1] + indented("$ "+m[2]+"\n"+s.documented(t, printed)) + m[3]
	})
	if *update {
		if err := os.WriteFile(addressesDoc, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have != string(text) {
		t.Errorf("%s is not what is shown now (-update writes it anew):\n%s", addressesDoc, difference(string(text), have))
	}
}

// indented makes a text code of Markdown's.
func indented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		if line != "\n" {
			line = "    " + line
		}
		out.WriteString(line)
	}
	return out.String()
}

// What is different each time, but for what anonymous knows.
var (
	anyVersion = regexp.MustCompile(`(resourceVersion: )"\d+"`)
	anyCreated = regexp.MustCompile(`(creationTimestamp: )"\S+"`)
	lastSeen   = regexp.MustCompile(`(?m)^\d\w* +(Normal|Warning) `)
	anyRoutes  = regexp.MustCompile(`(?s)("routes": \[\n)(.*?)\}(\n +\])`)
)

// documented puts in place of what is different each time what looks like it, as in documentation: addresses are of
// 203.0.113.0/24 (RFC 5737), ids are counted. What is sorted by ids, or by nothing, is sorted again.
func (s *site) documented(t *testing.T, text string) string {
	t.Helper()
	names := s.observe(t).names()
	order := slices.Compact(slices.Sorted(maps.Values(names)))
	number := func(id string) int {
		i := slices.Index(order, names[id])
		if i < 0 {
			t.Errorf("nobody knows %s in\n%s", id, text)
		}
		return i
	}
	text = anyID.ReplaceAllStringFunc(text, func(id string) string {
		kind, _, _ := strings.Cut(id, "-")
		return fmt.Sprintf("%s-0a1b2c3d4e5f6%04x", kind, number(id))
	})
	text = anyAddress.ReplaceAllStringFunc(text, func(address string) string {
		return fmt.Sprint("203.0.113.", 10+number(address))
	})
	text = anyRequest.ReplaceAllString(text, "6f1e2d3c-0000-4000-8000-000000000001")
	text = anyVersion.ReplaceAllString(text, `${1}"4711"`)
	text = anyCreated.ReplaceAllString(text, `${1}"2026-01-31T12:00:00Z"`)
	text = anyRoutes.ReplaceAllStringFunc(text, func(routes string) string {
		m := anyRoutes.FindStringSubmatch(routes)
		return m[1] + strings.Join(slices.Sorted(slices.Values(strings.Split(m[2], "},\n"))), "},\n") + "}" + m[3]
	})
	return sortedEvents(lastSeen.ReplaceAllString(text, "2m          $1 "))
}

// sortedEvents sorts what `kubectl get events` prints; all else stays.
func sortedEvents(text string) string {
	header, rows, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(header, "LAST SEEN") {
		return text
	}
	return header + "\n" + strings.Join(slices.Sorted(strings.Lines(rows)), "")
}
