// Package conformance holds small facts about EC2 and CloudFormation, each with its source, and tries them on whatever stands
// in for them.
//
// The tests of this project are worth what their clouds are worth: the EC2 and CloudFormation in memory, on which every rule
// is tried, and LocalStack, on which the built program is. Neither is AWS. So what the controller relies on is written down here once,
// as data, and both are asked: package inmemory's tests call [Run], and so do the end-to-end tests. A cloud that is not
// what its source says fails, or stands in the one table of [Differences], with what it does instead. Such a difference
// is tried too, and one that is no longer there fails: the table cannot go stale.
//
// The concept, in five words:
//
//   - fact: a few calls, and as text what they show. What AWS shows stands beside it, with the source.
//   - cloud: what is to be asked: an account of its own for each fact, with a default VPC and its internet gateway, and no
//     stacks.
//   - rules: quotas that a cloud is told to have, as nobody makes 500 routes to see a full table.
//   - hand: what the rest of the world does, and what the controller's own calls cannot.
//   - difference: a fact that a cloud is known to get wrong.
//
// A fact is what a source says; a few say "assumed", as in package inmemory. Where a source does not give a refusal's code,
// the fact is that there is one. Left out is what nobody can bring about in both clouds: that a gateway fails by itself
// (InternalError) or finds its zone constrained (NotAvailableInZone), that lists and references lag, that a deleted gateway
// is no longer listed after an hour, propagated routes, and IAM. The EC2 in memory has these, and its own tests try them. So it is
// with what the CloudFormation in memory alone shows: how it meets a stack that is busy, and one whose roll-back was left out.
package conformance
