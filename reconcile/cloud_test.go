package reconcile_test

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// cloud is the smallest EC2 that plans can be carried out on: what is made is there at once, what is deleted is gone at
// once, and a route to what is gone is a black hole. It refuses what EC2 refuses; a plan must not come to that.
type cloud struct {
	site   reconcile.Site // the tables without Used, which is counted
	things []reconcile.Found
	routes map[string][]reconcile.Found // by table
	made   int
}

func (w *cloud) clone() *cloud {
	c := *w
	c.things = slices.Clone(w.things)
	c.routes = map[string][]reconcile.Found{}
	for id, rs := range w.routes {
		c.routes[id] = slices.Clone(rs)
	}
	return &c
}

// observed is what a provider sees. Deleted gateways stay listed.
func (w *cloud) observed() reconcile.Observed {
	o := reconcile.Observed{Site: w.site, Found: slices.Clone(w.things)}
	o.Site.Tables = slices.Clone(w.site.Tables)
	for i := range o.Site.Tables {
		t := &o.Site.Tables[i]
		t.Used = w.used(t.ID)
		o.Found = append(o.Found, w.routes[t.ID]...)
	}
	return o
}

// used counts what counts against a table's quota: the local route, and all that nobody propagated.
func (w *cloud) used(table string) int {
	n := 1
	for _, r := range w.routes[table] {
		if !r.Propagated {
			n++
		}
	}
	for _, t := range w.site.Tables {
		if t.ID != table {
			continue
		}
		for _, l := range t.Lists {
			n += len(l.Prefixes)
		}
	}
	return n
}

func (w *cloud) add(f reconcile.Found) { w.things = append(w.things, f) }

func (w *cloud) find(id string) *reconcile.Found {
	for i, f := range w.things {
		if f.ID == id && f.Key.Kind != reconcile.DefaultRoute {
			return &w.things[i]
		}
	}
	return nil
}

func (w *cloud) associate(subnet, table string, h reconcile.Holder) {
	w.add(reconcile.Found{
		Key: pathKey(reconcile.Association, ""), ID: "rtbassoc-" + subnet, Holder: h,
		Spec: reconcile.Spec{Subnet: reconcile.ByID(subnet), Target: reconcile.ByID(table)},
	})
}

// gateway adds one; it takes its address unless it is over.
func (w *cloud) gateway(id string, z reconcile.Zone, subnet, address string, s reconcile.Status) {
	if a := w.find(address); s != reconcile.Failed && s != reconcile.Deleted {
		a.User = id
	}
	w.made++
	f := reconcile.Found{
		Key: pathKey(reconcile.NATGateway, z), ID: id, Holder: reconcile.Ours, Status: s, Created: noon.AddDate(0, 0, w.made-100),
		Spec: reconcile.Spec{Subnet: reconcile.ByID(subnet), Address: reconcile.ByID(address)},
	}
	if s == reconcile.Failed {
		f.Code = "InsufficientFreeAddressesInSubnet"
	}
	w.add(f)
}

func (w *cloud) route(table string, p netip.Prefix, to string, s reconcile.Status, propagated bool) {
	if w.routes == nil {
		w.routes = map[string][]reconcile.Found{}
	}
	w.routes[table] = append(w.routes[table], reconcile.Found{
		Key: reconcile.RouteKey(table, p), Spec: leadsTo(to), Status: s, Propagated: propagated,
	})
}

// routeAt is the route that somebody made at that prefix, or else the propagated one.
func (w *cloud) routeAt(table string, p netip.Prefix) *reconcile.Found {
	var at *reconcile.Found
	for i, r := range w.routes[table] {
		if r.Key.Prefix == p && (at == nil || !r.Propagated) {
			at = &w.routes[table][i]
		}
	}
	return at
}

// statusTo is the status of a route to something. What is no gateway of ours may be alive or not.
func (w *cloud) statusTo(to string, black bool) reconcile.Status {
	g := w.find(to)
	switch {
	case g != nil && g.Status != reconcile.Deleted && g.Status != reconcile.Failed:
		return reconcile.Active
	case black || len(to) > 3 && to[:4] == "nat-":
		return reconcile.Blackhole
	}
	return reconcile.Active
}

// works reports whether traffic gets out through that gateway.
func (w *cloud) works(gateway string) bool {
	g := w.find(gateway)
	return g != nil && g.Holder == reconcile.Ours && g.Key.Kind == reconcile.NATGateway && g.Status == reconcile.Active
}

// way is where an address goes.
type way struct {
	prefix netip.Prefix
	to     string
	black  bool
}

// lookup finds the longest match; of equals a route that somebody made goes before a prefix list, and that before a
// propagated one.
func (w *cloud) lookup(table string, a netip.Addr) way {
	var best way
	better := func(p netip.Prefix, orEqual bool) bool {
		return p.Contains(a) && (best.to == "" || p.Bits() > best.prefix.Bits() || orEqual && p.Bits() == best.prefix.Bits())
	}
	for _, r := range w.routes[table] {
		if r.Propagated && better(r.Key.Prefix, false) {
			best = way{r.Key.Prefix, r.Spec.Target.ID, r.Status == reconcile.Blackhole}
		}
	}
	for _, t := range w.site.Tables {
		if t.ID != table {
			continue
		}
		for _, l := range t.Lists {
			for _, p := range l.Prefixes {
				if better(p, true) {
					best = way{p, l.Target, false}
				}
			}
		}
	}
	for _, r := range w.routes[table] {
		if !r.Propagated && better(r.Key.Prefix, true) {
			best = way{r.Key.Prefix, r.Spec.Target.ID, r.Status == reconcile.Blackhole}
		}
	}
	return best
}

// carries reports whether an address leaves through a gateway of ours that works.
func (w *cloud) carries(table string, a netip.Addr) bool {
	at := w.lookup(table, a)
	return at.prefix.Bits() > 0 && !at.black && w.works(at.to)
}

// apply carries out one action of a plan. ids are those that the plan knows and those made since.
func (w *cloud) apply(a reconcile.Action, ids map[reconcile.Key]string) error {
	id := func(r reconcile.Ref) string {
		if r.ID != "" {
			return r.ID
		}
		return ids[pathKey(r.Kind, r.Zone)]
	}
	if a.Key.Kind == reconcile.TargetRoute {
		return w.applyRoute(a, id)
	}
	switch {
	case a.Verb == reconcile.Create:
		return w.create(a, id, ids)
	case a.Verb == reconcile.Replace:
		return w.replace(a, id)
	case a.Verb == reconcile.Delete:
		return w.remove(a)
	}
	return nil // what else there is changes tags alone
}

func (w *cloud) applyRoute(a reconcile.Action, id func(reconcile.Ref) string) error {
	rs := w.routes[a.Key.Table]
	at := slices.IndexFunc(rs, func(r reconcile.Found) bool { return r.Key.Prefix == a.Key.Prefix && !r.Propagated })
	if a.Verb == reconcile.Delete {
		if at < 0 {
			return fmt.Errorf("there is no route %s", a.Key)
		}
		w.routes[a.Key.Table] = slices.Delete(rs, at, at+1)
		return nil
	}
	to := id(a.After.Spec.Target)
	if !w.works(to) {
		return fmt.Errorf("%s would lead to %q, which is not available", a.Key, to)
	}
	if a.Verb == reconcile.Create {
		if at >= 0 {
			return fmt.Errorf("the route %s exists", a.Key)
		}
		w.route(a.Key.Table, a.Key.Prefix, to, reconcile.Active, false)
		return nil
	}
	if at < 0 {
		return fmt.Errorf("there is no route %s to replace", a.Key)
	}
	rs[at].Spec, rs[at].Status = leadsTo(to), reconcile.Active
	return nil
}

func (w *cloud) create(a reconcile.Action, id func(reconcile.Ref) string, ids map[reconcile.Key]string) error {
	w.made++
	z := a.Key.Zone
	f := reconcile.Found{Key: a.Key, ID: fmt.Sprintf("%s-%s-new%d", a.Key.Kind, z, w.made), Holder: reconcile.Ours}
	switch a.Key.Kind {
	case reconcile.Subnet:
		f.Spec.CIDR = a.After.Spec.CIDR
		for _, s := range w.things {
			if s.Key.Kind == reconcile.Subnet && s.Spec.CIDR.Overlaps(f.Spec.CIDR) {
				return fmt.Errorf("%s overlaps %s", f.Spec.CIDR, s.ID)
			}
		}
	case reconcile.Address:
		if a.After.Spec.Address != (reconcile.Ref{}) {
			return fmt.Errorf("the address %s cannot be made, only brought", a.After.Spec.Address)
		}
	case reconcile.NATTable:
		w.site.Tables = append(slices.Clone(w.site.Tables), reconcile.Table{ID: f.ID, NAT: true})
	case reconcile.DefaultRoute:
		f.ID = id(reconcile.To(reconcile.NATTable, z))
		f.Spec.Target = a.After.Spec.Target
		if w.find(f.ID) == nil || w.site.InternetGateway == "" || f.Spec.Target.ID != w.site.InternetGateway {
			return fmt.Errorf("there is no table %q, or no internet gateway %q", f.ID, f.Spec.Target.ID)
		}
	case reconcile.Association:
		subnet, table := id(a.After.Spec.Subnet), id(a.After.Spec.Target)
		if w.find(subnet) == nil || w.find(table) == nil {
			return fmt.Errorf("there is no subnet %q or table %q", subnet, table)
		}
		w.associate(subnet, table, reconcile.Ours)
		return nil
	case reconcile.NATGateway:
		subnet, address := id(a.After.Spec.Subnet), id(a.After.Spec.Address)
		at := w.find(address)
		if w.find(subnet) == nil || at == nil || at.User != "" {
			return fmt.Errorf("there is no subnet %q, or no free address %q", subnet, address)
		}
		w.gateway(f.ID, z, subnet, address, reconcile.Active)
		ids[a.Key] = f.ID
		return nil
	case reconcile.TargetRoute, reconcile.CloudFormationStack:
	}
	w.add(f)
	ids[a.Key] = f.ID
	return nil
}

func (w *cloud) replace(a reconcile.Action, id func(reconcile.Ref) string) error {
	for i, f := range w.things {
		if f.Key.Kind != a.Key.Kind || f.ID != a.Before.ID {
			continue
		}
		to := id(a.After.Spec.Target)
		if to == "" {
			return fmt.Errorf("%s would lead nowhere", a.Key)
		}
		w.things[i].Spec.Target, w.things[i].Status = reconcile.ByID(to), reconcile.Active
		return nil
	}
	return fmt.Errorf("there is no %s to replace", a.Key)
}

func (w *cloud) remove(a reconcile.Action) error {
	id := a.Before.ID
	at := slices.IndexFunc(w.things, func(f reconcile.Found) bool { return f.ID == id && f.Key.Kind == a.Key.Kind })
	if at < 0 {
		return fmt.Errorf("there is no %s %s to delete", a.Key, id)
	}
	for i := range w.things {
		f := &w.things[i]
		over := f.Key.Kind == reconcile.NATGateway && (f.Status == reconcile.Deleted || f.Status == reconcile.Failed)
		switch {
		case a.Key.Kind == reconcile.Subnet && f.Key.Kind == reconcile.NATGateway && f.Spec.Subnet.ID == id && !over,
			a.Key.Kind == reconcile.NATTable && f.Key.Kind == reconcile.Association && f.Spec.Target.ID == id,
			a.Key.Kind == reconcile.Address && f.ID == id && f.User != "":
			return fmt.Errorf("%s %s is in use by %s", a.Key, id, f.ID)
		case a.Key.Kind == reconcile.NATGateway && f.Key.Kind == reconcile.Address && f.User == id:
			f.User = ""
		}
	}
	w.things = slices.Delete(w.things, at, at+1)
	switch a.Key.Kind {
	case reconcile.NATGateway:
		for _, rs := range w.routes {
			for i := range rs {
				if rs[i].Spec.Target.ID == id {
					rs[i].Status = reconcile.Blackhole
				}
			}
		}
	case reconcile.NATTable: // its routes go with it
		w.things = slices.DeleteFunc(w.things, func(f reconcile.Found) bool { return f.Key.Kind == reconcile.DefaultRoute && f.ID == id })
		w.site.Tables = slices.DeleteFunc(slices.Clone(w.site.Tables), func(t reconcile.Table) bool { return t.ID == id })
	case reconcile.Subnet: // and associations with it
		w.things = slices.DeleteFunc(w.things, func(f reconcile.Found) bool {
			return f.Key.Kind == reconcile.Association && f.Spec.Subnet.ID == id
		})
	case reconcile.Address, reconcile.DefaultRoute, reconcile.Association, reconcile.TargetRoute, reconcile.CloudFormationStack:
	}
	return nil
}

// tick lets time do its work: what is being made is made, and what is going is gone. It reports whether anything changed.
func (w *cloud) tick() (changed bool) {
	for i := range w.things {
		f := &w.things[i]
		switch f.Status {
		case reconcile.Pending:
			f.Status, changed = reconcile.Active, true
		case reconcile.Deleting:
			f.Status, changed = reconcile.Deleted, true
			for j := range w.things {
				if w.things[j].User == f.ID {
					w.things[j].User = ""
				}
			}
			for _, rs := range w.routes {
				for j := range rs {
					if rs[j].Spec.Target.ID == f.ID {
						rs[j].Status = reconcile.Blackhole
					}
				}
			}
		case reconcile.Active, reconcile.Failed, reconcile.Deleted, reconcile.Blackhole:
		}
	}
	return changed
}
