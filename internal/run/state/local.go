package state

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/ledger"
	"quarry/internal/run/shardfile"
)

// placeFile says of a run's directory that its files are also in the bucket.
const placeFile = "bucket.json"

// Place is what placeFile holds.
type Place struct {
	Run        quarry.RunID `json:"run"`
	Bucket     string       `json:"bucket"`
	Generation int64        `json:"generation"` // of the process that worked last in the directory
	Clean      bool         `json:"clean"`      // it ended in order: all of it is in the bucket
	Partial    bool         `json:"partial"`    // the directory is being made from the bucket
}

// Local are the files of a run whose ledger is a file of its directory: the directory is what counts, and the bucket has all of it that another
// directory needs, as of the last change of the ledger.
type Local struct {
	*Files
	by        writer
	n, copied int64 // number of the last object of the ledger, and of the last copy; 0: none
	bytes     int   // of the changes since
	looked    time.Time
	lookEvery time.Duration
	taken     error // another process took the run over
}

// peoples are further names in the directory of a run whose ledger is a file: what people said of it. Other commands write them.
var peoples = []string{"review.jsonl", "overrides.jsonl", "approvals.jsonl"}

func keptLocally(name string) bool { return kept(name) || slices.Contains(peoples, name) }

// ReadPlace says where the files of the run in a directory are kept as well; of the zero Place, nowhere.
func ReadPlace(dir string) (p Place, err error) {
	path := filepath.Join(dir, placeFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		err = fmt.Errorf("read %s: %w", path, err)
	}
	return p, err
}

func (c *Config) writePlace(p Place) error {
	p.Run, p.Bucket = c.Run, c.Bucket.Name()
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return atomicfile.Write(c.Effects, filepath.Join(c.Dir, placeFile), append(b, '\n'))
}

// OpenLocal uploads what the bucket lacks of the files and the ledger of a run whose lock this process has, and lets each change of the ledger be
// kept there from then on. It fails with the kind quarry.Locked where the run was taken over into another directory since.
func OpenLocal(ctx context.Context, cfg Config) (*Local, error) {
	was, err := ReadPlace(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if was.Run != cfg.Run { // of a process that ended before there was a run
		was = Place{}
	}
	if was.Run != "" && was.Bucket != cfg.Bucket.Name() {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "open run", Subject: cfg.Dir, Err: fmt.Errorf("its files are in the bucket %s, and this command names %s", was.Bucket, cfg.Bucket.Name()),
			Hint: "name that bucket with --bucket",
		}
	}
	all, err := cfg.listed(ctx)
	if err != nil {
		return nil, err
	}
	last := was.Generation
	if len(all) > 0 {
		if last = all[len(all)-1].by.generation; last > was.Generation {
			return nil, takenOver(&cfg)
		}
	}
	l := &Local{
		Files: &Files{cfg: cfg, pending: map[string]ledger.File{}, digests: true, keeps: keptLocally}, looked: time.Now(), lookEvery: lookEvery,
		by: writer{max(last, was.Generation) + 1, strings.ToLower(rand.Text()[:10])},
	}
	l.stamp = "w" + l.by.id
	if err := cfg.writePlace(Place{Generation: l.by.generation}); err != nil {
		return nil, err
	}
	if err := cfg.Ledger.AttachLog(ctx, l); err != nil {
		return nil, err
	}
	l.tracker = cfg.Effects.Track(cfg.Dir, l.keeps)
	if !was.Clean {
		if err := shardfile.SplitCalls(cfg.Effects, cfg.Dir); err != nil {
			return nil, err
		}
	}
	if err := l.compare(ctx, was.Clean); err != nil {
		return nil, err
	}
	if err := cfg.Ledger.SaveFiles(ctx); err != nil {
		return nil, err
	}
	return l, l.sweep(ctx)
}

// Close makes durable what was written last.
func (l *Local) Close(ctx context.Context) error {
	if l.taken != nil {
		return nil
	}
	if err := l.cfg.Ledger.SaveFiles(ctx); err != nil {
		return err
	}
	return l.cfg.writePlace(Place{Generation: l.by.generation, Clean: true})
}

// digested ends an object's name with a digest of the content: so a process that begins after a crash knows which files are not in the bucket as
// they are.
func digested(object string, r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", err
	}
	return object + "-" + hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// compare notes which files in the directory are not in the bucket as they are, and which are gone. If the process before this one ended in order,
// these are only those that people write.
func (l *Local) compare(ctx context.Context, clean bool) error {
	named := map[string]ledger.File{}
	for f, err := range l.cfg.Ledger.Files(ctx) {
		if err != nil {
			return err
		}
		named[f.Name] = f
	}
	there := map[string]bool{}
	check := func(name string) error {
		there[name] = true
		same, err := l.same(name, named[name])
		if err == nil && !same {
			l.tracker.Again(name)
		}
		return err
	}
	if clean {
		for _, name := range peoples {
			if err := check(name); err != nil {
				return err
			}
		}
		return nil
	}
	err := filepath.WalkDir(l.cfg.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == l.cfg.Dir {
			return err
		}
		name, err := filepath.Rel(l.cfg.Dir, path)
		if name = filepath.ToSlash(name); err != nil || !l.keeps(name) {
			return err
		}
		if d.IsDir() || d.Type().IsRegular() {
			return check(name)
		}
		return nil
	})
	for name := range named {
		if !there[name] {
			l.tracker.Again(name)
		}
	}
	return err
}

// same reports whether the bucket has what a name has in the directory.
func (l *Local) same(name string, as ledger.File) (bool, error) {
	f, size, err := openFile(filepath.Join(l.cfg.Dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return as.Object == "", nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		return as.Object == folder, err
	}
	if size != as.Bytes {
		return false, nil
	}
	end, err := digested("", f)
	return strings.HasSuffix(as.Object, end), err
}

func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// Restore makes a directory that of a run whose files are in the bucket, as they were at the last change of its ledger; cfg has no ledger. A
// directory that has a ledger, or that another Restore made before, is left as it is. found is false if the bucket has no ledger of the run. A run
// that is worked on meanwhile gives what it had at one moment.
func Restore(ctx context.Context, cfg Config) (found bool, err error) {
	was, err := ReadPlace(cfg.Dir)
	if err != nil {
		return false, err
	}
	path := filepath.Join(cfg.Dir, "ledger.db")
	if _, err := os.Lstat(path); err == nil {
		return was.Run == cfg.Run, nil
	}
	all, err := cfg.listed(ctx)
	objects := newest(all)
	if err != nil || len(objects) == 0 {
		return false, err
	}
	f := &Files{cfg: cfg, keeps: keptLocally}
	if was.Partial {
		if err := f.clear(); err != nil {
			return false, err
		}
	}
	if err := cfg.writePlace(Place{Partial: true}); err != nil {
		return false, err
	}
	e := cfg.Effects
	dir, err := e.TempDir("")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, e.RemoveAll(dir)) }()
	scratch := filepath.Join(dir, "ledger.db")
	if err := cfg.fetchLedger(ctx, objects, scratch); err != nil {
		return false, fmt.Errorf("read the ledger of run %s: %w", cfg.Run, err)
	}
	if cfg.Ledger, err = ledger.OpenReadOnly(ctx, e, scratch); err != nil {
		return false, err
	}
	cfg.local = true
	err = Copy(ctx, &cfg, func(string) bool { return true })
	if err := errors.Join(err, cfg.Ledger.Close()); err != nil {
		return false, err
	}
	if err := cfg.writePlace(Place{Generation: objects[0].by.generation, Clean: true}); err != nil {
		return false, err
	}
	return true, e.Copy(scratch, path)
}
