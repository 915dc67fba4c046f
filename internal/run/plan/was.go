package plan

import "quarry/internal/run/index"

// was is what the pass before knows of a document.
type was struct {
	known    bool
	slot     int64
	listed   bool // it was in the sources
	altered  bool // its request was another
	same     bool // its request was the same as now, and has its answer
	answered bool // and nothing has to be sent while its request is the same
	tries    int
}

// was looks a document up; documents are looked up in order.
func (by *Findings) was(e *index.Entry, order int64) (w was, err error) {
	if w.slot, w.known, err = by.Joined.Slot(order); err != nil || !w.known {
		return w, err
	}
	entry, err := by.Before.Entry(w.slot)
	if err != nil {
		return w, err
	}
	how, tries, err := by.Before.Ended(w.slot)
	w.altered = !e.SameRequest(&entry)
	w.listed = by.Before.InSources(w.slot)
	w.same = !w.altered && how != index.EndedStale
	w.answered, w.tries = how.Answered(), tries
	return w, err
}

// add counts how a document compares with the one of the same id in the pass before.
func (a *Against) add(w *was) {
	switch {
	case !w.listed:
		a.New++
	case w.altered:
		a.Altered++
	}
}

// give takes over the answer that the run was given for a document. By the document's id that holds until the document was known to
// a pass: its request at that time is not known, so the id alone decides. An answer to the document's request always holds.
func (p *Plan) give(order int64, by *Findings, was *was, column *index.Columns) (bool, error) {
	if by.Given == nil {
		return false, nil
	}
	slot, byRequest, err := by.Given.Slots(order)
	if err != nil || (was.known && was.same && was.answered) {
		return false, err
	}
	switch {
	case slot >= 0 && !was.known:
		if err := column.Give(order, slot); err != nil {
			return false, err
		}
	case byRequest >= 0:
		slot = byRequest
	default:
		return false, nil
	}
	p.Given.Documents++
	return true, by.CarryGiven(order, slot)
}
