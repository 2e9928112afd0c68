package awscfn

import (
	"fmt"
	"slices"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// believed is how long after an operation of the stack's what it made counts as there although EC2 does not list it: the
// lists lag behind (rule 9).
const believed = 5 * time.Minute

// hands says who carries out each action of a plan. What the template holds is changed through the stack; all else that is
// ours, and what was changed behind the stack's back and can be put back exactly as it was, through EC2.
type hands struct {
	ec2   []int // indices of actions, in the plan's order
	stack []int
	left  map[int]error // what is left out for now, and why; nil: it only waits
}

// divide gives each action to one of the two hands, or leaves it out, and what needs it too.
func (p *Provider) divide(plan reconcile.Plan, s stack, now time.Time) hands {
	h := hands{left: map[int]error{}}
	held := newHolding(s.template)
	byEC2 := map[int]bool{}
	order := inOrder(plan)
	for _, i := range order {
		a := plan.Actions[i]
		byEC2[i] = forEC2(a, plan, s, held)
		if out, why := p.leave(a, plan, s, held, byEC2[i], now); out {
			h.left[i] = why
		}
	}
	for _, i := range order {
		for _, need := range plan.Actions[i].Needs {
			_, waits := h.left[need]
			if _, already := h.left[i]; already || !waits && !p.tooSoon(plan, i, need, byEC2) {
				continue
			}
			h.left[i] = nil
		}
	}
	for i := range plan.Actions {
		_, out := h.left[i]
		switch {
		case out:
		case byEC2[i]:
			h.ec2 = append(h.ec2, i)
		default:
			h.stack = append(h.stack, i)
		}
	}
	return h
}

// tooSoon reports whether an action has to wait for the one that it needs until the next pass: what the two hands do one
// after the other; a gateway that goes after the routes to it, for CloudFormation goes on with its deletions when it could
// not delete a route (rule 13); and a route through a gateway that stands while what the gateway rests on is being mended
// (rule 15).
func (p *Provider) tooSoon(plan reconcile.Plan, i, need int, byEC2 map[int]bool) bool {
	if byEC2[i] != byEC2[need] {
		return true
	}
	a, n := plan.Actions[i], plan.Actions[need]
	if a.Key.Kind == reconcile.NATGateway && a.Verb == reconcile.Delete && n.Key.Kind == reconcile.TargetRoute && n.Verb == reconcile.Delete {
		return true
	}
	gateway := reconcile.Key{Kind: reconcile.NATGateway, Zone: n.Key.Zone}
	_, stands := plan.IDs[gateway]
	rests := n.Key.Kind == reconcile.DefaultRoute || n.Key.Kind == reconcile.Association
	return !byEC2[i] && a.Key.Kind == reconcile.TargetRoute && rests && stands
}

// inOrder are the indices of a plan's actions, each after those that it needs.
func inOrder(plan reconcile.Plan) []int {
	var out []int
	placed := map[int]bool{}
	var place func(i int)
	place = func(i int) {
		if placed[i] {
			return
		}
		placed[i] = true
		for _, need := range plan.Actions[i].Needs {
			place(need)
		}
		out = append(out, i)
	}
	for i := range plan.Actions {
		place(i)
	}
	return out
}

// forEC2 reports whether an action is for EC2 itself.
func forEC2(a reconcile.Action, plan reconcile.Plan, s stack, held holding) bool {
	_, inStack := held.id(a.Key)
	switch a.Key.Kind {
	case reconcile.TargetRoute:
		switch a.Verb {
		case reconcile.Create: // one that the template has was deleted behind its back: it is made again, exactly so
			return inStack
		case reconcile.Replace:
			return !inStack || templated(a, plan, s, held)
		case reconcile.Delete, reconcile.Retag:
			return !inStack
		}
	case reconcile.Address:
		if a.Verb == reconcile.Create { // one that was lost is had back, or there is a new one
			return a.After.Spec.IP.IsValid()
		}
		return !inStack
	case reconcile.DefaultRoute, reconcile.Association:
		if a.Verb == reconcile.Replace || a.Verb == reconcile.Create && a.Key.Kind == reconcile.DefaultRoute && inStack {
			return true // somebody pointed it elsewhere, or deleted it
		}
	case reconcile.Subnet, reconcile.NATTable, reconcile.NATGateway, reconcile.CloudFormationStack:
	}
	if a.Verb == reconcile.Create {
		return false
	}
	another := a.Before != nil && a.Before.ID != "" && plan.IDs[a.Key] != "" && a.Before.ID != plan.IDs[a.Key]
	return !inStack || another
}

// templated reports whether the template has a route just as the action wants it: then it was pointed elsewhere behind the
// stack's back. A route that leads to a gateway of a former generation is not as wanted, nor one whose gateway is to be made
// again: the operation that does that leads it there.
func templated(a reconcile.Action, plan reconcile.Plan, s stack, held holding) bool {
	id, _ := held.id(a.Key)
	key := reconcile.Key{Kind: reconcile.NATGateway, Zone: a.After.Spec.Target.Zone}
	route, ok := s.template.Resources[id].Properties.(*Route)
	gateway, there := held.id(key)
	again := slices.ContainsFunc(plan.Actions, func(b reconcile.Action) bool { return b.Key == key && b.Verb == reconcile.Create })
	return ok && there && !again && route.NatGatewayID == ref(gateway)
}

// leave says whether an action is left out for now, and why.
func (p *Provider) leave(a reconcile.Action, plan reconcile.Plan, s stack, held holding, byEC2 bool, now time.Time) (bool, error) {
	id, inStack := held.id(a.Key)
	if !byEC2 && (!inStack || a.Verb == reconcile.Create) { // what was lost is made under another id
		id = held.next(a.Key)
	}
	if f, failed := p.failures[id]; failed && !byEC2 && a.Verb != reconcile.Delete && now.Before(f.until) {
		return true, &couldNot{what: fmt.Sprintf("%s %s", a.Verb, a.Key), reason: f.reason, until: f.until}
	}
	if g := s.gateway(a.Key.Zone); inStack && a.Key.Kind == reconcile.NATGateway && a.Verb == reconcile.Create && p.seen.strange[g] {
		// To make another one the stack would delete it, and routes may lead to it.
		return true, fmt.Errorf("%s %s: the stack's gateway %s works and has lost our tags: give them back to it, or delete it", a.Verb, a.Key, g)
	}
	// The stack says that it made it. Unless EC2 says that it is gone, its lists may only be late.
	late := inStack && a.Verb == reconcile.Create && a.Key.Kind != reconcile.TargetRoute && a.Key.Kind != reconcile.DefaultRoute
	return late && now.Before(s.changed.Add(believed)) && !seenGone(a, plan, s), nil
}

// seenGone reports whether EC2 itself lists a gateway of the stack's as gone, or as one that failed: then another action of
// the plan deletes it.
func seenGone(a reconcile.Action, plan reconcile.Plan, s stack) bool {
	return a.Key.Kind == reconcile.NATGateway && slices.ContainsFunc(plan.Actions, func(b reconcile.Action) bool {
		return b.Key == a.Key && b.Before != nil && b.Before.ID == s.gateway(a.Key.Zone)
	})
}
