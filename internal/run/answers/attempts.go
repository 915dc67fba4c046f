package answers

import (
	"fmt"
	"slices"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
)

// Closing says how the sending ended.
type Closing struct {
	Partial    bool   // not all documents have ended yet
	Unsent     int64  // records that no job took, and that no on-demand call may take
	UnsentKind string // their error kind: quarry.KindBelowMinimum or quarry.KindWaiting
}

// Result makes one result of all attempts at a document: the good answer if there is one, else the last answer, else the
// last error. Tokens of all attempts were paid and add up.
func (c Closing) Result(attempts []shardfile.Outcome) *quarry.Result {
	var res *quarry.Result
	if attempts[0].Parts > 0 {
		res = c.partedResult(attempts)
	} else {
		res = c.bestResult(attempts)
	}
	attempts = ofThisPass(attempts)
	res.Usage, res.CostUSD = quarry.Usage{}, new(quarry.USD)
	if res.SameAs != "" { // another document's answer of an earlier pass: nothing was sent for this one
		res.Attempts = 0
		return res
	}
	for i := range attempts {
		a := &attempts[i].Result
		res.Usage.Add(a.Usage)
		switch {
		case a.CostUSD == nil:
			res.CostUSD = nil
		case res.CostUSD != nil:
			*res.CostUSD = res.CostUSD.Plus(*a.CostUSD)
		}
	}
	return res
}

// Paid reports whether this pass paid for attempts at a document.
func Paid(attempts []shardfile.Outcome) bool {
	return slices.ContainsFunc(attempts, func(o shardfile.Outcome) bool { return !o.Earlier })
}

// ofThisPass gives the attempts that this pass made, or all where it made none: its result takes over what they took.
func ofThisPass(attempts []shardfile.Outcome) []shardfile.Outcome {
	if i := slices.IndexFunc(attempts, func(o shardfile.Outcome) bool { return !o.Earlier }); i > 0 { // earlier ones come first
		return attempts[i:]
	}
	return attempts
}

// best is the good answer among the attempts at one record if there is one, else the last answer, else the last error.
func best(attempts []shardfile.Outcome) *shardfile.Outcome {
	best := &attempts[0]
	for i := range attempts[1:] {
		if o := &attempts[i+1]; rankOf(o) >= rankOf(best) {
			best = o
		}
	}
	return best
}

// bestResult is the result of all attempts at one record, but for what they took.
func (c Closing) bestResult(attempts []shardfile.Outcome) *quarry.Result {
	last := &attempts[len(attempts)-1]
	res := best(attempts).Result
	res.Attempts = last.Result.Attempts
	if last.Left { // it was queued for another attempt that was never made
		kind, message := string(last.Class), ""
		if c.Unsent > 0 {
			kind = c.UnsentKind
			message = fmt.Sprintf("%s left, below the minimum of a batch job; ", figure.Clause(c.Unsent, "record", "was", "were"))
		}
		if last.Result.Error != nil {
			message += last.Result.Error.Message
		}
		res.Status, res.Error = endedBy(kind), &quarry.ResultError{Kind: kind, Message: message}
	}
	return &res
}

// endedBy is how a document ends that was left over: one that waits for a later pass is skipped by this one.
func endedBy(kind string) quarry.Status {
	if kind == quarry.KindWaiting {
		return quarry.StatusSkipped
	}
	return quarry.StatusFailed
}

func rankOf(o *shardfile.Outcome) int {
	switch {
	case o.Result.Status == quarry.StatusOK:
		return 2
	case o.Class.Answered():
		return 1
	}
	return 0
}

// Merge gives the record that merges a document's answers: nil where a part has no good answer, where it was sent
// already, and where its line would be longer than the limit; 0: there is none. first is the recordId of the pass's first attempt
// at the document as a whole, bad how many answers to the merge did not pass their checks in earlier passes.
func Merge(attempts []shardfile.Outcome, first quarry.RecordID, bad int, merge *prompt.Renderer, limit int64) (*shardfile.Queued, error) {
	if len(attempts) == 0 {
		return nil, nil
	}
	d := readParted(attempts)
	if len(d.merge) > 0 || d.unanswered() > 0 {
		return nil, nil
	}
	res := &attempts[0].Result
	doc := quarry.Document{
		ID: res.ID, Title: res.Document.Title, URL: res.Document.URL, Lang: res.Document.Lang, Fields: res.Document.Fields,
		Format: quarry.FormatText, Parts: len(d.parts),
	}
	for i := range d.parts {
		answer := &best(d.parts[i]).Result
		doc.Body = prompt.AppendAnswer(doc.Body, i+1, len(d.parts), answer.Output, answer.Text)
	}
	input, err := merge.Append(nil, &doc)
	if err != nil {
		return nil, fmt.Errorf("merge the answers about %s: %w", res.ID, err)
	}
	if limit > 0 && shardfile.LineBytes(first, input) > limit {
		return nil, nil
	}
	tried := first.Attempt() - 1
	return &shardfile.Queued{
		Part:    shardfile.Part{ID: res.ID, Order: attempts[0].Order, RecordID: first, Tried: tried, Bad: bad, Parts: len(d.parts), Document: res.Document},
		Attempt: tried + 1, Base: input,
	}, nil
}

// parted are the attempts at a long document, apart.
type parted struct {
	parts [][]shardfile.Outcome // of each part, in the order in which they were made
	merge []shardfile.Outcome
}

func readParted(attempts []shardfile.Outcome) parted {
	d := parted{parts: make([][]shardfile.Outcome, attempts[0].Parts)}
	for _, o := range attempts {
		switch n := o.RecordID.PartNumber(); {
		case n == 0:
			d.merge = append(d.merge, o)
		case n <= len(d.parts):
			d.parts[n-1] = append(d.parts[n-1], o)
		}
	}
	return d
}

// unanswered is the number of the first part without a good answer, from 1; 0: all have one.
func (d *parted) unanswered() int {
	for i, attempts := range d.parts {
		if len(attempts) == 0 || best(attempts).Result.Status != quarry.StatusOK {
			return i + 1
		}
	}
	return 0
}

// kindUnmerged says that all parts of a document are answered, and their merge was not sent.
const kindUnmerged = "not_merged"

// partedResult makes one result of all attempts at a long document: that of the merge or, if it was never sent, of the part
// that has no good answer.
func (c Closing) partedResult(attempts []shardfile.Outcome) *quarry.Result {
	d := readParted(attempts)
	var res *quarry.Result
	switch n := d.unanswered(); {
	case len(d.merge) > 0:
		res = c.bestResult(d.merge)
	case n > 0 && len(d.parts[n-1]) > 0:
		res = c.bestResult(d.parts[n-1])
		res.Status, res.Output = endedBy(res.Error.Kind), nil
		res.Error = &quarry.ResultError{Kind: res.Error.Kind, Message: fmt.Sprintf("part %d of %d: %s", n, len(d.parts), res.Error.Message)}
	case n > 0:
		res = c.bestResult(attempts[:1])
		res.Status, res.Output, res.Text = quarry.StatusFailed, nil, ""
		res.Error = &quarry.ResultError{Kind: string(quarry.ClassMissing), Message: fmt.Sprintf("part %d of %d was never sent", n, len(d.parts))}
	default:
		res = c.bestResult(attempts[len(attempts)-1:])
		res.Status, res.Output, res.Text, res.StopReason, res.Salvaged = quarry.StatusFailed, nil, "", "", false
		res.Error = &quarry.ResultError{Kind: kindUnmerged, Message: fmt.Sprintf("its %s are answered, and the answers do not fit into one record", figure.Count(len(d.parts), "part"))}
		if c.Partial {
			res.Error = &quarry.ResultError{Kind: string(quarry.ClassMissing), Message: fmt.Sprintf("its %s are answered, and the answers are not merged yet", figure.Count(len(d.parts), "part"))}
		}
		if c.Unsent > 0 {
			res.Status = endedBy(c.UnsentKind)
			res.Error = &quarry.ResultError{Kind: c.UnsentKind, Message: fmt.Sprintf(
				"its %s are answered, and the record that merges them is among the %s that were not sent, below the minimum of a batch job", figure.Count(len(d.parts), "part"), figure.Thousands(c.Unsent))}
		}
	}
	res.Parts, res.Attempts = len(d.parts), made(ofThisPass(attempts))
	return res
}

// made counts the attempts that were made, those of earlier passes by the numbers that they used: a record that was not built was
// not sent.
func made(attempts []shardfile.Outcome) int {
	first, n := attempts[0].RecordID.Attempt(), 0
	for i := range attempts {
		first = min(first, attempts[i].RecordID.Attempt())
		if attempts[i].Class != quarry.ClassSourceChanged {
			n++
		}
	}
	return first - 1 + n
}

// LastAttempt is the highest number of an attempt at any record of a document: the next pass uses higher numbers.
func LastAttempt(attempts []shardfile.Outcome) int {
	n := 0
	for i := range attempts {
		n = max(n, attempts[i].Result.Attempts)
	}
	return n
}

// Ending tells how a result ended, for the pass that comes next.
func Ending(res *quarry.Result) index.Ended {
	switch res.Status {
	case quarry.StatusOK:
		return index.EndedOK
	case quarry.StatusInvalid:
		return index.EndedInvalid
	case quarry.StatusSkipped:
		if res.Error != nil && res.Error.Kind == quarry.KindWaiting {
			return index.EndedAgain
		}
		return index.EndedSkipped
	}
	if res.Error != nil && (res.Error.Kind == string(quarry.ClassRecordError) || res.Error.Kind == "too_large" || res.Error.Kind == kindUnmerged) {
		return index.EndedFailed
	}
	if res.Parts > 0 && res.Error != nil && quarry.Class(res.Error.Kind).Answered() {
		return index.EndedFailed // a part was answered badly to the last attempt, as in a document that ends invalid
	}
	return index.EndedAgain
}
