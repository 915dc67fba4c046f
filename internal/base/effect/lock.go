package effect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked says that another process holds a lock.
var ErrLocked = errors.New("locked by another process")

// Lock takes the lock file of a directory for as long as the process lives or until it is released. It fails with
// ErrLocked where another process has it. The operating system releases it when a process dies.
func (e *Effects) Lock(dir string) (release func() error, err error) {
	unlock, err := e.TryLock(dir)
	for range 5 {
		if !errors.Is(err, ErrLocked) {
			break
		}
		<-time.After(10 * time.Millisecond) // Held of another process takes the lock for a moment
		unlock, err = e.TryLock(dir)
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "lock")
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), fileMode); err != nil { // for people, and for quarry local --stop
		return nil, errors.Join(err, unlock())
	}
	return unlock, nil
}

// TryLock takes the lock as Lock does, and does not write into the file which process has it.
func (e *Effects) TryLock(dir string) (release func() error, err error) {
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(fileMode))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock %s: %w", dir, ErrLocked)
	}
	return lock.Unlock, nil
}

// WaitLock takes the lock file at path as soon as no one has it. It fails with ErrLocked when ctx ends before.
func (e *Effects) WaitLock(ctx context.Context, path string) (release func() error, err error) {
	lock := flock.New(path, flock.SetPermissions(fileMode))
	ok, err := lock.TryLockContext(ctx, 5*time.Millisecond)
	switch {
	case err != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("lock %s: %w", path, err)
	case !ok:
		return nil, fmt.Errorf("lock %s: %w: %w", path, ErrLocked, context.Cause(ctx))
	}
	return lock.Unlock, nil
}

// Held reports whether a process has the lock of a directory. It writes nothing.
func Held(dir string) (bool, error) {
	path := filepath.Join(dir, "lock")
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryRLock()
	if err != nil {
		return false, fmt.Errorf("read the lock of %s: %w", dir, err)
	}
	return !ok, lock.Unlock()
}
