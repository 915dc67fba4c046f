package kept

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/base/effect"
)

// Config says what is kept, and for which pass.
type Config struct {
	Dir      string // of this source alone
	Effects  *effect.Effects
	Source   Source
	Index    int // of the source in the run
	Pass     int
	Settings string // digest of how it is read: another one is another source
	// Resumes says that the source can begin again at any of its positions. A query cannot: the rows may come in another
	// order, or be others.
	Resumes bool
	Limit   int64 // of documents. Zero: none
	// Clock and Since are those of a source that can give only what was modified (source.Synced); nil: everything is read each time.
	Clock func(ctx context.Context) (time.Time, error)
	Since func(t time.Time) func(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
	// Now is the time of this machine. nil: time.Now.
	Now func() time.Time
	// Watch gets how many items and bytes were read so far; nil where no one looks.
	Watch func(items, bytes int64)
}

// What is kept reaches the disk after so many bytes or so long: that much, at most, is asked for again after a crash.
const (
	syncBytes = 16 << 20
	syncAfter = time.Second
)

// Keep reads the source to its end, unless all of it is kept for this pass already, and gives what is kept. A damaged copy is made again.
//
// What an earlier pass kept in the same way is brought up to date with what was modified since, where the source can say that, and
// everything was read within the last day and without an interruption.
func Keep(ctx context.Context, cfg Config) (*Kept, error) {
	path := filepath.Join(cfg.Dir, stateFile)
	a, last, end, ok, err := readState(path)
	if err != nil {
		return nil, err
	}
	if ok && a.Format > Format {
		return nil, errNewer(cfg.Dir, a.Format)
	}
	want := about{Format: Format, Pass: cfg.Pass, Source: cfg.Source.Name(), Settings: cfg.Settings}
	intact := ok && a.like(want) && last.intact(filepath.Join(cfg.Dir, a.file()))
	same := intact && a.of(want)
	if same && last.Done {
		return a.open(cfg.Dir, cfg.Index, &last), nil
	}
	if intact && last.Done && !last.Resumed {
		k, err := cfg.update(ctx, a, a.open(cfg.Dir, cfg.Index, &last))
		if k != nil || err != nil {
			return k, err
		}
	}
	w := writer{cfg: cfg, state: last}
	if !same || !cfg.Resumes {
		w.state, end = state{}, 0
		if err := cfg.begin(ctx, &want); err != nil {
			return nil, err
		}
		a = want
	}
	w.state.Resumed = w.state.End > 0
	if last, err = w.keep(ctx, a, end); err != nil {
		return nil, err
	}
	return a.open(cfg.Dir, cfg.Index, &last), nil
}

// begin notes the clocks before everything is read: what is modified meanwhile is modified after them.
func (c *Config) begin(ctx context.Context, a *about) (err error) {
	if c.Clock == nil {
		return nil
	}
	a.Full = c.now().UTC()
	a.Clock, err = c.Clock(ctx)
	return err
}

func (c *Config) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Has reports whether Keep would have nothing to ask of the source.
func Has(cfg Config) bool {
	a, last, _, ok, err := readState(filepath.Join(cfg.Dir, stateFile))
	return err == nil && ok && last.Done && a.of(about{Format: Format, Pass: cfg.Pass, Source: cfg.Source.Name(), Settings: cfg.Settings}) &&
		last.intact(filepath.Join(cfg.Dir, a.file()))
}

// writer is a keeping under way.
type writer struct {
	cfg       Config
	documents *effect.OutFile
	said      *effect.OutFile
	zstd      *zstd.Encoder
	state     state  // all that was written
	before    state  // the same before the last block
	lines     []byte // of the block at hand
	frame     []byte
	unsynced  int64 // bytes after the last state that was said
	synced    time.Time
	bytes     int64
}

func (w *writer) keep(ctx context.Context, want about, end int64) (state, error) {
	if err := w.cfg.Effects.MkdirAll(w.cfg.Dir); err != nil {
		return state{}, err
	}
	from, err := w.open(want, end)
	defer w.close()
	if err != nil {
		return state{}, err
	}
	w.synced = time.Now()
	if err := w.blocks(ctx, from); err != nil {
		// What was read is worth keeping whatever happened, so that the source is not asked for it again.
		return state{}, errors.Join(err, w.say())
	}
	w.state.Done = true
	return w.state, w.say()
}

// open opens the files, and cuts off what was not said to be whole.
func (w *writer) open(want about, end int64) (from quarry.Position, err error) {
	if w.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(1<<20)); err != nil {
		return from, err
	}
	documents, said := filepath.Join(w.cfg.Dir, documentsFile), filepath.Join(w.cfg.Dir, stateFile)
	if w.state.End == 0 {
		w.state = state{}
		if err := w.cfg.forget(documentsFile); err != nil {
			return from, err
		}
		if w.documents, err = w.cfg.Effects.Create(documents); err != nil {
			return from, err
		}
		if w.said, err = w.cfg.Effects.Create(said); err != nil {
			return from, err
		}
		b, err := json.Marshal(want)
		if err != nil {
			return from, err
		}
		_, err = w.said.Write(append(b, '\n'))
		return from, err
	}
	if w.documents, err = w.cfg.Effects.Append(documents); err != nil {
		return from, err
	}
	if w.said, err = w.cfg.Effects.Append(said); err != nil {
		return from, err
	}
	w.before = w.state
	return w.state.At, errors.Join(w.documents.Truncate(w.state.End), w.said.Truncate(end))
}

func (w *writer) blocks(ctx context.Context, from quarry.Position) error {
	for block, err := range w.cfg.Source.Blocks(ctx, from) {
		if err != nil {
			return err
		}
		full, err := w.block(block)
		if err != nil {
			return err
		}
		if w.cfg.Watch != nil {
			w.cfg.Watch(w.state.Items, w.bytes)
		}
		if full {
			return nil
		}
		if w.unsynced >= syncBytes || time.Since(w.synced) >= syncAfter {
			if err := w.say(); err != nil {
				return err
			}
		}
	}
	return nil
}

// block writes one block; full says that no more is wanted.
func (w *writer) block(block quarry.Block) (full bool, err error) {
	var items, documents int64
	w.lines = w.lines[:0]
	for d, err := range block.Documents {
		var fault *quarry.ItemError
		switch {
		case errors.As(err, &fault):
			w.lines = appendFault(w.lines, fault)
		case err != nil:
			return false, err
		default:
			w.lines = appendDocument(w.lines, &d)
			documents++
		}
		items++
		if w.cfg.Limit > 0 && w.state.Documents+documents >= w.cfg.Limit {
			full = true
			break
		}
	}
	if items == 0 {
		return full, nil
	}
	w.frame = appendFrame(w.frame[:0], w.zstd, w.lines)
	if _, err := w.documents.Write(w.frame); err != nil {
		return false, err
	}
	s, n := &w.state, int64(len(w.frame))
	w.before = *s
	w.before.At = block.First
	s.End += n
	s.Sum = crc32.Update(s.Sum, castagnoli, w.frame)
	s.Items += items
	s.Documents += documents
	w.unsynced += n
	w.bytes += int64(len(w.lines))
	if cap(w.lines) > 16<<20 { // one giant text shall not be held to the end
		w.lines, w.frame = nil, nil
	}
	return full, nil
}

// say makes what was written durable, and then says so: what the state names is there.
func (w *writer) say() error {
	if w.unsynced == 0 && !w.state.Done {
		return nil
	}
	if err := w.documents.Sync(); err != nil {
		return err
	}
	now := w.before
	if w.state.Done {
		now = w.state
	}
	b, err := json.Marshal(now)
	if err != nil {
		return err
	}
	if _, err := w.said.Write(append(b, '\n')); err != nil {
		return err
	}
	if err := w.said.Sync(); err != nil {
		return fmt.Errorf("keep %s: %w", w.cfg.Source.Name(), err)
	}
	w.unsynced, w.synced = 0, time.Now()
	return nil
}

func (w *writer) close() {
	for _, f := range []*effect.OutFile{w.documents, w.said} {
		if f != nil {
			_ = f.Close()
		}
	}
	if w.zstd != nil {
		_ = w.zstd.Close()
	}
}
