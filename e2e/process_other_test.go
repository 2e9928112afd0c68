//go:build e2e && !linux

package e2e

import (
	"syscall"
	"testing"
)

// dieWithUs does nothing: only Linux can tie a process to the one that started it. Elsewhere the servers of tests that
// were killed have to be ended by hand.
func dieWithUs(*syscall.SysProcAttr) {}

// confine cannot be done: what is in the image runs on Linux only.
func confine(t *testing.T, _ *syscall.SysProcAttr, _ string, _, _ int) {
	t.Helper()
	t.Fatal("the image is for Linux")
}

// peakMemory is not known.
func (p *process) peakMemory(*testing.T) int { return 0 }
