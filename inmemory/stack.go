package inmemory

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// stack is one stack: what CloudFormation believes, which is not what EC2 has.
type stack struct {
	id, name  string
	status    types.StackStatus
	reason    string
	created   time.Time
	updated   time.Time // zero: never
	deleted   time.Time
	protected bool
	tags      Tags

	template  *template // what GetTemplate shows; nil until a change set was executed
	resources map[string]stackResource
	outputs   []types.Output
	leaving   []leaving // what has lost its place and is still to be deleted
	stable    stable    // what a roll-back goes back to
	stuck     []string  // resources that a roll-back or a deletion failed on

	executed   string // the ARN of the last change set that was executed
	token      string // of the operation
	submitted  int    // how many change sets there were
	changeSets []*changeSet
	events     []types.StackEvent // oldest first
}

// stackResource is one thing that a stack has made.
type stackResource struct {
	identity
	logical    string
	declared   declaration
	properties properties
	// unfinished: it was not made to its end, or its last change failed. What it is like nobody knows.
	unfinished bool
	made       bool
}

// leaving is a thing without a place in the stack. keep says that it stays in EC2 when the stack forgets it.
type leaving struct {
	stackResource
	keep bool
}

// stable is a stack after the last operation that ended well, and the template that was then its own.
type stable struct {
	template  *template
	tags      Tags
	resources map[string]stackResource
	outputs   []types.Output
}

func (c *CloudFormation) newStack(name string) *stack {
	before := 0
	for _, s := range c.stacks {
		if s.name == name {
			before++
		}
	}
	s := &stack{
		name:      name,
		id:        c.arn("stack", name, fmt.Sprint(before)),
		created:   c.options.Now(),
		tags:      Tags{},
		resources: map[string]stackResource{},
	}
	s.stable.resources = map[string]stackResource{}
	c.stacks = append(c.stacks, s)
	return s
}

// arn names a stack or a change set; equal runs have equal names.
func (c *CloudFormation) arn(kind, name, which string) string {
	id := derivedID("", kind+" "+name+" "+which)[1:]
	uuid := fmt.Sprintf("%s-%s-11ee-8000-%s", id[:8], id[8:12], id[5:17])
	return fmt.Sprintf("arn:aws:cloudformation:%s:%s:%s/%s/%s", c.ec2.options.Region, account, kind, name, uuid)
}

// stackNamed finds a stack by its name, if it was not deleted, or by its id.
func (c *CloudFormation) stackNamed(name string) *stack {
	for _, s := range c.stacks {
		if s.id == name || s.name == name && s.status != types.StackStatusDeleteComplete {
			return s
		}
	}
	return nil
}

// live finds a stack that was not deleted.
func (c *CloudFormation) live(name *string) (*stack, error) {
	s := c.stackNamed(aws.ToString(name))
	if s == nil || s.status == types.StackStatusDeleteComplete {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(name))
	}
	return s, nil
}

// settleDown takes what is there for what a roll-back goes back to.
func (s *stack) settleDown() {
	s.stable = stable{template: s.template, tags: s.tags, resources: maps.Clone(s.resources), outputs: s.outputs}
	s.stuck = nil
}

// tagsFor are all tags of a resource: CloudFormation adds three of its own (user guide, "Resource tag").
func (s *stack) tagsFor(logical string, tags Tags) Tags {
	all := maps.Clone(tags)
	all["aws:cloudformation:stack-name"] = s.name
	all["aws:cloudformation:stack-id"] = s.id
	all["aws:cloudformation:logical-id"] = logical
	return all
}

func (s *stack) sdk() types.Stack {
	out := types.Stack{
		StackName:                   aws.String(s.name),
		StackId:                     aws.String(s.id),
		StackStatus:                 s.status,
		StackStatusReason:           optional(s.reason),
		CreationTime:                aws.Time(s.created),
		EnableTerminationProtection: aws.Bool(s.protected),
		ChangeSetId:                 optional(s.executed),
		Outputs:                     slices.Clone(s.outputs),
		Tags:                        s.tags.stackSDK(),
		DisableRollback:             aws.Bool(false),
		DriftInformation:            &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked},
	}
	if s.template != nil {
		out.Description = optional(s.template.description)
	}
	if !s.updated.IsZero() {
		out.LastUpdatedTime = aws.Time(s.updated)
	}
	if !s.deleted.IsZero() {
		out.DeletionTime = aws.Time(s.deleted)
	}
	return out
}

// stackSDK is tags as CloudFormation has them.
func (t Tags) stackSDK() []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(t)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(t[key])})
	}
	return list
}
