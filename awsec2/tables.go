package awsec2

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// isNATTable goes by the role alone: another controller's NAT route table is not for our target routes either.
func isNATTable(t tags) bool { return t[TagRole] == RoleNATTable }

func (s sight) tablesFound() []reconcile.Found {
	var found []reconcile.Found
	for _, table := range s.listing.tables {
		t := tagsOf(table.Tags)
		if !isNATTable(t) {
			continue
		}
		holder, stack := s.config.whose(t, RoleNATTable)
		found = append(found, reconcile.Found{
			Key:    reconcile.Key{Kind: reconcile.NATTable, Zone: reconcile.Zone(t[TagZone])},
			ID:     aws.ToString(table.RouteTableId),
			Holder: holder,
			Stack:  stack,
			Owner:  t[TagOwner],
		})
	}
	return found
}

// associationsFound are those of subnets. That of the VPC's main table has no subnet, and that of a gateway (edge
// association) is not about traffic that leaves.
func (s sight) associationsFound() []reconcile.Found {
	var found []reconcile.Found
	for _, table := range s.listing.tables {
		for _, a := range table.Associations {
			if !ofSubnet(a) {
				continue
			}
			found = append(found, reconcile.Found{
				Key: reconcile.Key{Kind: reconcile.Association},
				Spec: reconcile.Spec{
					Subnet: reconcile.ByID(aws.ToString(a.SubnetId)),
					Target: reconcile.ByID(aws.ToString(table.RouteTableId)),
				},
				ID:     aws.ToString(a.RouteTableAssociationId),
				Status: associationStatus(a),
			})
		}
	}
	return found
}

// ofSubnet reports whether this is the explicit association of a subnet, and still one.
func ofSubnet(a types.RouteTableAssociation) bool {
	if aws.ToString(a.SubnetId) == "" {
		return false
	}
	return a.AssociationState == nil ||
		a.AssociationState.State != types.RouteTableAssociationStateCodeDisassociated &&
			a.AssociationState.State != types.RouteTableAssociationStateCodeFailed
}

func associationStatus(a types.RouteTableAssociation) reconcile.Status {
	if a.AssociationState == nil {
		return reconcile.Active
	}
	switch a.AssociationState.State {
	case types.RouteTableAssociationStateCodeAssociated, "":
		return reconcile.Active
	case types.RouteTableAssociationStateCodeDisassociating:
		return reconcile.Deleting
	case types.RouteTableAssociationStateCodeAssociating,
		types.RouteTableAssociationStateCodeDisassociated, types.RouteTableAssociationStateCodeFailed: // the last two do not come here
		return reconcile.Pending
	default:
		return reconcile.Pending
	}
}

func (s sight) siteTables(lists map[string]prefixList) []reconcile.Table {
	serving := s.natSubnets()
	var tables []reconcile.Table
	for _, table := range s.listing.tables {
		t := tagsOf(table.Tags)
		tables = append(tables, reconcile.Table{
			ID:     aws.ToString(table.RouteTableId),
			Zone:   reconcile.Zone(t[s.config.TagKey]),
			Barred: s.barred(t),
			NAT:    isNATTable(t) || serves(table, serving),
			Used:   used(table, lists),
			Lists:  listed(table, lists),
		})
	}
	return tables
}

// barred says which further tag a table lacks; empty for one without the tag key, which is no candidate anyway.
func (s sight) barred(t tags) string {
	if _, candidate := t[s.config.TagKey]; !candidate {
		return ""
	}
	for _, key := range sortedKeys(s.config.TableTags) {
		want := s.config.TableTags[key]
		has, ok := t[key]
		switch {
		case !ok:
			return fmt.Sprintf("it has no tag %s=%s", key, want)
		case has != want:
			return fmt.Sprintf("its tag %s is %q, not %q", key, has, want)
		}
	}
	return ""
}

func serves(table types.RouteTable, subnets map[string]bool) bool {
	return slices.ContainsFunc(table.Associations, func(a types.RouteTableAssociation) bool {
		return ofSubnet(a) && subnets[*a.SubnetId]
	})
}

// used is how much of a table's quota is used. Propagated routes have a quota of their own, IPv6 routes too, and a prefix
// list counts with all that it may come to hold (VPC user guide, "Quotas").
func used(table types.RouteTable, lists map[string]prefixList) int {
	n := 0
	for _, r := range table.Routes {
		switch {
		case propagated(r):
		case r.DestinationPrefixListId != nil:
			n += lists[*r.DestinationPrefixListId].weight
		case prefix(r.DestinationCidrBlock).IsValid():
			n++
		}
	}
	return n
}

func listed(table types.RouteTable, lists map[string]prefixList) []reconcile.Listed {
	var found []reconcile.Listed
	for _, r := range table.Routes {
		if r.DestinationPrefixListId == nil {
			continue
		}
		id := *r.DestinationPrefixListId
		found = append(found, reconcile.Listed{
			ID: id, Target: target(r), Prefixes: slices.Clone(lists[id].prefixes), Unread: lists[id].unread,
		})
	}
	slices.SortStableFunc(found, func(a, b reconcile.Listed) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Target, b.Target))
	})
	return found
}

// cidrs are the VPC's own, as the local routes of its tables give them.
func (s sight) cidrs() []netip.Prefix {
	var all []netip.Prefix
	for _, table := range s.listing.tables {
		for _, r := range table.Routes {
			if p := prefix(r.DestinationCidrBlock); p.IsValid() && ofVPC(r) {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(all)
}

// internetGateway is the one that is attached. A VPC has at most one (SDK, AttachInternetGateway).
func (s sight) internetGateway(vpc string) string {
	for _, g := range s.listing.internetGateways {
		for _, a := range g.Attachments {
			if aws.ToString(a.VpcId) == vpc && a.State != types.AttachmentStatusDetaching && a.State != types.AttachmentStatusDetached {
				return aws.ToString(g.InternetGatewayId)
			}
		}
	}
	return ""
}
