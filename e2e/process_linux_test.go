//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// dieWithUs makes the kernel end a process when the tests end, whatever they end by.
func dieWithUs(attr *syscall.SysProcAttr) {
	attr.Pdeathsig = syscall.SIGKILL
}

// confine makes a process see the folder root as all files that there are, and run as a user and a group. Root can do that
// at once; everybody else is root in a user namespace of their own, in which they are called by that user's number.
func confine(t *testing.T, attr *syscall.SysProcAttr, root string, user, group int) {
	t.Helper()
	attr.Chroot = root
	attr.Credential = &syscall.Credential{Uid: uint32(user), Gid: uint32(group)}
	if os.Getuid() == 0 {
		return
	}
	attr.Credential.NoSetGroups = true // a namespace that anybody may make has no say over groups
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: group, HostID: os.Getgid(), Size: 1}}
}

// peakMemory is the most that a running process has held, in bytes. What wait4 says of one that ended counts the memory of
// the tests themselves, which it shared until it became another program.
func (p *process) peakMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kb int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	t.Fatalf("no VmHWM in\n%s", status)
	return 0
}
