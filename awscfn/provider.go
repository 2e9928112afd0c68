package awscfn

import (
	"context"
	"fmt"
	"time"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// Provider keeps one stack in one VPC. Its methods are called one after the other, as package reconcile does.
type Provider struct {
	api    API
	ec2    EC2
	config Config

	seen     sight
	failures map[string]failure // of logical ids
	digested string             // the operation whose failures are known
	resumed  resumption
	busy     time.Time // when an operation was last seen to run
	refused  refusal   // the last change set that was not executed
}

// sight is what the last look saw; what is planned from it is carried out on it.
type sight struct {
	stack   stack
	vpc     string
	publics map[string]string        // the public addresses of allocation ids
	routes  map[reconcile.Key]string // the target routes that exist, whosever they are, and where they lead
	tables  map[string]bool          // the route tables that are listed
	stands  map[string]bool          // the gateways that stand,
	strange map[string]bool          // and those of them that do not say that they are ours
}

var _ reconcile.Provider = (*Provider)(nil)

// New makes a provider. It makes no call.
func New(api API, ec2 EC2, c Config) (*Provider, error) {
	if err := CheckName(c.Stack); err != nil {
		return nil, err
	}
	return &Provider{api: api, ec2: ec2, config: c.withDefaults(), failures: map[string]failure{}}, nil
}

// Observe looks at the stack, and then at everything with EC2: in this order, so that what a stack at rest has made is
// there to be seen.
func (p *Provider) Observe(ctx context.Context) (reconcile.Observed, error) {
	s, err := p.read(ctx)
	if err != nil {
		return reconcile.Observed{}, err
	}
	if err := p.digest(ctx, s); err != nil {
		return reconcile.Observed{}, err
	}
	o, err := p.ec2.Observe(ctx)
	if err != nil {
		return reconcile.Observed{}, err
	}
	now := p.config.Now()
	if s.busy() {
		p.busy = now
	}
	if !s.busy() && s.step() != resume {
		p.resumed = resumption{}
	}
	if s.unsettled() {
		unsettle(o.Found, s, p.config.Stack)
	}
	if p.busy.After(s.changed) {
		s.changed = p.busy // until then it may have made things
	}
	p.seen = sightOf(s, o)
	o.Stack = p.report(s, now)
	return o, nil
}

func sightOf(s stack, o reconcile.Observed) sight {
	v := sight{
		stack: s, vpc: o.Site.VPC, publics: map[string]string{}, routes: map[reconcile.Key]string{}, tables: map[string]bool{},
		stands: map[string]bool{}, strange: map[string]bool{},
	}
	for _, t := range o.Site.Tables {
		v.tables[t.ID] = true
	}
	for _, f := range o.Found {
		switch {
		case f.Key.Kind == reconcile.NATGateway && (f.Status == reconcile.Active || f.Status == reconcile.Pending):
			v.stands[f.ID], v.strange[f.ID] = true, f.Holder != reconcile.Ours
		case f.Key.Kind == reconcile.TargetRoute:
			v.routes[f.Key] = f.Spec.Target.ID
		case f.Key.Kind == reconcile.Address && f.PublicIP.IsValid():
			v.publics[f.ID] = f.PublicIP.String()
		}
	}
	return v
}

// unsettle marks what a running operation has made and may take back: an address is nobody's to rely on before it is
// there for good, and a gateway with such an address carries no routes.
func unsettle(found []reconcile.Found, s stack, name string) {
	settled := map[string]bool{}
	for _, r := range s.addresses() {
		settled[r.Allocation] = true
	}
	for _, r := range s.template.Resources {
		if g, ok := r.Properties.(*NatGateway); ok {
			settled[g.AllocationID.Text] = true
		}
	}
	open := map[string]bool{}
	for i := range found {
		f := &found[i]
		if f.Key.Kind == reconcile.Address && f.Holder == reconcile.Ours && f.Stack == name && !settled[f.ID] {
			f.Status, open[f.ID] = reconcile.Pending, true
		}
	}
	for i := range found {
		f := &found[i]
		if f.Key.Kind == reconcile.NATGateway && f.Status == reconcile.Active && open[f.Spec.Address.ID] {
			f.Status = reconcile.Pending
		}
	}
}

// report is what package reconcile has to know of the stack.
func (p *Provider) report(s stack, now time.Time) *reconcile.Stack {
	r := &reconcile.Stack{Name: p.config.Stack, Status: string(s.status), Strange: p.strange(s), Addresses: s.addresses()}
	if s.busy() {
		if r.Busy = s.began; r.Busy.IsZero() || r.Busy.After(now) {
			r.Busy = now
		}
	}
	switch what, needed := mends[s.step()]; {
	case needed && s.exists():
		r.Mend = fmt.Sprintf("the stack %s is %s: %s", p.config.Stack, s.status, what)
	case p.config.Leave && s.exists() && s.step() == change && onlyAddresses(s.template):
		r.Mend = fmt.Sprintf("the stack %s holds nothing but addresses: it is deleted, and retains them", p.config.Stack)
	case s.exists() && s.step() == change && s.protected != p.config.Protect:
		r.Mend = fmt.Sprintf("the stack %s is protected against deletion: %t, and shall be: %t", p.config.Stack, s.protected, p.config.Protect)
	}
	r.Room, r.Full = p.room(s)
	return r
}
