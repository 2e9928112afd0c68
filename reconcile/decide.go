package reconcile

import (
	"cmp"
	"slices"
	"time"
)

// Decision is what one pass comes to before anything is done: the report of what was seen and planned, and what the next
// pass has to remember.
type Decision struct {
	Report Report
	Memory Memory
	seen   Seen
}

// Decide goes through all that is pure in a pass: recognise, accept, desire, admit, diff. Equal input gives an equal
// decision, whatever the order of the lists in it.
func Decide(c Config, o Observed, r Reading, m Memory, now time.Time) Decision {
	m = m.believed(now).recorded(o.Stack)
	seen := See(c, o, m)
	seen.owner = r.Owner
	if why := halts(c, o, r, m); why != "" {
		d := halted(why, seen, m, Report{At: now})
		d.Report.News, d.Memory = tellHalt(why, len(strangers(c, o, r)) > 0, m)
		return d
	}
	if m.VPC == "" {
		m.Before = seen.routed()
	}
	m.Cluster, m.VPC = c.Cluster, o.Site.VPC
	claims, m := Accept(c, seen.Site.CIDRs, r, m)
	asked, m := Desire(c, seen, claims, m, now)
	admitted := Admit(c, asked, seen)
	plan := Diff(admitted.Desired, seen)
	plan.Conflicts = append(plan.Conflicts, admitted.Conflicts...)
	slices.SortStableFunc(plan.Conflicts, func(x, y Conflict) int {
		return cmp.Or(x.Key.Compare(y.Key), cmp.Compare(x.Reason, y.Reason))
	})
	plan.Waiting = append(plan.Waiting, asked.Waiting...)
	plan.Waiting = append(plan.Waiting, o.Stack.wait(now)...)
	plan.Mend = o.Stack.mend()
	slices.SortFunc(plan.Waiting, compareWaits)
	d := Decision{
		Report: Report{
			At: now, Zones: zoneReports(seen), Plan: plan, Verdicts: verdicts(seen, asked, admitted),
			Problems: seen.Problems, Warnings: seen.Warnings,
			Tables: tableReports(seen, admitted.Desired.Resources), Withheld: asked.Withheld, Frozen: claims.Freeze,
			StackRoom: o.Stack.room(),
		},
		Memory: Learn(seen, plan, Result{}, m, now),
		seen:   seen,
	}
	d.Report.News, d.Memory = tell(d.Report, r, asked.Braked, d.Memory)
	if c.Teardown {
		d.Report.Partings = partings(c, seen, o)
	}
	return d
}

func zoneReports(s Seen) []ZoneReport {
	var out []ZoneReport
	for _, p := range s.Paths {
		z := ZoneReport{Zone: p.Zone, Configured: p.Configured, State: "none", Ready: p.Ready(s.Site.InternetGateway), Missing: p.Missing}
		if p.Address != nil {
			z.Allocation = p.Address.ID
			if p.Address.Status != Pending { // a stack that fails takes it back: nobody shall put it on a list before
				z.PublicIP = p.Address.PublicIP
			}
			z.Brought = p.Address.ID == p.Config.Allocation
		}
		if p.Gateway != nil {
			z.Gateway, z.State = p.Gateway.ID, stateNames[p.Gateway.Status]
		} else if len(p.Failed) > 0 {
			z.Gateway, z.State = p.Failed[0].ID, "failed: "+p.Failed[0].Code
		} else if len(p.Dying) > 0 {
			z.Gateway, z.State = p.Dying[0].ID, stateNames[Deleting]
		}
		for _, f := range p.Spares {
			if f.Key.Kind == Address {
				z.Spares = append(z.Spares, f.ID)
			}
		}
		for _, t := range s.Tables {
			if t.Zone == p.Zone && t.Active {
				z.Tables = append(z.Tables, t.ID)
			}
		}
		out = append(out, z)
	}
	return out
}

// stateNames are EC2's own words for the states of a gateway.
var stateNames = map[Status]string{
	Active: "available", Pending: "pending", Failed: "failed", Deleting: "deleting", Deleted: "deleted", Blackhole: "unknown",
}
