//go:build race

package simulation_test

// The race detector makes every run five times as dear, and what it looks for depends neither on what sort of error a call
// ends with nor on large numbers. So under it each call goes wrong in one way of 12, another one than the call before,
// and the largest counts are left out.
const (
	oneKindIn    = 12
	stackKindIn  = 60 // a stack has four times as many calls
	mostTargets  = 100
	fewHistories = 12
)
