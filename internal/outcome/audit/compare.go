package audit

import (
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
)

// against says what in a line of results.jsonl is not what the attempts at its document came to.
func against(r *result, attempts []outcome) string {
	last, made := &attempts[len(attempts)-1], 0
	deciding := attempts // those at one record that say how the document ended
	unmerged := false    // every part is answered, and no one merged the answers
	if attempts[0].Parts > 0 {
		deciding, unmerged = decidingOf(attempts)
		last, made = &deciding[len(deciding)-1], madeOf(ofThisPass(attempts))
	} else {
		made = last.RecordID.Attempt()
		if last.Class == quarry.ClassUnsent {
			made-- // it was not sent, so its number is still free
		}
	}
	var from *outcome
	var usage quarry.Usage
	cost := new(quarry.USD)
	good, answered := false, false
	paid := ofThisPass(attempts)
	for i := range paid {
		o := &paid[i]
		usage.Add(o.Result.Usage)
		if o.Result.CostUSD == nil {
			cost = nil
		} else if cost != nil {
			*cost += *o.Result.CostUSD
		}
	}
	for i := range deciding {
		o := &deciding[i]
		good = good || o.Class == quarry.ClassOK
		answered = answered || o.Class.Answered()
		if o.RecordID == r.RecordID {
			from = o
		}
	}
	whole := last.RecordID.PartNumber() == 0
	want := quarry.StatusFailed
	switch {
	case !whole: // a part that got no good answer, or answers that no one merged: there is none about the document
	case good:
		want = quarry.StatusOK
	case answered && !last.Left:
		want = quarry.StatusInvalid
	}
	if want == quarry.StatusFailed && r.Error != nil && r.Error.Kind == quarry.KindWaiting && (last.Left || unmerged) {
		want = quarry.StatusSkipped
	}
	switch {
	case from == nil:
		return "it names a record that was not sent"
	case r.Status != want:
		return fmt.Sprintf("status %s, the attempts ended %s", r.Status, want)
	case good && from.Class != quarry.ClassOK, answered && !from.Class.Answered():
		return "it shows another attempt than the best"
	case r.Attempts != made:
		return fmt.Sprintf("it counts %s, there were %s", figure.Count(r.Attempts, "attempt"), figure.Thousands(made))
	case r.Parts != attempts[0].Parts:
		return fmt.Sprintf("it counts %s, there were %s", figure.Count(r.Parts, "part"), figure.Thousands(attempts[0].Parts))
	case r.Usage != usage:
		return fmt.Sprintf("%s in and %s out, the attempts took %s and %s", figure.Count(r.Usage.InputTokens, "token"), figure.Thousands(r.Usage.OutputTokens), figure.Thousands(usage.InputTokens), figure.Thousands(usage.OutputTokens))
	case (r.CostUSD == nil) != (cost == nil) || (cost != nil && *r.CostUSD != *cost):
		return "its cost is not that of its attempts"
	case !last.Left && !unmerged && want != quarry.StatusOK && (r.Error == nil || from.Result.Error == nil || !sameError(r, from)):
		return "its error differs from the journal"
	case (r.Error == nil) != (want == quarry.StatusOK):
		return "an error that does not go with its status"
	}
	shown := from.Result
	if !whole {
		shown.Output = nil
	}
	if unmerged {
		shown.Text, shown.StopReason, shown.Salvaged = "", "", false
	}
	if what := apart(r, &shown); what != "" {
		return what
	}
	return anotherDocument(r, from.Result.Document)
}

// apart says in what a line differs from the attempt that it shows.
func apart(r, from *result) string {
	switch {
	case !r.Output.like(from.Output), r.Text != from.Text:
		return "its answer differs from the journal"
	case r.StopReason != from.StopReason || r.Model != from.Model || r.Salvaged != from.Salvaged:
		return "stop reason or model are not the journal's"
	case r.Job != from.Job || r.Mode != from.Mode || r.RequestedModel != from.RequestedModel:
		return "job, mode or requested model differ from the journal"
	}
	return ""
}

// anotherDocument says whether title, URL and other fields are not what was planned.
func anotherDocument(r *result, planned value) string {
	if !r.Document.like(planned) {
		return "its document is not the one that was read"
	}
	return ""
}

// againstSkipped says what in the line of a document that was never sent is not what the plan says.
func againstSkipped(r *result, o *outcome) string {
	switch {
	case o == nil:
		return "the plan says that it is not sent, without a reason"
	case r.Status != o.Result.Status || (r.Status != quarry.StatusSkipped && r.Status != quarry.StatusFailed):
		return fmt.Sprintf("status %s, the plan says %s", r.Status, o.Result.Status)
	case r.Error == nil || o.Result.Error == nil || *r.Error != *o.Result.Error:
		return "its error differs from the plan"
	case r.Usage != quarry.Usage{} || len(r.Output) > 0 || r.Text != "" || r.RecordID != "":
		return "an answer to a document that was never sent"
	}
	return anotherDocument(r, o.Result.Document)
}

// againstSame says what in the line of a document with the request of another one is not that one's answer.
func (p *documentsProof) againstSame(e *entry, r *result) string {
	s := p.same.at(e.order)
	switch {
	case s == nil:
		return "the plan says that it shares an answer, without the owner"
	case s.ID != r.ID || r.SameAs == "":
		return "it does not name the document whose answer it shares"
	case r.Usage != quarry.Usage{} || r.Attempts != 0 || r.CostUSD == nil || *r.CostUSD != 0:
		return "it counts tokens, attempts or money of another document's answer"
	}
	of, err := p.resultOf(s.Of)
	switch {
	case err != nil:
		return fmt.Sprintf("the answer that it shares cannot be found: %v", err)
	case of.ID != r.SameAs:
		return fmt.Sprintf("it shares the answer of %s, the plan says %s", r.SameAs, of.ID)
	case r.Status != of.Status || r.RecordID != of.RecordID:
		return "its status or record are not those of the answer it shares"
	}
	if what := apart(r, &of); what != "" {
		return what
	}
	return anotherDocument(r, s.Document)
}
