package awscfn

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// failure is what was to blame for an operation that was rolled back. It is put aside for a while, so that all else goes on
// (rule 12). A process that starts anew reads the last operation's failures in the stack's events again.
type failure struct {
	reason string
	count  int
	until  time.Time
}

// putAside is for how long, after the n-th failure in a row: a minute, doubling up to an hour. Each try costs an operation
// and its roll-back, in which nothing else can be changed.
func putAside(n int) time.Duration { return min(time.Minute<<min(n-1, 10), time.Hour) }

// digest learns from the events what was to blame for the last operation, if it failed.
func (p *Provider) digest(ctx context.Context, s stack) error {
	operation := s.operation
	if !s.exists() || !rolledBack(s.status) || p.digested == operation {
		return nil
	}
	blamed, err := p.blame(ctx, s)
	if err != nil {
		return err
	}
	now := p.config.Now()
	for _, id := range sortedKeys(blamed) {
		n := p.failures[id].count + 1
		p.failures[id] = failure{blamed[id], n, now.Add(putAside(n))}
		p.config.Log.Warn("the stack could not make or change something; it is put aside", "logical-id", id, "reason", blamed[id], "until", p.failures[id].until)
	}
	p.digested = operation
	return nil
}

// blame reads the events of the last operation, newest first, back to its beginning: what failed by itself, and why.
func (p *Provider) blame(ctx context.Context, s stack) (map[string]string, error) {
	out := map[string]string{}
	err := p.events(ctx, s, func(e types.StackEvent) bool {
		if began(e, s) {
			return false
		}
		if failedItself(e, s) {
			out[aws.ToString(e.LogicalResourceId)] = aws.ToString(e.ResourceStatusReason)
		}
		return true
	})
	return out, err
}

// events reads the stack's events, newest first, until yield has seen enough.
func (p *Provider) events(ctx context.Context, s stack, yield func(types.StackEvent) bool) error {
	pages := cloudformation.NewDescribeStackEventsPaginator(p.api, &cloudformation.DescribeStackEventsInput{StackName: aws.String(s.id)})
	for pages.HasMorePages() {
		page, err := next(ctx, p, "DescribeStackEvents", pages)
		if err != nil {
			return err
		}
		for _, e := range page.StackEvents {
			if !yield(e) {
				return nil
			}
		}
	}
	return nil
}

// began reports whether an event is the beginning of an operation: the stack's own, of a status that no roll-back begins with.
func began(e types.StackEvent, s stack) bool {
	begins := []types.ResourceStatus{types.ResourceStatusCreateInProgress, types.ResourceStatusUpdateInProgress}
	return aws.ToString(e.PhysicalResourceId) == s.id && slices.Contains(begins, e.ResourceStatus)
}

func failedItself(e types.StackEvent, s stack) bool {
	fails := []types.ResourceStatus{types.ResourceStatusCreateFailed, types.ResourceStatusUpdateFailed}
	return aws.ToString(e.PhysicalResourceId) != s.id && slices.Contains(fails, e.ResourceStatus) && !saysCancelled(aws.ToString(e.ResourceStatusReason))
}

// forget drops the failures of what came about, or of what nobody wants any more.
func (p *Provider) forget(s stack, wanted Template) {
	for id, f := range p.failures {
		before, is := s.template.Resources[id]
		after, shall := wanted.Resources[id]
		same := is == shall && (!is || reflect.DeepEqual(before.Properties, after.Properties))
		if same && !p.config.Now().Before(f.until) {
			delete(p.failures, id)
		}
	}
}

// frozen are the logical ids that stay as they are for now.
func (p *Provider) frozen() map[string]bool {
	out := map[string]bool{}
	for id, f := range p.failures {
		out[id] = p.config.Now().Before(f.until)
	}
	return out
}
