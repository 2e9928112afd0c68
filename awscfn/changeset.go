package awscfn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// changeSetPrefix begins the names of our change sets.
const changeSetPrefix = "static-egress-"

// changeSetName is the same for the same template sent to the same stack in the same state, so that a process that died
// half-way is continued and not repeated; and another one after each operation, because a name is used up by it.
func changeSetName(s stack, body []byte, tags []types.Tag) string {
	said := []string{s.operation}
	for _, t := range tags {
		said = append(said, aws.ToString(t.Key)+"="+aws.ToString(t.Value))
	}
	sum := sha256.Sum256([]byte(strings.Join(append(said, string(body)), "\n")))
	return changeSetPrefix + hex.EncodeToString(sum[:])[:32]
}

// advance takes the next step towards a template: make the change set, or look at it and execute it.
func (p *Provider) advance(ctx context.Context, s stack, t Template, d difference) error {
	body, err := Render(t)
	if err != nil {
		return err
	}
	tags := p.stackTags()
	base := s
	if s.step() == create {
		base = stack{} // the shell of a stack comes and goes with its change set
	}
	name := changeSetName(base, body, tags)
	if p.refused.name == name && p.config.Now().Before(p.refused.until) {
		return p.refused.why
	}
	if s.exists() {
		set, err := p.changeSet(ctx, s, name)
		if err != nil && !isNoChangeSet(err) {
			return err
		}
		if err == nil {
			return p.proceed(ctx, s, set, d)
		}
	}
	return p.makeChangeSet(ctx, s, name, body, tags)
}

func (p *Provider) stackTags() []types.Tag {
	var out []types.Tag
	tags := p.ec2.TagsFor(reconcile.CloudFormationStack, "")
	for _, k := range sortedKeys(tags) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

func (p *Provider) makeChangeSet(ctx context.Context, s stack, name string, body []byte, tags []types.Tag) error {
	if err := p.clear(ctx, s); err != nil {
		return err
	}
	in := &cloudformation.CreateChangeSetInput{
		StackName: aws.String(p.config.Stack), ChangeSetName: aws.String(name), ChangeSetType: types.ChangeSetTypeUpdate,
		Tags: tags, Description: aws.String("by kube-static-egress-controller"),
	}
	if s.step() == create {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	if err := p.load(ctx, in, name, body); err != nil {
		return err
	}
	_, err := act(ctx, p, "CreateChangeSet", p.api.CreateChangeSet, in)
	if isExists(err) { // made by a call whose answer was lost
		return nil
	}
	if err == nil {
		p.config.Log.Info("made a change set", "stack", p.config.Stack, "change-set", name, "bytes", len(body))
	}
	return err
}

// load puts the template into the call, or where the call can say it is.
func (p *Provider) load(ctx context.Context, in *cloudformation.CreateChangeSetInput, name string, body []byte) error {
	switch {
	case len(body) <= maxInline:
		in.TemplateBody = aws.String(string(body))
		return nil
	case p.config.Bucket == nil:
		return fmt.Errorf("the template has %d bytes, and CloudFormation takes %d with a call: --cf-template-bucket says where to put a longer one", len(body), maxInline)
	case len(body) > maxStored:
		return fmt.Errorf("the template has %d bytes, and CloudFormation takes %d", len(body), maxStored)
	}
	url, err := p.config.Bucket.Put(ctx, p.config.Stack+"/"+name+".json", body)
	in.TemplateURL = aws.String(url)
	return err
}

// clear deletes change sets of ours that came to nothing, such as those for a goal that has changed since.
func (p *Provider) clear(ctx context.Context, s stack) error {
	if !s.exists() {
		return nil
	}
	pages := cloudformation.NewListChangeSetsPaginator(p.api, &cloudformation.ListChangeSetsInput{StackName: aws.String(s.id)})
	for pages.HasMorePages() {
		page, err := next(ctx, p, "ListChangeSets", pages)
		if err != nil {
			return err
		}
		for _, set := range page.Summaries {
			stale := set.ExecutionStatus != types.ExecutionStatusExecuteComplete && set.ExecutionStatus != types.ExecutionStatusExecuteInProgress
			if name := aws.ToString(set.ChangeSetName); stale && strings.HasPrefix(name, changeSetPrefix) {
				if err := p.deleteChangeSet(ctx, s, name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *Provider) deleteChangeSet(ctx context.Context, s stack, name string) error {
	_, err := act(ctx, p, "DeleteChangeSet", p.api.DeleteChangeSet, &cloudformation.DeleteChangeSetInput{
		StackName: aws.String(s.id), ChangeSetName: aws.String(name),
	})
	if isNoChangeSet(err) {
		return nil
	}
	return err
}

// changeSet reads a change set, every page of it.
func (p *Provider) changeSet(ctx context.Context, s stack, name string) (*cloudformation.DescribeChangeSetOutput, error) {
	var all *cloudformation.DescribeChangeSetOutput
	pages := cloudformation.NewDescribeChangeSetPaginator(p.api, &cloudformation.DescribeChangeSetInput{
		StackName: aws.String(s.id), ChangeSetName: aws.String(name),
	})
	for pages.HasMorePages() {
		page, err := next(ctx, p, "DescribeChangeSet", pages)
		if err != nil {
			return nil, err
		}
		if all != nil {
			page.Changes = slices.Concat(all.Changes, page.Changes)
		}
		all = page
	}
	return all, nil
}

// proceed looks at a change set that is there: it is not ready, it is good and executed, or it is deleted and reported.
func (p *Provider) proceed(ctx context.Context, s stack, set *cloudformation.DescribeChangeSetOutput, d difference) error {
	name := aws.ToString(set.ChangeSetName)
	switch set.Status {
	case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress, types.ChangeSetStatusDeletePending,
		types.ChangeSetStatusDeleteInProgress, types.ChangeSetStatusDeleteComplete:
		return nil
	case types.ChangeSetStatusFailed, types.ChangeSetStatusDeleteFailed:
		var why error
		if reason := aws.ToString(set.StatusReason); !saysNoChanges(reason) {
			why = fmt.Errorf("the change set %s could not be made: %s", name, reason)
		}
		return p.refuse(ctx, s, name, why)
	case types.ChangeSetStatusCreateComplete:
	}
	switch set.ExecutionStatus {
	case types.ExecutionStatusAvailable:
	case types.ExecutionStatusUnavailable, types.ExecutionStatusExecuteInProgress:
		return nil
	case types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed, types.ExecutionStatusObsolete:
		// It was used up, and what it did was undone or overtaken: the next pass makes it anew.
		return p.deleteChangeSet(ctx, s, name)
	}
	if strange := d.unplanned(set.Changes); len(strange) > 0 {
		return p.refuse(ctx, s, name, fmt.Errorf("the change set %s would do what nobody has planned, and is not executed: %s", name, strings.Join(strange, ", ")))
	}
	if err := p.protect(ctx, s); err != nil {
		return err
	}
	_, err := act(ctx, p, "ExecuteChangeSet", p.api.ExecuteChangeSet, &cloudformation.ExecuteChangeSetInput{
		StackName: aws.String(s.id), ChangeSetName: aws.String(name),
	})
	if err == nil {
		p.config.Log.Info("executed a change set", "stack", p.config.Stack, "change-set", name, "changes", d.String())
	}
	return err
}

// refusal is a change set that came to nothing. The same one would come to nothing again, so it is put aside for a while, and
// told in each pass until then.
type refusal struct {
	name  string
	why   error // nil: it had nothing to change
	count int
	until time.Time
}

func (p *Provider) refuse(ctx context.Context, s stack, name string, why error) error {
	if p.refused.name != name {
		p.refused = refusal{name: name}
	}
	p.refused.count++
	p.refused.why, p.refused.until = why, p.config.Now().Add(putAside(p.refused.count))
	return errors.Join(why, p.deleteChangeSet(ctx, s, name))
}

// protect has the stack protected against deletion, or not, as it was asked for.
func (p *Provider) protect(ctx context.Context, s stack) error {
	if s.protected == p.config.Protect {
		return nil
	}
	return p.setProtection(ctx, s, p.config.Protect)
}

func (p *Provider) setProtection(ctx context.Context, s stack, on bool) error {
	_, err := act(ctx, p, "UpdateTerminationProtection", p.api.UpdateTerminationProtection, &cloudformation.UpdateTerminationProtectionInput{
		StackName: aws.String(s.id), EnableTerminationProtection: aws.Bool(on),
	})
	return err
}
