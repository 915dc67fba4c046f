package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"strings"

	"quarry/internal/base/atomicfile"
)

// Disposition says what becomes of a document in its pass.
type Disposition byte

// What may become of one.
const (
	Main      Disposition = 'm' // sent in the order of the source
	Pilot     Disposition = 'p' // sent first
	Empty     Disposition = 'e' // skipped: nothing left after cleaning
	SameID    Disposition = 'i' // left out: an earlier document has the id
	Same      Disposition = 's' // answered by an earlier document with the same request
	TooLarge  Disposition = 'l' // failed: larger than an input file may be
	Unchanged Disposition = 'u' // answered in an earlier pass
	Recalled  Disposition = 'r' // its request was answered in an earlier pass, for any document
	Merge     Disposition = 'g' // all its parts were answered in earlier passes, so only their merge is sent
	Broken    Disposition = 'x' // left out: its text could not be cleaned or put into the prompt
)

// Among reports whether a shard's marks, one byte for each kind of documents that are its own, name this one.
func (d Disposition) Among(marks string) bool { return strings.IndexByte(marks, byte(d)) >= 0 }

// Sends reports whether something of the document is sent in its pass.
func (d Disposition) Sends() bool { return d == Main || d == Pilot || d == Merge }

const (
	dispositionsFile = "takes"       // one byte a document: what becomes of it
	triedFile        = "tried"       // two bytes a document: the number of the last attempt made in earlier passes
	triesFile        = "tries"       // the same in one byte, of a pass that an earlier version planned
	badFile          = "bad"         // one byte a document: how many of them gave an answer that did not pass its checks
	unchangedFile    = "unchanged"   // order and slot of each document whose answer is taken over
	knownFile        = "known-parts" // position of each part whose answer of an earlier pass counts
)

// Stale marks the slot of an answer that is taken over although its document's request is another now.
const Stale = 1 << 62

// Tried says how often a document's request was sent in earlier passes.
type Tried struct {
	Last int // the highest number of an attempt: the next one has the number after it
	Bad  int // attempts that gave an answer which did not pass its checks: they count in this pass too
}

// Columns are the files of a pass in the making that have a value for each document.
type Columns struct{ takes, tried, bad, unchanged, known, given *atomicfile.Writer }

// CreateColumns begins them. Nothing of them is there before Commit.
func (p Pass) CreateColumns() (c *Columns, err error) {
	c = &Columns{}
	for _, f := range []struct {
		to   **atomicfile.Writer
		name string
	}{{&c.takes, dispositionsFile}, {&c.tried, triedFile}, {&c.bad, badFile}, {&c.unchanged, unchangedFile}, {&c.known, knownFile}, {&c.given, givenFile}} {
		if *f.to, err = atomicfile.Create(p.effects, p.Path(f.name)); err != nil {
			c.Abort()
			return nil, err
		}
	}
	return c, nil
}

// Add says of the next document, whose order this is, what becomes of it and how often it was sent in earlier passes. slot
// is where the answer is that it takes over, with Stale where that is one; -1: it takes over none.
func (c *Columns) Add(t Disposition, tried Tried, order, slot int64) error {
	if slot >= 0 {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(order))
		binary.BigEndian.PutUint64(b[8:], uint64(slot))
		if _, err := c.unchanged.Write(b[:]); err != nil {
			return err
		}
	}
	if _, err := c.tried.Write(binary.BigEndian.AppendUint16(nil, uint16(min(tried.Last, math.MaxUint16)))); err != nil {
		return err
	}
	if _, err := c.bad.Write([]byte{byte(min(tried.Bad, math.MaxUint8))}); err != nil {
		return err
	}
	_, err := c.takes.Write([]byte{byte(t)})
	return err
}

// AddKnown says that a part of the next document is not sent: its answer of an earlier pass counts. Parts rise.
func (c *Columns) AddKnown(order int64, part int) error {
	_, err := c.known.Write(binary.BigEndian.AppendUint64(nil, uint64(PosOf(order, part))))
	return err
}

// Give says that the next document takes the given answer of a slot by its id.
func (c *Columns) Give(order, slot int64) error {
	b := binary.BigEndian.AppendUint64(nil, uint64(order))
	_, err := c.given.Write(binary.BigEndian.AppendUint64(b, uint64(slot)))
	return err
}

// Abort throws away what was not committed.
func (c *Columns) Abort() {
	for _, w := range []*atomicfile.Writer{c.takes, c.tried, c.bad, c.unchanged, c.known, c.given} {
		if w != nil {
			w.Abort()
		}
	}
}

// Commit makes all columns appear.
func (c *Columns) Commit() error {
	return errors.Join(c.tried.Commit(), c.bad.Commit(), c.unchanged.Commit(), c.known.Commit(), c.given.Commit(), c.takes.Commit())
}

// Column has one value of one byte or two for each document, in a file that is read at any place. One goroutine at a time.
type Column struct {
	f    *os.File
	size int64 // of a value
	buf  []byte
	at   int64 // order of buf's first value
}

// OpenDispositions opens the column of what becomes of each document.
func (p Pass) OpenDispositions() (*Column, error) { return p.openColumn(dispositionsFile, 1) }

// TriedColumn says how often each document's request was sent in earlier passes. One goroutine at a time.
type TriedColumn struct{ last, bad *Column }

// OpenTried opens the column. A pass that an earlier version planned does not know which attempts gave a bad answer.
func (p Pass) OpenTried() (c TriedColumn, err error) {
	c.last, err = p.openColumn(triedFile, 2)
	if errors.Is(err, os.ErrNotExist) {
		c.last, err = p.openColumn(triesFile, 1)
	}
	if err != nil {
		return c, err
	}
	c.bad, err = p.openColumn(badFile, 1)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		_ = c.last.Close()
	}
	return c, err
}

// Of gives the value of the document of that order.
func (c TriedColumn) Of(order int64) (t Tried, err error) {
	last, err := c.last.Of(order)
	if err != nil || c.bad == nil {
		return Tried{Last: last}, err
	}
	bad, err := c.bad.Of(order)
	return Tried{Last: last, Bad: bad}, err
}

// Close closes the files.
func (c TriedColumn) Close() error {
	if c.bad == nil {
		return c.last.Close()
	}
	return errors.Join(c.last.Close(), c.bad.Close())
}

func (p Pass) openColumn(name string, size int64) (*Column, error) {
	f, err := os.Open(p.Path(name))
	if err != nil {
		return nil, err
	}
	return &Column{f: f, size: size}, nil
}

// Of gives the value of the document of that order. It is fast when it is read in order.
func (c *Column) Of(order int64) (int, error) {
	if i := (order - c.at) * c.size; i < 0 || i+c.size > int64(len(c.buf)) {
		if c.buf == nil {
			c.buf = make([]byte, 0, 64<<10)
		}
		n, err := c.f.ReadAt(c.buf[:cap(c.buf)], order*c.size)
		if int64(n) < c.size {
			c.buf = c.buf[:0]
			return 0, fmt.Errorf("read the disposition of document %d: %w", order, err)
		}
		c.buf, c.at = c.buf[:n], order
	}
	i := (order - c.at) * c.size
	if c.size == 2 {
		return int(binary.BigEndian.Uint16(c.buf[i:])), nil
	}
	return int(c.buf[i]), nil
}

// Disposition is Of where the column is that of what becomes of each document.
func (c *Column) Disposition(order int64) (Disposition, error) {
	b, err := c.Of(order)
	return Disposition(b), err
}

// Close closes the file.
func (c *Column) Close() error { return c.f.Close() }

// Decided is a document with what becomes of it.
type Decided struct {
	Entry
	Order       int64
	Disposition Disposition
}

// Decided reads all documents of a pass whose columns are there, in order.
func (p Pass) Decided() iter.Seq2[Decided, error] {
	return func(yield func(Decided, error) bool) {
		column, err := p.OpenDispositions()
		if err != nil {
			yield(Decided{}, err)
			return
		}
		defer func() { _ = column.Close() }()
		var order int64
		for e, err := range p.Entries() {
			d := Decided{Entry: e, Order: order}
			if err == nil {
				d.Disposition, err = column.Disposition(order)
			}
			if !yield(d, err) || err != nil {
				return
			}
			order++
		}
	}
}

// MoveToPilot moves documents to the pilot, whatever their disposition was, and returns their number of records: of a long
// document, all parts. It rewrites the column, which has so many orders.
func (p Pass) MoveToPilot(added map[int64]bool, orders int64) (records int64, err error) {
	column, err := p.OpenDispositions()
	if err != nil {
		return 0, err
	}
	defer func() { _ = column.Close() }()
	f, err := atomicfile.Create(p.effects, p.Path(dispositionsFile))
	if err != nil {
		return 0, err
	}
	defer f.Abort()
	long, err := p.OpenSent()
	if err != nil {
		return 0, err
	}
	defer long.Close()
	var parts []int64
	for order := range orders {
		t, err := column.Disposition(order)
		if err != nil {
			return 0, err
		}
		if added[order] {
			t = Pilot
			if parts, err = long.Of(order, parts); err != nil {
				return 0, err
			}
			records += RecordsOf(parts)
		}
		if _, err := f.Write([]byte{byte(t)}); err != nil {
			return 0, err
		}
	}
	return records, f.Commit()
}

// TakenOver is a document whose answer is that of the pass before.
type TakenOver struct {
	Order int64
	Slot  int64 // in the pass before
	Stale bool  // its request is another now
}

// TakenOver reads them by their order.
func (p Pass) TakenOver() iter.Seq2[TakenOver, error] {
	return func(yield func(TakenOver, error) bool) {
		for b, err := range fixed(p.Path(unchangedFile), 16) {
			var t TakenOver
			if err == nil {
				slot := int64(binary.BigEndian.Uint64(b[8:]))
				t = TakenOver{Order: int64(binary.BigEndian.Uint64(b)), Slot: slot &^ Stale, Stale: slot&Stale != 0}
			}
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}
