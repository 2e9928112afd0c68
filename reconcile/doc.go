// Package reconcile is the heart of the controller: it decides what should be there and in which order to get there.
//
// One pass goes round once. What people ask for (a [Reading] of ConfigMaps) and what exists (an [Observed] cloud) come
// in as plain values. [Accept] turns values into claims, or refuses them with a reason. [Desire] says what is asked for.
// [Admit] says what of it can be had in each route table without harm to anybody. [Diff] compares that with what exists
// and gives a [Plan], the ordered actions that lead from the one to the other. [Execute] walks the plan, and [Loop] goes
// round again.
//
// All but the last two are pure functions: no clock, no network, no log. What must be remembered between passes is a
// value too, the [Memory]. Safety is decided before the diff, by adding to what is desired rather than by dropping
// actions: so every provider is protected alike, whether it performs the actions or renders the desired state.
//
// The package knows no SDK and no cluster. The rules that it keeps are numbered in docs/rules.md.
package reconcile
