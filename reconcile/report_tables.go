package reconcile

// tableReports counts what is wanted in each table and what is there. wanted gives the routes.
func tableReports(s Seen, wanted []Resource) []TableReport {
	inTable := map[string]map[Key]Spec{}
	for _, r := range wanted {
		if r.Key.Kind != TargetRoute {
			continue
		}
		if inTable[r.Key.Table] == nil {
			inTable[r.Key.Table] = map[Key]Spec{}
		}
		inTable[r.Key.Table][r.Key] = r.Spec
	}
	var out []TableReport
	for _, t := range s.Tables {
		routes := inTable[t.ID]
		if !t.Active && len(t.Ours) == 0 && len(routes) == 0 {
			continue
		}
		r := TableReport{Table: t.ID, Zone: t.Zone, Limit: t.Limit, Free: t.Free, Pending: len(routes)}
		for _, f := range t.Ours {
			spec, wanted := routes[f.Key]
			r.Pending -= btoi(wanted)
			switch {
			case !wanted:
				r.Leaving++
			case s.works(f) && f.Spec == spec: // through another zone's gateway it leaves from another address
				r.Active++
			default:
				r.Broken++
			}
		}
		out = append(out, r)
	}
	return out
}

// standing is what our routes are now, for a pass that decides nothing about them.
func standing(s Seen) (out []Resource) {
	for _, t := range s.Tables {
		for _, f := range t.Ours {
			out = append(out, Resource{Key: f.Key, Spec: f.Spec})
		}
	}
	return out
}
