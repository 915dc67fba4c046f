package state

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/aws/bucket"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/ledger"
	"quarry/internal/run/lines"
)

// The ledger of a run that is a file is kept in the bucket as a copy and the changes since then, each an object of its own:
//
//	quarry-state/RUN/ledger/GENERATION-WRITER/00000001.db.zst      the copy, with all changes up to number 1
//	quarry-state/RUN/ledger/GENERATION-WRITER/00000002.jsonl       a change: one transaction a line
//
// A process that takes the lock of the directory draws a writer and the next generation. The newest generation that has a copy counts, and in it the
// last copy with the changes that follow it without a gap.

const logPrefix = "ledger/"

// A copy takes the place of changes once there are maxChanges of them, or they have maxChangeBytes.
const (
	maxChanges     = 500
	maxChangeBytes = 1 << 20
)

// lookEvery is how often a process looks whether another one has taken the run over.
const lookEvery = 10 * time.Second

// writer is one process that wrote a ledger to the bucket.
type writer struct {
	generation int64
	id         string
}

func (w writer) String() string { return fmt.Sprintf("%08d-%s", w.generation, w.id) }

// after reports whether a writer took the run over from another.
func (w writer) after(v writer) bool {
	return w.generation > v.generation || w.generation == v.generation && w.id > v.id
}

// logged is what the bucket has of a ledger: one object.
type logged struct {
	key  string
	by   writer
	n    int64
	copy bool
}

// listed gives the objects of a run's ledger, in the order of writers and numbers.
func (c *Config) listed(ctx context.Context) (all []logged, err error) {
	for o, err := range c.Bucket.Objects(ctx, c.key(logPrefix)) {
		if err != nil {
			return nil, err
		}
		l := logged{key: o.Key}
		folder, name, _ := strings.Cut(strings.TrimPrefix(o.Key, c.key(logPrefix)), "/")
		number, kind, _ := strings.Cut(name, ".")
		if n, err := fmt.Sscanf(folder, "%d-%s", &l.by.generation, &l.by.id); n != 2 || err != nil {
			continue // no name of ours
		}
		if n, err := fmt.Sscanf(number, "%d", &l.n); n != 1 || err != nil || kind != "db.zst" && kind != "jsonl" {
			continue
		}
		l.copy = kind == "db.zst"
		all = append(all, l)
	}
	slices.SortStableFunc(all, func(a, b logged) int {
		switch {
		case a.by.after(b.by):
			return 1
		case b.by.after(a.by):
			return -1
		}
		return int(a.n - b.n)
	})
	return all, nil
}

// newest gives the last copy and the changes that follow it; none if the bucket has no copy.
func newest(all []logged) []logged {
	for i, l := range slices.Backward(all) {
		if !l.copy {
			continue
		}
		end := i + 1
		for end < len(all) && all[end].by == l.by && all[end].n == all[end-1].n+1 {
			end++
		}
		return all[i:end]
	}
	return nil
}

// Keep uploads transactions; see ledger.Log.
func (l *Local) Keep(ctx context.Context, done []ledger.Transaction) error {
	if err := l.stillOurs(ctx); err != nil {
		return err
	}
	if len(done) == 0 && l.copied > 0 { // a change of nothing
		return nil
	}
	text, whole, err := encode(done)
	if err != nil {
		return err
	}
	if l.copied == 0 || !whole || l.n-l.copied >= maxChanges || l.bytes+len(text) > maxChangeBytes {
		return l.keepCopy(ctx)
	}
	if err := l.put(ctx, fmt.Sprintf("%08d.jsonl", l.n+1), bytes.NewReader(text)); err != nil {
		return err
	}
	l.n++
	l.bytes += len(text)
	return nil
}

// keepCopy uploads the whole ledger, and removes what it takes the place of.
func (l *Local) keepCopy(ctx context.Context) (err error) {
	e := l.cfg.Effects
	dir, err := e.TempDir("")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.RemoveAll(dir)) }()
	path := filepath.Join(dir, "ledger.db")
	if err := l.cfg.Ledger.Snapshot(ctx, path); err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	packed := path + ".zst"
	if err := pack(e, path, packed); err != nil {
		return err
	}
	file, size, err := openFile(packed)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	name := fmt.Sprintf("%08d.db.zst", l.n+1)
	if err := l.put(ctx, name, io.NewSectionReader(file, 0, size)); err != nil {
		return err
	}
	l.n++
	l.copied, l.bytes = l.n, 0
	all, err := l.cfg.listed(ctx)
	if err != nil {
		return err
	}
	g := newGroup(ctx)
	for _, o := range all {
		if o.by.after(l.by) || o.by == l.by && o.n >= l.n {
			continue
		}
		g.do(func(ctx context.Context) error { return l.cfg.remove(ctx, o.key) })
	}
	return g.wait()
}

// put uploads an object of the log.
func (l *Local) put(ctx context.Context, name string, r io.ReadSeeker) error {
	return l.patiently(ctx, l.cfg.key(logPrefix+l.by.String()+"/"+name), r)
}

// stillOurs looks from time to time whether another process has taken the run over.
func (l *Local) stillOurs(ctx context.Context) error {
	if l.taken == nil && time.Since(l.looked) > l.lookEvery {
		all, err := l.cfg.listed(ctx)
		if err != nil {
			return err
		}
		if len(all) > 0 && all[len(all)-1].by.after(l.by) {
			l.taken = takenOver(&l.cfg)
		}
		l.looked = time.Now()
	}
	return l.taken
}

func takenOver(c *Config) error {
	return &quarry.Error{
		Kind: quarry.Locked, Op: "work on run", Subject: string(c.Run), Err: errors.New("it was taken over from the bucket into another directory"),
		Hint: fmt.Sprintf("continue there, or take it over again: quarry adopt --run %s --target aws --dir NEW, with an empty directory", c.Run),
	}
}

// real marks a number with a fraction: without it, 3.0 would be read as a whole number.
type real struct {
	Real float64 `json:"real"`
}

// entry is one statement of a transaction.
type entry struct {
	SQL  string            `json:"sql"`
	Args []json.RawMessage `json:"args,omitempty"`
}

// encode spells transactions, one a line. whole is false where the text cannot take the place of a copy: for one of them it is not known whether
// it was committed, or Replay would refuse it.
func encode(done []ledger.Transaction) (text []byte, whole bool, err error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	for _, t := range done {
		if len(t) == 0 || !t.CanReplay() {
			return nil, false, nil
		}
		entries := make([]entry, len(t))
		for i, s := range t {
			entries[i].SQL = s.Text
			for _, v := range s.Args {
				if f, ok := v.(float64); ok {
					v = real{f}
				}
				arg, err := json.Marshal(v)
				if err != nil {
					return nil, false, err
				}
				entries[i].Args = append(entries[i].Args, arg)
			}
		}
		if err := out.Encode(entries); err != nil {
			return nil, false, err
		}
		if b.Len() > maxChangeBytes { // a copy is smaller
			return nil, false, nil
		}
	}
	return b.Bytes(), true, nil
}

// decode reads what encode spelled.
func decode(r io.Reader) iter.Seq2[ledger.Transaction, error] {
	return func(yield func(ledger.Transaction, error) bool) {
		in := json.NewDecoder(bufio.NewReader(r))
		for {
			var entries []entry
			if err := in.Decode(&entries); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				yield(nil, fmt.Errorf("read a change of the ledger: %w", err))
				return
			}
			t := make(ledger.Transaction, len(entries))
			for i, e := range entries {
				t[i] = effect.Statement{Text: e.SQL}
				for _, arg := range e.Args {
					v, err := value(arg)
					if err != nil {
						yield(nil, fmt.Errorf("read a change of the ledger: argument %s: %w", arg, err))
						return
					}
					t[i].Args = append(t[i].Args, v)
				}
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

// value reads an argument.
func value(arg json.RawMessage) (any, error) {
	switch arg[0] {
	case '"':
		var s string
		err := json.Unmarshal(arg, &s)
		return s, err
	case '{':
		var r real
		err := json.Unmarshal(arg, &r)
		return r.Real, err
	case 'n':
		return nil, nil //nolint:nilnil // SQL's NULL
	case 't', 'f':
		return arg[0] == 't', nil
	}
	var n int64
	err := json.Unmarshal(arg, &n)
	return n, err
}

// pack compresses a file into another one.
func pack(e *effect.Effects, from, to string) error {
	in, _, err := openFile(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = atomicfile.CopyZstd(e, to, in)
	return err
}

// fetchLedger makes the ledger as the bucket has it at a path.
func (c *Config) fetchLedger(ctx context.Context, objects []logged, path string) error {
	packed := path + ".zst"
	if err := c.download(ctx, objects[0].key, packed, -1); err != nil {
		return err
	}
	in, err := lines.Open(packed)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := atomicfile.Create(c.Effects, path)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(struct{ io.Writer }{out}, in); err != nil {
		return fmt.Errorf("read %s: %w", c.Bucket.URI(objects[0].key), err)
	}
	if err := out.Commit(); err != nil {
		return err
	}
	return ledger.Replay(ctx, c.Effects, path, func(yield func(ledger.Transaction, error) bool) {
		for _, o := range objects[1:] {
			var text bytes.Buffer
			err := c.Bucket.Fetch(ctx, o.key, -1, func(r io.Reader) error {
				text.Reset()
				_, err := io.Copy(&text, r)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for t, err := range decode(&text) {
				if !yield(t, err) {
					return
				}
			}
		}
	})
}

// remove removes an object that no one needs; a caller without the right leaves it there.
func (c *Config) remove(ctx context.Context, key string) error {
	err := c.Bucket.Remove(ctx, key)
	var q *quarry.Error
	if errors.As(err, &q) && q.Kind == quarry.Denied || errors.Is(err, bucket.ErrNoObject) {
		return nil
	}
	return err
}
