package results

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/report"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/run/answers"
	"quarry/internal/run/failures"
	"quarry/internal/run/index"
)

// Totals is how the documents of the run ended. Total = OK + Invalid + Failed + Skipped, or the run fails.
type Totals struct {
	Total, OK, Invalid, Failed, Skipped int64
	Again                               int64        // of Failed, those that the next pass sends first
	Answered                            int64        // documents that this pass sent and that have an answer, good or bad
	Duplicate                           int64        // of them, answered by another document's answer
	Near                                int64        // of Duplicate, those whose text is not the same
	Spared                              quarry.Usage // what they would have taken
	Usage                               quarry.Usage
	Cost                                quarry.USD
	CostUnknown                         bool             // some answers have no known price
	Partial                             int64            // of OK, those with a member that is null
	Waiting                             int64            // of Skipped, those that a later pass sends
	Classes                             map[string]int64 // documents that are not ok, by the kind of their error
	Models                              []string         // that answered
	Failures                            failures.Counter // messages of the documents that are invalid or failed
	Samples                             []report.Sample  // of those that are ok, at random, at most as many as a report shows
	// Tokens and lengths of the answers that this pass paid for.
	Input, Output, Chars report.Tally

	picked []dedupe.Hash // of the ids of Samples, rising
}

// Count adds one result. paid says that this pass paid for it.
func (t *Totals) Count(res *quarry.Result, paid bool) {
	t.Total++
	t.see(res)
	if paid {
		if res.SameAs == "" && (res.Status == quarry.StatusOK || res.Status == quarry.StatusInvalid) {
			t.Answered++
			t.measure(res)
		}
		t.Usage.Add(res.Usage)
		if res.CostUSD == nil {
			t.CostUnknown = true
		} else {
			t.Cost = t.Cost.Plus(*res.CostUSD)
		}
	}
	if res.Error != nil {
		t.Classes[res.Error.Kind]++
		if res.Status != quarry.StatusSkipped {
			t.Failures.Of(res.ID, res.Error.Kind, res.Error.Message)
		}
	}
	if answers.Ending(res) == index.EndedAgain {
		t.Again++
	}
	switch res.Status {
	case quarry.StatusOK:
		t.OK++
		if hasNull(res.Output) {
			t.Partial++
		}
	case quarry.StatusSkipped:
		t.Skipped++
		if res.Error != nil && res.Error.Kind == quarry.KindWaiting {
			t.Waiting++
		}
	case quarry.StatusInvalid:
		t.Invalid++
	default:
		t.Failed++
	}
}

// hasNull reports whether a member of an answer is null.
func hasNull(output []byte) bool {
	if len(output) == 0 || output[0] != '{' {
		return false
	}
	for _, value := range jsonl.Members(output) {
		if string(value) == "null" {
			return true
		}
	}
	return false
}

// measure counts an answer's tokens and its length.
func (t *Totals) measure(res *quarry.Result) {
	if res.Usage.Known() {
		t.Input.Add(res.Usage.InputTokens)
		t.Output.Add(res.Usage.OutputTokens)
	}
	t.Chars.Add(int64(utf8.RuneCount(res.Output) + utf8.RuneCountInString(res.Text)))
}

// see notes what the report tells of single results: which models answered, and answers to read.
func (t *Totals) see(res *quarry.Result) {
	if res.Model != "" && !slices.Contains(t.Models, res.Model) {
		t.Models = append(t.Models, res.Model)
	}
	if res.Status == quarry.StatusOK {
		t.pick(res)
	}
}

// maxSamples is how many answers a report has.
const maxSamples = 50

// pick keeps the answer if the hash of its id is among the smallest: those of the same documents each time, and of a pilot's before
// others, since a pilot is chosen in the same way.
func (t *Totals) pick(res *quarry.Result) {
	hash := index.HashOf(res.ID)
	at, _ := slices.BinarySearchFunc(t.picked, hash, func(a, b dedupe.Hash) int { return bytes.Compare(a[:], b[:]) })
	if at == maxSamples {
		return
	}
	s := report.Sample{ID: res.ID, Title: res.Document.Title, URL: res.Document.URL, Output: res.Output, Text: res.Text}
	t.picked, t.Samples = slices.Insert(t.picked, at, hash), slices.Insert(t.Samples, at, s)
	if len(t.picked) > maxSamples {
		t.picked, t.Samples = t.picked[:maxSamples], t.Samples[:maxSamples]
	}
}
