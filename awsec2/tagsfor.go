package awsec2

import (
	"maps"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

var roles = map[reconcile.Kind]string{
	reconcile.Subnet:     RoleSubnet,
	reconcile.Address:    RoleAddress,
	reconcile.NATTable:   RoleNATTable,
	reconcile.NATGateway: RoleNATGateway,
}

// TagsFor are the tags that a thing of a kind in a zone gets when it is made here, for others who make such things: with
// the same tags they are ours too. A CloudFormation stack gets those that are the same for everything in it; what has no
// tags gets none.
func (p *Provider) TagsFor(kind reconcile.Kind, zone reconcile.Zone) map[string]string {
	if kind == reconcile.CloudFormationStack {
		t := p.Identity()
		maps.Copy(t, p.config.Tags)
		if p.config.Owner != "" {
			t[TagOwner] = p.config.Owner
		}
		return t
	}
	if role, tagged := roles[kind]; tagged {
		return p.config.tagsFor(role, zone)
	}
	return nil
}

// Identity are the tags that say whose a thing is, the owner aside.
func (p *Provider) Identity() map[string]string { return p.config.identity() }

func (c Config) identity() map[string]string {
	return map[string]string{TagCluster: c.Cluster, TagController: c.Controller}
}
