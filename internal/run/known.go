package run

import (
	"bufio"
	"bytes"
	"context"
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

// A pass is one reading of the sources. When a later pass begins, every document of the one before has a slot: its order,
// or, for a document that was not in the sources any more, a number behind the orders. What is known of a slot lies in
// columns that can be read at any place; the slots' ids lie sorted by hash, so that two passes are joined by one walk.

// The columns of a finished pass, beside those of the index. Those of documents that are gone have the prefix.
const (
	idsFile       = "ids"     // hash of the id and slot, sorted by hash
	endedFile     = "ended"   // two bytes a slot: how it ended, and how many attempts were made
	offsetsFile   = "offsets" // where the slot's line begins in answersFile
	answersFile   = "results.jsonl"
	unchangedFile = "unchanged" // order and slot of each document whose answer is taken over
	triesFile     = "tries"     // one byte a document: attempts made in earlier passes
	goneFile      = "gone"      // slots of the pass before that are not in the sources
	gonePrefix    = "gone-"
)

// How a slot ended.
const (
	endedNone    = '-' // it has no result
	endedOK      = 'o'
	endedInvalid = 'v'
	endedFailed  = 'f' // and asking again would say the same
	endedAgain   = 'r' // failed, and the next pass asks it first
	endedSkipped = 's'
	endedStale   = 't' // it has an answer, to what it asked before
)

// staleBit marks a slot in the file of those taken over whose document asks something else now.
const staleBit = 1 << 62

// ending tells how a result ended, for the pass that comes next.
func ending(res *quarry.Result) byte {
	switch res.Status {
	case quarry.StatusOK:
		return endedOK
	case quarry.StatusInvalid:
		return endedInvalid
	case quarry.StatusSkipped:
		return endedSkipped
	}
	if res.Error != nil && (res.Error.Kind == string(quarry.ClassRecordError) || res.Error.Kind == "too_large" || res.Error.Kind == kindUnmerged) {
		return endedFailed
	}
	if res.Parts > 0 && res.Error != nil && quarry.Class(res.Error.Kind).Answered() {
		return endedFailed // a part was answered badly to the last attempt, as in a document that ends invalid
	}
	return endedAgain
}

// known is what a finished pass knows.
type known struct {
	run     *Run
	pass    int
	planned Planned
	files   map[string]*os.File
}

func (r *Run) openKnown(pass int, planned Planned) *known {
	return &known{run: r, pass: pass, planned: planned, files: map[string]*os.File{}}
}

func (k *known) close() {
	for _, f := range k.files {
		_ = f.Close()
	}
}

func (k *known) read(name string, p []byte, at int64) error {
	f := k.files[name]
	if f == nil {
		var err error
		if f, err = os.Open(k.run.indexPath(k.pass, name)); err != nil {
			return fmt.Errorf("read the pass before: %w", err)
		}
		k.files[name] = f
	}
	if _, err := f.ReadAt(p, at); err != nil {
		return fmt.Errorf("read the pass before, %s at %d: %w", name, at, err)
	}
	return nil
}

// column says in which file a slot's values lie, and at which place.
func (k *known) column(name string, slot int64) (string, int64) {
	if slot < k.planned.Orders {
		return name, slot
	}
	return gonePrefix + name, slot - k.planned.Orders
}

func (k *known) entry(slot int64) (e entry, err error) {
	var b [entryBytes]byte
	name, at := k.column("entries", slot)
	err = k.read(name, b[:], entryBytes*at)
	e.read(b[:])
	return e, err
}

func (k *known) ended(slot int64) (how byte, attempts int, err error) {
	var b [2]byte
	name, at := k.column(endedFile, slot)
	err = k.read(name, b[:], 2*at)
	return b[0], int(b[1]), err
}

// line is the slot's line of results, with its newline.
func (k *known) line(slot int64) ([]byte, error) {
	var from, to [8]byte
	name, at := k.column(offsetsFile, slot)
	if err := k.read(name, from[:], 8*at); err != nil {
		return nil, err
	}
	if err := k.read(name, to[:], 8*(at+1)); err != nil {
		return nil, err
	}
	start, end := int64(binary.BigEndian.Uint64(from[:])), int64(binary.BigEndian.Uint64(to[:]))
	line := make([]byte, end-start)
	name, _ = k.column(answersFile, slot)
	return line, k.read(name, line, start)
}

// joined says which document of this pass is which slot of the one before.
type joined struct {
	pairs *dedupe.Sorter // by order: the pair stands where the sorter expects a hash
	next  func() (dedupe.Pair, error, bool)
	stop  func()
	head  dedupe.Pair
	more  bool
}

// join walks the sorted ids of both passes, writes the sorted ids of this one, and notes which slots are gone. Without a
// pass before, it only writes the ids.
func (r *Run) join(ctx context.Context, ids *dedupe.Sorter, before *known) (*joined, error) {
	j := &joined{pairs: dedupe.NewSorter(r.effects, dedupe.Config{Dir: r.indexPath(r.planned.Pass, "sort"), Name: "pairs"}), stop: func() {}}
	out, err := atomicfile.Create(r.effects, r.indexPath(r.planned.Pass, idsFile))
	if err != nil {
		return nil, err
	}
	defer out.Abort()
	gone, err := atomicfile.Create(r.effects, r.indexPath(r.planned.Pass, goneFile))
	if err != nil {
		return nil, err
	}
	defer gone.Abort()
	old, stop := iter.Pull2(before.ids())
	defer stop()
	was, err, more := old()
	orders := r.planned.Documents // all that have an order; see scan
	leave := func() error {       // the slot at hand is not in the sources
		e := dedupe.Entry{Hash: was.Hash, Order: orders + r.planned.Gone}
		r.planned.Gone++
		if was.Order < before.planned.Orders {
			r.planned.lost++
		}
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(was.Order))
		if _, err := gone.Write(b[:]); err != nil {
			return err
		}
		return writeID(out, e)
	}
	last, begun := dedupe.Hash{}, false
	for id, idErr := range ids.Sorted() {
		if err := errors.Join(err, idErr, ctx.Err()); err != nil {
			return nil, err
		}
		if begun && id.Hash == last { // an id that comes again is left out
			continue
		}
		last, begun = id.Hash, true
		for ; more && err == nil && bytes.Compare(was.Hash[:], id.Hash[:]) < 0; was, err, more = old() {
			if err := leave(); err != nil {
				return nil, err
			}
		}
		if more && err == nil && was.Hash == id.Hash {
			if err := j.add(id.Order, was.Order); err != nil {
				return nil, err
			}
			was, err, more = old()
		}
		if err := writeID(out, id); err != nil {
			return nil, err
		}
	}
	for ; more && err == nil; was, err, more = old() {
		if err := leave(); err != nil {
			return nil, err
		}
	}
	return j, errors.Join(err, gone.Commit(), out.Commit())
}

func (j *joined) add(order, slot int64) error {
	var h dedupe.Hash
	binary.BigEndian.PutUint64(h[:], uint64(order))
	binary.BigEndian.PutUint64(h[8:], uint64(slot))
	return j.pairs.Add(dedupe.Entry{Hash: h})
}

// slot gives the slot of a document, asked for in order.
func (j *joined) slot(order int64) (slot int64, ok bool, err error) {
	if j.next == nil {
		j.next, j.stop = iter.Pull2(func(yield func(dedupe.Pair, error) bool) {
			for e, err := range j.pairs.Sorted() {
				p := dedupe.Pair{Order: int64(binary.BigEndian.Uint64(e.Hash[:])), First: int64(binary.BigEndian.Uint64(e.Hash[8:]))}
				if !yield(p, err) {
					return
				}
			}
		})
		if j.head, err, j.more = j.next(); err != nil {
			return 0, false, err
		}
	}
	for j.more && j.head.Order < order {
		if j.head, err, j.more = j.next(); err != nil {
			return 0, false, err
		}
	}
	return j.head.First, j.more && j.head.Order == order, nil
}

func (j *joined) close() error {
	j.stop()
	return j.pairs.Close()
}

func writeID(w io.Writer, e dedupe.Entry) error {
	var b [24]byte
	copy(b[:], e.Hash[:])
	binary.BigEndian.PutUint64(b[16:], uint64(e.Order))
	_, err := w.Write(b[:])
	return err
}

// ids gives the slots by the hash of their ids; none where there is no pass before.
func (k *known) ids() iter.Seq2[dedupe.Entry, error] {
	return func(yield func(dedupe.Entry, error) bool) {
		if k == nil {
			return
		}
		for b, err := range fixedRecords(k.run.indexPath(k.pass, idsFile), 24) {
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

// fixedRecords reads a file of records of one size. The slice holds until the next one.
func fixedRecords(path string, size int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = f.Close() }()
		in := bufio.NewReaderSize(f, 256<<10)
		b := make([]byte, size)
		for {
			if _, err := io.ReadFull(in, b); err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, fmt.Errorf("read %s: %w", path, err))
				}
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// keepGone copies what is known of the slots that are gone, so that a document that comes back is not asked again.
func (r *Run) keepGone(before *known) error {
	names := []string{"entries", endedFile, offsetsFile, answersFile}
	files := map[string]*atomicfile.Writer{}
	defer func() {
		for _, f := range files {
			f.Abort()
		}
	}()
	for _, name := range names {
		f, err := atomicfile.Create(r.effects, r.indexPath(r.planned.Pass, gonePrefix+name))
		if err != nil {
			return err
		}
		files[name] = f
	}
	var size int64
	var at [8]byte
	for b, err := range fixedRecords(r.indexPath(r.planned.Pass, goneFile), 8) {
		if err != nil {
			return err
		}
		slot := int64(binary.BigEndian.Uint64(b))
		e, entryErr := before.entry(slot)
		how, attempts, endedErr := before.ended(slot)
		line, lineErr := before.line(slot)
		if err := errors.Join(entryErr, endedErr, lineErr); err != nil {
			return err
		}
		binary.BigEndian.PutUint64(at[:], uint64(size))
		size += int64(len(line))
		for name, p := range map[string][]byte{"entries": e.append(nil), endedFile: {how, byte(attempts)}, offsetsFile: at[:], answersFile: line} {
			if _, err := files[name].Write(p); err != nil {
				return err
			}
		}
	}
	binary.BigEndian.PutUint64(at[:], uint64(size))
	if _, err := files[offsetsFile].Write(at[:]); err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, files[name].Commit())
	}
	return errors.Join(errs...)
}

// keepAnswers gives the results a second name, under which the next pass finds them whatever becomes of the first.
func (r *Run) keepAnswers(e *effect.Effects) error {
	return e.Link(filepath.Join(r.cfg.Dir, "results.jsonl"), r.indexPath(r.planned.Pass, answersFile))
}

// forget removes the index of older passes. The finished one holds all that is known.
func (r *Run) forget(pass int) error {
	for p := pass - 2; p > 0; p-- { // the last one is what the results can be made anew from
		dir := filepath.Dir(r.indexPath(p, "x"))
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err := r.effects.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
