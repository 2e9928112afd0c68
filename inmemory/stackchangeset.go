package inmemory

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// changeSet is one change set of a stack.
type changeSet struct {
	id, name    string
	description string
	token       string
	created     time.Time
	creates     bool
	status      types.ChangeSetStatus
	reason      string
	execution   types.ExecutionStatus
	template    *template
	tags        Tags
	changes     []types.Change
}

const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

var (
	stackNames     = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
	changeSetNames = stackNames // SDK doc comments on CreateStack's StackName and CreateChangeSet's ChangeSetName
)

var createChangeSet = stackCall[cloudformation.CreateChangeSetInput, cloudformation.CreateChangeSetOutput]{
	name:     "CreateChangeSet",
	required: []string{"StackName", "ChangeSetName"},
	optional: []string{"ChangeSetType", "TemplateBody", "TemplateURL", "Tags", "Description", "ClientToken"},
	key: func(in *cloudformation.CreateChangeSetInput) string {
		return changeSetKey(in.StackName, in.ChangeSetName)
	},
	effect: func(ctx context.Context, c *CloudFormation, in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
		cs, err := c.submitted(ctx, in)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		s, err := c.stackFor(in)
		if err != nil {
			return nil, err
		}
		if before := s.changeSetNamed(cs.name); before != nil {
			if cs.token != "" && before.token == cs.token { // SDK doc comment on ClientToken
				return &cloudformation.CreateChangeSetOutput{Id: aws.String(before.id), StackId: aws.String(s.id)}, nil
			}
			message := fmt.Sprintf("ChangeSet %s already exists", cs.name)
			return nil, &types.AlreadyExistsException{Message: &message}
		}
		if in.Tags == nil && !cs.creates {
			cs.tags = s.tags // assumed, as UpdateStack does
		}
		if err := s.keepsTypes(cs.template); err != nil {
			return nil, err
		}
		cs.id = c.arn("changeSet", cs.name, fmt.Sprint(s.id, " ", s.submitted))
		s.submitted++
		s.changeSets = append(s.changeSets, cs)
		c.begin(func() { c.examine(s, cs) })
		return &cloudformation.CreateChangeSetOutput{Id: aws.String(cs.id), StackId: aws.String(s.id)}, nil
	},
}

// CreateChangeSet begins to compare a template with a stack, and makes the stack if it is to be a new one.
func (c *CloudFormation) CreateChangeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	return createChangeSet.call(ctx, c, in)
}

// submitted checks all of a request that can be checked without the stack.
func (c *CloudFormation) submitted(ctx context.Context, in *cloudformation.CreateChangeSetInput) (*changeSet, error) {
	if !changeSetNames.MatchString(*in.ChangeSetName) {
		return nil, invalid("1 validation error detected: Value '%s' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", *in.ChangeSetName)
	}
	if in.ChangeSetType == types.ChangeSetTypeImport {
		return nil, failure("UnsupportedOperation", "The in-memory CloudFormation imports nothing")
	}
	body, err := c.bodyOf(ctx, in)
	if err != nil {
		return nil, err
	}
	t, err := parseTemplate(body)
	if err != nil {
		return nil, err
	}
	tags, err := stackTags(in.Tags)
	return &changeSet{
		name:        *in.ChangeSetName,
		description: aws.ToString(in.Description),
		token:       aws.ToString(in.ClientToken),
		created:     c.options.Now(),
		creates:     in.ChangeSetType == types.ChangeSetTypeCreate,
		status:      types.ChangeSetStatusCreatePending,
		execution:   types.ExecutionStatusUnavailable,
		template:    t,
		tags:        tags,
	}, err
}

func (c *CloudFormation) bodyOf(ctx context.Context, in *cloudformation.CreateChangeSetInput) (string, error) {
	body, url := aws.ToString(in.TemplateBody), aws.ToString(in.TemplateURL)
	switch {
	case (body == "") == (url == ""):
		return "", invalid("Either Template URL or Template Body must be specified.")
	case len(body) > maxBody:
		return "", invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", maxBody)
	case url == "":
		return body, nil
	case c.options.Fetch == nil:
		return "", invalid("S3 error: Access Denied")
	}
	text, err := c.options.Fetch(ctx, url)
	switch {
	case err != nil:
		return "", invalid("S3 error: %v", err)
	case len(text) > maxFetched:
		return "", invalid("Template may not exceed %d bytes in size.", maxFetched)
	}
	return string(text), nil
}

// stackTags: 50 at most (SDK doc comment on Tags), and none of AWS's own.
func stackTags(list []types.Tag) (Tags, error) {
	tags := Tags{}
	for _, tag := range list {
		if err := (moment{}).addTag(tags, aws.ToString(tag.Key), aws.ToString(tag.Value)); err != nil {
			return nil, invalid("%v", err)
		}
	}
	if len(tags) > 50 {
		return nil, invalid("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	return tags, nil
}

// stackFor finds the stack, or makes it. In REVIEW_IN_PROGRESS it counts as not made yet: what creates it can be submitted
// again, an update cannot (realestate-com-au/stackup#48).
func (c *CloudFormation) stackFor(in *cloudformation.CreateChangeSetInput) (*stack, error) {
	creates := in.ChangeSetType == types.ChangeSetTypeCreate
	s, err := c.live(in.StackName)
	switch {
	case err != nil && !creates:
		return nil, err
	case err != nil && !stackNames.MatchString(*in.StackName):
		return nil, invalid("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", *in.StackName)
	case err != nil:
		s = c.newStack(*in.StackName)
		c.setStatus(s, types.StackStatusReviewInProgress, byUser)
	case creates && s.status != types.StackStatusReviewInProgress: // seen in these words in compose-x/ecs_composex#785
		return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.name, *in.ChangeSetName)
	case !creates && !updatable(s.status):
		return nil, cannotUpdate(s)
	}
	return s, nil
}

// keepsTypes: a logical id keeps its type for good.
func (s *stack) keepsTypes(t *template) error {
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		if r, there := s.resources[id]; there && r.declared.kind != t.resources[id].kind {
			return invalid("Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]", id)
		}
	}
	return nil
}

// examine makes a change set: half of its time it waits for its turn.
func (c *CloudFormation) examine(s *stack, cs *changeSet) {
	half := (c.step() + 1) / 2
	c.sleep(half)
	cs.status = types.ChangeSetStatusCreateInProgress
	c.sleep(half)
	cs.changes = c.changes(s, cs)
	cs.status, cs.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	if len(cs.changes) == 0 && !cs.changesMore(s) {
		cs.status, cs.execution, cs.reason = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable, noChanges
	}
}

// changesMore tells whether a change set that changes no resource still changes something: outputs or tags (assumed; the
// list of its changes is empty then).
func (cs *changeSet) changesMore(s *stack) bool {
	return s.template == nil || !maps.Equal(s.template.outputs, cs.template.outputs) || !maps.Equal(s.tags, cs.tags)
}

func (s *stack) changeSetNamed(name string) *changeSet {
	for _, cs := range s.changeSets {
		if cs.name == name || cs.id == name {
			return cs
		}
	}
	return nil
}

// obsolete makes all change sets useless: the stack is no longer what they were compared with.
func (s *stack) obsolete() {
	for _, cs := range s.changeSets {
		if cs.execution == types.ExecutionStatusAvailable {
			cs.execution = types.ExecutionStatusObsolete
		}
	}
}

// changeSet finds a change set by its stack and name, or by its ARN.
func (c *CloudFormation) changeSet(stackName, name *string) (*stack, *changeSet, error) {
	for _, s := range c.stacks {
		if stackName != nil && c.stackNamed(*stackName) != s {
			continue
		}
		if cs := s.changeSetNamed(*name); cs != nil && (stackName != nil || cs.id == *name) {
			return s, cs, nil
		}
	}
	message := fmt.Sprintf("ChangeSet [%s] does not exist", *name)
	return nil, nil, &types.ChangeSetNotFoundException{Message: &message}
}
