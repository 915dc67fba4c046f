package effect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrLocked says that another process holds a lock.
var ErrLocked = errors.New("locked by another process")

// Lock takes the lock file of a directory for as long as the process lives or until it is released. It fails with
// ErrLocked at once where another process has it. The operating system lets go of it when a process dies.
func (e *Effects) Lock(dir string) (release func() error, err error) {
	path := filepath.Join(dir, "lock")
	lock := flock.New(path, flock.SetPermissions(fileMode))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock %s: %w", dir, ErrLocked)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), fileMode); err != nil { // for people
		return nil, errors.Join(err, lock.Unlock())
	}
	return lock.Unlock, nil
}
