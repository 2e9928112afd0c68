package awscfn

import (
	"fmt"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// What a stack can hold (CloudFormation user guide, "Understand CloudFormation quotas").
const (
	maxResources = 500
	maxInline    = 51_200    // bytes of a template that is sent with the call
	maxStored    = 1_000_000 // and of one in a bucket
)

// partKinds are the parts of an egress path.
var partKinds = []reconcile.Kind{
	reconcile.Subnet, reconcile.Address, reconcile.NATTable, reconcile.DefaultRoute, reconcile.Association, reconcile.NATGateway,
}

// The bytes that things take in a template at most, tags aside: so many that what fits by this count fits in truth.
const (
	skeletonBytes = 400
	partBytes     = 600 // with its share of the outputs
	routeBytes    = 260
	tagBytes      = 22 // besides key and value
)

// room is how many routes the stack can take yet, and what it is that limits them. The parts of all configured zones have
// their place kept.
func (p *Provider) room(s stack) (int, string) {
	held := newHolding(s.template)
	parts, bytes := 0, max(s.size, skeletonBytes)
	for _, z := range p.config.Zones {
		for _, kind := range partKinds {
			if _, there := held.id(reconcile.Key{Kind: kind, Zone: z}); there {
				continue
			}
			parts++
			bytes += partBytes
			for k, v := range p.ec2.TagsFor(kind, z) {
				bytes += len(k) + len(v) + tagBytes
			}
		}
	}
	resources := maxResources - len(s.template.Resources) - parts
	limit, full := maxStored, fmt.Sprintf("a template has at most %d bytes", maxStored)
	if p.config.Bucket == nil {
		limit, full = maxInline, fmt.Sprintf("a template has at most %d bytes without --cf-template-bucket", maxInline)
	}
	if byBytes := (limit - bytes) / routeBytes; byBytes < resources {
		return byBytes, full
	}
	return resources, fmt.Sprintf("a stack has at most %d resources", maxResources)
}
