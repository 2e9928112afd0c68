package inmemory

import (
	"fmt"
	"strings"
)

// Dump is all stacks as text, one thing a line, equal for equal states: no times, deleted stacks too. What a stack
// believes is not what its EC2 has; that is in the EC2's Dump.
func (c *CloudFormation) Dump() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, s := range c.stacks {
		line(&b, "stack", s.name, string(s.status), s.reason, when(s.protected, "protected"), s.tags.String())
		for _, r := range inOrder(s.resources) {
			line(&b, "  resource", r.logical, r.declared.kind, r.physical, when(r.unfinished, "unfinished"), r.declared.deletion)
		}
		for _, l := range s.leaving {
			line(&b, "  leaving", l.logical, l.declared.kind, l.physical, when(l.keep, "kept"))
		}
		for _, o := range s.outputs {
			line(&b, "  output", *o.OutputKey, *o.OutputValue)
		}
		for _, cs := range s.changeSets {
			line(&b, "  change-set", cs.name, string(cs.status), string(cs.execution), fmt.Sprintf("changes=%d", len(cs.changes)))
		}
	}
	return b.String()
}

// Events is what happened to a stack as text, the oldest first: status, logical id, reason.
func (c *CloudFormation) Events(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	if s := c.stackNamed(name); s != nil {
		for _, e := range s.events {
			reason := ""
			if e.ResourceStatusReason != nil {
				reason = *e.ResourceStatusReason
			}
			line(&b, string(e.ResourceStatus), *e.LogicalResourceId, reason)
		}
	}
	return b.String()
}
