package run

import (
	"context"
	"errors"
	"iter"
	"strings"

	"quarry/internal/dedupe"
	"quarry/internal/run/draw"
	"quarry/internal/run/index"

	"quarry"
)

// writeTakes writes what becomes of each document: one byte each, in order; and beside it, whose answer of the pass before
// is taken over, and how often the others were asked before.
func (r *Run) writeTakes(ctx context.Context, again *index.Repeats, sample *draw.Sample, pairs *index.Joined, before *known) error {
	p := &r.planned
	pass := r.index(p.Pass)
	unusable, err := again.Among(sample.Orders())
	if err != nil {
		return err
	}
	pilot := sample.Pick(func(order int64) bool { return !unusable[order] })
	column, err := pass.CreateColumns()
	if err != nil {
		return err
	}
	defer column.Abort()
	long, err := pass.OpenLong()
	if err != nil {
		return err
	}
	defer long.Close()
	var parts []int64
	next, stop := iter.Pull2(again.Sorted())
	defer stop()
	repeat, err, more := next()
	p.Documents = 0
	var order int64
	for e, entryErr := range pass.Entries() {
		if err := errors.Join(err, entryErr, ctx.Err()); err != nil {
			return err
		}
		t := e.Take()
		for more && repeat.Order == order { // an id that comes again outweighs a text that does
			if repeat.Take == index.SameID || t == index.Main {
				t = repeat.Take
			}
			if repeat, err, more = next(); err != nil {
				return err
			}
		}
		slot, tries := int64(-1), 0
		if t == index.Main || t == index.Same {
			if t, slot, tries, err = r.compare(&e, t, order, pairs, before); err != nil {
				return err
			}
		}
		if len(pilot) > 0 && pilot[0] == order {
			pilot = pilot[1:]
			if t == index.Main {
				t = index.Pilot
			}
		}
		if err := column.Add(t, tries, order, slot); err != nil {
			return err
		}
		if parts, err = long.Of(order, parts); err != nil {
			return err
		}
		p.tally(t, int64(len(parts)))
		if t == index.Main || t == index.Pilot {
			p.AskedLines += int64(e.Bytes)
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
	return column.Commit()
}

// compare finds out whether the pass before has this document's answer. It gives the slot whose answer is taken over, or
// how often a document that has none was asked.
func (r *Run) compare(e *index.Entry, t index.Take, order int64, pairs *index.Joined, before *known) (index.Take, int64, int, error) {
	slot, ok, err := pairs.Slot(order)
	if err != nil || !ok {
		return t, -1, 0, err
	}
	was, err := before.Entry(slot)
	if err != nil {
		return t, -1, 0, err
	}
	how, tries, err := before.Ended(slot)
	if err != nil {
		return t, -1, 0, err
	}
	answered := how.Answered()
	// What was imported does not say what was asked: it is taken at its word.
	same := (e.AsksAs(&was) && how != index.EndedStale) || before.pass == importedPass
	switch {
	case same && answered:
		return index.Unchanged, slot, 0, nil
	case same:
		if t == index.Main {
			r.planned.Again++
		}
		return t, -1, tries, nil
	case answered && r.cfg.RefreshMax > 0 && r.planned.Changed >= r.cfg.RefreshMax:
		r.planned.Stale++
		return index.Unchanged, slot | index.Stale, 0, nil
	case t == index.Main:
		r.planned.Changed++
	}
	return t, -1, 0, nil
}

// topUpPilot adds to a pilot that came out smaller than it should be, because most of what was drawn repeats another
// document: a job below the minimum is refused. What is added has the smallest hashes of all that is left.
func (r *Run) topUpPilot(ctx context.Context) error {
	p := &r.planned
	lack := min(int64(r.pilotSize()), p.Asked) - p.Pilot
	if lack <= 0 {
		return nil
	}
	pass := r.index(p.Pass)
	more := draw.NewSmallest(int(lack))
	for d, err := range pass.Taken() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if d.Take == index.Main {
			more.Add(dedupe.Entry{Hash: d.Hash, Order: d.Order})
		}
	}
	added := map[int64]bool{}
	for _, e := range more.Entries() {
		added[e.Order] = true
	}
	records, err := pass.TakeAsPilot(added, p.Orders)
	if err != nil {
		return err
	}
	p.Pilot += int64(len(added))
	p.pilotRecords += records
	return nil
}
