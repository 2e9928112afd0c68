package awsec2

import (
	"context"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Provider looks at one VPC and performs actions in it. Do may be called in parallel; Observe is called between plans,
// as package reconcile does.
type Provider struct {
	api    API
	config Config
	vpc    string
	zones  []reconcile.Zone
	lists  prefixLists
	own    ownWrites
}

var _ reconcile.Doer = (*Provider)(nil)

// New finds the VPC and the region's zones. Both are looked up only here: they do not change while the controller runs,
// and a pass that finds nothing to do shall cost as few calls as possible.
func New(ctx context.Context, api API, c Config) (*Provider, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	p := &Provider{api: api, config: c, own: newOwnWrites(c.Now)}
	if err := sideBySide(
		func() (err error) { p.vpc, err = p.findVPC(ctx); return err },
		func() (err error) { p.zones, err = p.findZones(ctx); return err },
	); err != nil {
		return nil, err
	}
	c.Log.Info("found the site", "vpc", p.vpc, "zones", p.zones)
	return p, nil
}

// SetOwner says who stands behind the cluster id, for what is made from now on (rule 16). It is for a cluster whose API
// server does not answer at the start: until it does, nothing is claimed and nothing made. Not to be called during a pass.
func (p *Provider) SetOwner(owner string) { p.config.Owner = owner }
