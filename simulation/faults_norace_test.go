//go:build !race

package simulation_test

// Without the race detector nothing is left out.
const (
	oneKindIn    = 1
	stackKindIn  = 1
	mostTargets  = 1000
	fewHistories = 60
)
