// Package simulation rehearses the whole controller, loop and all, over the EC2 that is held in memory: its worst hours in
// a few milliseconds. It holds nothing but tests.
//
// A scenario (testdata/scenarios) is a story to read: what somebody asks for, what happens in the cloud, and what the
// controller plans and leaves behind. A fault run takes such a story and lets each single call of it go wrong in turn,
// while invariants are checked after every call: above all that no address is lost (docs/rules.md).
package simulation
