package awsec2

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// allocateAddress is tried once only. The call takes no token and names nothing, so each one that reaches EC2 is an
// address more; and the SDK retries even an answer 200 whose body was cut (AWS.md E: up to 12 addresses too many in 8,000
// calls). What became of a lost answer is seen at the next look, by the tags (rule 9).
func (p *Provider) allocateAddress(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	t := p.config.tagsFor(RoleAddress, a.Key.Zone)
	in := &ec2.AllocateAddressInput{
		Domain:            types.DomainTypeVpc,
		TagSpecifications: t.specification(types.ResourceTypeElasticIp),
	}
	if lost := a.After.Spec.IP; lost.IsValid() {
		// Recovers an address that was released, as long as nobody else has it (EC2 user guide, "Recover an Elastic IP address").
		in.Address = aws.String(lost.String())
	}
	out, err := ask(ctx, p, "AllocateAddress", p.api.AllocateAddress, in, once)
	if err != nil {
		return reconcile.Made{}, err
	}
	id := aws.ToString(out.AllocationId)
	p.own.noteMade(reconcile.Address, id, types.Address{
		AllocationId: out.AllocationId, PublicIp: out.PublicIp, Domain: types.DomainTypeVpc, Tags: t.list(),
	})
	return reconcile.Made{ID: id, Ready: true}, nil
}

// once is the option of a call that must not be retried.
func once(o *ec2.Options) {
	o.Retryer = aws.NopRetryer{}
	o.RetryMaxAttempts = 1
}

// releaseAddress is the one thing that cannot be undone, so it looks at the plan once more: no planning error shall cost an
// address that is not ours, or that something uses. EC2 refuses the latter too, unlike its emulators (AWS.md F).
func (p *Provider) releaseAddress(ctx context.Context, a reconcile.Action, _ ids) (reconcile.Made, error) {
	switch {
	case a.Before.Holder != reconcile.Ours:
		return reconcile.Made{}, fmt.Errorf("%s does not carry our tags, so it is not released", a.Before.ID)
	case a.Before.User != "":
		return reconcile.Made{}, fmt.Errorf("%s is used by %s, so it is not released", a.Before.ID, a.Before.User)
	}
	_, err := ask(ctx, p, "ReleaseAddress", p.api.ReleaseAddress, &ec2.ReleaseAddressInput{AllocationId: aws.String(a.Before.ID)})
	made, err := gone(err)
	if err == nil {
		p.own.noteGone(reconcile.Address, a.Before.ID)
	}
	return made, err
}
