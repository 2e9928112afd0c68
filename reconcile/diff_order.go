package reconcile

import (
	"cmp"
	"slices"
)

// finish sorts the actions and tells each which others come first.
func (d *diffing) finish() Plan {
	slices.SortStableFunc(d.drafts, func(x, y draft) int {
		return cmp.Or(x.action.Key.Compare(y.action.Key), cmp.Compare(x.action.Verb, y.action.Verb), cmp.Compare(x.id, y.id))
	})
	o := ordering{byKey: map[Key][]int{}, inTable: map[string][]int{}, leavers: map[string][]int{}}
	for i, x := range d.drafts {
		o.note(d, i, x)
	}
	for i, x := range d.drafts {
		x.action.Needs = o.needs(d, i, x)
		d.plan.Actions = append(d.plan.Actions, x.action)
	}
	slices.SortFunc(d.waits, compareWaits)
	d.plan.Waiting = slices.Compact(d.waits)
	slices.SortStableFunc(d.plan.Conflicts, func(x, y Conflict) int { return x.Key.Compare(y.Key) })
	return d.plan
}

// ordering finds actions by what others need of them.
type ordering struct {
	byKey   map[Key][]int
	inTable map[string][]int // the creates and replaces of routes, by table
	leavers map[string][]int // what takes a route away from a gateway, by the gateway's id
}

func (o *ordering) note(d *diffing, i int, x draft) {
	a := x.action
	o.byKey[a.Key] = append(o.byKey[a.Key], i)
	if a.Key.Kind != TargetRoute {
		return
	}
	if a.Verb != Delete {
		o.inTable[a.Key.Table] = append(o.inTable[a.Key.Table], i)
	}
	if a.Before != nil {
		from := a.Before.Spec.Target
		id := cmp.Or(from.ID, d.plan.IDs[from.key()])
		o.leavers[id] = append(o.leavers[id], i)
	}
}

func (o *ordering) needs(d *diffing, self int, x draft) []int {
	var out []int
	for _, n := range x.needs {
		for _, i := range o.byKey[n.key] {
			y := d.drafts[i]
			if (n.id == "" || n.id == y.id) && precedes(x.action, y.action) {
				out = append(out, i)
			}
		}
	}
	if x.action.Verb == Delete && x.action.Key.Kind == NATGateway {
		out = append(out, o.leavers[x.id]...)
	}
	if x.action.Verb == Delete && x.action.Key.Kind == TargetRoute {
		for _, i := range o.inTable[x.action.Key.Table] {
			if d.drafts[i].action.Key.Prefix.Overlaps(x.action.Key.Prefix) {
				out = append(out, i)
			}
		}
		for _, k := range d.brokenAround(x.action.Key) {
			out = append(out, o.byKey[k]...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(i int) bool { return i == self })
}

// precedes reports whether y, which x names among its needs, really is to come first: what is made needs what is made or
// mended, and what is deleted needs what is deleted, or mended so that it leads elsewhere.
func precedes(x, y Action) bool {
	if y.Verb == Retag {
		return false
	}
	if x.Verb == Delete {
		return y.Verb == Delete || y.Verb == Replace
	}
	return y.Verb != Delete
}
