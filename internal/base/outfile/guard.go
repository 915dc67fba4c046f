package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Input is a file or a folder that a command reads.
type Input struct {
	What string // for people: "a source of the run"
	Path string
}

// Guard says what no output may be written to, whatever flags are given.
type Guard struct {
	// Dir is the run directory: nothing inside it. Empty: there is none.
	Dir string
	// Inputs are left as they are; of a folder, everything in it.
	Inputs []Input
}

const never = "name another file with -o; --force does not allow this one"

// Check refuses a target that is an input, is inside a folder that is one, or is inside the run directory. Files are
// compared by device and inode, so that links, relative names and other spellings of a name are found. The error is of
// kind BadUsage.
func (g *Guard) Check(t Target) error {
	if t.Kind == Stream || t.Kind == Stdout && (t.Info == nil || !t.Info.Mode().IsRegular()) {
		return nil
	}
	if g.Dir != "" {
		inside, err := within(t, g.Dir)
		if err != nil {
			return refuse(t.Name, err, never)
		}
		if inside {
			return refuse(t.Name, fmt.Errorf("it is inside the run directory %s", g.Dir), never)
		}
	}
	for _, in := range g.Inputs {
		inside, err := within(t, in.Path)
		if err != nil {
			return refuse(t.Name, err, never)
		}
		if !inside {
			continue
		}
		if info, err := os.Stat(in.Path); err == nil && info.IsDir() {
			return refuse(t.Name, fmt.Errorf("it is inside the folder %s, which is %s", in.Path, in.What), never)
		}
		return refuse(t.Name, fmt.Errorf("it is %s", in.What), never)
	}
	return nil
}

// within reports whether a target is a file, or inside a folder.
func within(t Target, path string) (bool, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	info, err := os.Stat(abs)
	if err != nil { // it is gone: the name alone is compared, so that no output takes its place
		to, err := resolve(abs)
		return err == nil && t.Path != "" && (t.Path == to || strings.HasPrefix(t.Path, to+string(filepath.Separator))), nil
	}
	if t.Info != nil && os.SameFile(t.Info, info) {
		return true, nil
	}
	if !info.IsDir() {
		return false, nil
	}
	for p := t.Path; p != "" && p != filepath.Dir(p); {
		p = filepath.Dir(p)
		if at, err := os.Stat(p); err == nil && os.SameFile(at, info) {
			return true, nil
		}
	}
	if t.Info == nil || names(t.Info) == 1 && t.Kind != Stdout {
		return false, nil
	}
	return contains(abs, t.Info)
}

var errFound = errors.New("found")

// contains looks for a file of several names among all files of a folder.
func contains(dir string, file fs.FileInfo) (bool, error) {
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // what cannot be read cannot be compared
		}
		if info, err := entry.Info(); err == nil && os.SameFile(info, file) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}
