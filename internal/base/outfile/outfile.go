// Package outfile decides where a command may write the file that a person named, and brings it there whole.
//
// It owns the rules that keep other people's files: what a name leads to (a new file, an existing one, a device, standard
// output), which files no output may replace, and the record of what was written before. It does not own what is written.
// What always holds: a file that Quarry did not write, or that was changed since, is replaced only with --force; a source
// and a run directory's files never are; nothing but the named file is touched, and no temporary name of ours takes the
// place of a file.
package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quarry"
)

// Kind is what a name leads to.
type Kind int

// The kinds.
const (
	New    Kind = iota // nothing has the name
	File               // a regular file
	Stream             // a character device or a FIFO
	Stdout             // standard output
)

// Target is what the name of an output leads to.
type Target struct {
	Name string // as it was given
	Path string // absolute, links resolved; of a stream as it was given, of Stdout empty
	Kind Kind
	Info fs.FileInfo // nil for New, and for a standard output that is no file
}

// stdoutNames lead to standard output whatever it is: opened by such a name, a file that a shell made would look like
// someone's.
var stdoutNames = []string{"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}

// maxLinks is how many links a name may lead through, as on Linux.
const maxLinks = 40

// Find says what a name leads to. stdout is the command's standard output. Errors are of kind BadUsage.
func Find(name string, stdout any) (Target, error) {
	t := Target{Name: name}
	if slices.Contains(stdoutNames, name) {
		t.Kind = Stdout
		if f, ok := stdout.(*os.File); ok {
			if info, err := f.Stat(); err == nil {
				t.Info = info
			}
		}
		return t, nil
	}
	if name == "" {
		return t, refuse(name, errors.New("no file is named"), "name one with -o")
	}
	if scheme, _, ok := strings.Cut(name, "://"); ok && (scheme == "s3" || scheme == "http" || scheme == "https") {
		return t, refuse(name, errors.New("it is a URL, and only files can be written"), "name a file with -o, and copy it to the URL afterwards")
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return t, refuse(name, err, "name a file in a folder that you can write to")
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return t, refuse(name, errors.New("it is a folder"), "name a file in it")
	case err == nil && !info.Mode().IsRegular():
		t.Path, t.Kind, t.Info = path, Stream, info
		if mode := info.Mode(); mode&fs.ModeNamedPipe == 0 && mode&fs.ModeCharDevice == 0 {
			return t, refuse(name, errors.New("it is a block device or a socket"), "name a file, a FIFO or a character device")
		}
		return t, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return t, refuse(name, bare(err), "name a file in a folder that you can write to")
	case os.IsPathSeparator(name[len(name)-1]):
		return t, refuse(name, errors.New("no such folder"), "name a file in a folder that exists")
	}
	if t.Path, err = resolve(path); err != nil {
		return t, refuse(name, err, "name a file in a folder that exists")
	}
	switch info, err := os.Lstat(t.Path); {
	case err == nil && info.Mode().IsRegular():
		t.Kind, t.Info = File, info
	case err == nil: // a descriptor of a file that was removed, and the like
		return t, refuse(name, errors.New("it is not a file"), "name a file in a folder that exists")
	case !errors.Is(err, fs.ErrNotExist):
		return t, refuse(name, bare(err), "name a file in a folder that you can write to")
	}
	return t, nil
}

// resolve follows the links of a path whose last part need not exist.
func resolve(path string) (string, error) {
	for range maxLinks {
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("the folder %s does not exist", filepath.Dir(path))
			}
			return "", bare(err)
		}
		path = filepath.Join(dir, filepath.Base(path))
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, nil // an error is the caller's to find
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", bare(err)
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		path = filepath.Clean(to)
	}
	return "", errors.New("too many links")
}

// Again says whether a target is still what it was when it was found.
func (t *Target) Again() error {
	if t.Kind != File && t.Kind != New {
		return nil
	}
	info, err := os.Lstat(t.Path)
	switch {
	case t.Kind == New && errors.Is(err, fs.ErrNotExist):
		return nil
	case t.Kind == New && err == nil:
		return refuse(t.Name, errors.New("another program created a file of this name in the meantime"), "move it away, or name another file with -o")
	case err != nil:
		return refuse(t.Name, bare(err), "run the same command again")
	case !os.SameFile(info, t.Info) || info.Size() != t.Info.Size() || !info.ModTime().Equal(t.Info.ModTime()):
		return refuse(t.Name, errors.New("another program changed it in the meantime"), "check the file, then rerun the same command")
	}
	return nil
}

func refuse(name string, err error, hint string) error {
	return &quarry.Error{Kind: quarry.BadUsage, Op: "write", Subject: name, Err: err, Hint: hint}
}

// bare takes "open PATH:" off an error whose subject says the path already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// LocalPath is the file or folder that a source names; ok is false for a site, a server, a bucket and standard input. A
// table after # and the prefix sqlite: are taken off.
func LocalPath(source string) (path string, ok bool) {
	path, database := strings.CutPrefix(source, "sqlite:")
	if path == "-" || !database && strings.Contains(path, "://") {
		return "", false
	}
	if _, err := os.Lstat(path); err != nil {
		if before, _, found := strings.Cut(path, "#"); found && before != "" {
			path = before
		}
	}
	return path, path != ""
}
