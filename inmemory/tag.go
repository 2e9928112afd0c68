package inmemory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// zoneTag is the tag by which our own things name their zone: the best key for a call that makes one.
const zoneTag = "static-egress/zone"

// Tags are a thing's tags. They are shared with the EC2 that gave them: to be read only.
type Tags map[string]string

// tagsOf checks the tags of a creating call. EC2 user guide, "Tag restrictions": at most 50 tags, keys of 1 to 128
// characters, values of at most 256, and the prefix aws: is reserved. That a key given twice is refused is assumed.
func (m moment) tagsOf(specifications []types.TagSpecification, kind types.ResourceType) (Tags, error) {
	if len(specifications) > 1 {
		return nil, failure("InvalidParameterValue", "Only one TagSpecification for %s is allowed", kind) // assumed
	}
	tags := Tags{}
	for _, specification := range specifications {
		if specification.ResourceType != kind {
			return nil, failure("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", specification.ResourceType)
		}
		for _, tag := range specification.Tags {
			if err := m.addTag(tags, aws.ToString(tag.Key), aws.ToString(tag.Value)); err != nil {
				return nil, err
			}
		}
	}
	if tags.tooMany() {
		return nil, failure("TagLimitExceeded", "More than 50 tags specified")
	}
	return tags, nil
}

// tooMany: AWS's own tags do not count (EC2 user guide, "Tag restrictions").
func (t Tags) tooMany() bool {
	count := 0
	for key := range t {
		if !reserved(key) {
			count++
		}
	}
	return count > 50
}

// reserved tells whether only AWS itself, here CloudFormation, may write a tag.
func reserved(key string) bool {
	return strings.HasPrefix(strings.ToLower(key), "aws:")
}

func (m moment) addTag(t Tags, key, value string) error {
	switch _, twice := t[key]; {
	case twice:
		return failure("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
	case key == "" || len([]rune(key)) > 128:
		return failure("InvalidParameterValue", "Tag key '%s' must have 1 to 128 characters", key)
	case len([]rune(value)) > 256:
		return failure("InvalidParameterValue", "The value of tag '%s' exceeds the maximum length of 256 characters", key)
	case reserved(key) && !m.byStack:
		return failure("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
	}
	t[key] = value
	return nil
}

// keyOf names what a creating call makes: by its zone tag, else its Name tag, else as the caller says.
func keyOf(specifications []types.TagSpecification, otherwise *string) string {
	found := map[string]string{}
	for _, specification := range specifications {
		for _, tag := range specification.Tags {
			found[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	for _, key := range []string{zoneTag, "Name"} {
		if found[key] != "" {
			return found[key]
		}
	}
	return aws.ToString(otherwise)
}

func (t Tags) sdk() []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(t)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(t[key])})
	}
	return list
}

var createTags = operation[ec2.CreateTagsInput, ec2.CreateTagsOutput]{
	name:     "CreateTags",
	required: []string{"Resources", "Tags"},
	key:      func(in *ec2.CreateTagsInput) string { return strings.Join(in.Resources, " ") },
	// A tag that is there is overwritten (SDK doc comment on CreateTags). That one unknown resource refuses the whole call is
	// assumed.
	effect: func(m moment, in *ec2.CreateTagsInput) (*ec2.CreateTagsOutput, error) {
		for _, id := range in.Resources {
			tags := Tags{}
			for _, tag := range in.Tags {
				if err := m.addTag(tags, aws.ToString(tag.Key), aws.ToString(tag.Value)); err != nil {
					return nil, err
				}
			}
			full := false
			if err := m.retag(id, func(t Tags) { maps.Copy(t, tags); full = t.tooMany() }); err != nil {
				return nil, err
			}
			if full {
				return nil, failure("TagLimitExceeded", "More than 50 tags specified")
			}
		}
		return &ec2.CreateTagsOutput{}, nil
	},
}

// CreateTags adds or overwrites tags.
func (e *EC2) CreateTags(ctx context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	return createTags.call(ctx, e, in)
}

// deleteTags is what CloudFormation does to a tag that left a template; the controller never does.
var deleteTags = operation[ec2.DeleteTagsInput, ec2.DeleteTagsOutput]{
	name:     "DeleteTags",
	required: []string{"Resources", "Tags"},
	key:      func(in *ec2.DeleteTagsInput) string { return strings.Join(in.Resources, " ") },
	effect: func(m moment, in *ec2.DeleteTagsInput) (*ec2.DeleteTagsOutput, error) {
		for _, id := range in.Resources {
			drop := func(t Tags) {
				for _, tag := range in.Tags {
					delete(t, aws.ToString(tag.Key))
				}
			}
			if err := m.retag(id, drop); err != nil {
				return nil, err
			}
		}
		return &ec2.DeleteTagsOutput{}, nil
	},
}

// SetTags is a hand: it adds or changes tags of a thing, those that CloudFormation alone can set (aws:) too.
func (e *EC2) SetTags(id string, tags Tags) {
	e.retag(id, func(t Tags) { maps.Copy(t, tags) })
}

// RemoveTags is a hand: it takes tags off a thing.
func (e *EC2) RemoveTags(id string, keys ...string) {
	e.retag(id, func(t Tags) {
		maps.DeleteFunc(t, func(key, _ string) bool { return slices.Contains(keys, key) })
	})
}

func (e *EC2) retag(id string, change func(Tags)) {
	must(e.update(func(m moment) error { return m.retag(id, change) }))
}

func (m moment) retag(id string, change func(Tags)) error {
	kind, _, _ := strings.Cut(id, "-")
	retagged := false
	switch kind {
	case "vpc":
		retagged = retag(m.vpcs, id, change, func(r *VPC) *Tags { return &r.Tags })
	case "igw":
		retagged = retag(m.internetGateways, id, change, func(r *InternetGateway) *Tags { return &r.Tags })
	case "subnet":
		retagged = retag(m.subnets, id, change, func(r *Subnet) *Tags { return &r.Tags })
	case "rtb":
		retagged = retag(m.tables, id, change, func(r *RouteTable) *Tags { return &r.Tags })
	case "nat":
		retagged = retag(m.gateways, id, change, func(r *NATGateway) *Tags { return &r.Tags })
	case "eipalloc":
		retagged = retag(m.addresses, id, change, func(r *Address) *Tags { return &r.Tags })
	case "pl":
		retagged = retag(m.prefixLists, id, change, func(r *PrefixList) *Tags { return &r.Tags })
	}
	if !retagged {
		return notFound("InvalidID", "resource", id)
	}
	return nil
}

func retag[T any](records map[string]T, id string, change func(Tags), tagsIn func(*T) *Tags) bool {
	record, ok := records[id]
	if !ok {
		return false
	}
	tags := Tags{}
	maps.Copy(tags, *tagsIn(&record))
	change(tags)
	*tagsIn(&record) = tags
	records[id] = record
	return true
}
