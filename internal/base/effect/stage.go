package effect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// StageDir makes a directory of its own below near, under a name that nothing has. Unlike TempDir's, what is written below
// it is made durable: it is moved to its place when it is whole. The caller removes the directory.
func (e *Effects) StageDir(near string) (dir string, err error) {
	err = e.do(File, "mkdir in "+near, func() error {
		dir, err = os.MkdirTemp(near, ".quarry-*.tmp")
		return err
	})
	return dir, err
}

// RenameNew moves a file to a name that nothing has, and makes the new name durable. It fails with fs.ErrExist where
// something has it. On a file system without second names there is a moment between the look and the move.
func (e *Effects) RenameNew(from, to string) error {
	return e.do(File, "rename "+to, func() error {
		switch err := os.Link(from, to); {
		case err == nil:
			if err := os.Remove(from); err != nil {
				return err
			}
		case errors.Is(err, fs.ErrExist):
			return err
		default:
			if _, err := os.Lstat(to); err == nil {
				return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
			}
			if err := os.Rename(from, to); err != nil {
				return err
			}
		}
		return syncDir(filepath.Dir(to))
	})
}

// File is the file itself, for another process to write to; what it writes is not counted.
func (f *OutFile) File() *os.File { return f.f }

// OpenStream opens a device or a FIFO for writing. Nothing is made and nothing is emptied. A FIFO waits for its reader.
func (e *Effects) OpenStream(path string) (*OutFile, error) {
	return e.open("open ", path, os.O_WRONLY)
}
