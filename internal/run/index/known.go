package index

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/lines"
)

// A pass is one reading of the sources. When a later pass begins, every document of the one before has a slot: its order,
// or, for a document that was no longer in the sources, a number after the orders. The facts about a slot are in columns
// that can be read at any place; the slots' ids are sorted by hash, so that two passes are joined by one walk.

// The columns of a finished pass, in addition to those of the index. Those of documents that are gone have the prefix.
const (
	idsFile     = "ids"     // hash of the id and slot, sorted by hash
	endedFile   = "ended"   // two bytes a slot: how it ended, and how many attempts were made
	offsetsFile = "offsets" // where the slot's line begins in answersFile
	answersFile = "results.jsonl"
	goneFile    = "gone" // slots of the pass before that are not in the sources
	gonePrefix  = "gone-"
)

const idBytes = 24

// Ended says how a slot ended.
type Ended byte

// How a slot may have ended.
const (
	EndedNone    Ended = '-' // it has no result
	EndedOK      Ended = 'o'
	EndedInvalid Ended = 'v'
	EndedFailed  Ended = 'f' // and sending it again would say the same
	EndedAgain   Ended = 'r' // failed, and the next pass sends it first
	EndedSkipped Ended = 's'
	EndedStale   Ended = 't' // it has an answer, to its earlier request
)

// Answered reports whether the next pass has nothing to send of a document that ended so and did not change.
func (e Ended) Answered() bool {
	return e == EndedOK || e == EndedInvalid || e == EndedFailed || e == EndedStale
}

// Ends are the columns in the making that say of each order how it ended and where its line of results begins.
type Ends struct {
	offsets, ended *atomicfile.Writer
	next           int64 // order of the next offset
	size           int64
}

// CreateEnds begins them. Nothing of them is there before Commit.
func (p Pass) CreateEnds() (*Ends, error) { return p.createEnds("") }

func (p Pass) createEnds(prefix string) (*Ends, error) {
	e := &Ends{}
	for _, f := range []struct {
		to   **atomicfile.Writer
		name string
	}{{&e.offsets, offsetsFile}, {&e.ended, endedFile}} {
		var err error
		if *f.to, err = atomicfile.Create(p.effects, p.Path(prefix+f.name)); err != nil {
			e.Abort()
			return nil, err
		}
	}
	return e, nil
}

// Add says how an order ended, after how many attempts, and how long its line of results is. Orders rise; those between,
// which have no result, get an offset too, which is never read.
func (e *Ends) Add(order int64, how Ended, attempts, length int) error {
	if err := errors.Join(e.reach(order), e.offset()); err != nil {
		return err
	}
	if _, err := e.ended.Write([]byte{byte(how), byte(min(attempts, math.MaxUint8))}); err != nil {
		return err
	}
	e.next++
	e.size += int64(length)
	return nil
}

func (e *Ends) reach(order int64) error {
	for ; e.next < order; e.next++ {
		if err := e.offset(); err != nil {
			return err
		}
		if _, err := e.ended.Write([]byte{byte(EndedNone), 0}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Ends) offset() error {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(e.size))
	_, err := e.offsets.Write(b[:])
	return err
}

// Line gives the stretch of the results that the line of an order takes; an empty one where the order has no result, or none
// yet.
func (e *Ends) Line(order int64) (from, to int64, err error) {
	if order >= e.next {
		return e.size, e.size, nil
	}
	var at, end [8]byte
	if _, err := e.offsets.ReadAt(at[:], 8*order); err != nil {
		return 0, 0, err
	}
	from, to = int64(binary.BigEndian.Uint64(at[:])), e.size
	if order+1 < e.next {
		if _, err := e.offsets.ReadAt(end[:], 8*(order+1)); err != nil {
			return 0, 0, err
		}
		to = int64(binary.BigEndian.Uint64(end[:]))
	}
	return from, to, nil
}

// Abort throws away what was not committed.
func (e *Ends) Abort() {
	for _, w := range []*atomicfile.Writer{e.offsets, e.ended} {
		if w != nil {
			w.Abort()
		}
	}
}

// Commit makes the columns of so many orders appear. There is one more offset than orders: a line ends where the next one
// begins.
func (e *Ends) Commit(orders int64) error {
	if err := errors.Join(e.reach(orders), e.offset()); err != nil {
		return err
	}
	return atomicfile.CommitAll(e.offsets, e.ended)
}

// KeepResults copies the pass's file of results, so that the next pass finds it whatever becomes of the first: people edit it.
func (p Pass) KeepResults(e *effect.Effects, path string) error {
	return e.Copy(path, p.Path(answersFile))
}

// Results reads the lines of that copy.
func (p Pass) Results() iter.Seq2[[]byte, error] { return lines.Raw(p.Path(answersFile)) }

// Known is what a finished pass knows of its slots. One goroutine at a time.
type Known struct {
	pass   Pass
	orders int64
	files  map[string]*os.File
}

// Known opens what a finished pass of so many orders knows. A file is opened when it is needed.
func (p Pass) Known(orders int64) *Known {
	return &Known{pass: p, orders: orders, files: map[string]*os.File{}}
}

// Close closes the files.
func (k *Known) Close() {
	for _, f := range k.files {
		_ = f.Close()
	}
}

func (k *Known) read(name string, p []byte, at int64) error {
	f := k.files[name]
	if f == nil {
		var err error
		if f, err = os.Open(k.pass.Path(name)); err != nil {
			return lines.Damaged(k.pass.Path(name), err)
		}
		k.files[name] = f
	}
	if _, err := f.ReadAt(p, at); err != nil {
		return lines.Damaged(k.pass.Path(name), fmt.Errorf("byte %d: %w", at, err))
	}
	return nil
}

// column gives the file of a slot's values, and their place in it.
func (k *Known) column(name string, slot int64) (string, int64) {
	if slot < k.orders {
		return name, slot
	}
	return gonePrefix + name, slot - k.orders
}

// Entry gives a slot's entry.
func (k *Known) Entry(slot int64) (e Entry, err error) {
	var b [entryBytes]byte
	name, at := k.column(entriesFile, slot)
	err = k.read(name, b[:], entryBytes*at)
	e.read(b[:])
	return e, err
}

// Ended says how a slot ended, and after how many attempts.
func (k *Known) Ended(slot int64) (how Ended, attempts int, err error) {
	var b [2]byte
	name, at := k.column(endedFile, slot)
	err = k.read(name, b[:], 2*at)
	return Ended(b[0]), int(b[1]), err
}

// InSources reports whether the slot's document was in the sources of the pass.
func (k *Known) InSources(slot int64) bool { return slot < k.orders }

// maxLine bounds what a damaged offset can make a reader allocate.
const maxLine = 1 << 30

// Line is the slot's line of results, with its newline.
func (k *Known) Line(slot int64) ([]byte, error) {
	var from, to [8]byte
	name, at := k.column(offsetsFile, slot)
	if err := k.read(name, from[:], 8*at); err != nil {
		return nil, err
	}
	if err := k.read(name, to[:], 8*(at+1)); err != nil {
		return nil, err
	}
	start, end := int64(binary.BigEndian.Uint64(from[:])), int64(binary.BigEndian.Uint64(to[:]))
	if start < 0 || end < start || end-start > maxLine {
		err := fmt.Errorf("document %d: no line has the bytes from %d to %d: %w", slot, start, end, io.ErrUnexpectedEOF)
		return nil, lines.Damaged(k.pass.Path(name), err)
	}
	line := make([]byte, end-start)
	name, _ = k.column(answersFile, slot)
	return line, k.read(name, line, start)
}

// record is the recordId of a slot's line of results.
func (k *Known) record(slot int64) (quarry.RecordID, error) {
	line, err := k.Line(slot)
	if err != nil {
		return "", err
	}
	var r struct {
		RecordID quarry.RecordID `json:"record_id"`
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return "", fmt.Errorf("read given answer %d: %w", slot+1, err)
	}
	return r.RecordID, nil
}

// IDs gives the slots by the hash of their ids, each in the place of an order; none where there is no pass before.
func (k *Known) IDs() iter.Seq2[dedupe.Entry, error] {
	return func(yield func(dedupe.Entry, error) bool) {
		if k == nil {
			return
		}
		for b, err := range fixed(k.pass.Path(idsFile), idBytes) {
			var e dedupe.Entry
			if err == nil {
				copy(e.Hash[:], b)
				e.Order = int64(binary.BigEndian.Uint64(b[16:]))
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Find gives the slot of the document with an id. Its cost grows with the logarithm of the number of slots.
func (k *Known) Find(id quarry.DocumentID) (slot int64, ok bool, err error) {
	info, err := os.Stat(k.pass.Path(idsFile))
	if err != nil {
		return 0, false, lines.Damaged(k.pass.Path(idsFile), err)
	}
	want := HashOf(id)
	var b [idBytes]byte
	from, to := int64(0), info.Size()/idBytes
	for from < to {
		at := from + (to-from)/2
		if err := k.read(idsFile, b[:], idBytes*at); err != nil {
			return 0, false, err
		}
		switch bytes.Compare(b[:len(want)], want[:]) {
		case 0:
			return int64(binary.BigEndian.Uint64(b[len(want):])), true, nil
		case -1:
			from = at + 1
		default:
			to = at
		}
	}
	return 0, false, nil
}

// KeepGone copies what the pass before knows of the slots that are gone, so that a document that comes back is not sent
// again.
func (p Pass) KeepGone(before *Known) (err error) {
	s, err := p.createSlots(gonePrefix)
	if err != nil {
		return err
	}
	defer s.abort()
	var n int64
	for b, err := range fixed(p.Path(goneFile), 8) {
		if err != nil {
			return err
		}
		slot := int64(binary.BigEndian.Uint64(b))
		e, entryErr := before.Entry(slot)
		how, attempts, endedErr := before.Ended(slot)
		line, lineErr := before.Line(slot)
		if err := errors.Join(entryErr, endedErr, lineErr); err != nil {
			return err
		}
		if _, err := s.entries.Write(e.append(nil)); err != nil {
			return err
		}
		if err := s.add(n, how, attempts, line); err != nil {
			return err
		}
		n++
	}
	return errors.Join(s.entries.Commit(), s.commit(n))
}

// slots are answers that are kept apart from a pass's own results, in the making.
type slots struct {
	*Ends
	entries *atomicfile.Writer // nil where the pass's own are written
	answers *atomicfile.Writer
}

func (p Pass) createSlots(prefix string) (s slots, err error) {
	defer func() {
		if err != nil {
			s.abort()
		}
	}()
	if prefix != "" {
		if s.entries, err = atomicfile.Create(p.effects, p.Path(prefix+entriesFile)); err != nil {
			return s, err
		}
	}
	if s.Ends, err = p.createEnds(prefix); err != nil {
		return s, err
	}
	s.answers, err = atomicfile.Create(p.effects, p.Path(prefix+answersFile))
	return s, err
}

func (s *slots) add(order int64, how Ended, attempts int, line []byte) error {
	if err := s.Add(order, how, attempts, len(line)); err != nil {
		return err
	}
	_, err := s.answers.Write(line)
	return err
}

func (s *slots) abort() {
	if s.Ends != nil {
		s.Ends.Abort()
	}
	for _, w := range []*atomicfile.Writer{s.entries, s.answers} {
		if w != nil {
			w.Abort()
		}
	}
}

func (s *slots) commit(orders int64) error {
	return errors.Join(s.Ends.Commit(orders), s.answers.Commit())
}
