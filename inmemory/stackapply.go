package inmemory

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// apply makes and changes what a template says, each resource after what it needs. What it removes goes later, when
// nothing can fail any more.
func (c *CloudFormation) apply(s *stack, t *template) (failed []string) {
	jobs := map[string]job{}
	for id, d := range t.resources {
		jobs[id] = job{after: d.needs(), begin: func() *action { return c.applyOne(s, id, d) }}
	}
	return c.run(s, jobs, stopAll)
}

// applyOne begins to make a resource what its declaration says; nil if it is so already.
func (c *CloudFormation) applyOne(s *stack, id string, d declaration) *action {
	p, err := s.resolveAll(d)
	must(err) // what it needs was made before
	old, there := s.resources[id]
	switch {
	case !there || !old.made:
		return c.create(s, stackResource{logical: id, declared: d, properties: p}, types.ResourceStatusCreateInProgress)
	case replaces(d.kind, old.properties, p):
		return c.create(s, stackResource{logical: id, declared: d, properties: p}, types.ResourceStatusUpdateInProgress)
	case old.properties.equal(p) && !old.unfinished:
		old.declared = d
		s.resources[id] = old
		return nil
	}
	to := old
	to.declared, to.properties = d, p
	return c.change(s, old, to)
}

// replaces tells whether the change of a property makes another thing of it.
func replaces(kind string, before, after properties) bool {
	for _, name := range changedTexts(before, after) {
		if !slices.Contains(stackKinds[kind].inPlace, name) {
			return true
		}
	}
	return false
}

func changedTexts(before, after properties) []string {
	var names []string
	all := maps.Clone(before.texts)
	maps.Copy(all, after.texts)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if before.texts[name] != after.texts[name] {
			names = append(names, name)
		}
	}
	return names
}

// create makes a thing; one that stood in its place waits to be deleted.
func (c *CloudFormation) create(s *stack, r stackResource, status types.ResourceStatus) *action {
	kind := stackKinds[r.declared.kind]
	// The events of a replacement are those of an update; its first one has a reason of its own (user guide, "Monitor the
	// progress of a stack update").
	inProgress, complete, failed, canceled := status, types.ResourceStatusCreateComplete, types.ResourceStatusCreateFailed, createCanceled
	reason := ""
	if status == types.ResourceStatusUpdateInProgress {
		complete, failed, canceled = types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed, updateCanceled
		reason = "Requested update requires the creation of a new physical resource; hence creating one."
		c.event(s, s.resources[r.logical], inProgress, reason)
	} else {
		c.event(s, r, inProgress, "")
	}
	settled := false
	return &action{
		call: func(ctx context.Context) (err error) {
			r.identity, err = kind.create(ctx, c.ec2, r.properties, specification(kind.tagged, s.tagsFor(r.logical, r.properties.tags)))
			return err
		},
		called: func() {
			s.leave(r.logical, r.declared)
			r.unfinished = true
			s.resources[r.logical] = r
			c.event(s, r, inProgress, created)
		},
		waits: func() (time.Duration, error) {
			if lag := c.ec2.options.ReferenceLag; lag > 0 && !settled {
				settled = true // a handler returns when what it made can be found
				return lag + time.Nanosecond, nil
			}
			if kind.waits == nil {
				return 0, nil
			}
			return kind.waits(c.ec2, r.identity)
		},
		end: func(err error) {
			if err != nil {
				c.event(s, r, failed, handlerSays(err))
				return
			}
			r.unfinished, r.made = false, true
			s.resources[r.logical] = r
			c.event(s, r, complete, "")
		},
		cancel: func() { c.event(s, r, failed, canceled) },
	}
}

// leave takes the thing that has a resource's place away from it, to be deleted later. What becomes of it the policy says:
// it is kept only if the old and the new template agree on that (assumed).
func (s *stack) leave(logical string, after declaration) {
	old, there := s.resources[logical]
	if !there {
		return
	}
	if s.stable.resources[logical].ec2 == old.ec2 {
		return // a roll-back finds it there
	}
	s.leaving = append(s.leaving, leaving{old, old.declared.updateReplace == policyRetain && after.updateReplace == policyRetain})
	delete(s.resources, logical)
}

// change changes a thing in place.
func (c *CloudFormation) change(s *stack, from, to stackResource) *action {
	kind := stackKinds[to.declared.kind]
	c.event(s, from, types.ResourceStatusUpdateInProgress, "")
	return &action{
		call: func(ctx context.Context) error {
			if kind.change != nil && (from.unfinished || len(changedTexts(from.properties, to.properties)) > 0) {
				if err := kind.change(ctx, c.ec2, to.properties); err != nil {
					return err
				}
			}
			if kind.tagged == "" || !from.unfinished && maps.Equal(from.properties.tags, to.properties.tags) {
				return nil
			}
			return retagged(ctx, c.ec2, to.ec2, from.properties.tags, to.properties.tags)
		},
		end: func(err error) {
			to.unfinished = err != nil
			s.resources[to.logical] = to
			if err != nil {
				c.event(s, to, types.ResourceStatusUpdateFailed, handlerSays(err))
				return
			}
			c.event(s, to, types.ResourceStatusUpdateComplete, "")
		},
		cancel: func() { c.event(s, from, types.ResourceStatusUpdateFailed, updateCanceled) },
	}
}
