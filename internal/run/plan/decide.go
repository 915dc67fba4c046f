package plan

import (
	"context"
	"errors"
	"iter"

	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/index"
	"quarry/internal/run/sample"
	"quarry/internal/run/weigh"
)

// ErrNoDocuments says that nothing the sources hold is a document.
var ErrNoDocuments = errors.New("no documents")

// Findings are the outcome of comparing the documents with each other and with the pass before.
type Findings struct {
	Repeats    *index.Repeats
	Sample     *sample.Pilot                 // of which the pilot is made
	Joined     *index.Joined                 // with the pass before
	Before     *index.Known                  // that pass; nil: none
	Given      *index.Given                  // the answers that the run was given; nil: none
	CarryGiven func(order, slot int64) error // takes over one of them
	Weighed    *weigh.Reader                 // what the text of each document weighs; nil: not counted
	Room       *int64                        // tokens that the back end has for the text of one record; nil: not known
	RefreshMax int64                         // known documents whose request is another now and that are sent in this pass. Zero: all
	// Recall says of a document, in order, what earlier passes have of its request. nil: there are none.
	Recall func(order int64, e *index.Entry) (Earlier, error)
	// Carry takes over what Recall found last.
	Carry func() error
}

// Decide writes the disposition of each document: one byte each, in order. In further columns it writes whose answer of the pass
// before is taken over, and how many attempts the others had before. It fails with ErrNoDocuments, and writes nothing, if there
// are no documents.
func (p *Plan) Decide(ctx context.Context, pass index.Pass, by *Findings) error {
	unusable, err := by.Repeats.Among(by.Sample.Orders())
	if err != nil {
		return err
	}
	pilot := by.Sample.Pick(func(order int64) bool { return !unusable[order] })
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
	next, stop := iter.Pull2(by.Repeats.Sorted())
	defer stop()
	repeat, err, more := next()
	p.Documents = 0
	p.Against = &Against{Lost: p.Lost}
	var order int64
	for e, entryErr := range pass.Entries() {
		if err := errors.Join(err, entryErr, ctx.Err()); err != nil {
			return err
		}
		var weight weigh.Doc
		if by.Weighed != nil {
			if weight, err = by.Weighed.Next(); err != nil {
				return err
			}
		}
		t := e.Disposition()
		for more && repeat.Order == order { // an id that comes again outweighs a text that does
			if repeat.Disposition == index.SameID || t == index.Main {
				t = repeat.Disposition
			}
			if repeat, err, more = next(); err != nil {
				return err
			}
		}
		slot, earlier := int64(-1), Earlier{}
		if t != index.SameID && t != index.Broken {
			was, err := by.was(&e, order)
			if err != nil {
				return err
			}
			p.Against.add(&was)
			if t == index.Main || t == index.Same {
				given, err := p.give(order, by, &was, column)
				if err != nil {
					return err
				}
				if given {
					t = index.Recalled
				} else if t, slot, earlier, err = p.compare(&e, t, order, by, &was); err != nil {
					return err
				}
			}
		}
		if parts, err = long.Of(order, parts); err != nil {
			return err
		}
		if parts, err = p.spare(parts, &earlier, order, column, by); err != nil {
			return err
		}
		records := index.RecordsOf(parts)
		if records == 0 {
			t = index.Merge
		}
		if len(pilot) > 0 && pilot[0] == order {
			pilot = pilot[1:]
			if t == index.Main {
				t = index.Pilot
			}
		}
		if err := column.Add(t, earlier.Tried, order, slot); err != nil {
			return err
		}
		p.tally(t, parts)
		if t == index.Main || t == index.Pilot {
			sent := sentBytes(&e, parts)
			p.AskedLines += sent
			weight.Share(sent, int64(e.Bytes))
			p.Sent.Add(&weight, records)
			p.fit(&weight, by.Room)
		}
		p.Documents++
		p.Orders++
		order++
	}
	p.Documents -= p.SameID + p.broken
	if p.Given != nil { // counted by themselves
		p.Recalled -= p.Given.Documents
	}
	if p.Documents == 0 {
		return ErrNoDocuments
	}
	return column.Commit()
}

// fit counts a document that is sent and may not fit the room.
func (p *Plan) fit(d *weigh.Doc, room *int64) {
	if room == nil || d.Most <= max(*room, 0) {
		return
	}
	p.Beyond++
	p.widest = max(p.widest, float64(d.Most)/float64(max(d.About, 1)))
	const step = 50
	p.FitsAt = max(0, int64(float64(*room)/p.widest)/step*step)
}

// compare finds out whether an earlier pass has this document's answer. It gives the slot of the pass before whose answer is
// taken over, or how often the document's request was sent.
func (p *Plan) compare(
	e *index.Entry, t index.Disposition, order int64, by *Findings, was *was,
) (_ index.Disposition, slot int64, earlier Earlier, err error) {
	if was.known && was.same && was.answered {
		return index.Unchanged, was.slot, Earlier{}, nil
	}
	if t == index.Main && by.Recall != nil {
		if earlier, err = by.Recall(order, e); err != nil {
			return t, -1, Earlier{}, err
		}
		if earlier.Answered {
			return index.Recalled, -1, Earlier{}, by.Carry()
		}
	}
	switch {
	case !was.known:
	case was.same:
		if t == index.Main {
			p.Again++
		}
		earlier.Tried.Last = max(earlier.Tried.Last, was.tries)
	case was.answered && by.RefreshMax > 0 && p.Changed >= by.RefreshMax:
		p.Stale++
		return index.Unchanged, was.slot | index.Stale, Earlier{}, nil
	case t == index.Main:
		p.Changed++
	}
	return t, -1, earlier, nil
}

// tally counts what becomes of a document. parts are the lengths of its parts, 0 of those that are not sent; none: it is sent
// as a whole.
func (p *Plan) tally(t index.Disposition, parts []int64) {
	if t.Sends() && len(parts) > 0 {
		p.Parts += index.RecordsOf(parts)
		p.Long++
	}
	switch t {
	case index.Main, index.Merge:
		p.Asked++
	case index.Pilot:
		p.Asked++
		p.Pilot++
		p.pilotRecords += index.RecordsOf(parts)
	case index.Empty:
		p.Empty++
	case index.SameID:
		p.SameID++
	case index.Broken: // counted as unreadable when it was read
		p.broken++
	case index.Same:
		p.Same++
	case index.TooLarge:
		p.TooLarge++
	case index.Unchanged:
		p.Unchanged++
	case index.Recalled:
		p.Unchanged++
		p.Recalled++
	}
}

// TopUpPilot adds to a pilot that came out smaller than it should be, because most of what was drawn repeats another
// document: a job below the minimum is refused. What is added has the smallest hashes of all that is left. size is what it should be.
func (p *Plan) TopUpPilot(ctx context.Context, pass index.Pass, size int) error {
	lack := min(int64(size), p.Asked) - p.Pilot
	if lack <= 0 {
		return nil
	}
	more := sample.NewSmallest(int(lack))
	for d, err := range pass.Decided() {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if d.Disposition == index.Main {
			more.Add(dedupe.Entry{Hash: d.Hash, Order: d.Order})
		}
	}
	added := map[int64]bool{}
	for _, e := range more.Entries() {
		added[e.Order] = true
	}
	records, err := pass.MoveToPilot(added, p.Orders)
	if err != nil {
		return err
	}
	p.Pilot += int64(len(added))
	p.pilotRecords += records
	return nil
}
