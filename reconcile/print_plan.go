package reconcile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// planFormat is the version of the JSON plan. It changes when a field changes its meaning or goes, not when one comes in.
const planFormat = 1

// What is printed of a report, as text and as JSON, is drawn from one structure.
type (
	planDoc struct {
		FormatVersion int          `json:"formatVersion"`
		Zones         []zoneDoc    `json:"zones"`
		Actions       []actionDoc  `json:"actions"`
		Conflicts     []thingDoc   `json:"conflicts"`
		Waiting       []thingDoc   `json:"waiting"`
		Verdicts      []verdictDoc `json:"verdicts"`
		Stack         string       `json:"stack,omitempty"`
		Problems      []Problem    `json:"problems,omitempty"`
		Warnings      []string     `json:"warnings,omitempty"`
	}
	// zoneDoc has null for an address that is not there yet.
	zoneDoc struct {
		ZoneReport
		Address *netip.Addr `json:"address"`
	}
	actionDoc struct {
		Verb   Verb     `json:"verb"`
		Kind   string   `json:"kind"`
		Zone   Zone     `json:"zone"`
		Name   string   `json:"name"`
		Before *sideDoc `json:"before"`
		After  *sideDoc `json:"after"`
		Needs  []int    `json:"needs"`
		Reason string   `json:"reason"`
	}
	// sideDoc is one side of an action. The id, and ids that it leads to, are null where they are not there yet.
	sideDoc struct {
		ID      *string  `json:"id"`
		CIDR    string   `json:"cidr,omitempty"`
		Status  string   `json:"status,omitempty"`
		Target  *leadDoc `json:"target,omitempty"`
		Subnet  *leadDoc `json:"subnet,omitempty"`
		Address *leadDoc `json:"address,omitempty"`
	}
	leadDoc struct {
		Kind string  `json:"kind,omitempty"`
		Zone Zone    `json:"zone,omitempty"`
		ID   *string `json:"id"`
	}
	thingDoc struct {
		Kind    string     `json:"kind"`
		Zone    Zone       `json:"zone"`
		Name    string     `json:"name"`
		Reason  string     `json:"reason"`
		Until   *time.Time `json:"until,omitempty"`
		Held    bool       `json:"held,omitempty"`
		Sources []string   `json:"sources,omitempty"`
	}
	verdictDoc struct {
		Source   string   `json:"source"`
		Target   string   `json:"target"`
		Standing Standing `json:"standing"`
		Reason   string   `json:"reason,omitempty"`
		Routes   []Way    `json:"routes"`
	}
)

func docOf(r Report) planDoc {
	d := planDoc{
		FormatVersion: planFormat, Zones: zoneDocs(r.Zones), Actions: []actionDoc{}, Conflicts: []thingDoc{}, Waiting: []thingDoc{},
		Verdicts: []verdictDoc{}, Stack: r.Stack, Problems: r.Problems, Warnings: r.Warnings,
	}
	for _, a := range r.Plan.Actions {
		d.Actions = append(d.Actions, actionOf(r.Plan, a))
	}
	for _, c := range r.Plan.Conflicts {
		t := thingOf(c.Key, c.Reason)
		for _, s := range c.Sources {
			t.Sources = append(t.Sources, s.String())
		}
		d.Conflicts = append(d.Conflicts, t)
	}
	for _, w := range r.Plan.Waiting {
		t := thingOf(w.Key, w.Reason)
		t.Held = w.Held
		if !w.Until.IsZero() {
			until := w.Until.UTC()
			t.Until = &until
		}
		d.Waiting = append(d.Waiting, t)
	}
	for _, v := range r.Verdicts {
		doc := verdictDoc{Source: v.Source.String(), Standing: v.Standing, Reason: v.Reason, Routes: notNil(v.Routes)}
		if v.Target.IsValid() {
			doc.Target = v.Target.String()
		}
		d.Verdicts = append(d.Verdicts, doc)
	}
	return d
}

func zoneDocs(zones []ZoneReport) []zoneDoc {
	out := []zoneDoc{}
	for _, z := range zones {
		d := zoneDoc{ZoneReport: z}
		if z.PublicIP.IsValid() {
			d.Address = &z.PublicIP
		}
		out = append(out, d)
	}
	return out
}

func notNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func thingOf(k Key, reason string) thingDoc {
	return thingDoc{Kind: k.Kind.String(), Zone: k.Zone, Name: k.Name(), Reason: reason}
}

func actionOf(p Plan, a Action) actionDoc {
	d := actionDoc{Verb: a.Verb, Kind: a.Key.Kind.String(), Zone: a.Key.Zone, Name: a.Key.Name(), Needs: notNil(a.Needs), Reason: a.Reason}
	if a.Before != nil && a.Verb != Create {
		d.Before = sideOf(p, a.Before.Spec)
		if a.Before.ID != "" && a.Key.Kind != DefaultRoute {
			d.Before.ID = &a.Before.ID
		}
		if a.Before.Status != Active {
			d.Before.Status = a.Before.Status.String()
		}
		d.Zone = cmp.Or(d.Zone, a.Before.Spec.Target.Zone)
	}
	if a.After != nil {
		d.After = sideOf(p, a.After.Spec)
		d.Zone = cmp.Or(a.After.Spec.Target.Zone, d.Zone)
	}
	return d
}

func sideOf(p Plan, s Spec) *sideDoc {
	d := &sideDoc{Target: leadOf(p, s.Target), Subnet: leadOf(p, s.Subnet), Address: leadOf(p, s.Address)}
	if s.CIDR != (netip.Prefix{}) {
		d.CIDR = s.CIDR.String()
	}
	return d
}

func leadOf(p Plan, r Ref) *leadDoc {
	if r == (Ref{}) {
		return nil
	}
	d := &leadDoc{Zone: r.Zone, Kind: r.Kind.String()}
	if id := cmp.Or(r.ID, p.IDs[r.key()]); id != "" {
		d.ID = &id
	}
	return d
}

// WritePlanJSON prints what a pass would do, as JSON; docs of its fields: the type planDoc. Equal reports give equal bytes.
func WritePlanJSON(w io.Writer, r Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(docOf(r))
}

// WritePlan prints what a pass would do, for people. Equal reports give equal bytes.
func WritePlan(w io.Writer, r Report) error {
	d := docOf(r)
	var b strings.Builder
	counts := map[Verb]int{}
	for _, a := range d.Actions {
		counts[a.Verb]++
	}
	if len(d.Actions) == 0 {
		b.WriteString("Nothing to do.\n")
	} else {
		fmt.Fprintf(&b, "%d to create, %d to replace, %d to delete.\n", counts[Create], counts[Replace]+counts[Retag], counts[Delete])
	}
	if r.Stack != "" {
		fmt.Fprintf(&b, "%s%s.\n", strings.ToUpper(r.Stack[:1]), r.Stack[1:])
	}
	writeActions(&b, d)
	writeThings(&b, "Waiting:", d.Waiting)
	writeThings(&b, "Conflicts (left as they are):", d.Conflicts)
	writeVerdicts(&b, d.Verdicts)
	writeNotes(&b, r)
	trimLines(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// columns lines up what is separated by tabs. What it writes to takes everything, so it has no errors.
type columns struct{ writer *tabwriter.Writer }

func newColumns(b *strings.Builder) columns {
	return columns{tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)}
}

func (c columns) row(format string, a ...any) { _, _ = fmt.Fprintf(c.writer, format, a...) }

func (c columns) end() { _ = c.writer.Flush() }

var signs = map[Verb]string{Create: "+", Replace: "~", Delete: "-", Retag: "~"}

// writeActions prints a block for each zone's egress path, and one for each table.
func writeActions(b *strings.Builder, d planDoc) {
	head := ""
	t := newColumns(b)
	for _, a := range d.Actions {
		name, title := a.Name, string(a.Zone)
		if table, prefix, isRoute := strings.Cut(a.Name, " "); isRoute {
			name, title = prefix, table
			if a.Zone != "" {
				title += " (" + string(a.Zone) + ")"
			}
		}
		if title != head {
			t.end()
			fmt.Fprintf(b, "\n%s\n", title)
			head = title
		}
		t.row("  %s %s\t%s\t%s\n", signs[a.Verb], a.Kind, cmp.Or(name, subject(a)), change(a))
	}
	t.end()
}

// subject names a thing that has no name of its own: by its id, or as new.
func subject(a actionDoc) string {
	if a.Before != nil && a.Before.ID != nil {
		return *a.Before.ID
	}
	if a.Verb == Create {
		return "(new)"
	}
	return ""
}

// change says what an action changes, and why where that is not plain.
func change(a actionDoc) string {
	switch a.Verb {
	case Create:
		return a.After.text()
	case Replace:
		return fmt.Sprintf("%s -> %s", a.Before.text(), a.After.text())
	case Retag:
		return "(" + a.Reason + ")"
	case Delete:
		return strings.TrimSpace(a.Before.text() + "  (" + a.Reason + ")")
	}
	return ""
}

func (s *sideDoc) text() string {
	var parts []string
	if s.CIDR != "" {
		parts = append(parts, s.CIDR)
	}
	for _, l := range []struct {
		word string
		lead *leadDoc
	}{{"to", s.Target}, {"in", s.Subnet}, {"with", s.Address}} {
		if l.lead != nil {
			parts = append(parts, l.word+" "+l.lead.text())
		}
	}
	if s.Status != "" {
		parts = append(parts, "("+s.Status+")")
	}
	return strings.Join(parts, " ")
}

func (l *leadDoc) text() string {
	id := "(new)"
	if l.ID != nil {
		id = *l.ID
	}
	if l.Kind == "" {
		return id
	}
	return l.Kind + " " + id
}

// writeThings prints a list; many things with one reason, such as the routes that wait for a gateway, take one line.
func writeThings(b *strings.Builder, title string, things []thingDoc) {
	if len(things) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	const few = 3
	groups := map[string][]string{}
	var order []string
	for _, t := range things {
		line := t.Reason
		if t.Until != nil {
			line += ", until " + t.Until.Format(time.RFC3339)
		}
		if len(t.Sources) > 0 {
			line += " [" + strings.Join(t.Sources, ", ") + "]"
		}
		if groups[line] == nil {
			order = append(order, line)
		}
		groups[line] = append(groups[line], strings.TrimSpace(t.Kind+" "+cmp.Or(t.Name, string(t.Zone))))
	}
	for _, line := range order {
		names := groups[line]
		if len(names) > few {
			names = append(slices.Clone(names[:few]), fmt.Sprintf("and %d more", len(names)-few))
		}
		fmt.Fprintf(b, "  %s: %s\n", strings.Join(names, ", "), line)
	}
}

func writeVerdicts(b *strings.Builder, vs []verdictDoc) {
	if len(vs) == 0 {
		return
	}
	b.WriteString("\nClaims:\n")
	t := newColumns(b)
	for _, v := range vs {
		note := v.Reason
		if merged := mergedInto(v); note == "" && merged != "" {
			note = "by " + merged
		}
		t.row("  %s\t%s\t%s\t%s\n", v.Source, cmp.Or(v.Target, "-"), v.Standing, note)
	}
	t.end()
}

// mergedInto names the routes that carry a claim where they are not its own target (rule 10).
func mergedInto(v verdictDoc) string {
	var out []string
	for _, r := range v.Routes {
		if p := r.Prefix.String(); p != v.Target && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func writeNotes(b *strings.Builder, r Report) {
	for _, p := range r.Problems {
		fmt.Fprintf(b, "\nProblem: %s\n", p.Reason)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(b, "\nWarning: %s\n", w)
	}
}

// trimLines takes away the blanks that tabwriter leaves at the ends of lines.
func trimLines(b *strings.Builder) {
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	b.Reset()
	b.WriteString(strings.Join(lines, "\n"))
}
