package effect

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The run directory belongs to its user alone: prompts and answers may be confidential.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// MkdirAll makes a directory and its parents.
func (e *Effects) MkdirAll(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	return e.do(File, "mkdir "+path, func() error { return e.tracked(func() error { return os.MkdirAll(path, dirMode) }, "", path) })
}

// Remove removes a file; that it is gone already is no error.
func (e *Effects) Remove(path string) error {
	return e.do(File, "remove "+path, func() error {
		if err := e.tracked(func() error { return os.Remove(path) }, path, ""); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	})
}

// RemoveAll removes a directory and all that is in it.
func (e *Effects) RemoveAll(path string) error {
	return e.do(File, "remove "+path, func() error { return e.tracked(func() error { return os.RemoveAll(path) }, path, "") })
}

// Rename moves a file and makes the new name durable.
func (e *Effects) Rename(from, to string) error {
	return e.do(File, "rename "+to, func() error {
		if err := e.tracked(func() error { return os.Rename(from, to) }, from, to); err != nil || e.Temporary(to) {
			return err
		}
		return syncDir(filepath.Dir(to))
	})
}

// OutFile is a file open for writing.
type OutFile struct {
	e    *Effects
	f    *os.File
	path string
	temp bool // below a temporary directory
}

// Create opens a file for writing and empties it.
func (e *Effects) Create(path string) (*OutFile, error) {
	return e.open("create ", path, os.O_CREATE|os.O_TRUNC|os.O_RDWR)
}

// Append opens a file for writing after what it holds, making it where it does not exist.
func (e *Effects) Append(path string) (*OutFile, error) {
	return e.open("append to ", path, os.O_CREATE|os.O_APPEND|os.O_RDWR)
}

func (e *Effects) open(verb, path string, flags int) (*OutFile, error) {
	out := &OutFile{e: e, path: path, temp: e.Temporary(path)}
	err := e.do(File, verb+path, func() (err error) {
		out.f, err = os.OpenFile(path, flags, fileMode)
		return err
	})
	if err != nil {
		if out.f != nil {
			_ = out.f.Close()
		}
		return nil, err
	}
	return out, nil
}

// Write writes p. A hook that fails afterwards leaves the bytes written.
func (f *OutFile) Write(p []byte) (n int, err error) {
	err = f.e.do(File, "write "+f.path, func() error {
		n, err = f.f.Write(p)
		return err
	})
	return n, err
}

// ReadAt reads back what was written.
func (f *OutFile) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

// Truncate cuts the file.
func (f *OutFile) Truncate(size int64) error {
	return f.e.do(File, "truncate "+f.path, func() error { return f.f.Truncate(size) })
}

// Sync makes what was written durable, unless it is below a temporary directory.
func (f *OutFile) Sync() error {
	return f.e.do(File, "sync "+f.path, func() error {
		if f.temp {
			return nil
		}
		if err := f.e.tracked(f.f.Sync, "", f.path); err != nil {
			return fmt.Errorf("sync %s: %w", f.path, err)
		}
		return nil
	})
}

// Close closes the file.
func (f *OutFile) Close() error { return f.f.Close() }

// Path is the name the file was opened with.
func (f *OutFile) Path() string { return f.path }

// TempDir makes a directory of its own below near, or below the system's place for such where near is empty. The caller
// removes it. What is below it is for this process alone, so nothing there is made durable.
func (e *Effects) TempDir(near string) (dir string, err error) {
	err = e.do(File, "mkdir in "+near, func() error {
		dir, err = os.MkdirTemp(near, "quarry-")
		return err
	})
	if err == nil {
		e.mu.Lock()
		e.temporary = append(e.temporary, dir+string(filepath.Separator))
		e.mu.Unlock()
	}
	return dir, err
}

// Temporary reports whether a path is below a directory that TempDir made.
func (e *Effects) Temporary(path string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.temporary, func(dir string) bool { return strings.HasPrefix(path, dir) })
}

// Copy makes a second file of what a file holds, whole or not at all, in the place of whatever has that name. A file system that
// can share blocks between files is let do so.
func (e *Effects) Copy(from, to string) error {
	return e.do(File, "copy "+to, func() error {
		in, err := os.Open(from)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }()
		out, err := os.OpenFile(to+".tmp", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
			return errors.Join(err, os.Remove(to+".tmp"))
		}
		return errors.Join(e.tracked(func() error { return os.Rename(to+".tmp", to) }, "", to), syncDir(filepath.Dir(to)))
	})
}
