// Package awscfn keeps the egress paths and target routes as one CloudFormation stack, for accounts whose rules ask for
// stacks.
//
// What is desired, and every decision about it, comes from package reconcile, and so does the plan: the same as for the
// EC2 API. What differs is the hand that carries it out. The plan's actions are written into the template that the stack
// has, and the new template goes to CloudFormation as a change set, which is executed only if it changes nothing but what
// the plan names. CloudFormation then orders the calls itself, and goes back to what was there if one fails.
//
// A stack only knows what it did, not what became of it. So what exists is seen with the EC2 API here too, and what
// somebody changed behind the stack's back is repaired: a route with EC2, exactly as the template has it; a thing that
// CloudFormation believes in and that is gone, by giving it a new logical id, which is how a stack can be made to make it
// again.
package awscfn
