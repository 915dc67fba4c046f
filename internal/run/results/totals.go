package results

import (
	"slices"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/report"
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
	Samples                             []report.Sample
}

// Count adds one result. paid says that this pass paid for it.
func (t *Totals) Count(res *quarry.Result, paid bool) {
	t.Total++
	t.see(res)
	if paid {
		if res.SameAs == "" && (res.Status == quarry.StatusOK || res.Status == quarry.StatusInvalid) {
			t.Answered++
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
			t.Failures.Add(res.Error.Kind, res.Error.Message)
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

// see notes what the report tells of single results: which models answered, and a few answers to read.
func (t *Totals) see(res *quarry.Result) {
	if res.Model != "" && !slices.Contains(t.Models, res.Model) {
		t.Models = append(t.Models, res.Model)
	}
	if res.Status == quarry.StatusOK && len(t.Samples) < 5 {
		t.Samples = append(t.Samples, report.Sample{ID: res.ID, Title: res.Document.Title, URL: res.Document.URL, Output: res.Output, Text: res.Text})
	}
}
