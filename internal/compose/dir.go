package compose

import (
	"errors"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/config"
	"quarry/internal/effect"
)

// Closers are closed in the reverse of the order in which they were opened.
type Closers []func() error

// Add puts something on top.
func (c *Closers) Add(f func() error) { *c = append(*c, f) }

// Close closes all, also behind one that fails, and gives their errors.
func (c *Closers) Close() error {
	var errs []error
	for _, f := range slices.Backward(*c) {
		errs = append(errs, f())
	}
	*c = nil
	return errors.Join(errs...)
}

// OpenDir makes and locks the run directory, and gives its whole path. The error is of the kind quarry.Locked where another
// process works on it, quarry.BadUsage where it cannot be written to.
func OpenDir(e *effect.Effects, s *config.Settings, c *Closers) (string, error) {
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return "", BadSetting("dir", err)
	}
	if err := e.MkdirAll(dir); err != nil {
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "make run directory", Subject: dir, Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	release, err := e.Lock(dir)
	if errors.Is(err, effect.ErrLocked) {
		return "", &quarry.Error{
			Kind: quarry.Locked, Op: "open run directory", Subject: dir, Err: errors.New("another process works on it"),
			Hint: "wait for it, follow it with: quarry status --dir " + s.Dir + "; or name another directory with --dir",
		}
	}
	if err != nil {
		return "", &quarry.Error{Kind: quarry.BadUsage, Op: "open run directory", Subject: dir, Err: err, Hint: "name a directory that you can write to with --dir"}
	}
	c.Add(release)
	return dir, nil
}
