// Package index is what a pass remembers of every document: files that are written and read in the documents' order.
//
// It owns the layout of these files (docs/formats.md has it), what becomes of each document in them, and how the documents
// of one pass are found among those of the pass before. It does not read sources, does not know what a document says or
// request, and knows neither the ledger nor a provider. What always holds: memory does not grow with the number of documents;
// a file is there whole or not at all; an order stands for the same document in every file of a pass.
package index

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/lines"
)

// The files of a pass that others than this package read or write too.
const (
	SkippedFile = "skipped.jsonl.zst" // outcomes of documents that are never sent, by order
	LeftOutFile = "left-out.jsonl"    // items that could not be read
	EarlierFile = "earlier.jsonl.zst" // outcomes of earlier passes that answer documents of this one, by order
)

const (
	entriesFile = "entries"
	blocksFile  = "blocks.jsonl"
	longFile    = "long" // for each part of a long document, its order and the length of its line in the input file
)

// Pass is the index of one pass: a folder of the run's directory.
type Pass struct {
	effects *effect.Effects
	dir     string
}

// Of gives the index of a pass of the run in a directory. Where it is only read, effects may be nil.
func Of(e *effect.Effects, run string, pass int) Pass {
	return Pass{effects: e, dir: filepath.Join(run, "index", fmt.Sprintf("%04d", pass))}
}

// Path is the path of a file of the pass.
func (p Pass) Path(name string) string { return filepath.Join(p.dir, name) }

// Forget removes the index of all passes below one, but for the finished pass that it was joined with: from that one the
// results can be made again.
func Forget(e *effect.Effects, run string, pass, before int) error {
	for older := pass - 1; older > 0; older-- {
		p := Of(e, run, older)
		if _, err := os.Stat(p.dir); older == before || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := p.Remove(); err != nil {
			return err
		}
	}
	return removeDropped(e, run)
}

// Remove removes the index of the pass. It is moved away first: a process that dies while files are removed leaves no index with
// holes.
func (p Pass) Remove() error {
	run := filepath.Dir(filepath.Dir(p.dir))
	if err := removeDropped(p.effects, run); err != nil {
		return err
	}
	if err := p.effects.Rename(p.dir, dropped(run)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return removeDropped(p.effects, run)
}

// dropped is where the index of a pass is while it is removed.
func dropped(run string) string { return filepath.Join(run, "index", "dropped") }

func removeDropped(e *effect.Effects, run string) error {
	if _, err := os.Stat(dropped(run)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return e.RemoveAll(dropped(run))
}

// Entry is what the index keeps of a document.
type Entry struct {
	Hash  dedupe.Hash // of the id
	Key   dedupe.Hash // the first half of the document key
	Bytes uint32      // of its line in the input file, or of the lines of all its parts; or one of the marks below
}

// Values of an entry in the place of a length.
const (
	EmptyBytes    = 0              // nothing is left after cleaning
	BrokenBytes   = 1              // left out
	AdoptedBytes  = 2              // the line is in the bucket
	TooLargeBytes = math.MaxUint32 // larger than a file may be
)

const entryBytes = 36

// HashOf is the hash by which a document's id is kept.
func HashOf(id quarry.DocumentID) dedupe.Hash {
	sum := sha256.Sum256([]byte(id))
	return dedupe.Hash(sum[:16])
}

func (e *Entry) append(b []byte) []byte {
	b = append(b, e.Hash[:]...)
	b = append(b, e.Key[:]...)
	return binary.BigEndian.AppendUint32(b, e.Bytes)
}

func (e *Entry) read(b []byte) {
	copy(e.Hash[:], b)
	copy(e.Key[:], b[16:])
	e.Bytes = binary.BigEndian.Uint32(b[32:])
}

// Disposition is what becomes of the document by itself, when it repeats no other.
func (e *Entry) Disposition() Disposition {
	switch e.Bytes {
	case EmptyBytes:
		return Empty
	case TooLargeBytes:
		return TooLarge
	case BrokenBytes:
		return Broken
	}
	return Main
}

// SameRequest reports whether a document's request is that of was. Of what was taken over from a recordId only the first 6 bytes
// of the key are known: enough to tell whether one document changed.
func (e *Entry) SameRequest(was *Entry) bool {
	if was.Key == e.Key {
		return true
	}
	const known = 6
	return [len(was.Key) - known]byte(was.Key[known:]) == [len(was.Key) - known]byte{} && [known]byte(was.Key[:known]) == [known]byte(e.Key[:known])
}

// Block is where a block of the sources begins, and the order of its first document.
type Block struct {
	Order int64           `json:"order"`
	At    quarry.Position `json:"at"`
}

// Writer writes the index of a pass while the sources are read: entries in the documents' order, the blocks that they come
// from, and what is never sent.
type Writer struct {
	pass                     Pass
	entries, blocks, skipped *atomicfile.Writer
	names                    *atomicfile.Writer // ids, by order
	long                     *atomicfile.Writer // nil as long as no document is sent in parts
	buf                      []byte
}

// Create begins the index of the pass. Nothing of it is there before Commit.
func (p Pass) Create() (*Writer, error) {
	if err := p.effects.MkdirAll(p.dir); err != nil {
		return nil, err
	}
	w := &Writer{pass: p}
	err := p.removeLong()
	if err != nil {
		return nil, err
	}
	open := func(name string, create func(*effect.Effects, string) (*atomicfile.Writer, error)) *atomicfile.Writer {
		if err != nil {
			return nil
		}
		var f *atomicfile.Writer
		f, err = create(p.effects, p.Path(name))
		return f
	}
	w.entries = open(entriesFile, atomicfile.Create)
	w.blocks = open(blocksFile, atomicfile.Create)
	w.skipped = open(SkippedFile, atomicfile.CreateZstd)
	w.names = open(namesFile, atomicfile.CreateZstd)
	if err != nil {
		w.Abort()
		return nil, err
	}
	return w, nil
}

// removeLong removes the parts that an attempt at the same plan left when it died: the sources may have none by now.
func (p Pass) removeLong() error {
	if _, err := os.Stat(p.Path(longFile)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return p.effects.Remove(p.Path(longFile))
}

// Abort throws away what was not committed.
func (w *Writer) Abort() {
	for _, f := range w.files() {
		if f != nil {
			f.Abort()
		}
	}
}

// Commit makes all files appear.
func (w *Writer) Commit() error { return atomicfile.CommitAll(w.files()...) }

func (w *Writer) files() []*atomicfile.Writer {
	files := []*atomicfile.Writer{w.names, w.entries, w.blocks, w.skipped}
	if w.long != nil {
		files = append(files, w.long)
	}
	return files
}

// Add adds the entry of the next document.
func (w *Writer) Add(e *Entry) error {
	w.buf = e.append(w.buf[:0])
	_, err := w.entries.Write(w.buf)
	return err
}

// AddPart notes the length of the line of one part of a long document. Parts come in the order of the documents.
func (w *Writer) AddPart(order, bytes int64) (err error) {
	if w.long == nil {
		if w.long, err = atomicfile.Create(w.pass.effects, w.pass.Path(longFile)); err != nil {
			return err
		}
	}
	w.buf = binary.BigEndian.AppendUint64(w.buf[:0], uint64(order))
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(bytes))
	_, err = w.long.Write(w.buf)
	return err
}

// AddBlock notes where a block of the sources begins.
func (w *Writer) AddBlock(b Block) error { return lines.Write(w.blocks, b) }

// AddSkipped writes the outcome of a document that is never sent as a line of SkippedFile.
func (w *Writer) AddSkipped(outcome any) error { return lines.Write(w.skipped, outcome) }

// Entries reads the entries in order.
func (p Pass) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for b, err := range fixed(p.Path(entriesFile), entryBytes) {
			var e Entry
			if err == nil {
				e.read(b)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// EntryColumn reads entries at any place. It is fast when it is read in order. One goroutine at a time.
type EntryColumn struct {
	f   *os.File
	buf []byte
	at  int64 // order of the first entry in buf
}

// OpenEntries opens the entries of the pass; nil where they are not there.
func (p Pass) OpenEntries() (*EntryColumn, error) {
	f, err := os.Open(p.Path(entriesFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &EntryColumn{f: f}, nil
}

// Of gives the entry of the document of an order; ok is false after the last one.
func (c *EntryColumn) Of(order int64) (e Entry, ok bool, err error) {
	if order < 0 {
		return e, false, nil
	}
	i := (order - c.at) * entryBytes
	if i < 0 || i+entryBytes > int64(len(c.buf)) {
		if c.buf == nil {
			c.buf = make([]byte, 0, 1024*entryBytes)
		}
		n, err := c.f.ReadAt(c.buf[:cap(c.buf)], order*entryBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return e, false, err
		}
		if n < entryBytes {
			c.buf = c.buf[:0]
			return e, false, nil
		}
		c.buf, c.at, i = c.buf[:n], order, 0
	}
	e.read(c.buf[i:])
	return e, true, nil
}

// Close closes the file.
func (c *EntryColumn) Close() error { return c.f.Close() }

// Blocks reads where the blocks of the sources begin.
func (p Pass) Blocks() iter.Seq2[Block, error] { return lines.Read[Block](p.Path(blocksFile)) }

// fixed reads a file of records of one size. The slice holds until the next one.
func fixed(path string, size int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, lines.Damaged(path, err))
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 256<<10)
		b := make([]byte, size)
		for {
			if _, err := io.ReadFull(in, b); err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, lines.Damaged(path, err))
				}
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}
