//go:build unix

package sourcetest

import (
	"syscall"
	"testing"
	"time"
)

// Spent is the CPU time that this process has used.
func Spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatalf("the time of this process: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
