package awsec2

import (
	"context"
	"fmt"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// ids gives the EC2 id of what a reference leads to.
type ids = func(reconcile.Ref) string

// deed performs one sort of action.
type deed func(*Provider, context.Context, reconcile.Action, ids) (reconcile.Made, error)

// deeds are all sorts of actions that there are. What is not here cannot be done: nothing but a route and an association
// can be replaced in place.
var deeds = map[reconcile.Verb]map[reconcile.Kind]deed{
	reconcile.Create: {
		reconcile.Subnet:       (*Provider).createSubnet,
		reconcile.Address:      (*Provider).allocateAddress,
		reconcile.NATTable:     (*Provider).createTable,
		reconcile.DefaultRoute: onRoute(defaultRoute, (*Provider).createRoute),
		reconcile.Association:  (*Provider).associate,
		reconcile.NATGateway:   (*Provider).createGateway,
		reconcile.TargetRoute:  onRoute(targetRoute, (*Provider).createRoute),
	},
	reconcile.Replace: {
		reconcile.DefaultRoute: onRoute(defaultRoute, (*Provider).replaceRoute),
		reconcile.Association:  (*Provider).replaceAssociation,
		reconcile.TargetRoute:  onRoute(targetRoute, (*Provider).replaceRoute),
	},
	reconcile.Retag: {
		reconcile.Subnet:     (*Provider).retag,
		reconcile.Address:    (*Provider).retag,
		reconcile.NATTable:   (*Provider).retag,
		reconcile.NATGateway: (*Provider).retag,
	},
	reconcile.Delete: {
		reconcile.Subnet:       (*Provider).deleteSubnet,
		reconcile.Address:      (*Provider).releaseAddress,
		reconcile.NATTable:     (*Provider).deleteTable,
		reconcile.DefaultRoute: onRoute(defaultRoute, (*Provider).deleteRoute),
		reconcile.Association:  (*Provider).disassociate,
		reconcile.NATGateway:   (*Provider).deleteGateway,
		reconcile.TargetRoute:  onRoute(targetRoute, (*Provider).deleteRoute),
	},
}

// Do performs one action. Its errors name the call and hold EC2's own; that they name the action too is for
// [reconcile.Execute] to see to.
func (p *Provider) Do(ctx context.Context, a reconcile.Action, id func(reconcile.Ref) string) (reconcile.Made, error) {
	do, ok := deeds[a.Verb][a.Key.Kind]
	switch {
	case !ok:
		return reconcile.Made{}, fmt.Errorf("that cannot be done in place")
	case a.Verb != reconcile.Delete && a.After == nil:
		return reconcile.Made{}, fmt.Errorf("the plan does not say what is to be there after it")
	case a.Verb != reconcile.Create && a.Before == nil:
		return reconcile.Made{}, fmt.Errorf("the plan does not say what is there before it")
	}
	return do(p, ctx, a, id)
}

// resolve gives the ids of several references, or says which leads nowhere.
func resolve(id ids, refs ...reconcile.Ref) ([]string, error) {
	found := make([]string, len(refs))
	for i, r := range refs {
		found[i] = r.ID
		if r.ID == "" {
			found[i] = id(r)
		}
		if found[i] == "" {
			return found, fmt.Errorf("the %s is not there", r)
		}
	}
	return found, nil
}

// gone is how a delete ended: that the thing is gone already is as good as deleting it.
func gone(err error) (reconcile.Made, error) {
	if err != nil && !IsNotFound(err) {
		return reconcile.Made{}, err
	}
	return reconcile.Made{Ready: true}, nil
}
