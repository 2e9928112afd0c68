package awscfn

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// mend takes a stack out of a status in which it takes no change sets.
func (p *Provider) mend(ctx context.Context, s stack) error {
	p.config.Log.Warn("the stack is mended first", "stack", p.config.Stack, "status", s.status, "reason", s.why)
	switch s.step() {
	case remove:
		return p.deleteStack(ctx, s)
	case release:
		return p.letGo(ctx, s)
	case resume:
		return p.resume(ctx, s)
	case undo:
		_, err := act(ctx, p, "RollbackStack", p.api.RollbackStack, &cloudformation.RollbackStackInput{StackName: aws.String(s.id)})
		return err
	case change, create, wait, leave:
	}
	return nil
}

// deleteStack deletes the stack. Its addresses stay: every one of them is retained by the template, or else it is not done.
func (p *Provider) deleteStack(ctx context.Context, s stack) error {
	for _, id := range sortedKeys(s.template.Resources) {
		r := s.template.Resources[id]
		if _, address := r.Properties.(*EIP); address && r.DeletionPolicy != Retain && r.DeletionPolicy != RetainExceptOnCreate {
			return fmt.Errorf("the stack %s is not deleted: its address %s would be lost (DeletionPolicy %q)", p.config.Stack, id, r.DeletionPolicy)
		}
	}
	if s.protected {
		if err := p.setProtection(ctx, s, false); err != nil {
			return err
		}
	}
	_, err := act(ctx, p, "DeleteStack", p.api.DeleteStack, &cloudformation.DeleteStackInput{StackName: aws.String(s.id)})
	return err
}

// letGo deletes a stack without what it could not delete. That is ours by its tags, so EC2 goes on with it.
func (p *Provider) letGo(ctx context.Context, s stack) error {
	stuck, err := p.stuck(ctx, s, types.ResourceStatusDeleteFailed)
	if err != nil {
		return err
	}
	_, err = act(ctx, p, "DeleteStack", p.api.DeleteStack, &cloudformation.DeleteStackInput{StackName: aws.String(s.id), RetainResources: stuck})
	return err
}

// resume continues a roll-back that failed. What hindered it may be gone; from the second time on, what cannot be put back is
// skipped, which leaves it as it is: EC2 puts it right then. It is not tried in a hurry: each try is an operation.
func (p *Provider) resume(ctx context.Context, s stack) error {
	now := p.config.Now()
	if p.resumed.stack != s.id {
		p.resumed = resumption{stack: s.id}
	}
	if now.Before(p.resumed.next) {
		return fmt.Errorf("the stack %s is %s: %s (next try at %s)", p.config.Stack, s.status, s.why, p.resumed.next.UTC().Format(time.RFC3339))
	}
	in := &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String(s.id)}
	if p.resumed.tries > 0 {
		stuck, err := p.stuck(ctx, s, types.ResourceStatusUpdateFailed)
		if err != nil {
			return err
		}
		in.ResourcesToSkip = stuck
	}
	_, err := act(ctx, p, "ContinueUpdateRollback", p.api.ContinueUpdateRollback, in)
	if err == nil {
		p.resumed.tries++
		p.resumed.next = now
		if p.resumed.tries > 1 {
			p.resumed.next = now.Add(putAside(p.resumed.tries - 1))
		}
	}
	return err
}

// resumption counts how often the roll-back of a stack was continued.
type resumption struct {
	stack string
	tries int
	next  time.Time // not before then again
}

// stuck are the logical ids whose last event is a failure of that kind.
func (p *Provider) stuck(ctx context.Context, s stack, status types.ResourceStatus) ([]string, error) {
	last := map[string]types.ResourceStatus{}
	err := p.events(ctx, s, func(e types.StackEvent) bool {
		if id := aws.ToString(e.LogicalResourceId); last[id] == "" && aws.ToString(e.PhysicalResourceId) != s.id {
			last[id] = e.ResourceStatus
		}
		return true
	})
	var out []string
	for _, id := range sortedKeys(last) {
		if last[id] == status {
			out = append(out, id)
		}
	}
	return out, err
}
