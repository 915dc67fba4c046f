package run

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"strings"

	"quarry"
	"quarry/internal/atomicfile"
	"quarry/internal/dedupe"
)

// writeTakes writes what becomes of each document: one byte each, in order; and beside it, whose answer of the pass before
// is taken over, and how often the others were asked before.
func (r *Run) writeTakes(ctx context.Context, again *repeats, draw *sample, pairs *joined, before *known) error {
	p := &r.planned
	unusable, err := again.among(draw)
	if err != nil {
		return err
	}
	pilot := draw.pick(func(order int64) bool { return !unusable[order] })
	column, err := r.createColumns(takesFile, triesFile, unchangedFile)
	if err != nil {
		return err
	}
	defer column.abort()
	long, err := r.openLong(p.Pass)
	if err != nil {
		return err
	}
	defer long.close()
	var parts []int64
	next, stop := iter.Pull2(again.sorted())
	defer stop()
	repeat, err, more := next()
	p.Documents = 0
	var order int64
	for e, entryErr := range r.entries(p.Pass) {
		if err := errors.Join(err, entryErr, ctx.Err()); err != nil {
			return err
		}
		t := takeMain
		switch {
		case e.bytes == 0:
			t = takeEmpty
		case e.bytes == tooLargeBytes:
			t = takeTooLarge
		case e.bytes == brokenBytes:
			t = takeBroken
		}
		for more && repeat.Order == order { // an id that comes again outweighs a text that does
			if repeat.take == takeSameID || t == takeMain {
				t = repeat.take
			}
			if repeat, err, more = next(); err != nil {
				return err
			}
		}
		slot, tries := int64(-1), 0
		if t == takeMain || t == takeSame {
			if t, slot, tries, err = r.compare(&e, t, order, pairs, before); err != nil {
				return err
			}
		}
		if len(pilot) > 0 && pilot[0] == order {
			pilot = pilot[1:]
			if t == takeMain {
				t = takePilot
			}
		}
		if err := column.add(t, tries, order, slot); err != nil {
			return err
		}
		if parts, err = long.of(order, parts); err != nil {
			return err
		}
		p.tally(t, int64(len(parts)))
		if t == takeMain || t == takePilot {
			p.AskedLines += int64(e.bytes)
		}
		p.Documents++
		p.Orders++
		order++
	}
	p.Documents -= p.SameID + p.broken
	if p.Documents == 0 {
		return &quarry.Error{
			Kind: quarry.BadItems, Op: "plan", Subject: strings.Join(r.cfg.Sources, " "), Err: errors.New("no documents"),
			Hint: "check the path; `quarry clean SOURCE` shows what is read from it",
		}
	}
	return column.commit()
}

// compare finds out whether the pass before has this document's answer. It gives the slot whose answer is taken over, or
// how often a document that has none was asked.
func (r *Run) compare(e *entry, t take, order int64, pairs *joined, before *known) (take, int64, int, error) {
	slot, ok, err := pairs.slot(order)
	if err != nil || !ok {
		return t, -1, 0, err
	}
	was, err := before.entry(slot)
	if err != nil {
		return t, -1, 0, err
	}
	how, tries, err := before.ended(slot)
	if err != nil {
		return t, -1, 0, err
	}
	answered := how == endedOK || how == endedInvalid || how == endedFailed || how == endedStale
	// What was imported does not say what was asked: it is taken at its word.
	same := (sameKey(was.key, e.key) && how != endedStale) || before.pass == importedPass
	switch {
	case same && answered:
		return takeUnchanged, slot, 0, nil
	case same:
		if t == takeMain {
			r.planned.Again++
		}
		return t, -1, tries, nil
	case answered && r.cfg.RefreshMax > 0 && r.planned.Changed >= r.cfg.RefreshMax:
		r.planned.Stale++
		return takeUnchanged, slot | staleBit, 0, nil
	case t == takeMain:
		r.planned.Changed++
	}
	return t, -1, 0, nil
}

// columns are the files of a pass that have a value for each document.
type columns struct{ takes, tries, unchanged *atomicfile.Writer }

func (r *Run) createColumns(takes, tries, unchanged string) (c *columns, err error) {
	c = &columns{}
	for _, f := range []struct {
		to   **atomicfile.Writer
		name string
	}{{&c.takes, takes}, {&c.tries, tries}, {&c.unchanged, unchanged}} {
		if *f.to, err = atomicfile.Create(r.effects, r.indexPath(r.planned.Pass, f.name)); err != nil {
			c.abort()
			return nil, err
		}
	}
	return c, nil
}

func (c *columns) add(t take, tries int, order, slot int64) error {
	if slot >= 0 {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(order))
		binary.BigEndian.PutUint64(b[8:], uint64(slot))
		if _, err := c.unchanged.Write(b[:]); err != nil {
			return err
		}
	}
	if _, err := c.tries.Write([]byte{byte(min(tries, math.MaxUint8))}); err != nil {
		return err
	}
	_, err := c.takes.Write([]byte{byte(t)})
	return err
}

func (c *columns) abort() {
	for _, w := range []*atomicfile.Writer{c.takes, c.tries, c.unchanged} {
		if w != nil {
			w.Abort()
		}
	}
}

func (c *columns) commit() error {
	return errors.Join(c.tries.Commit(), c.unchanged.Commit(), c.takes.Commit())
}

// tally counts what becomes of a document, which is asked in so many parts; 0: as a whole.
func (p *Planned) tally(t take, parts int64) {
	if t == takeMain || t == takePilot {
		p.Parts += parts
		p.Long += min(parts, 1)
	}
	switch t {
	case takeMain:
		p.Asked++
	case takePilot:
		p.Asked++
		p.Pilot++
		p.pilotRecords += max(parts, 1)
	case takeEmpty:
		p.Empty++
	case takeSameID:
		p.SameID++
	case takeBroken: // counted as unreadable when it was read
		p.broken++
	case takeSame:
		p.Same++
	case takeTooLarge:
		p.TooLarge++
	case takeUnchanged:
		p.Unchanged++
	}
}

// sameKey compares the keys of two entries. Of what was taken over from a recordId only the first 6 bytes are known: enough
// to tell whether one document changed.
func sameKey(was, now dedupe.Hash) bool {
	if was == now {
		return true
	}
	const known = 6
	return [len(was) - known]byte(was[known:]) == [len(was) - known]byte{} && [known]byte(was[:known]) == [known]byte(now[:known])
}
