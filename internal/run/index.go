package run

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
	"quarry/internal/effect"
)

// The index of a pass holds what must be known of every document, in the order of the sources: fixed-size entries, one
// byte for what becomes of each, and where each block of the source begins. docs/formats.md has the layout.

// take says what becomes of a document in this pass.
type take byte

const (
	takeMain      take = 'm' // asked in the order of the source
	takePilot     take = 'p' // asked first
	takeEmpty     take = 'e' // skipped: nothing left after cleaning
	takeSameID    take = 'i' // left out: the id stood there before
	takeSame      take = 's' // answered by an earlier document that asks the same
	takeTooLarge  take = 'l' // failed: larger than an input file may be
	takeUnchanged take = 'u' // answered in an earlier pass
	takeBroken    take = 'x' // left out: its text could not be cleaned or put into the prompt
)

// entry is what the index keeps of a document.
type entry struct {
	hash  dedupe.Hash // of the id
	key   dedupe.Hash // the first half of the document key
	bytes uint32      // of its line in the input file
}

const entryBytes = 36

func (e *entry) append(b []byte) []byte {
	b = append(b, e.hash[:]...)
	b = append(b, e.key[:]...)
	return binary.BigEndian.AppendUint32(b, e.bytes)
}

func (e *entry) read(b []byte) {
	copy(e.hash[:], b)
	copy(e.key[:], b[16:])
	e.bytes = binary.BigEndian.Uint32(b[32:])
}

// blockStart is where a block of the sources begins, and the order of its first document.
type blockStart struct {
	Order int64           `json:"order"`
	At    quarry.Position `json:"at"`
}

// indexWriter writes the index of a pass while the sources are read.
type indexWriter struct {
	entries, blocks, skipped *atomicfile.Writer
	long                     *atomicfile.Writer // nil as long as no document is asked in parts
	openLong                 func() (*atomicfile.Writer, error)
	buf                      []byte
}

func (r *Run) indexPath(pass int, name string) string {
	return filepath.Join(r.cfg.Dir, "index", fmt.Sprintf("%04d", pass), name)
}

func (r *Run) createIndex(pass int) (*indexWriter, error) {
	if err := r.effects.MkdirAll(filepath.Dir(r.indexPath(pass, "x"))); err != nil {
		return nil, err
	}
	w := &indexWriter{}
	var err error
	open := func(name string, create func(*effect.Effects, string) (*atomicfile.Writer, error)) *atomicfile.Writer {
		if err != nil {
			return nil
		}
		var f *atomicfile.Writer
		f, err = create(r.effects, r.indexPath(pass, name))
		return f
	}
	w.entries = open("entries", atomicfile.Create)
	w.blocks = open("blocks.jsonl", atomicfile.Create)
	w.skipped = open("skipped.jsonl.zst", atomicfile.CreateZstd)
	w.openLong = func() (*atomicfile.Writer, error) { return atomicfile.Create(r.effects, r.indexPath(pass, longFile)) }
	if err != nil {
		w.abort()
		return nil, err
	}
	return w, nil
}

func (w *indexWriter) abort() {
	for _, f := range w.files() {
		if f != nil {
			f.Abort()
		}
	}
}

func (w *indexWriter) commit() error { return atomicfile.CommitAll(w.files()...) }

func (w *indexWriter) files() []*atomicfile.Writer {
	files := []*atomicfile.Writer{w.entries, w.blocks, w.skipped}
	if w.long != nil {
		files = append(files, w.long)
	}
	return files
}

// addPart notes the length of the line of one part of a long document.
func (w *indexWriter) addPart(order, bytes int64) (err error) {
	if w.long == nil {
		if w.long, err = w.openLong(); err != nil {
			return err
		}
	}
	w.buf = binary.BigEndian.AppendUint64(w.buf[:0], uint64(order))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(bytes))
	_, err = w.long.Write(w.buf)
	return err
}

func (w *indexWriter) add(e *entry) error {
	w.buf = e.append(w.buf[:0])
	_, err := w.entries.Write(w.buf)
	return err
}

// entries reads the index's entries in order.
func (r *Run) entries(pass int) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		path := r.indexPath(pass, "entries")
		f, err := os.Open(path)
		if err != nil {
			yield(entry{}, err)
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 256<<10)
		var b [entryBytes]byte
		for {
			if _, err := io.ReadFull(in, b[:]); err != nil {
				if !errors.Is(err, io.EOF) {
					yield(entry{}, fmt.Errorf("read %s: %w", path, err))
				}
				return
			}
			var e entry
			e.read(b[:])
			if !yield(e, nil) {
				return
			}
		}
	}
}

// takes is the column of what becomes of each document: one byte each, in a file that is read at any place.
type takes struct {
	f   *os.File
	buf []byte
	at  int64 // order of buf's first byte
}

func (r *Run) openTakes(pass int) (*takes, error) { return r.openColumn(pass, takesFile) }

// openColumn opens any column of one byte a document.
func (r *Run) openColumn(pass int, name string) (*takes, error) {
	f, err := os.Open(r.indexPath(pass, name))
	if err != nil {
		return nil, err
	}
	return &takes{f: f}, nil
}

// of gives what becomes of the document of that order. It is fast when asked in order.
func (t *takes) of(order int64) (take, error) {
	if order < t.at || order >= t.at+int64(len(t.buf)) {
		if t.buf == nil {
			t.buf = make([]byte, 0, 64<<10)
		}
		n, err := t.f.ReadAt(t.buf[:cap(t.buf)], order)
		if n == 0 {
			return 0, fmt.Errorf("read what becomes of document %d: %w", order, err)
		}
		t.buf, t.at = t.buf[:n], order
	}
	return take(t.buf[order-t.at]), nil
}

func (t *takes) close() error { return t.f.Close() }
