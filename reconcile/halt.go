package reconcile

import (
	"fmt"
	"slices"
	"strings"
)

// halts says why nothing at all may be changed: it is not known who asks, what is there belongs to somebody else who uses
// our cluster id (rule 16), or all that is remembered is about another cluster id or VPC (rule 8). Empty if all is well.
func halts(c Config, o Observed, r Reading, m Memory) string {
	if o.Stack != nil && o.Stack.Strange != "" {
		return o.Stack.Strange
	}
	if r.Unowned != "" {
		return "it is not known for whom this is: " + r.Unowned
	}
	if others := strangers(c, o, r); len(others) > 0 {
		return fmt.Sprintf("what carries the cluster id %s belongs to %s, and this is %s: nothing is changed (--take-over=%s takes it over, if that cluster is lost)",
			c.Cluster, strings.Join(others, " and "), r.Owner, strings.Join(others, ","))
	}
	if m.Cluster != "" && m.Cluster != c.Cluster && !c.mayDisrupt(c.Cluster) {
		return fmt.Sprintf("the cluster id was %s and is %s now: all that exists would be somebody else's (--allow-disruption=%s allows it)", m.Cluster, c.Cluster, c.Cluster)
	}
	if m.VPC != "" && m.VPC != o.Site.VPC && !c.mayDisrupt(o.Site.VPC) {
		return fmt.Sprintf("the VPC was %s and is %s now: all that exists would be left behind (--allow-disruption=%s allows it)", m.VPC, o.Site.VPC, o.Site.VPC)
	}
	return ""
}

// strangers are the other owners of what is ours by all other tags.
func strangers(c Config, o Observed, r Reading) []string {
	var others []string
	for _, f := range o.Found {
		alive := f.Holder == Ours && f.Status != Deleted
		if alive && r.Owner != "" && f.Owner != "" && f.Owner != Nobody && f.Owner != r.Owner && !slices.Contains(c.TakeOver, f.Owner) {
			others = append(others, f.Owner)
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}

// halted is the decision of a pass that may change nothing.
func halted(why string, s Seen, m Memory, r Report) Decision {
	r.Problems = append([]Problem{{Reason: why}}, s.Problems...)
	r.Zones, r.Warnings, r.Tables = zoneReports(s), s.Warnings, tableReports(s, standing(s))
	return Decision{Report: r, Memory: m, seen: s}
}
