package kept

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/jsonl"
)

const (
	// overlap is how much more than what was modified since the last reading is read: clocks of several servers, and times without
	// their zone, differ.
	overlap = 24 * time.Hour
	// fullEvery is how long a full reading serves: a day, less what a job at the same hour of each day may be early.
	fullEvery = 23 * time.Hour
	// mostChanged bounds the modified items, whose ids are in memory. If there are more, everything is read.
	mostChanged = 200_000

	changesDir = "changes"
)

// modified is the part of a source that was modified.
type modified struct {
	name   string
	blocks func(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error]
}

func (m modified) Name() string { return m.name }

func (m modified) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return m.blocks(ctx, from)
}

// update makes the copy for this pass of that of an earlier one and of what was modified since; nil: everything has to be read. The earlier
// copy stays until the new one is whole.
func (c *Config) update(ctx context.Context, a about, base *Kept) (*Kept, error) {
	age := c.now().Sub(a.Full)
	if c.Since == nil || c.Limit > 0 || a.Clock.IsZero() || a.Full.IsZero() || age < 0 || age >= fullEvery {
		return nil, nil
	}
	now, err := c.Clock(ctx)
	if err != nil || now.IsZero() || now.Before(a.Clock) { // a clock that was set back says nothing about what it dated before
		return nil, err
	}
	since := a.Clock.Add(-overlap)
	of := *c
	of.Dir = filepath.Join(c.Dir, changesDir)
	of.Source = modified{c.Source.Name(), c.Since(since)}
	of.Since = nil
	of.Clock = func(context.Context) (time.Time, error) { return now, nil }
	changes, err := Keep(ctx, of)
	if err != nil || changes.Documents > mostChanged {
		return nil, err
	}
	next := about{
		Format: Format, Pass: c.Pass, Source: a.Source, Settings: a.Settings, Clock: changes.about.Clock, Full: a.Full,
		Documents: fmt.Sprintf("documents-%04d.zst", c.Pass),
	}
	merged, err := c.merge(ctx, next, base, changes)
	if err != nil {
		return nil, err
	}
	k := next.open(c.Dir, c.Index, &merged)
	k.Read, k.Since = changes.Documents, since
	return k, c.forget(next.Documents)
}

// forget removes the files of earlier copies, and what was modified since them.
func (c *Config) forget(except string) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if name := e.Name(); name == except || (name != changesDir && !strings.HasPrefix(name, "documents")) {
			continue
		}
		if err := c.Effects.RemoveAll(filepath.Join(c.Dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// merge writes the base with the changed items in the places of the former ones, and new items after it. The state, which names the file,
// is replaced last.
func (c *Config) merge(ctx context.Context, next about, base, changes *Kept) (s state, err error) {
	find, err := index(ctx, base, changes)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, find.close()) }()
	out, err := atomicfile.Create(c.Effects, filepath.Join(c.Dir, next.Documents))
	if err != nil {
		return s, err
	}
	defer out.Abort()
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	w := merging{out: out, zstd: z}
	for frame, err := range frames(ctx, base) {
		if err != nil {
			return s, err
		}
		if err := w.add(frame, find.instead); err != nil {
			return s, err
		}
	}
	for frame, err := range frames(ctx, changes) {
		if err != nil {
			return s, err
		}
		if err := w.add(frame, find.left); err != nil {
			return s, err
		}
	}
	w.state.Done = true
	if err := out.Commit(); err != nil {
		return s, err
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	if err := errors.Join(enc.Encode(&next), enc.Encode(&w.state)); err != nil {
		return s, err
	}
	return w.state, atomicfile.Write(c.Effects, filepath.Join(c.Dir, stateFile), lines.Bytes())
}

// merging is a copy in the making.
type merging struct {
	out   io.Writer
	zstd  *zstd.Encoder
	state state
	lines []byte
	frame []byte
}

// add writes a frame of the lines that choose gives for the lines of another.
func (w *merging) add(f frame, choose func(l kept) ([]byte, error)) error {
	w.lines = w.lines[:0]
	for l, err := range f.lines() {
		if err != nil {
			return err
		}
		line, err := choose(l)
		if err != nil {
			return err
		}
		if line == nil {
			continue
		}
		w.lines = append(append(w.lines, line...), '\n')
		w.state.Items++
		if _, fault := jsonl.Lookup(line, "fault"); !fault {
			w.state.Documents++
		}
	}
	if len(w.lines) == 0 {
		return nil
	}
	w.frame = appendFrame(w.frame[:0], w.zstd, w.lines)
	w.state.End += int64(len(w.frame))
	w.state.Sum = crc32.Update(w.state.Sum, castagnoli, w.frame)
	_, err := w.out.Write(w.frame)
	return err
}

// frame is the content of a block, and where it begins.
type frame struct {
	at      int64
	content []byte
}

// kept is one line of a copy: an item and its place.
type kept struct {
	id   quarry.DocumentID // empty: an item that has none
	line []byte
	at   place
}

type place struct {
	frame int64
	n     int // of the line, from 0
}

// frames gives the blocks of a copy, unpacked.
func frames(ctx context.Context, k *Kept) iter.Seq2[frame, error] {
	return func(yield func(frame, error) bool) {
		in, err := os.Open(k.path)
		if err != nil {
			yield(frame{}, fmt.Errorf("read what was kept of %s: %w", k.name, err))
			return
		}
		defer func() { _ = in.Close() }()
		for at := int64(0); at < k.end; {
			content, next, err := unpacked(in, at, k.end)
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				yield(frame{}, fmt.Errorf("read %s: %w", k.path, err))
				return
			}
			if !yield(frame{at, content}, nil) {
				return
			}
			at = next
		}
	}
}

func unpacked(in io.ReaderAt, at, end int64) (content []byte, next int64, err error) {
	packed, next, err := readFrame(in, at, end)
	if err != nil {
		return nil, 0, err
	}
	z, err := unpacker()
	if err != nil {
		return nil, 0, err
	}
	if content, err = z.DecodeAll(packed, nil); err != nil {
		err = errors.Join(ErrBroken, err)
	}
	return content, next, err
}

// lines gives the lines of a frame.
func (f frame) lines() iter.Seq2[kept, error] {
	return func(yield func(kept, error) bool) {
		n := 0
		for line := range bytes.Lines(f.content) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if err := jsonl.Check(line); err != nil {
				yield(kept{}, fmt.Errorf("%w: %w", ErrBroken, err))
				return
			}
			k := kept{line: line, at: place{f.at, n}}
			if id, ok := jsonl.Lookup(line, "id"); ok && len(id) > 1 {
				k.id = quarry.DocumentID(jsonl.Unescape(nil, id[1:len(id)-1]))
			}
			if !yield(k, nil) {
				return
			}
			n++
		}
	}
}
