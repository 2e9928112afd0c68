package reconcile

import "fmt"

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
		for _, w := range v.Routes {
			err := failed[RouteKey(w.Table, w.Prefix)]
			if err == nil {
				err = zones[w.Zone]
			}
			if err != nil && !w.Active {
				v.Reason = fmt.Sprint(err)
				break
			}
		}
	}
}
