//go:build e2e

package e2e

import "syscall"

// dieWithUs makes the kernel end a process when the tests end, whatever they end by.
func dieWithUs(attr *syscall.SysProcAttr) {
	attr.Pdeathsig = syscall.SIGKILL
}

// maxRSS is the peak memory in bytes: Linux counts in KiB.
func maxRSS(usage *syscall.Rusage) int64 {
	return usage.Maxrss << 10
}
