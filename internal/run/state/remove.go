package state

import (
	"path/filepath"

	"quarry"
	"quarry/internal/base/effect"
)

// RemoveCopy removes the copy of a run's files from a directory that is one. Others stay as they are, with the log and the lock.
func RemoveCopy(e *effect.Effects, dir string, run quarry.RunID) error {
	if was, err := Marked(dir); err != nil || was != run {
		return err
	}
	f := Files{cfg: Config{Effects: e, Dir: dir}}
	if err := f.clear(); err != nil {
		return err
	}
	return e.Remove(filepath.Join(dir, markFile))
}
