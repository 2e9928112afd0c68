package reconcile

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// WriteReport prints how things stand: for each zone the address, the gateway, and the routes with who asked for them; then
// what could not be had. Equal reports give equal bytes.
func WriteReport(w io.Writer, r Report) error {
	var b strings.Builder
	for i, z := range r.Zones {
		if i > 0 {
			b.WriteString("\n")
		}
		writeZone(&b, z, r)
	}
	var rest []verdictDoc
	d := docOf(r)
	for i, v := range r.Verdicts {
		if v.Standing != StandingActive {
			rest = append(rest, d.Verdicts[i])
		}
	}
	writeThings(&b, "Waiting:", d.Waiting)
	writeThings(&b, "Conflicts (left as they are):", d.Conflicts)
	writeVerdicts(&b, rest)
	writeNotes(&b, r)
	trimLines(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeZone(b *strings.Builder, z ZoneReport, r Report) {
	fmt.Fprintf(b, "%s\n", z.Zone)
	t := newColumns(b)
	address := "none yet"
	switch {
	case z.Allocation != "" && z.PublicIP.IsValid():
		address = fmt.Sprintf("%s (%s)", z.PublicIP, z.Allocation)
	case z.Allocation != "":
		address = fmt.Sprintf("not known yet (%s)", z.Allocation)
	}
	t.row("  address\t%s\n", address)
	for _, s := range z.Spares {
		t.row("  spare address\t%s\n", s)
	}
	t.row("  gateway\t%s\n", strings.TrimSpace(z.Gateway+" "+z.State))
	for _, table := range z.Tables {
		t.row("  routes\t%s\n", table)
		for _, line := range routesOf(table, r.Verdicts) {
			t.row("    %s\t%s\n", line.prefix, line.who)
		}
	}
	t.end()
}

type routeLine struct {
	prefix netip.Prefix
	who    string
}

// routesOf gives the routes of a table that work, each with the values that asked for it.
func routesOf(table string, vs []Verdict) []routeLine {
	who := map[netip.Prefix][]string{}
	for _, v := range vs {
		for _, w := range v.Routes {
			if name := v.Source.String(); w.Table == table && w.Active && !slices.Contains(who[w.Prefix], name) {
				who[w.Prefix] = append(who[w.Prefix], name)
			}
		}
	}
	var out []routeLine
	for p, names := range who {
		out = append(out, routeLine{p, strings.Join(names, ", ")})
	}
	slices.SortFunc(out, func(a, b routeLine) int {
		return cmp.Or(comparePrefix(a.prefix, b.prefix), cmp.Compare(a.who, b.who))
	})
	return out
}
