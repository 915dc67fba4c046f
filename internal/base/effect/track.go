package effect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Tracker notes which files below a directory became durable, and which names went, since they were last taken. A file counts from the
// moment on at which a process that begins after a crash would find it.
type Tracker struct {
	dir  string
	keep func(name string) bool

	cut   sync.RWMutex // an effect holds it together with others, Take alone: what is taken is what was there at one moment
	mu    sync.Mutex
	names map[string]bool // true: the name went, whatever is there now
}

// Change is what became of one name, which is slash-separated and begins below the tracker's directory.
type Change struct {
	Name string
	File *os.File // the content, which later changes of the name leave as it is; nil: the name went, with all that was below it before
	Size int64    // of the content; what is appended later does not belong to it
	Dir  bool     // it is a folder: one may say something by being there, empty
}

// Track notes the effects below a directory from now on, of names that keep takes; an earlier tracker notes nothing any more.
func (e *Effects) Track(dir string, keep func(name string) bool) *Tracker {
	t := &Tracker{dir: filepath.Clean(dir), keep: keep, names: map[string]bool{}}
	e.tracker.Store(t)
	return t
}

// tracked does what changes names, and notes the one that went and the one that came; either may be empty.
func (e *Effects) tracked(act func() error, went, came string) error {
	t := e.tracker.Load()
	if t == nil {
		return act()
	}
	t.cut.RLock()
	defer t.cut.RUnlock()
	err := act()
	t.note(went, true) // after an error too: it may have done a part of it
	t.note(came, false)
	return err
}

func (t *Tracker) note(path string, went bool) {
	name, below := strings.CutPrefix(filepath.Clean(path), t.dir+string(filepath.Separator))
	if name = filepath.ToSlash(name); below && t.keep(name) {
		t.mu.Lock()
		t.names[name] = t.names[name] || went
		t.mu.Unlock()
	}
}

// Again lets a name be taken again, as it is then.
func (t *Tracker) Again(name string) { t.note(filepath.Join(t.dir, filepath.FromSlash(name)), false) }

// Take gives what changed, names that went before files. The caller closes the files.
func (t *Tracker) Take() (changes []Change, err error) {
	t.cut.Lock()
	defer t.cut.Unlock()
	defer func() {
		for i := range changes {
			if f := changes[i].File; err != nil && f != nil {
				_ = f.Close()
			}
		}
	}()
	files := map[string]bool{}
	for name, went := range t.names {
		info, err := os.Stat(t.path(name))
		there := err == nil
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return changes, err
		}
		if !there || went {
			changes = append(changes, Change{Name: name})
		}
		switch {
		case there && info.Mode().IsRegular():
			files[name] = true
		case there && info.IsDir() && !went:
			changes = append(changes, Change{Name: name, Dir: true})
		case there: // a folder that was made again has no file of the one before
			changes = append(changes, Change{Name: name, Dir: true})
			if err := t.below(name, files); err != nil {
				return changes, err
			}
		}
	}
	for name := range files {
		f, err := os.Open(t.path(name))
		if err != nil {
			return changes, err
		}
		changes = append(changes, Change{Name: name, File: f})
		last := &changes[len(changes)-1]
		info, err := f.Stat()
		if err != nil {
			return changes, err
		}
		last.Size = info.Size()
	}
	clear(t.names)
	return changes, nil
}

func (t *Tracker) path(name string) string { return filepath.Join(t.dir, filepath.FromSlash(name)) }

// below adds the files below a folder.
func (t *Tracker) below(name string, files map[string]bool) error {
	return filepath.WalkDir(t.path(name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(t.dir, path)
		if rel = filepath.ToSlash(rel); err == nil && t.keep(rel) {
			files[rel] = true
		}
		return err
	})
}
