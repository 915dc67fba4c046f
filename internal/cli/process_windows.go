package cli

import (
	"os"
	"syscall"
)

// forwarded are the signals that a command gets in our place.
var forwarded = []os.Signal{os.Interrupt}

// ownSession takes a process out of the console's hands: DETACHED_PROCESS and a process group of its own.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: 0x8 | syscall.CREATE_NEW_PROCESS_GROUP}
}

func terminate(p *os.Process) error { return p.Kill() }

// exitCodeOf is the exit code of a process that has ended.
func exitCodeOf(state *os.ProcessState) int { return state.ExitCode() }
