package awscfn

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

// stack is what CloudFormation says of ours in one look. The zero value is that there is none.
type stack struct {
	id        string
	status    types.StackStatus
	why       string // CloudFormation's word about the status
	protected bool
	tags      map[string]string
	outputs   map[string]string
	began     time.Time // when its last operation began
	operation string    // which one that was
	changed   time.Time // until when it may have changed something, as far as is known
	template  Template
	size      int    // the template's, in bytes
	unknown   string // why the template cannot be understood; empty if it can
}

// exists reports whether there is a stack, or the shell of one.
func (s stack) exists() bool { return s.id != "" }

func (s stack) step() step {
	if !s.exists() {
		return create
	}
	return stepOf(s.status)
}

// busy reports whether an operation runs.
func (s stack) busy() bool { return s.exists() && s.step() == wait }

// unsettled reports whether what it has made can still be taken back: while an operation runs, and where one has not been
// undone to its end.
func (s stack) unsettled() bool {
	return s.busy() || s.exists() && slices.Contains([]step{resume, undo, remove, release}, s.step())
}

// read looks at the stack and its template.
func (p *Provider) read(ctx context.Context) (stack, error) {
	name := aws.String(p.config.Stack)
	out, err := ask(ctx, p, "DescribeStacks", p.api.DescribeStacks, &cloudformation.DescribeStacksInput{StackName: name})
	switch {
	case isNoStack(err):
		return stack{}, nil
	case err != nil:
		return stack{}, err
	case len(out.Stacks) != 1:
		return stack{}, fmt.Errorf("DescribeStacks: there are %d stacks of the name %s", len(out.Stacks), p.config.Stack)
	}
	s := stackOf(out.Stacks[0])
	if s.step() == create {
		return s, nil // nothing was ever made by it
	}
	got, err := ask(ctx, p, "GetTemplate", p.api.GetTemplate, &cloudformation.GetTemplateInput{
		StackName: aws.String(s.id), TemplateStage: types.TemplateStageOriginal,
	})
	if err != nil {
		return stack{}, err
	}
	s.size = len(aws.ToString(got.TemplateBody))
	if s.template, err = Parse([]byte(aws.ToString(got.TemplateBody))); err != nil {
		s.unknown = err.Error()
	} else if err := s.template.known(); err != nil {
		s.unknown = err.Error()
	}
	return s, nil
}

func stackOf(in types.Stack) stack {
	s := stack{
		id: aws.ToString(in.StackId), status: in.StackStatus, why: aws.ToString(in.StackStatusReason),
		protected: aws.ToBool(in.EnableTerminationProtection), tags: map[string]string{}, outputs: map[string]string{},
		began: aws.ToTime(in.CreationTime),
	}
	if in.LastUpdatedTime != nil {
		s.began = *in.LastUpdatedTime
	}
	s.changed = s.began
	s.operation = s.id + " " + aws.ToString(in.ChangeSetId) + " " + s.began.UTC().Format(time.RFC3339Nano)
	for _, t := range in.Tags {
		s.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	for _, o := range in.Outputs {
		s.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return s
}

// strange says why the stack is not to be touched: it is somebody else's, or somebody else has changed what it says.
func (p *Provider) strange(s stack) string {
	if s.step() == create {
		return "" // nothing was ever made in it, and a shell has no tags
	}
	for _, k := range sortedKeys(p.ec2.Identity()) {
		if s.tags[k] != p.ec2.Identity()[k] {
			return fmt.Sprintf("the stack %s is not ours: its tag %s is %q, and not %q; nothing is changed (--stack-name chooses another name)",
				p.config.Stack, k, s.tags[k], p.ec2.Identity()[k])
		}
	}
	if s.unknown != "" && !s.busy() { // while an operation runs nothing is changed anyway, and the text may be half of two
		return fmt.Sprintf("the stack %s was changed by somebody else, and is not touched until it is as it was: %s", p.config.Stack, s.unknown)
	}
	return ""
}

// Names of the outputs, before the zone's.
const (
	outputAddress    = "PublicIp"
	outputAllocation = "AllocationId"
	outputGateway    = "NatGatewayId"

	// What the stack made for a zone that uses another address.
	outputSpareAddress    = "SparePublicIp"
	outputSpareAllocation = "SpareAllocationId"
)

func outputName(what string, z reconcile.Zone) string { return what + alphanumeric.Replace(string(z)) }

// allocation is the id of the address that the stack made for a zone; empty if it made none.
func (s stack) allocation(z reconcile.Zone) string {
	if _, made := newHolding(s.template).id(reconcile.Key{Kind: reconcile.Address, Zone: z}); !made {
		return ""
	}
	return cmp.Or(s.outputs[outputName(outputSpareAllocation, z)], s.outputs[outputName(outputAllocation, z)])
}

// gateway is the id of the gateway that the stack made for a zone; empty if that is not known.
func (s stack) gateway(z reconcile.Zone) string { return s.outputs[outputName(outputGateway, z)] }

// addresses are those that the stack made.
func (s stack) addresses() map[reconcile.Zone]reconcile.Recorded {
	out := map[reconcile.Zone]reconcile.Recorded{}
	for key := range newHolding(s.template).ids {
		if key.Kind != reconcile.Address {
			continue
		}
		if id := s.allocation(key.Zone); id != "" {
			out[key.Zone] = reconcile.Recorded{Allocation: id, PublicIP: s.publicIP(key.Zone)}
		}
	}
	return out
}

// publicIP is the address that the stack shows for a zone; not valid if it shows none.
func (s stack) publicIP(z reconcile.Zone) netip.Addr {
	ip, err := netip.ParseAddr(cmp.Or(s.outputs[outputName(outputSpareAddress, z)], s.outputs[outputName(outputAddress, z)]))
	if err != nil {
		return netip.Addr{}
	}
	return ip
}
