//go:build unix

package effect

import (
	"os"
	"syscall"
)

// keepOwner gives a file the owner and the group of another one, as far as this user may.
func keepOwner(f *os.File, of os.FileInfo) {
	if s, ok := of.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(s.Uid), int(s.Gid))
	}
}
