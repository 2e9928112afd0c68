package awsec2

import (
	"cmp"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// The tags that say whose a thing is and what for. They are written in the call that makes it, so there is no moment at
// which it is ours and does not say so (rule 1).
const (
	tagPrefix     = "static-egress/"
	TagCluster    = tagPrefix + "cluster"
	TagController = tagPrefix + "controller"
	TagOwner      = tagPrefix + "owner"
	TagRole       = tagPrefix + "role"
	TagZone       = tagPrefix + "zone"
	TagStack      = tagPrefix + "stack" // the stack that made it

	tagName = "Name"
)

// The values of [TagRole].
const (
	RoleAddress    = "eip"
	RoleSubnet     = "subnet"
	RoleNATTable   = "route-table"
	RoleNATGateway = "nat-gateway"
)

// CloudFormation puts these on what a stack makes, and nobody else can: the prefix aws: is reserved ("Resource tags", in
// CloudFormation's user guide).
const (
	tagStackID   = "aws:cloudformation:stack-id"
	tagStackName = "aws:cloudformation:stack-name"
)

type tags map[string]string

func tagsOf(list []types.Tag) tags {
	t := tags{}
	for _, tag := range list {
		t[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return t
}

// marked reports whether the tags are those that we put on a thing in that role. The owner is no part of it: a cluster
// that was built anew under its old id must see what it has (rule 16).
func (c Config) marked(t tags, role string) bool {
	return t[TagCluster] == c.Cluster && t[TagController] == c.Controller && t[TagRole] == role && t[TagZone] != ""
}

// whose says who holds a thing with these tags. What a stack made is the stack's, and what we made with EC2 is not for a
// stack to take, our tags or not (rule 3): ours is what the same provider made. Only addresses are ours in a stack whoever
// made them, since the next stack takes up those that the last one retained.
func (c Config) whose(t tags, role string) (holder reconcile.Holder, stack string) {
	stack = stackOf(t)
	switch {
	case !c.marked(t, role):
		return reconcile.Foreign, stack
	case stack == c.Stack, c.Stack != "" && role == RoleAddress:
		return reconcile.Ours, stack
	}
	return reconcile.Others, stack
}

// stackOf is the stack that made a thing: its name, or its id where that is all there is; empty if none did. Our own tag is
// there too because nobody promises that CloudFormation's are on everything.
func stackOf(t tags) string {
	return cmp.Or(t[tagStackName], t[TagStack], t[tagStackID])
}

// tagsFor are the tags of what is made. Ours win over the user's; New has refused those that clash.
func (c Config) tagsFor(role string, zone reconcile.Zone) tags {
	t := tags{}
	maps.Copy(t, c.Tags)
	t[TagCluster], t[TagController] = c.Cluster, c.Controller
	t[TagRole], t[TagZone] = role, string(zone)
	t[tagName] = c.Cluster + "-static-egress-" + string(zone)
	if c.Owner != "" {
		t[TagOwner] = c.Owner
	}
	if c.Stack != "" {
		t[TagStack] = c.Stack
	}
	return t
}

// specification is the tags as a creating call takes them, sorted: so the same wish is the same call, as its client token
// says.
func (t tags) specification(what types.ResourceType) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: what, Tags: t.list()}}
}

func (t tags) list() []types.Tag {
	var list []types.Tag
	for _, key := range sortedKeys(t) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(t[key])})
	}
	return list
}

func sortedKeys[V any, M ~map[string]V](m M) []string {
	return slices.Sorted(maps.Keys(m))
}
