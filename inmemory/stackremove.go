package inmemory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// cleanUpTries is how often CloudFormation tries to delete what an update left (user guide, "Troubleshooting": "attempts to
// delete the old resource three times"). Then it forgets it, and the stack is *_COMPLETE all the same
// (aws-cloudformation/cloudformation-coverage-roadmap#744, serverless/serverless#9144).
const cleanUpTries = 3

const someNotDeleted = "Update successful. One or more resources could not be deleted."

// removeAll deletes things, each before what it needs, and gives those that are still there: those that failed, and what
// these still need. failed has their logical ids.
func (c *CloudFormation) removeAll(s *stack, list []leaving, policy whenFailed, tries int) (left []leaving, failed []string) {
	jobs, byID, gone := map[string]job{}, map[string]leaving{}, map[string]bool{}
	for i, l := range list {
		byID[fmt.Sprintf("%s %03d", l.logical, i)] = l
	}
	for id, l := range byID {
		jobs[id] = job{after: needing(byID, id), begin: func() *action { return c.remove(s, l, tries, func() { gone[id] = true }) }}
	}
	for _, id := range c.run(s, jobs, policy) {
		failed = append(failed, byID[id].logical)
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		if !gone[id] {
			left = append(left, byID[id])
		}
	}
	return left, slices.Compact(failed)
}

// needing lists the things that need this one.
func needing(all map[string]leaving, id string) []string {
	var list []string
	for _, other := range slices.Sorted(maps.Keys(all)) {
		if other != id && slices.Contains(all[other].declared.needs(), all[id].logical) {
			list = append(list, other)
		}
	}
	return list
}

// remove deletes a thing. One that is gone already is deleted.
func (c *CloudFormation) remove(s *stack, l leaving, tries int, gone func()) *action {
	kind := stackKinds[l.declared.kind]
	if l.keep {
		gone()
		c.event(s, l.stackResource, types.ResourceStatusDeleteSkipped, "")
		return nil
	}
	c.event(s, l.stackResource, types.ResourceStatusDeleteInProgress, "")
	return &action{
		tries: tries,
		call: func(ctx context.Context) error {
			err := kind.remove(ctx, c.ec2, l.identity, l.properties)
			if isGone(err) {
				return nil
			}
			return err
		},
		waits: func() (time.Duration, error) {
			if kind.removal == nil {
				return 0, nil
			}
			return kind.removal(c.ec2, l.identity), nil
		},
		end: func(err error) {
			if err != nil {
				c.event(s, l.stackResource, types.ResourceStatusDeleteFailed, handlerSays(err))
				return
			}
			gone()
			c.event(s, l.stackResource, types.ResourceStatusDeleteComplete, "")
		},
		cancel: func() {},
	}
}

// cleanUp deletes what has lost its place, and forgets what cannot be deleted. It says whether there was such a thing.
func (c *CloudFormation) cleanUp(s *stack) (reason string) {
	list := s.leaving
	s.leaving = nil
	if left, _ := c.removeAll(s, list, goOn, cleanUpTries); len(left) > 0 {
		return someNotDeleted
	}
	return ""
}

// emptyOut deletes all that a stack has. What stays is still the stack's.
func (c *CloudFormation) emptyOut(s *stack, keep func(stackResource) bool) (failed []string) {
	list := s.leaving
	for _, r := range inOrder(s.resources) {
		list = append(list, leaving{r, keep(r)})
	}
	s.leaving, s.resources = nil, map[string]stackResource{}
	left, failed := c.removeAll(s, list, stopThose, 1)
	for _, l := range left {
		if _, twice := s.resources[l.logical]; twice {
			s.leaving = append(s.leaving, l)
			continue
		}
		s.resources[l.logical] = l.stackResource
	}
	s.stuck = failed
	return failed
}

// retained says whether a thing that leaves a template, or whose stack goes, stays in EC2.
func retained(r stackResource) bool {
	return r.declared.deletion == policyRetain || r.declared.deletion == policyRetainExceptOnCreate
}

// leaks says whether a thing stays in EC2 though the operation that made it is rolled back: with Retain it does (AWS.md E:
// tried with a failed create; that a failed update leaks too is assumed).
func leaks(r stackResource) bool {
	return r.declared.deletion == policyRetain
}
