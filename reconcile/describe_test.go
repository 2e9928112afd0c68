package reconcile_test

import (
	"fmt"
	"strings"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// describe writes a situation and its plan, for a test that failed.
func (p *pass) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config: %+v\n", p.config)
	b.WriteString(p.cloud.String())
	for _, c := range p.reading.Clusters {
		fmt.Fprintf(&b, "cluster %q %s\n", c.Name, c.Incomplete)
		for _, cm := range c.ConfigMaps {
			fmt.Fprintf(&b, "  %s %s %v\n", cm.Name, cm.Created.Format("15:04"), cm.Data)
		}
	}
	fmt.Fprintf(&b, "memory: %+v\n\n", p.memory)
	_ = reconcile.WritePlan(&b, p.decision.Report)
	for i, a := range p.plan.Actions {
		fmt.Fprintf(&b, "%d: %s %s needs %v: %s\n", i, a.Verb, a.Key, a.Needs, a.Reason)
	}
	return b.String()
}

func (w *cloud) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vpc %v, internet gateway %q\n", w.site.CIDRs, w.site.InternetGateway)
	for _, f := range w.things {
		fmt.Fprintf(&b, "%s %s: holder %d, %s", f.Key, f.ID, f.Holder, f.Status)
		if f.Spec.CIDR.IsValid() {
			fmt.Fprintf(&b, ", %s", f.Spec.CIDR)
		}
		fmt.Fprintf(&b, ", to %q in %q with %q used by %q\n", f.Spec.Target, f.Spec.Subnet, f.Spec.Address, f.User)
	}
	for _, t := range w.site.Tables {
		fmt.Fprintf(&b, "table %s of %q, barred %q, nat %t, %d used, lists %v\n", t.ID, t.Zone, t.Barred, t.NAT, w.used(t.ID), t.Lists)
		for _, r := range w.routes[t.ID] {
			fmt.Fprintf(&b, "  %s -> %s %s", r.Key.Prefix, r.Spec.Target, r.Status)
			if r.Propagated {
				b.WriteString(" propagated")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// printed are all the texts that are drawn from a report.
func printed(r reconcile.Report) string {
	var b strings.Builder
	for _, err := range []error{reconcile.WritePlan(&b, r), reconcile.WritePlanJSON(&b, r), reconcile.WriteReport(&b, r)} {
		if err != nil {
			fmt.Fprintln(&b, err)
		}
	}
	return b.String()
}

func (x way) String() string {
	s := fmt.Sprintf("%s -> %s", x.prefix, x.to)
	if x.black {
		s += " (black)"
	}
	return s
}
