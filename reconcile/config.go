package reconcile

import (
	"net/netip"
	"time"
)

// Config is what the user decided, by flags. It is valid: cmd has checked it.
type Config struct {
	Zones   []ZoneConfig
	Cluster string // --cluster-id

	// What may be asked for. The order of right is Deny, the VPC's own CIDRs, Allow, the registry of special-purpose addresses.
	MinPrefixLength int
	Allow, Deny     []netip.Prefix

	ReleaseAddresses bool // --eip-reclaim-policy=Delete; otherwise they are retained (rule 7)
	Preallocate      bool // build the egress paths before the first claim
	Teardown         bool // everything is to go (TearingDown): the set-up of zones matters no more, nor that traffic is interrupted
	MaxRoutes        int  // routes in a table (rule 14)

	ReleaseDelay  time.Duration // from the end of an address's gateway to its release
	WithdrawDelay time.Duration // from the end of a claim to the end of its route
	TeardownDelay time.Duration // from the last claim to the end of the egress paths

	AllowDisruption []string // the zones and tables in which traffic may be interrupted (rule 8); a cluster id or VPC to move to
	TakeOver        []string // the owners whose things become ours (rule 16)
	Freeze          string   // why nothing may be withdrawn, such as a memory that cannot be written; empty if it may
	Unrecalled      string   // why it is not known which address a zone had; empty if that is known, or nobody ever wrote it down
	// Look is the time of a new leader's second look. Until then lists may not show yet what was made before it, by whom it
	// knows nothing of (rules 9 and 16).
	Look          time.Time
	MaxWithdrawal int // per cent of the targets that may go at once (rule 11); 0 and 100: all of them
}

// ZoneConfig is one zone: its NAT CIDR block, and the allocation id of the address that the user brought for it, if any.
type ZoneConfig struct {
	Zone       Zone
	Block      netip.Prefix
	Allocation string
}

func (c Config) zone(z Zone) (ZoneConfig, bool) {
	for _, zc := range c.Zones {
		if zc.Zone == z {
			return zc, true
		}
	}
	return ZoneConfig{}, false
}

func (c Config) mayDisrupt(what string) bool {
	for _, a := range c.AllowDisruption {
		if a == what {
			return true
		}
	}
	return false
}
