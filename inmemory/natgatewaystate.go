package inmemory

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// end is when a gateway is gone: when it was deleted, or when EC2 deletes it itself because it failed, in about an hour
// (VPC user guide, "Troubleshoot NAT gateways"). Zero for a gateway that stays.
func (m moment) end(g NATGateway) time.Time {
	switch {
	case !g.deleted.IsZero():
		return g.deleted
	case g.failure != "":
		return g.ready.Add(m.options.DeletedFor)
	}
	return time.Time{}
}

// stateOf computes a gateway's state.
func (m moment) stateOf(g NATGateway) types.NatGatewayState {
	end := m.end(g)
	switch {
	case !end.IsZero() && !m.now.Before(end):
		return types.NatGatewayStateDeleted
	case !g.deleting.IsZero() && !m.now.Before(g.deleting):
		return types.NatGatewayStateDeleting
	}
	return m.stateBefore(g)
}

// stateBefore is a gateway's state if nobody deletes it.
func (m moment) stateBefore(g NATGateway) types.NatGatewayState {
	switch {
	case m.now.Before(g.ready):
		return types.NatGatewayStatePending
	case g.failure != "":
		return types.NatGatewayStateFailed
	}
	return types.NatGatewayStateAvailable
}

// works tells whether routes may lead to a gateway.
func (m moment) works(g NATGateway) bool {
	state := m.stateOf(g)
	return state == types.NatGatewayStatePending || state == types.NatGatewayStateAvailable
}

// holds tells whether a gateway has its address: from its creation until it is deleted, so while it is being deleted, and
// when it has failed, too (assumed). One that fails because it could not have the address never has it.
func (m moment) holds(g NATGateway) bool {
	switch g.failure {
	case failedAssociated, failedNoAllocation, failedNoSubnet:
		return false
	}
	return m.stateOf(g) != types.NatGatewayStateDeleted
}

// holder is the gateway that has an address, or "".
func (m moment) holder(allocation string) string {
	for _, g := range m.gateways {
		if g.Allocation == allocation && m.holds(g) {
			return g.ID
		}
	}
	return ""
}

// current is a gateway with what is computed.
func (m moment) current(g NATGateway) NATGateway {
	g.State = m.stateOf(g)
	if !m.now.Before(g.ready) && (g.deleting.IsZero() || !g.deleting.Before(g.ready)) {
		g.FailureCode = g.failure
	}
	if g.State == types.NatGatewayStateDeleted {
		g.Deleted = m.end(g)
	}
	return g
}

// counted is how many gateways of a zone count towards its quota: pending, available and deleting ones (VPC user guide,
// "Amazon VPC quotas").
func (m moment) counted(zone string) int {
	count := 0
	for _, g := range m.gateways {
		switch state := m.stateOf(g); {
		case g.Zone != zone, state == types.NatGatewayStateFailed, state == types.NatGatewayStateDeleted:
		default:
			count++
		}
	}
	return count
}
