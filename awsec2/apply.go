package awsec2

import (
	"context"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

var _ reconcile.Provider = (*Provider)(nil)

// Apply performs a plan's actions, as many at a time as they allow.
func (p *Provider) Apply(ctx context.Context, plan reconcile.Plan) (reconcile.Result, error) {
	return reconcile.Execute(ctx, plan, p)
}
