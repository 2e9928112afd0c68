//go:build e2e && !linux

package e2e

import "syscall"

// dieWithUs does nothing: only Linux can tie a process to the one that started it. Elsewhere the servers of tests that
// were killed have to be ended by hand.
func dieWithUs(*syscall.SysProcAttr) {}

// maxRSS is the peak memory in bytes.
func maxRSS(usage *syscall.Rusage) int64 {
	return usage.Maxrss
}
