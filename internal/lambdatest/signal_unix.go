//go:build unix

package lambdatest

import (
	"os"
	"os/exec"
	"syscall"
)

// ownGroup puts the process into a group of its own, so that an interrupt at
// the terminal reaches only the caller, and kill reaches its children.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func terminate(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }

func kill(p *os.Process) {
	// Once the process is waited for, the group's number may be another's.
	if p.Signal(syscall.Signal(0)) != nil {
		return
	}
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}
