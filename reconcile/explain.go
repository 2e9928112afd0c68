package reconcile

import (
	"cmp"
	"slices"
	"strings"
)

// explain says of each claim that is not routed which action failed it: its own route's, or one of its zone's path.
func explain(r *Report) {
	failed := map[Key]error{}
	zones := map[Zone]error{}
	for i, err := range r.Result.Errors {
		if err == nil {
			continue
		}
		k := r.Plan.Actions[i].Key
		failed[k] = err
		if k.Kind != TargetRoute && zones[k.Zone] == nil {
			zones[k.Zone] = err
		}
	}
	if len(failed) == 0 {
		return
	}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if v.Standing != StandingPending || v.Reason != "" {
			continue
		}
		v.Reason = reasonsOf(v.Routes, failed, zones)
	}
}

// reasonsOf joins what failed on the ways of a claim, zone by zone: table ids say nothing to people, and differ from one
// account to the next.
func reasonsOf(ways []Way, failed map[Key]error, zones map[Zone]error) string {
	ways = slices.Clone(ways)
	slices.SortStableFunc(ways, func(a, b Way) int { return cmp.Compare(a.Zone, b.Zone) })
	var reasons []string
	for _, w := range ways {
		err := failed[RouteKey(w.Table, w.Prefix)]
		if err == nil {
			err = zones[w.Zone]
		}
		if err != nil && !w.Active && !slices.Contains(reasons, err.Error()) {
			reasons = append(reasons, err.Error())
		}
	}
	return strings.Join(reasons, "; ")
}
