package audit

import (
	"iter"
	"slices"

	"quarry"
)

// A part of a long document that an earlier pass answered is not sent again: its outcome is carried into the pass that sends the
// other parts, or the merge.

// carried gives the outcomes of earlier passes that count in the planned one.
func (a *audit) carried(ix *index) iter.Seq[outcome] {
	return func(yield func(outcome) bool) {
		path := ix.dir + "/earlier.jsonl.zst"
		for o, err := range held[outcome](path) {
			if err != nil {
				if exists(path) {
					a.faultOf(path)(err)
				}
				continue
			}
			if o.Earlier = true; !yield(o) {
				return
			}
		}
	}
}

// attempts gives the attempts at a document that is sent: those of earlier passes that count, then those of this one. It is
// called in ascending order.
func (p *documentsProof) attempts(e *entry) []outcome {
	earlier, own := p.earlier(e.order), p.journals(e.order)
	if !e.asked() || len(earlier) == 0 {
		return own
	}
	return append(slices.Clone(earlier), own...)
}

// ofThisPass gives the attempts that this pass made, or all where it made none.
func ofThisPass(attempts []outcome) []outcome {
	if i := slices.IndexFunc(attempts, func(o outcome) bool { return !o.Earlier }); i > 0 {
		return attempts[i:]
	}
	return attempts
}

// carriedParts holds the answers of earlier passes to parts of documents that are sent against the journals.
func (a *audit) carriedParts(ix *index, seen map[hash]answeredBefore, of func(quarry.RecordID) (hash, bool)) {
	for o := range a.carried(ix) {
		h, mine := of(o.RecordID)
		e, err := ix.of(o.Order)
		if !mine || err != nil || !e.asked() {
			continue
		}
		if what := o.Result.againstBefore(o.shown(), seen[h], a.plan.Pass); what != "" {
			a.found.name(altered, o.Result.ID, o.RecordID, "%s/earlier.jsonl.zst: %s", a.short(ix.dir), what)
		}
	}
}
