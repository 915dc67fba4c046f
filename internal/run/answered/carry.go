package answered

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"

	"quarry"
	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
	"quarry/internal/base/extsort"
	"quarry/internal/run/index"
	"quarry/internal/run/lines"
	"quarry/internal/run/shardfile"
)

// Carried are outcomes of earlier passes that stand for documents of a pass: first their places, then, read from the journals
// in the order of the journals, the outcomes in the order of the documents.
type Carried struct {
	e      *effect.Effects
	dir    string
	places *extsort.Sorter[record]
	count  int64

	held  []shardfile.Outcome
	bytes int
	files []lineFile
	made  int
}

// lineFile is a file of outcomes that are sorted by order.
type lineFile struct {
	path  string
	level int
	from  int64
}

const (
	carryBytes = placeBytes + 8
	heldBytes  = 32 << 20 // of outcomes in memory, as they are written
)

// NewCarried gives none. What is sorted is written below dir meanwhile.
func NewCarried(e *effect.Effects, dir string) *Carried {
	return &Carried{e: e, dir: dir, places: newSorter(e, dir, "earlier", carryBytes, 0)}
}

// Add takes the attempts that count for the document of an order.
func (c *Carried) Add(order int64, stands []Entry) error {
	for i := range stands {
		c.count++
		var r record
		binary.BigEndian.AppendUint64(appendPlace(r[:0], stands[i].Shard, stands[i].Line), uint64(order))
		if err := c.places.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// Count is how many attempts were added.
func (c *Carried) Count() int64 { return c.count }

// Document is a document of a pass for which earlier answers count.
type Document struct {
	Order int64
	ID    quarry.DocumentID
	Info  quarry.DocumentInfo
	Sends bool // some of its parts, or their merge, are sent in the pass
}

// From is where the outcomes are read.
type From struct {
	Journal  func(quarry.ShardID) string // path of a shard's journal
	Imported *index.Known                // the answers that the run was given; nil: none
}

// Write writes the outcomes to path, by the documents' order and the number of the attempt. docs are the documents that were
// added, by order.
func (c *Carried) Write(ctx context.Context, path string, from From, docs iter.Seq2[Document, error]) error {
	if err := c.read(ctx, from); err != nil {
		return err
	}
	if err := c.spill(); err != nil {
		return err
	}
	out, err := atomicfile.CreateZstd(c.e, path)
	if err != nil {
		return err
	}
	defer out.Abort()
	next, stop := iter.Pull2(docs)
	defer stop()
	var group []shardfile.Outcome
	give := func() error {
		if len(group) == 0 {
			return nil
		}
		order := group[0].Order
		doc, err, more := next()
		for ; more && err == nil && doc.Order < order; doc, err, more = next() {
			continue
		}
		if err != nil {
			return err
		}
		if !more || doc.Order != order {
			return fmt.Errorf("an earlier answer is given to document %d, which is not there", order)
		}
		slices.SortStableFunc(group, func(a, b shardfile.Outcome) int { return cmp.Compare(a.RecordID.Attempt(), b.RecordID.Attempt()) })
		for i := range group {
			o := &group[i]
			given := o.RecordID == "" && o.Result.RecordID.Fits(doc.ID) // a given answer to the document's request
			if o.Result.ID != doc.ID && !doc.Sends && !given {          // an answer to the whole document is another's
				o.Result.SameAs = o.Result.ID
			}
			if o.RecordID == "" { // nothing of ours requested it
				o.Result.RecordID = ""
			}
			now := doc.Info
			now.Title = cmp.Or(now.Title, o.Result.Document.Title) // which cleaning may have found in the text
			now.Lang = cmp.Or(now.Lang, o.Result.Document.Lang)
			o.Result.ID, o.Result.Document = doc.ID, now
			if err := lines.Write(out, o); err != nil {
				return err
			}
		}
		group = group[:0]
		return nil
	}
	for o, err := range c.sorted(c.files) {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if len(group) > 0 && group[0].Order != o.Order {
			if err := give(); err != nil {
				return err
			}
		}
		group = append(group, o)
	}
	if err := give(); err != nil {
		return err
	}
	return out.Commit()
}

// read takes the outcomes out of the journals, each journal once from its beginning.
func (c *Carried) read(ctx context.Context, from From) error {
	var shard quarry.ShardID
	at := int64(-1)
	var text json.RawMessage
	next, stop := func() (json.RawMessage, error, bool) { return nil, nil, false }, func() {}
	defer func() { stop() }()
	for b, err := range c.places.Sorted() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		of, line := readPlace(b[:])
		order := int64(binary.BigEndian.Uint64(b[placeBytes:]))
		if of == Known {
			if err := c.readGiven(from, line, order); err != nil {
				return err
			}
			continue
		}
		if of != shard {
			stop()
			next, stop = iter.Pull2(lines.Sealed[json.RawMessage](from.Journal(of)))
			shard, at = of, -1
		}
		for ; at < line; at++ {
			var more bool
			if text, err, more = next(); err != nil {
				return err
			}
			if !more {
				return fmt.Errorf("read the journal of shard %s: it has no line %d", of, line+1)
			}
		}
		var o shardfile.Outcome
		if err := json.Unmarshal(text, &o); err != nil {
			return fmt.Errorf("read the journal of shard %s, line %d: %w", of, line+1, err)
		}
		o.Order = order
		if err := c.hold(o, len(text)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Carried) readGiven(from From, slot, order int64) error {
	if from.Imported == nil {
		return fmt.Errorf("the answer that was given for document %d is not there", order)
	}
	text, err := from.Imported.Line(slot)
	if err != nil {
		return err
	}
	o := shardfile.Outcome{Order: order, Class: quarry.ClassOK}
	if err := json.Unmarshal(text, &o.Result); err != nil {
		return fmt.Errorf("read the given answers, line %d: %w", slot+1, err)
	}
	return c.hold(o, len(text))
}

func (c *Carried) hold(o shardfile.Outcome, size int) error {
	o.Earlier, o.Left = true, false // nothing of it is to be sent again
	c.held = append(c.held, o)
	if c.bytes += size; c.bytes < heldBytes {
		return nil
	}
	if err := c.spill(); err != nil {
		return err
	}
	return c.settle()
}

// spill writes what is held as a file.
func (c *Carried) spill() error {
	if len(c.held) == 0 {
		return nil
	}
	slices.SortStableFunc(c.held, func(a, b shardfile.Outcome) int { return cmp.Compare(a.Order, b.Order) })
	err := c.write(0, c.held[0].Order, func(yield func(shardfile.Outcome, error) bool) {
		for i := range c.held {
			if !yield(c.held[i], nil) {
				return
			}
		}
	})
	clear(c.held)
	c.held, c.bytes = c.held[:0], 0
	return err
}

// mergeFiles are read at once, and as many of each higher level.
const mergeFiles = 32

// settle merges the last files as long as there are mergeFiles of one level.
func (c *Carried) settle() error {
	for {
		n := len(c.files) - mergeFiles
		if n < 0 || c.files[n].level != c.files[len(c.files)-1].level {
			return nil
		}
		merged := slices.Clone(c.files[n:])
		first := slices.MinFunc(merged, func(a, b lineFile) int { return cmp.Compare(a.from, b.from) }).from
		if err := c.write(merged[0].level+1, first, c.sorted(merged)); err != nil {
			return err
		}
		c.files = append(c.files[:n], c.files[len(c.files)-1])
		for i, f := range merged {
			if err := c.e.Remove(f.path); err != nil {
				c.files = append(c.files, merged[i:]...) // Close tries again
				return err
			}
		}
	}
}

func (c *Carried) write(level int, from int64, outcomes iter.Seq2[shardfile.Outcome, error]) error {
	if err := c.e.MkdirAll(c.dir); err != nil {
		return err
	}
	path := filepath.Join(c.dir, fmt.Sprintf("outcomes.run%05d.zst", c.made))
	c.made++
	out, err := atomicfile.CreateZstd(c.e, path)
	if err != nil {
		return err
	}
	defer out.Abort()
	for o, err := range outcomes {
		if err == nil {
			err = lines.Write(out, &o)
		}
		if err != nil {
			return err
		}
	}
	if err := out.Commit(); err != nil {
		return err
	}
	c.files = append(c.files, lineFile{path, level, from})
	return nil
}

func (c *Carried) sorted(files []lineFile) iter.Seq2[shardfile.Outcome, error] {
	var sorted []lines.Sorted
	for i, f := range files {
		sorted = append(sorted, lines.Sorted{Path: f.path, From: f.from, Rank: i})
	}
	return lines.Merge(sorted, func(o *shardfile.Outcome) int64 { return o.Order })
}

// Close removes what was written for it, but for the outcomes themselves.
func (c *Carried) Close() error {
	errs := []error{c.places.Close()}
	for _, f := range c.files {
		errs = append(errs, c.e.Remove(f.path))
	}
	c.files, c.held = nil, nil
	return errors.Join(errs...)
}
