package reconcile

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Memory is what is remembered from one pass to the next: only what cannot be seen again. It is a value that goes into a
// pass and comes out of it; a pass never changes the one it was given. The zero value is a memory that was lost: with it
// the controller withdraws later than it would have, never earlier.
type Memory struct {
	Accepted map[Source]Accepted  `json:"-"` // the last accepted meaning of each value that is still claimed
	Complete map[string]bool      // the clusters whose full list was read at least once
	Claimed  []netip.Prefix       // all that was ever accepted in the life of this memory, to tell what was there before it
	Before   []netip.Prefix       // what was routed when this memory began, until all that is claimed was once understood
	Leaving  []Leaving            // what is routed and claimed by nobody, and since when
	Idle     time.Time            // since when nothing is claimed; zero while something is
	Unused   map[string]time.Time // allocation ids of our addresses that no gateway uses, and since when
	Gateways map[string]Zone      // the ids of all gateways known to be, or to have been, ours
	Limits   map[string]Limit     // the tables that EC2 called full
	Failures map[Zone]Failure     // the zones whose gateways failed
	Address  map[Zone]string      // the allocation id that a zone's gateway was last seen with
	PublicIP map[Zone]netip.Addr  // the same address, to have it back if it is lost
	Cluster  string               // the --cluster-id for which all this was remembered
	VPC      string               // and the VPC
	Targets  []netip.Prefix       // what was asked for and may be routed still: what the brake counts
	Let      []netip.Prefix       // targets whose withdrawal somebody confirmed
	Sought   map[Zone]Search      // the zones whose subnet stands while no address is seen
	Told     map[string]string    // what people were told last, by what it is about
}

// Accepted is what a value meant when it was last accepted.
type Accepted struct {
	Targets []netip.Prefix
	Created time.Time
}

// Leaving is a network that our routes carry and nobody claims.
type Leaving struct {
	Prefix netip.Prefix
	Since  time.Time
}

// Limit is how much of a table's quota was used when EC2 called the table full, and when that was: quotas can be raised,
// so it is believed for an hour.
type Limit struct {
	Used  int
	Since time.Time
}

// Failure counts the gateways of a zone that failed one after the other, for backing off.
type Failure struct {
	Count   int
	Gateway string    // the last one that failed
	Until   time.Time // no other is made before
}

func (m Memory) clone() Memory {
	m.Accepted, m.Complete, m.Unused = cloneMap(m.Accepted), cloneMap(m.Complete), cloneMap(m.Unused)
	m.Gateways, m.Limits = cloneMap(m.Gateways), cloneMap(m.Limits)
	m.Failures, m.Address = cloneMap(m.Failures), cloneMap(m.Address)
	m.Sought, m.PublicIP, m.Told = cloneMap(m.Sought), cloneMap(m.PublicIP), cloneMap(m.Told)
	m.Targets, m.Let = slices.Clone(m.Targets), slices.Clone(m.Let)
	m.Claimed, m.Before, m.Leaving = slices.Clone(m.Claimed), slices.Clone(m.Before), slices.Clone(m.Leaving)
	return m
}

// with is a memory that was loaded late, with what the process has learned before it could be: the last meaning of a value
// that was accepted meanwhile, and what failed. Of an address, what was recorded first is what counts (rule 7).
func (m Memory) with(newer Memory) Memory {
	m = m.clone()
	maps.Copy(m.Accepted, newer.Accepted)
	maps.Copy(m.Failures, newer.Failures)
	maps.Copy(m.Sought, newer.Sought)
	maps.Copy(m.Told, newer.Told)
	for id, zone := range newer.Gateways {
		if _, known := m.Gateways[id]; !known {
			m.Gateways[id] = zone
		}
	}
	for zone, id := range newer.Address {
		if _, recorded := m.Address[zone]; !recorded {
			m.Address[zone], m.PublicIP[zone] = id, newer.PublicIP[zone]
		}
	}
	return m
}

// cloneMap makes a map even of none, so that a pass can write into a lost memory.
func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}
