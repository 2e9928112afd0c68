package inmemory

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var describeStacks = stackCall[cloudformation.DescribeStacksInput, cloudformation.DescribeStacksOutput]{
	name:     "DescribeStacks",
	optional: []string{"StackName", "NextToken"},
	key:      func(in *cloudformation.DescribeStacksInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if name := aws.ToString(in.StackName); name != "" {
			s := c.stackNamed(name)
			if s == nil { // seen everywhere in these words
				return nil, invalid("Stack with id %s does not exist", name)
			}
			return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{s.sdk()}}, nil
		}
		var all []types.Stack
		for _, s := range c.stacks {
			if s.status != types.StackStatusDeleteComplete {
				all = append(all, s.sdk())
			}
		}
		p, err := pageOf("stacks", len(all), c.options.StacksPerPage, in.NextToken)
		if err != nil {
			return nil, err
		}
		return &cloudformation.DescribeStacksOutput{Stacks: all[p.from:p.to], NextToken: p.next}, nil
	},
}

// DescribeStacks describes a stack, or all that were not deleted. A deleted one is found by its id only.
func (c *CloudFormation) DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	return describeStacks.call(ctx, c, in)
}

// getTemplate: a stack in REVIEW_IN_PROGRESS has no template (SDK doc comment on CreateChangeSet); that the answer is
// empty then, and no error, is assumed.
var getTemplate = stackCall[cloudformation.GetTemplateInput, cloudformation.GetTemplateOutput]{
	name:     "GetTemplate",
	optional: []string{"StackName", "ChangeSetName", "TemplateStage"},
	key: func(in *cloudformation.GetTemplateInput) string {
		return changeSetKey(in.StackName, in.ChangeSetName)
	},
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.GetTemplateInput) (*cloudformation.GetTemplateOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		out := &cloudformation.GetTemplateOutput{StagesAvailable: types.TemplateStage("").Values()}
		slices.Sort(out.StagesAvailable)
		if in.ChangeSetName != nil {
			_, cs, err := c.changeSet(in.StackName, in.ChangeSetName)
			if err != nil {
				return nil, err
			}
			out.TemplateBody = aws.String(cs.template.body)
			return out, nil
		}
		s := c.stackNamed(aws.ToString(in.StackName))
		if s == nil {
			return nil, invalid("Stack with id %s does not exist", aws.ToString(in.StackName))
		}
		if s.template != nil {
			out.TemplateBody = aws.String(s.template.body)
		}
		return out, nil
	},
}

// GetTemplate gives the template of a stack or of a change set, to the byte as it was submitted.
func (c *CloudFormation) GetTemplate(ctx context.Context, in *cloudformation.GetTemplateInput, _ ...func(*cloudformation.Options)) (*cloudformation.GetTemplateOutput, error) {
	return getTemplate.call(ctx, c, in)
}

// updateTerminationProtection: not while a stack is being deleted (assumed).
var updateTerminationProtection = stackCall[cloudformation.UpdateTerminationProtectionInput, cloudformation.UpdateTerminationProtectionOutput]{
	name:     "UpdateTerminationProtection",
	required: []string{"StackName", "EnableTerminationProtection"},
	key:      func(in *cloudformation.UpdateTerminationProtectionInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.UpdateTerminationProtectionInput) (*cloudformation.UpdateTerminationProtectionOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, err := c.live(in.StackName)
		switch {
		case err != nil:
			return nil, err
		case s.status == types.StackStatusDeleteInProgress:
			return nil, cannotUpdate(s)
		}
		s.protected = *in.EnableTerminationProtection
		return &cloudformation.UpdateTerminationProtectionOutput{StackId: aws.String(s.id)}, nil
	},
}

// UpdateTerminationProtection says whether a stack can be deleted.
func (c *CloudFormation) UpdateTerminationProtection(ctx context.Context, in *cloudformation.UpdateTerminationProtectionInput, _ ...func(*cloudformation.Options)) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	return updateTerminationProtection.call(ctx, c, in)
}

var describeChangeSet = stackCall[cloudformation.DescribeChangeSetInput, cloudformation.DescribeChangeSetOutput]{
	name:     "DescribeChangeSet",
	required: []string{"ChangeSetName"},
	optional: []string{"StackName", "NextToken"},
	key: func(in *cloudformation.DescribeChangeSetInput) string {
		return changeSetKey(in.StackName, in.ChangeSetName)
	},
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, cs, err := c.changeSet(in.StackName, in.ChangeSetName)
		if err != nil {
			return nil, err
		}
		p, err := pageOf("changes "+cs.id, len(cs.changes), c.options.ChangesPerPage, in.NextToken)
		if err != nil {
			return nil, err
		}
		return &cloudformation.DescribeChangeSetOutput{
			ChangeSetId:     aws.String(cs.id),
			ChangeSetName:   aws.String(cs.name),
			StackId:         aws.String(s.id),
			StackName:       aws.String(s.name),
			Description:     optional(cs.description),
			CreationTime:    aws.Time(cs.created),
			Status:          cs.status,
			StatusReason:    optional(cs.reason),
			ExecutionStatus: cs.execution,
			Tags:            cs.tags.stackSDK(),
			Changes:         slices.Clone(cs.changes[p.from:p.to]),
			NextToken:       p.next,
		}, nil
	},
}

// DescribeChangeSet describes a change set, with one page of its changes.
func (c *CloudFormation) DescribeChangeSet(ctx context.Context, in *cloudformation.DescribeChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	return describeChangeSet.call(ctx, c, in)
}

var listChangeSets = stackCall[cloudformation.ListChangeSetsInput, cloudformation.ListChangeSetsOutput]{
	name:     "ListChangeSets",
	required: []string{"StackName"},
	optional: []string{"NextToken"},
	key:      func(in *cloudformation.ListChangeSetsInput) string { return stackKey(in.StackName) },
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.ListChangeSetsInput) (*cloudformation.ListChangeSetsOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		s, err := c.live(in.StackName)
		if err != nil {
			return nil, err
		}
		p, err := pageOf("change sets "+s.id, len(s.changeSets), c.options.ChangeSetsPerPage, in.NextToken)
		if err != nil {
			return nil, err
		}
		out := &cloudformation.ListChangeSetsOutput{NextToken: p.next}
		for _, cs := range s.changeSets[p.from:p.to] {
			out.Summaries = append(out.Summaries, types.ChangeSetSummary{
				ChangeSetId:     aws.String(cs.id),
				ChangeSetName:   aws.String(cs.name),
				StackId:         aws.String(s.id),
				StackName:       aws.String(s.name),
				Description:     optional(cs.description),
				CreationTime:    aws.Time(cs.created),
				Status:          cs.status,
				StatusReason:    optional(cs.reason),
				ExecutionStatus: cs.execution,
			})
		}
		return out, nil
	},
}

// ListChangeSets lists a stack's change sets, failed and executed ones too.
func (c *CloudFormation) ListChangeSets(ctx context.Context, in *cloudformation.ListChangeSetsInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error) {
	return listChangeSets.call(ctx, c, in)
}

// deleteChangeSet: one that is not there is deleted (aws-cdk deletes before it creates, whether there is one or not); one
// that is being made or executed cannot be (SDK doc comment on InvalidChangeSetStatusException). The last one of a stack
// in REVIEW_IN_PROGRESS leaves the stack behind.
var deleteChangeSet = stackCall[cloudformation.DeleteChangeSetInput, cloudformation.DeleteChangeSetOutput]{
	name:     "DeleteChangeSet",
	required: []string{"ChangeSetName"},
	optional: []string{"StackName"},
	key: func(in *cloudformation.DeleteChangeSetInput) string {
		return changeSetKey(in.StackName, in.ChangeSetName)
	},
	effect: func(_ context.Context, c *CloudFormation, in *cloudformation.DeleteChangeSetInput) (*cloudformation.DeleteChangeSetOutput, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if in.StackName != nil {
			if _, err := c.live(in.StackName); err != nil {
				return nil, err
			}
		}
		s, cs, err := c.changeSet(in.StackName, in.ChangeSetName)
		if err != nil {
			return &cloudformation.DeleteChangeSetOutput{}, nil
		}
		making := cs.status == types.ChangeSetStatusCreatePending || cs.status == types.ChangeSetStatusCreateInProgress
		if making || cs.execution == types.ExecutionStatusExecuteInProgress {
			message := "ChangeSet [" + cs.id + "] cannot be deleted in its current status"
			return nil, &types.InvalidChangeSetStatusException{Message: &message}
		}
		s.changeSets = slices.DeleteFunc(slices.Clone(s.changeSets), func(other *changeSet) bool { return other == cs })
		return &cloudformation.DeleteChangeSetOutput{}, nil
	},
}

// DeleteChangeSet deletes a change set.
func (c *CloudFormation) DeleteChangeSet(ctx context.Context, in *cloudformation.DeleteChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error) {
	return deleteChangeSet.call(ctx, c, in)
}
