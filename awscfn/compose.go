package awscfn

import (
	"fmt"
	"maps"
	"slices"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// composition turns a plan into the template that carries it out. It begins with what the stack holds and changes nothing
// that no action names, so what the plan keeps, withholds or waits for stays as it is.
type composition struct {
	plan    reconcile.Plan
	stack   stack
	held    holding // what the stack has now,
	now     holding // and will have
	out     Template
	tagsFor func(reconcile.Kind, reconcile.Zone) map[string]string
	vpc     string
	frozen  map[string]bool // the logical ids whose change failed lately: they stay as they are
	seen    sight           // what the plan was made from
	early   bool            // EC2's lists may not show yet what the stack has made (rule 9)
}

// write writes those of the plan's actions into the template that are for the stack: their indices.
func (c *composition) write(actions []int) {
	c.held = newHolding(c.stack.template)
	c.out = Template{Description: description, Resources: maps.Clone(c.stack.template.Resources)}
	if c.out.Resources == nil {
		c.out.Resources = map[string]Resource{}
	}
	for _, i := range actions {
		if a := c.plan.Actions[i]; a.Verb == reconcile.Delete {
			c.drop(a.Key)
		}
	}
	c.dropLost(actions)
	c.now = newHolding(c.out)
	for _, i := range actions { // the parts of a path first: routes and gateways refer to them
		if a := c.plan.Actions[i]; a.Verb == reconcile.Create && a.Key.Kind != reconcile.TargetRoute {
			c.replaceBy(a.Key, c.held.next(a.Key))
		}
	}
	for _, i := range actions {
		a := c.plan.Actions[i]
		if a.Verb == reconcile.Create || a.Verb == reconcile.Replace {
			c.make(a)
		}
	}
	c.follow()
	c.refresh()
	c.mendReferences()
	c.keepForGood()
	c.tell()
}

const description = "Static egress addresses, written by kube-static-egress-controller: what is changed by hand is changed back."

func (c *composition) drop(k reconcile.Key) {
	if id, ok := c.held.id(k); ok {
		delete(c.out.Resources, id)
	}
}

// dropLost drops what the stack believes in, and that neither exists nor is wanted: a plan has no word for it.
func (c *composition) dropLost(actions []int) {
	spoken := map[reconcile.Key]bool{}
	for _, r := range c.plan.Goal.Resources {
		spoken[r.Key] = true
	}
	for _, w := range c.plan.Waiting {
		spoken[w.Key] = true
	}
	for i, a := range c.plan.Actions {
		if a.Verb != reconcile.Delete || !slices.Contains(actions, i) {
			spoken[a.Key] = true
		}
	}
	for key, id := range c.held.ids {
		_, exists := c.plan.IDs[key]
		_, there := c.out.Resources[id]
		if exists || spoken[key] || !there {
			continue
		}
		if !c.lost(key) && !c.released(key) {
			continue
		}
		c.drop(key)
	}
}

// lost reports whether a thing of the stack's is known to be gone. What a gateway that stands rests on is not, whatever
// became of its tags; nor is what may only not be listed yet, or a route in a table that is not listed.
func (c *composition) lost(k reconcile.Key) bool {
	if k.Kind == reconcile.TargetRoute {
		return c.seen.routes[k] == "" && c.seen.tables[k.Table]
	}
	return !c.early && !c.seen.stands[c.stack.gateway(k.Zone)]
}

// released is about a route of the stack's in whose place there is one that is not ours any more. CloudFormation deletes a
// route by its table and network, wherever it leads, so the resource goes only when the stack has learnt to retain it: with
// the next operation at the earliest (rule 3).
func (c *composition) released(k reconcile.Key) bool {
	id := c.held.ids[k]
	r := c.out.Resources[id]
	if k.Kind != reconcile.TargetRoute {
		return false
	}
	if r.DeletionPolicy == Retain {
		return true
	}
	r.DeletionPolicy, r.UpdateReplacePolicy = Retain, Retain
	c.put(id, r)
	return false
}

// replaceBy gives a thing the logical id under which it is to be made, and takes away the one of its lost predecessor.
func (c *composition) replaceBy(k reconcile.Key, id string) {
	c.drop(k)
	c.out.Resources[id] = Resource{}
	c.now.ids[k] = id
}

// make writes one thing that is to be there. What refers to other things does so by the ids that they will have.
func (c *composition) make(a reconcile.Action) {
	z := a.Key.Zone
	id, there := c.now.id(a.Key)
	if !there {
		id = c.held.next(a.Key)
		c.now.ids[a.Key] = id
	}
	switch a.Key.Kind {
	case reconcile.Subnet:
		c.put(id, Resource{Properties: &Subnet{VPCID: c.vpc, CIDRBlock: a.After.Spec.CIDR.String(), AvailabilityZone: string(z)}})
	case reconcile.Address:
		// Taken back if the very operation that makes it fails, so that failures leave no addresses behind; never later.
		c.put(id, Resource{DeletionPolicy: RetainExceptOnCreate, UpdateReplacePolicy: Retain, Properties: &EIP{Domain: "vpc"}})
	case reconcile.NATTable:
		c.put(id, Resource{Properties: &RouteTable{VPCID: c.vpc}})
	case reconcile.DefaultRoute:
		c.put(id, Resource{Properties: &Route{
			RouteTableID: c.to(reconcile.NATTable, z), DestinationCIDRBlock: "0.0.0.0/0", GatewayID: a.After.Spec.Target.ID,
		}})
	case reconcile.Association:
		c.put(id, Resource{Properties: &SubnetRouteTableAssociation{
			RouteTableID: c.to(reconcile.NATTable, z), SubnetID: c.to(reconcile.Subnet, z),
		}})
	case reconcile.NATGateway:
		c.put(id, Resource{Properties: &NatGateway{
			SubnetID: c.to(reconcile.Subnet, z), AllocationID: c.address(z), ConnectivityType: "public",
		}})
	case reconcile.TargetRoute:
		c.put(id, Resource{Properties: &Route{
			RouteTableID: text(a.Key.Table), DestinationCIDRBlock: a.Key.Prefix.String(), NatGatewayID: c.to(reconcile.NATGateway, a.After.Spec.Target.Zone),
		}})
	case reconcile.CloudFormationStack:
	}
}

func (c *composition) put(id string, r Resource) { c.out.Resources[id] = r }

// to refers to what a zone has of a kind: by its logical id if the stack holds it, else by its EC2 id.
func (c *composition) to(kind reconcile.Kind, z reconcile.Zone) Value {
	k := reconcile.Key{Kind: kind, Zone: z}
	if id, ok := c.now.id(k); ok {
		return ref(id)
	}
	return text(c.plan.IDs[k])
}

// address refers to a zone's address. One that exists and that this stack did not make stands there by its own id, so that
// it outlives every stack.
func (c *composition) address(z reconcile.Zone) Value {
	k := reconcile.Key{Kind: reconcile.Address, Zone: z}
	id, held := c.now.id(k)
	exists := c.plan.IDs[k]
	if held && (exists == "" || exists == c.stack.allocation(z)) {
		return getAtt(id, "AllocationId")
	}
	return text(exists)
}

// follow brings up to date where a route leads that EC2 has led to the gateway that it should lead to: the template would
// have it led back some day.
func (c *composition) follow() {
	acted := map[reconcile.Key]bool{}
	for _, a := range c.plan.Actions {
		acted[a.Key] = true
	}
	for _, r := range c.plan.Goal.Resources {
		id, held := c.held.id(r.Key)
		route, is := c.out.Resources[id].Properties.(*Route)
		if !held || !is || r.Key.Kind != reconcile.TargetRoute || acted[r.Key] || c.frozen[id] {
			continue
		}
		z := r.Spec.Target.Zone
		live, gateway := c.seen.routes[r.Key], c.plan.IDs[reconcile.Key{Kind: reconcile.NATGateway, Zone: z}]
		if live != "" && live == gateway && route.NatGatewayID != c.to(reconcile.NATGateway, z) {
			c.make(reconcile.Action{Verb: reconcile.Replace, Key: r.Key, After: &r})
		}
	}
}

// refresh brings up to date what can be changed without touching anything that works: tags, the policies of addresses that
// are there for good, and the order of making.
func (c *composition) refresh() {
	for _, id := range sortedKeys(c.out.Resources) {
		r := c.out.Resources[id]
		key, _, err := keyOf(id)
		if _, before := c.stack.template.Resources[id]; err != nil || before && c.frozen[id] { // what is new is tagged in any case (rule 1)
			continue
		}
		tags := c.tags(key)
		switch p := r.Properties.(type) {
		case *EIP:
			r.Properties = &EIP{p.Domain, tags}
			if held := c.stack.template.Resources[id]; weakened(held) { // somebody took them away
				r.DeletionPolicy, r.UpdateReplacePolicy = Retain, Retain
			}
		case *Subnet:
			r.Properties = &Subnet{p.VPCID, p.CIDRBlock, p.AvailabilityZone, tags}
		case *RouteTable:
			r.Properties = &RouteTable{p.VPCID, tags}
		case *NatGateway:
			r.Properties = &NatGateway{p.SubnetID, p.AllocationID, p.ConnectivityType, tags}
			r.DependsOn = c.present(key.Zone, reconcile.DefaultRoute, reconcile.Association)
		}
		c.put(id, r)
	}
}

// keepForGood writes Retain for an address that is no longer being made, together with another change of its zone's path:
// until then it is retained as well, and a change set names no zone for that alone (rule 2).
func (c *composition) keepForGood() {
	touched := map[reconcile.Zone]bool{}
	for id := range differ(c.stack.template, c.out) {
		if key, _, err := keyOf(id); err == nil && key.Kind != reconcile.TargetRoute {
			touched[key.Zone] = true
		}
	}
	for id, r := range c.out.Resources {
		held, before := c.stack.template.Resources[id]
		if key, _, err := keyOf(id); err == nil && before && held.DeletionPolicy == RetainExceptOnCreate && touched[key.Zone] && !c.frozen[id] {
			r.DeletionPolicy, r.UpdateReplacePolicy = Retain, Retain
			c.put(id, r)
		}
	}
}

func (c *composition) tags(k reconcile.Key) []Tag {
	tags := c.tagsFor(k.Kind, k.Zone)
	var out []Tag
	for _, key := range sortedKeys(tags) {
		out = append(out, Tag{key, tags[key]})
	}
	return out
}

// present are the logical ids of what the stack will hold of a zone's parts, sorted.
func (c *composition) present(z reconcile.Zone, kinds ...reconcile.Kind) []string {
	var out []string
	for _, kind := range kinds {
		if id, ok := c.now.id(reconcile.Key{Kind: kind, Zone: z}); ok {
			if _, stays := c.out.Resources[id]; stays {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// mendReferences sees to what refers to a resource that leaves the template. A route stays, black if need be, and leads to
// its gateway by that one's own id; anything else keeps what it needs in the template.
func (c *composition) mendReferences() {
	for changed := true; changed; {
		changed = false
		for _, id := range sortedKeys(c.out.Resources) {
			r := c.out.Resources[id]
			for _, v := range r.Properties.values() {
				to := v.refers()
				if _, there := c.out.Resources[to]; to == "" || there {
					continue
				}
				c.mend(id, r, to)
				changed = true
				break
			}
		}
	}
}

func (c *composition) mend(id string, r Resource, missing string) {
	key, _, err := keyOf(missing)
	route, isRoute := r.Properties.(*Route)
	gateway := c.stack.gateway(key.Zone)
	at, _, unknown := keyOf(id)
	leads := unknown == nil && (c.seen.routes[at] == gateway || c.seen.routes[at] == "") // or else it would be led back
	if err == nil && isRoute && key.Kind == reconcile.NATGateway && gateway != "" && leads && r.DeletionPolicy != Retain {
		c.put(id, Resource{Properties: &Route{RouteTableID: route.RouteTableID, DestinationCIDRBlock: route.DestinationCIDRBlock, NatGatewayID: text(gateway)}})
		return
	}
	stays, held := c.stack.template.Resources[missing]
	if before, was := c.stack.template.Resources[id]; !held && was { // it was never there: what refers to it stays as it was,
		c.put(id, before)
		return
	} else if !held { // or waits for another plan
		delete(c.out.Resources, id)
		return
	}
	stays.DependsOn = slices.DeleteFunc(slices.Clone(stays.DependsOn), func(id string) bool {
		_, there := c.out.Resources[id]
		return !there
	})
	c.put(missing, stays)
}

// tell writes the outputs: of each zone the address, whoever made it, and what a later look has to know.
func (c *composition) tell() {
	c.out.Outputs = map[string]Output{}
	add := func(what string, z reconcile.Zone, description string, v Value) {
		c.out.Outputs[outputName(what, z)] = Output{fmt.Sprintf(description, z), v}
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.now.ids), reconcile.Key.Compare) {
		id := c.now.ids[key]
		r, there := c.out.Resources[id]
		if !there {
			continue
		}
		z := key.Zone
		switch p := r.Properties.(type) {
		case *EIP:
			add(outputAddress, z, "The address of %s", ref(id))
			add(outputAllocation, z, "The allocation id of the address of %s", getAtt(id, "AllocationId"))
		case *NatGateway:
			add(outputGateway, z, "The NAT gateway of %s", ref(id))
			if own := p.AllocationID.Text; own != "" && c.seen.publics[own] != "" {
				if made := c.present(z, reconcile.Address); len(made) > 0 {
					add(outputSpareAddress, z, "The address of %s that is not used", ref(made[0]))
					add(outputSpareAllocation, z, "The allocation id of the address of %s that is not used", getAtt(made[0], "AllocationId"))
				}
				add(outputAddress, z, "The address of %s", text(c.seen.publics[own]))
				add(outputAllocation, z, "The allocation id of the address of %s", text(own))
			}
		}
	}
}
