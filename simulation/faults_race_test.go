//go:build race

package simulation_test

// The race detector makes every run five times as dear, and what it looks for does not depend on what sort of error a
// call ends with: so under it each call goes wrong in one way of three, another one than the call before.
const oneKindIn = 3
