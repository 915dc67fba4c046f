// Package state keeps the files of a run where every machine finds them: in the run's bucket, under quarry-state/RUN/.
//
// It owns which files of a run's directory are kept, the names of their objects, and the copy of them that a process works with. It does not
// own what the files hold, nor which of them exist: the ledger says that. What always holds: before a change of the ledger, all that
// the run wrote until then is in the bucket, and the change names it; so the ledger and the files that it names are those of one moment, as
// after a crash at that moment. No object is written twice, so a process whose run was taken over changes no file that a row names.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/shardfile"
)

// Prefix is where the state of runs is in a bucket. It is not below quarry/, whose objects expire.
const Prefix = "quarry-state/"

// Added is below the prefix of a run: objects that no row names, since other processes than the run's add them too; see package remarks.
const Added = "added/"

// markFile says of a directory that it is a copy of a run's files: Quarry may remove what is in it.
const markFile = "cache.json"

// mark is what markFile holds.
type mark struct {
	Run   quarry.RunID `json:"run"`
	Fence int64        `json:"fence"` // under which it was written last
	Clean bool         `json:"clean"` // the process ended in order: all of it is in the bucket
}

// Config is what files are kept with.
type Config struct {
	Effects *effect.Effects
	Dir     string // of the run; only this process writes it
	Run     quarry.RunID
	Bucket  *bucket.Bucket
	Ledger  *ledger.Ledger // taken over by this process

	local bool // the ledger is a file: more names are kept
}

// Files are the files of a run that this process works on.
type Files struct {
	cfg     Config
	stamp   string                 // of this process, in the names of its objects
	digests bool                   // names of objects end in a digest
	keeps   func(name string) bool // which names are kept
	tracker *effect.Tracker
	made    int                    // objects that this process named
	pending map[string]ledger.File // what no committed change of the ledger says yet
	free    []string               // objects of this process that no change will name
}

// folder takes the place of an object's name for a folder, which may be empty: that of the output of a job that gave none.
const folder = "/"

// transfers are under way at a time.
const transfers = 8

// kept reports whether a name is of a file that another machine needs. The others belong to one process, or can be made again from the
// ledger.
func kept(name string) bool {
	switch path.Ext(name) {
	case ".tmp", ".loose", ".room":
		return false
	}
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "index":
		return !strings.HasPrefix(name, "index/dropped")
	case "journal":
		return !strings.HasSuffix(name, ".calls.jsonl") // its parts are kept; see shardfile.JoinCalls
	}
	return slices.Contains(names, top)
}

// names are those of the files and folders of a run's directory that are kept.
var names = []string{"index", "journal", "shards", "raw", "results.jsonl", "failed.jsonl", "report.json", "report.html", "quotas.json", "question.json"}

// Open makes a directory the copy of the files that the ledger names, and lets each change of the ledger take the files with it from then
// on. A directory that holds something else is refused with the kind quarry.BadUsage. What it holds of the same run is used again if no other
// process has worked on the run since, and else replaced.
func Open(ctx context.Context, cfg Config) (*Files, error) {
	f := &Files{cfg: cfg, stamp: fmt.Sprintf("f%d", cfg.Ledger.Fence()), keeps: kept, pending: map[string]ledger.File{}}
	if err := Check(cfg.Dir, cfg.Run); err != nil {
		return nil, err
	}
	current, err := f.current()
	if err != nil {
		return nil, err
	}
	if err := f.sign(false); err != nil {
		return nil, err
	}
	if !current {
		if err := f.clear(); err != nil {
			return nil, err
		}
		if err := Copy(ctx, &cfg, func(string) bool { return true }); err != nil {
			return nil, err
		}
	}
	if err := f.sweep(ctx); err != nil {
		return nil, err
	}
	f.tracker = cfg.Effects.Track(cfg.Dir, f.keeps)
	cfg.Ledger.Attach(f)
	return f, nil
}

// Check refuses a directory that cannot become the copy of a run's files, with the kind quarry.BadUsage: it holds something else.
func Check(dir string, run quarry.RunID) error {
	foreign := func(why error) error {
		return &quarry.Error{
			Kind: quarry.BadUsage, Op: "copy the run's files to", Subject: dir, Err: why, Hint: "name an empty or new directory with --dir",
		}
	}
	was, err := Marked(dir)
	if err != nil {
		return err
	}
	if was != "" && was != run {
		return foreign(fmt.Errorf("it holds files of run %s", was))
	}
	for _, name := range append(slices.Clone(names), "ledger.db") {
		if _, err := os.Lstat(filepath.Join(dir, name)); was == "" && err == nil {
			return foreign(fmt.Errorf("it holds %s, and no copy of a run's files", name))
		}
	}
	return nil
}

// Marked says whose files a directory is a copy of; empty: it is none.
func Marked(dir string) (quarry.RunID, error) {
	m, err := readMark(dir)
	return m.Run, err
}

func readMark(dir string) (m mark, err error) {
	b, err := os.ReadFile(filepath.Join(dir, markFile))
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		err = fmt.Errorf("read %s: %w", filepath.Join(dir, markFile), err)
	}
	return m, err
}

// current reports whether the directory has what the process before this one left, and that was the last one to work on the run.
func (f *Files) current() (bool, error) {
	m, err := readMark(f.cfg.Dir)
	return m.Run == f.cfg.Run && m.Clean && m.Fence == f.cfg.Ledger.Fence()-1, err
}

func (f *Files) sign(clean bool) error {
	b, err := json.Marshal(mark{f.cfg.Run, f.cfg.Ledger.Fence(), clean})
	if err != nil {
		return err
	}
	return atomicfile.Write(f.cfg.Effects, filepath.Join(f.cfg.Dir, markFile), append(b, '\n'))
}

// clear removes the files of an earlier process. Others, as the log and the lock, stay.
func (f *Files) clear() error {
	for _, name := range names {
		if err := f.cfg.Effects.RemoveAll(filepath.Join(f.cfg.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// Copy makes copies of the files that the ledger names and want takes, below cfg.Dir, which holds none of them. The run may be worked on
// meanwhile.
func Copy(ctx context.Context, cfg *Config, want func(name string) bool) error {
	for try := 1; ; try++ {
		err := cfg.copy(ctx, want)
		// Between the rows and the objects, a file may be replaced.
		if errors.Is(err, bucket.ErrNoObject) && try < copyTries {
			continue
		}
		if err != nil {
			return err
		}
		return shardfile.JoinCalls(cfg.Effects, cfg.Dir)
	}
}

// Follow brings the copies of the files that want takes up to date, below cfg.Dir: a copy whose object is another one by now is made again, and one
// of a file that is gone is removed. have says what is copied, by name, and is changed. One call at a time for a directory.
func Follow(ctx context.Context, cfg *Config, have map[string]string, want func(name string) bool) error {
	for name := range have {
		if want(name) && !there(cfg.Dir, name) { // someone removed it
			delete(have, name)
		}
	}
	for try := 1; ; try++ {
		err := cfg.follow(ctx, have, want)
		if errors.Is(err, bucket.ErrNoObject) && try < copyTries {
			continue
		}
		if err != nil {
			return err
		}
		return shardfile.JoinCalls(cfg.Effects, cfg.Dir)
	}
}

func there(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

func (c *Config) follow(ctx context.Context, have map[string]string, want func(name string) bool) error {
	g := newGroup(ctx)
	now := map[string]string{}
	var mu sync.Mutex
	for file, err := range c.Ledger.Files(ctx) {
		if err != nil {
			return errors.Join(err, g.wait())
		}
		now[file.Name] = file.Object
		if !want(file.Name) {
			continue
		}
		mu.Lock()
		copied := have[file.Name] == file.Object
		mu.Unlock()
		if copied {
			continue
		}
		g.do(func(ctx context.Context) error {
			err := c.fetch(ctx, file)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				have[file.Name] = file.Object
			}
			return err
		})
	}
	if err := g.wait(); err != nil {
		return err
	}
	for name := range have {
		if now[name] == "" {
			if err := c.Effects.RemoveAll(filepath.Join(c.Dir, filepath.FromSlash(name))); err != nil {
				return err
			}
			delete(have, name)
		}
	}
	return nil
}

const copyTries = 5

func (c *Config) copy(ctx context.Context, want func(name string) bool) error {
	g := newGroup(ctx)
	for file, err := range c.Ledger.Files(ctx) {
		if err != nil {
			return errors.Join(err, g.wait())
		}
		if want(file.Name) {
			g.do(func(ctx context.Context) error { return c.fetch(ctx, file) })
		}
	}
	return g.wait()
}

func (c *Config) fetch(ctx context.Context, file ledger.File) error {
	ours := kept(file.Name) || c.local && keptLocally(file.Name)
	if !filepath.IsLocal(filepath.FromSlash(file.Name)) || !ours { // rows are of other processes
		return fmt.Errorf("copy file %q of run %s: no name of a run's file", file.Name, c.Run)
	}
	to := filepath.Join(c.Dir, filepath.FromSlash(file.Name))
	if file.Object == folder {
		return c.Effects.MkdirAll(to)
	}
	if err := c.Effects.MkdirAll(filepath.Dir(to)); err != nil {
		return err
	}
	return c.download(ctx, c.key(file.Object), to, file.Bytes)
}

// download makes a file of an object.
func (c *Config) download(ctx context.Context, key, to string, size int64) error {
	out, err := atomicfile.Create(c.Effects, to)
	if err != nil {
		return err
	}
	first := true
	err = c.Bucket.Fetch(ctx, key, size, func(r io.Reader) error {
		if !first { // the content came damaged, and comes again from its beginning
			out.Abort()
			if out, err = atomicfile.Create(c.Effects, to); err != nil {
				return err
			}
		}
		first = false
		_, err := io.Copy(struct{ io.Writer }{out}, r)
		return err
	})
	if err != nil {
		out.Abort()
		return err
	}
	return out.Commit()
}

// key is the key of an object's name.
func (c *Config) key(object string) string { return Prefix + string(c.Run) + "/" + object }

// sweep removes objects that the ledger does not name: a process that died, or that was fenced off, wrote them.
func (f *Files) sweep(ctx context.Context) error {
	named := map[string]bool{}
	for file, err := range f.cfg.Ledger.Files(ctx) {
		if err != nil {
			return err
		}
		named[f.cfg.key(file.Object)] = true
	}
	g := newGroup(ctx)
	for o, err := range f.cfg.Bucket.Objects(ctx, f.cfg.key("")) {
		if err != nil {
			return errors.Join(err, g.wait())
		}
		if named[o.Key] || strings.HasPrefix(o.Key, f.cfg.key(Added)) || strings.HasPrefix(o.Key, f.cfg.key(logPrefix)) {
			continue
		}
		g.do(func(ctx context.Context) error { return f.cfg.remove(ctx, o.Key) })
	}
	return g.wait()
}

// Flush uploads whatever was written since the last time; see ledger.Files.
func (f *Files) Flush(ctx context.Context) ([]ledger.File, error) {
	changes, err := f.tracker.Take()
	if err != nil {
		return nil, err
	}
	g := newGroup(ctx)
	var mu sync.Mutex
	for _, c := range changes {
		file := ledger.File{Name: c.Name, Bytes: c.Size}
		if c.Dir {
			if !strings.HasPrefix(c.Name, "raw/") { // the others are made with their files
				continue
			}
			file.Object = folder
		}
		if c.File == nil {
			f.say(file)
			continue
		}
		f.made++
		file.Object = fmt.Sprintf("%s.%s-%d", c.Name, f.stamp, f.made)
		g.do(func(ctx context.Context) error {
			err := f.upload(ctx, &c, &file.Object)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				f.tracker.Again(c.Name)
				return err
			}
			f.say(file)
			return nil
		})
	}
	if err := g.wait(); err != nil {
		return nil, err
	}
	return f.changes(), nil
}

// say notes what the next change of the ledger says of a name.
func (f *Files) say(file ledger.File) {
	for name, was := range f.pending {
		if name == file.Name || file.Object == "" && strings.HasPrefix(name, file.Name+"/") {
			if was.Object != "" {
				f.free = append(f.free, was.Object)
			}
			if name != file.Name {
				delete(f.pending, name)
			}
		}
	}
	f.pending[file.Name] = file
}

// changes are what is pending, names that went before files: a folder went before what was written into it since.
func (f *Files) changes() []ledger.File {
	var gone, there []ledger.File
	for _, file := range f.pending {
		if file.Object == "" {
			gone = append(gone, file)
		} else {
			there = append(there, file)
		}
	}
	return append(gone, there...)
}

// An upload is tried for uploadPatience while S3 does not answer: what a row needs has to be there before it.
const (
	uploadPatience = 10 * time.Minute
	uploadPause    = 200 * time.Millisecond
	uploadPauseMax = 15 * time.Second
)

func (f *Files) upload(ctx context.Context, c *effect.Change, object *string) (err error) {
	defer func() { _ = c.File.Close() }()
	if f.digests {
		if *object, err = digested(*object, io.NewSectionReader(c.File, 0, c.Size)); err != nil {
			return err
		}
	}
	return f.patiently(ctx, f.cfg.key(*object), io.NewSectionReader(c.File, 0, c.Size))
}

// patiently uploads what r has from its beginning on.
func (f *Files) patiently(ctx context.Context, key string, r io.ReadSeeker) error {
	until := time.Now().Add(uploadPatience)
	for wait := uploadPause; ; wait = min(2*wait, uploadPauseMax) {
		err := f.cfg.Bucket.Put(ctx, key, r)
		again := errors.Is(err, bucket.ErrLater) && !errors.Is(err, bucket.ErrExpired) && !errors.Is(err, effect.ErrHook)
		if err == nil || !again || time.Now().After(until) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

// Committed removes the objects that are not needed any more. One that cannot be removed now is removed when the run is opened again.
func (f *Files) Committed(ctx context.Context, free []string) {
	clear(f.pending)
	g := newGroup(ctx)
	for _, object := range append(free, f.free...) {
		if object == folder {
			continue
		}
		g.do(func(ctx context.Context) error { return f.cfg.Bucket.Remove(ctx, f.cfg.key(object)) })
	}
	f.free = nil
	_ = g.wait()
}

// Close makes durable what was written last, and lets the next process on this machine use the copy again.
func (f *Files) Close(ctx context.Context) error {
	if err := f.cfg.Ledger.SaveFiles(ctx); err != nil {
		return err
	}
	return f.sign(true)
}
