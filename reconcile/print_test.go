package reconcile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// rich is a situation with something of everything: a zone that works, one whose gateway is on its way, one of which nothing is
// there yet, and one that is set up wrongly; what is merged, moved, withdrawn, held, refused, in conflict, and only odd.
func rich() situation {
	s := built()
	for _, z := range []reconcile.Zone{"b", "c"} {
		s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: z, Block: blockOf(z)})
	}
	s.config.Zones = append(s.config.Zones, reconcile.ZoneConfig{Zone: "d", Block: nets("192.168.7.0/28")[0]})
	s.cloud.site.Tables = append(s.cloud.site.Tables,
		reconcile.Table{ID: "rtb-2", Zone: "b"}, reconcile.Table{ID: "rtb-3", Zone: "c"}, reconcile.Table{ID: "rtb-9", Zone: "z"})
	s.cloud.path("b")
	s.cloud.find("nat-b").Status = reconcile.Pending
	s.cloud.find("eipalloc-a").PublicIP = netip.MustParseAddr("198.51.100.10")
	s.cloud.find("eipalloc-b").PublicIP = netip.MustParseAddr("198.51.100.20")
	s.cloud.add(reconcile.Found{Key: pathKey(reconcile.Address, "a"), ID: "eipalloc-spare", Holder: reconcile.Ours})
	s.cloud.routeTo("20.0.0.0/25", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.7.0/24", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.9.0/24", "nat-a", reconcile.Active)
	s.cloud.routeTo("20.0.3.0/24", "pcx-1", reconcile.Active)
	s.cloud.routeTo("20.0.4.0/24", "nat-gone", reconcile.Blackhole)
	s.cloud.routeTo("20.0.12.0/24", "pcx-gone", reconcile.Blackhole)
	held := reconcile.Source{Namespace: "default", ConfigMap: "egress-t1", Key: "e"}
	s.memory.Accepted = map[reconcile.Source]reconcile.Accepted{held: {Targets: nets("20.0.7.0/24")}}
	s.memory.Complete = map[string]bool{"": true}
	s.memory.Claimed, s.memory.VPC = nets("20.0.0.0/16"), s.cloud.site.VPC
	s.claim("20.0.0.0/25", "20.0.0.128/25", "nonsense", "20.0.3.0/24", "20.0.7.0/33", "20.0.4.0/24, 20.0.5.0/24")
	return s
}

// What is printed for people and programs, in full. Equal reports give equal bytes.
func TestPrinted(t *testing.T) {
	t.Parallel()
	r := rich().decide().Report
	for name, write := range map[string]func(*bytes.Buffer) error{
		"plan.txt":   func(b *bytes.Buffer) error { return reconcile.WritePlan(b, r) },
		"plan.json":  func(b *bytes.Buffer) error { return reconcile.WritePlanJSON(b, r) },
		"report.txt": func(b *bytes.Buffer) error { return reconcile.WriteReport(b, r) },
	} {
		var b, again bytes.Buffer
		if err := errors.Join(write(&b), write(&again)); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
		if b.String() != again.String() {
			t.Errorf("%s is not the same twice", name)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			if line != strings.TrimRight(line, " \t") || strings.Contains(line, "%!") {
				t.Errorf("%s has the line %q", name, line)
			}
		}
	}
}

// The JSON plan has the fields that programs were promised, and null for what is not there yet.
func TestPlanAsJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := reconcile.WritePlanJSON(&b, rich().decide().Report); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		FormatVersion              int
		Zones, Conflicts, Verdicts []map[string]any
		Waiting                    []map[string]any
		Actions                    []struct {
			Verb, Kind, Zone, Name, Reason string
			Before, After                  *struct {
				ID     *string
				Target *struct {
					Kind, Zone string
					ID         *string
				}
			}
			Needs []int
		}
	}
	d := json.NewDecoder(bytes.NewReader(b.Bytes()))
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(b.Bytes(), &top); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"formatVersion", "zones", "actions", "conflicts", "waiting", "verdicts"} {
		if top[field] == nil {
			t.Errorf("the field %s is missing", field)
		}
	}
	var actions []map[string]json.RawMessage
	if err := json.Unmarshal(top["actions"], &actions); err != nil {
		t.Fatal(err)
	}
	for i, a := range actions {
		for _, field := range []string{"verb", "kind", "zone", "name", "before", "after", "needs", "reason"} {
			if _, there := a[field]; !there {
				t.Errorf("action %d lacks the field %s", i, field)
			}
		}
		if slices.ContainsFunc(doc.Actions[i].Needs, func(n int) bool { return n < 0 || n >= len(actions) }) {
			t.Errorf("action %d needs %v", i, doc.Actions[i].Needs)
		}
	}
	for _, a := range doc.Actions {
		isNew := a.Verb == "create"
		if (a.Before == nil) != isNew || (a.After == nil) != (a.Verb == "delete") {
			t.Errorf("%s %s %s has before %v, after %v", a.Verb, a.Kind, a.Name, a.Before, a.After)
		}
		if a.Kind == "route" && a.After != nil {
			to := a.After.Target
			if to.Kind != "nat-gateway" || to.Zone != a.Zone || (to.ID == nil) != (a.Zone == "c") {
				t.Errorf("the route %s leads to %+v", a.Name, to)
			}
		}
	}
	if doc.FormatVersion != 1 || len(doc.Actions) == 0 || len(doc.Zones) != 4 {
		t.Errorf("there are version %d, %d actions, %d zones", doc.FormatVersion, len(doc.Actions), len(doc.Zones))
	}
}

// What there is nothing of is an empty list and not null, so that programs need not ask.
func TestEmptyPlan(t *testing.T) {
	t.Parallel()
	var text, doc, report bytes.Buffer
	var r reconcile.Report
	if err := errors.Join(reconcile.WritePlan(&text, r), reconcile.WritePlanJSON(&doc, r), reconcile.WriteReport(&report, r)); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"formatVersion\": 1,\n  \"zones\": [],\n  \"actions\": [],\n  \"conflicts\": [],\n  \"waiting\": [],\n  \"verdicts\": []\n}\n"
	if text.String() != "Nothing to do.\n" || doc.String() != want || report.String() != "" {
		t.Errorf("it prints %q, %q and %q", text.String(), doc.String(), report.String())
	}
	if !r.Plan.Nothing() || rich().decide().Report.Plan.Nothing() {
		t.Error("nothing is something")
	}
}

// A gateway that is being made has its address before anybody says which one that is.
func TestAddressThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := reconcile.WriteReport(&b, reconcile.Report{Zones: []reconcile.ZoneReport{{Zone: "a", Allocation: "eipalloc-1"}}}); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Contains(text, "invalid") || !strings.Contains(text, "not known yet (eipalloc-1)") {
		t.Errorf("it prints %q", text)
	}
}

// A disk that is full is an error, not a plan that was printed.
func TestPrintingFails(t *testing.T) {
	t.Parallel()
	r := rich().decide().Report
	for _, err := range []error{reconcile.WritePlan(full{}, r), reconcile.WritePlanJSON(full{}, r), reconcile.WriteReport(full{}, r)} {
		if !errors.Is(err, errFull) {
			t.Errorf("the error is %v", err)
		}
	}
}

var errFull = errors.New("no space left on device")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }
