package inmemory

import "time"

// version is a world and the time from which it was true.
type version struct {
	began time.Time
	world *world
}

// update makes a new version of the world, or none if the effect fails.
func (e *EC2) update(effect func(moment) error) error {
	now := e.options.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.truth(now)
	m.world = m.world.clone()
	if err := effect(m); err != nil {
		return err
	}
	e.append(version{began: m.now, world: m.world})
	return nil
}

// append adds a version, and forgets those that no list can show any more.
func (e *EC2) append(v version) {
	if last := len(e.versions) - 1; last > 0 && e.versions[last].began.Equal(v.began) {
		e.versions[last] = v // but never in place of the first: that one is what lists show until then
	} else {
		e.versions = append(e.versions, v)
	}
	oldest := v.began.Add(-e.options.Lag)
	for len(e.versions) > 1 && !e.versions[1].began.After(oldest) {
		e.versions = e.versions[1:]
	}
}

// truth is the latest version; the caller holds the lock. Two calls can read the clock in one order and get the lock in
// the other, so time stands still where it would go back.
func (e *EC2) truth(now time.Time) moment {
	latest := e.versions[len(e.versions)-1]
	if now.Before(latest.began) {
		now = latest.began
	}
	return moment{world: latest.world, now: now, options: &e.options}
}

// present is what is true.
func (e *EC2) present() moment {
	now := e.options.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.truth(now)
}

// shown is what a list shows that lags so far behind: EC2 as it was then, its gateways' states too. The versions before
// the last Settle are gone; what it left is the oldest that a list can show.
func (e *EC2) shown(lag time.Duration) moment {
	now := e.options.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.truth(now)
	m.now = m.now.Add(-lag)
	for i := len(e.versions) - 1; i >= 0; i-- {
		m.world = e.versions[i].world
		if !e.versions[i].began.After(m.now) {
			return m
		}
	}
	m.now = e.versions[0].began
	return m
}

// lagOf says how far a call lags.
func (e *EC2) lagOf(c Call) time.Duration {
	if e.options.LagOf == nil {
		return e.options.Lag
	}
	return max(0, min(e.options.Lag, e.options.LagOf(c)))
}

// Settle lets every list and every write catch up with what is true now, as if nobody had written for a long time.
func (e *EC2) Settle() {
	now := e.options.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.truth(now)
	m.world = m.world.clone()
	settle(m.subnets, func(s *Subnet) *time.Time { return &s.made })
	settle(m.tables, func(t *RouteTable) *time.Time { return &t.made })
	settle(m.gateways, func(g *NATGateway) *time.Time { return &g.made })
	settle(m.addresses, func(a *Address) *time.Time { return &a.made })
	e.versions = []version{{began: m.now, world: m.world}}
}

func settle[T any](records map[string]T, made func(*T) *time.Time) {
	for id, record := range records {
		*made(&record) = time.Time{}
		records[id] = record
	}
}

// finds tells whether a write finds what was made at that time. EC2's "Eventual consistency": a resource may not be
// visible to the commands that follow its creation; seen in boto/boto3#779, where CreateRoute did not find the NAT
// gateway that had just been made, and in hashicorp/terraform-provider-aws#27087 with an address.
func (m moment) finds(made time.Time) bool {
	return made.IsZero() || !m.now.Before(made.Add(m.options.ReferenceLag))
}
