package awscfn

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// holding is a template, read by what its resources are to us: each key's logical id, in its last generation.
type holding struct {
	ids         map[reconcile.Key]string
	generations map[reconcile.Key]int
}

func newHolding(t Template) holding {
	h := holding{map[reconcile.Key]string{}, map[reconcile.Key]int{}}
	for id := range t.Resources {
		key, n, err := keyOf(id)
		if err == nil && n > h.generations[key] {
			h.ids[key], h.generations[key] = id, n
		}
	}
	return h
}

func (h holding) id(k reconcile.Key) (string, bool) {
	id, ok := h.ids[k]
	return id, ok
}

// next is the logical id of a thing that is to be made: its first, or one that CloudFormation has not had yet.
func (h holding) next(k reconcile.Key) string { return logicalID(k, h.generations[k]+1) }

// known says which of a template's logical ids we have not written, and which resources are not what their ids say.
func (t Template) known() error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		key, _, err := keyOf(id)
		switch {
		case err != nil:
			errs = append(errs, err)
		case t.Resources[id].Properties.Type() != typeOf[key.Kind]:
			errs = append(errs, fmt.Errorf("the resource %s is of type %s, and not %s", id, t.Resources[id].Properties.Type(), typeOf[key.Kind]))
		}
	}
	return errors.Join(errs...)
}

var typeOf = map[reconcile.Kind]string{
	reconcile.Subnet:       (*Subnet)(nil).Type(),
	reconcile.Address:      (*EIP)(nil).Type(),
	reconcile.NATTable:     (*RouteTable)(nil).Type(),
	reconcile.DefaultRoute: (*Route)(nil).Type(),
	reconcile.Association:  (*SubnetRouteTableAssociation)(nil).Type(),
	reconcile.NATGateway:   (*NatGateway)(nil).Type(),
	reconcile.TargetRoute:  (*Route)(nil).Type(),
}

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
