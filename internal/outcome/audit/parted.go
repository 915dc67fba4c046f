package audit

import (
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/base/figure"
)

// A long document is sent in parts, each a record of its own, and then once more over the answers about all of them.

// byRecord gives the attempts at each record of a document, in the order in which they were made: those at its parts,
// then those at the whole.
func byRecord(attempts []outcome) [][]outcome {
	var all [][]outcome
	at := map[int]int{}
	for _, o := range attempts {
		n := o.RecordID.PartNumber()
		i, ok := at[n]
		if !ok {
			i = len(all)
			at[n] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], o)
	}
	key := func(of []outcome) int {
		if n := of[0].RecordID.PartNumber(); n > 0 {
			return n
		}
		return int(^uint(0) >> 1)
	}
	slices.SortFunc(all, func(a, b []outcome) int { return key(a) - key(b) })
	return all
}

// decidingOf gives the attempts at the one record of a long document that says how it ended: the merge, or, where that was
// never sent, the first part without a good answer. Where there is neither, the last attempt, and unmerged.
func decidingOf(attempts []outcome) (deciding []outcome, unmerged bool) {
	records := byRecord(attempts)
	if last := records[len(records)-1]; last[0].RecordID.PartNumber() == 0 {
		return last, false
	}
	for _, of := range records {
		if !slices.ContainsFunc(of, wasGood) {
			return of, false
		}
	}
	return attempts[len(attempts)-1:], true
}

func wasGood(o outcome) bool { return o.Class == quarry.ClassOK }

// madeOf counts the attempts at all records, those of earlier passes once.
func madeOf(attempts []outcome) int {
	first, made := attempts[0].RecordID.Attempt(), 0
	for i := range attempts {
		first = min(first, attempts[i].RecordID.Attempt())
		if !attempts[i].unsent() {
			made++
		}
	}
	return first - 1 + made
}

// sameError reports whether a line has the error of the attempt that it shows: that of a part after its number.
func sameError(r *result, from *outcome) bool {
	want := from.Result.Error.Message
	if n := from.RecordID.PartNumber(); n > 0 {
		want = fmt.Sprintf("part %d of %d: %s", n, from.Parts, want)
	}
	return *r.Error == (quarry.ResultError{Kind: from.Result.Error.Kind, Message: want})
}

// checkParted proves that each record of a long document was sent as it should be, and the merge only once every part
// had its answer.
func (p *documentsProof) checkParted(e *entry, attempts []outcome) {
	records := byRecord(attempts)
	answered := 0
	for _, of := range records {
		p.checkRecord(e, of)
		switch {
		case of[0].RecordID.PartNumber() > 0:
			if slices.ContainsFunc(of, wasGood) {
				answered++
			}
		case answered != e.parts:
			p.found.name(altered, of[0].Result.ID, of[0].RecordID, "merged with %s of %s answered", figure.Thousands(answered), figure.Count(e.parts, "part"))
		}
	}
	if p.cfg.Ended {
		p.checkAllSent(e, records)
	}
}

// checkAllSent proves that no part was forgotten.
func (p *documentsProof) checkAllSent(e *entry, records [][]outcome) {
	for n := 1; n <= e.parts; n++ {
		if n > len(records) || records[n-1][0].RecordID.PartNumber() != n {
			id := records[0][0].Result.ID
			p.found.name(missing, id, "", "part %d of %d: no journal has a line of it", n, e.parts)
			return
		}
	}
}
