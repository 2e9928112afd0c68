// Package inmemory is an EC2 held in memory that keeps EC2's rules, and a CloudFormation over it that keeps its own.
//
// A controller that must never cost a static address can only be trusted if its worst hours can be rehearsed: lost
// answers, lists that lag, gateways that fail, quotas, somebody else's hand in the same VPC. No real account gives these
// on demand, and LocalStack keeps too few of EC2's rules. So this EC2 stands behind the interface that package awsec2 asks
// for, speaks the SDK's types and errors, and `--provider=inmemory` and the tests run the code that production runs.
//
// The concept, in five words:
//
//   - world: every record there is, as one value. A write copies it, changes the copy, and puts it in place only if no
//     rule was broken; so a call either happens as a whole or not at all.
//   - moment: a world, looked at at one time. Whatever takes time is computed from the two and never stored: a gateway's
//     state, who holds an address, whether a route is a black hole. Nothing sleeps in EC2 and no goroutine runs.
//   - version: a world and when it began. Lists that lag answer from an older version.
//   - operation: one API call as data: the fields it knows, the key that names what it is about, its effect.
//   - hand: what the rest of the world does (somebody changes a tag, takes an address, fails a gateway), as methods
//     that are no API calls. A hand that names what is not there is a mistake in a test, and panics.
//
// CloudFormation is built otherwise, for its operations take time and go on behind their calls' backs:
//
//   - stack: what CloudFormation believes to have made. Its resources are made with the EC2's own calls, so EC2's rules
//     hold for them, and a hook sees them (ByStack).
//   - course: one operation on the way, in a goroutine of its own that does one thing after the other, though what does
//     not need each other takes its time side by side. It sleeps by the timers of package time.
//   - stable: the stack after the last operation that ended well. A roll-back goes there from wherever the stack is, so
//     nobody keeps a list of what is to be undone.
//   - leaving: a thing that has lost its place in the stack and is deleted last, or kept, as its policy says.
//
// Each rule names its source: the SDK's doc comments, AWS's documentation, AWS.md of this project, or an issue in which
// somebody saw it. A rule without a source says "assumed", and is the worst outcome that is plausible. The fake knows
// the calls and fields that we use and no more: whatever else is set is an error, so nothing is passed over in silence.
package inmemory
