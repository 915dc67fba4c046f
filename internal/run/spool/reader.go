package spool

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"quarry/internal/run/index"
)

// reader copies records out of the spool, once and in order. The index has the length of each, and its key, which shows again
// which records were set aside.
type reader struct {
	spool  *Spool
	pass   index.Pass
	column *index.Column
	next   func() (index.FirstRecord, error, bool)
	stop   func()
	head   index.FirstRecord // that was read and not copied yet
	held   bool
	file   int // of the next record
	at     int64
	aside  int64 // offset of the next record that was set aside
	seen   keySet
	in     *os.File // the file of that number, where it is open
	opened int
	buf    []byte
}

// laidAside stands for a file's number.
const laidAside = -1

// stretch is a part of a file of the spool.
type stretch struct {
	file     int
	from, to int64
}

// place finds the next record, and moves past it.
func (r *reader) place(f *index.FirstRecord) (s stretch) {
	if f.Pos.Part() == 0 && r.seen.has(f.Key) {
		s = stretch{laidAside, r.aside, r.aside + f.Bytes}
		r.aside = s.to
		return s
	}
	if int64(f.Pos) > r.spool.files[r.file].Last {
		r.file, r.at = r.file+1, 0
		clear(r.seen.keys)
	}
	if f.Pos.Part() == 0 {
		r.seen.add(f.Key)
	}
	s = stretch{r.file, r.at, r.at + f.Bytes}
	r.at = s.to
	return s
}

// copy writes a shard's records, and counts them and their bytes.
func (r *reader) copy(ctx context.Context, out io.Writer, sh *Shard) (records, bytes int64, err error) {
	if r.column == nil {
		if r.column, err = r.pass.OpenDispositions(); err != nil {
			return 0, 0, err
		}
		r.next, r.stop = iter.Pull2(r.pass.FirstRecords())
		r.buf = make([]byte, bufferBytes)
	}
	var held stretch // consecutive records are copied together
	for {
		if !r.held {
			if r.head, err, r.held = r.next(); err != nil {
				return 0, 0, err
			}
		}
		if !r.held || r.head.Pos > sh.Last {
			break
		}
		r.held = false
		this := r.place(&r.head)
		if r.head.Pos < sh.First { // in a shard that was a file of the spool as it is, or in none
			continue
		}
		t, err := r.column.Disposition(r.head.Pos.Order())
		if err != nil {
			return 0, 0, err
		}
		if !t.Among(sh.Marks) {
			continue
		}
		records++
		bytes += r.head.Bytes
		if held.file == this.file && held.to == this.from {
			held.to = this.to
			continue
		}
		if err := r.stretch(ctx, out, held); err != nil {
			return 0, 0, err
		}
		held = this
	}
	return records, bytes, r.stretch(ctx, out, held)
}

func (r *reader) stretch(ctx context.Context, out io.Writer, s stretch) error {
	if s.from == s.to {
		return ctx.Err()
	}
	var in io.ReaderAt = r.spool.aside
	if s.file != laidAside {
		if r.in == nil || r.opened != s.file {
			r.done()
			file, err := os.Open(r.spool.files[s.file].path)
			if err != nil {
				return err
			}
			r.in, r.opened = file, s.file
		}
		in = r.in
	}
	for s.from < s.to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := in.ReadAt(r.buf[:min(int64(len(r.buf)), s.to-s.from)], s.from)
		if n == 0 {
			return fmt.Errorf("read the records of the build again: %w", err)
		}
		if _, err := out.Write(r.buf[:n]); err != nil {
			return err
		}
		s.from += int64(n)
	}
	return nil
}

// done closes the file at hand and gives its room back: the disk never holds much more than what was built.
func (r *reader) done() {
	if r.in != nil {
		_ = r.in.Close()
		_ = r.spool.cfg.Effects.Remove(r.spool.files[r.opened].path)
		r.in = nil
	}
}

func (r *reader) close() {
	r.done()
	if r.column != nil {
		r.stop()
		_ = r.column.Close()
	}
}
