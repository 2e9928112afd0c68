//go:build !race

package simulation_test

const oneKindIn = 1 // without the race detector: all of them
