package report

import (
	"time"

	"quarry"
)

// Account is what a pass took, or all passes of a run together. What is not known is null, never 0.
type Account struct {
	Documents *int64 `json:"documents_sent"` // null: not known, as of a pass that was given up over long documents
	Answered  *int64 `json:"answered"`       // of them, documents with an answer, good or bad
	Records   int64  `json:"records"`        // of all attempts; those about parts of a long document count one by one
	Jobs      int64  `json:"jobs"`           // made at the provider
	Calls     int64  `json:"calls"`          // records that were sent as on-demand calls instead
	// Uncollected are those of Records that may be answered and are not collected yet: neither their tokens nor their cost is known.
	Uncollected int64  `json:"uncollected"`
	Tokens      Tokens `json:"tokens"`
	Cost        Spent  `json:"cost"`
	// Seconds is how long processes worked on it. Null while it is under way, and where an earlier version did not note it.
	Seconds *float64 `json:"time_s"`
	// Provider is the time in which a job or calls were under way, in seconds; at most Seconds, if that is known.
	Provider float64 `json:"provider_s"`
}

// Spent is money in US dollars; null is not known.
type Spent struct {
	Actual *quarry.USD `json:"actual_usd"` // 0 where a stand-in answered
	List   *quarry.USD `json:"list_usd"`   // what these tokens cost by the list, in the mode in which they were sent
}

// Pass is one reading of the sources, and what it took.
type Pass struct {
	Number int       `json:"pass"`
	State  PassState `json:"state"`
	Began  time.Time `json:"began,omitzero"` // when the command that planned it began
	Ended  time.Time `json:"ended,omitzero"` // when its results were written, or it was given up; absent: it has not ended, or it is not known
	// How the sources compared with those of the finished pass before it; null: an earlier version did not count it. A changed
	// document makes another request than before, because of its text or of the settings.
	New     *int64 `json:"new"`
	Changed *int64 `json:"changed"`
	Gone    *int64 `json:"gone"`
	// Settings are those in which it differs from that pass, in words.
	Settings []string    `json:"settings"`
	Mode     quarry.Mode `json:"mode"`
	Account
}

// PassState says how far a pass came.
type PassState string

// The states of a pass.
const (
	PassFinished PassState = "finished"
	PassGivenUp  PassState = "given_up" // for a command with other settings; its answers stay known
	PassUnderWay PassState = "under_way"
)

// WholeRun is what all passes of a run took, those too that were given up.
type WholeRun struct {
	Passes int `json:"passes"`
	Account
}

// History is the passes of a run, the oldest first, and their sums.
type History struct {
	Run    quarry.RunID `json:"run"`
	Passes []Pass       `json:"passes"`
	Whole  WholeRun     `json:"whole_run"`
}

// Last is the last pass; nil where there is none.
func (h *History) Last() *Pass {
	if len(h.Passes) == 0 {
		return nil
	}
	return &h.Passes[len(h.Passes)-1]
}

// PassTime is how long processes worked on the pass that the report is of, in seconds; that on the whole run where nothing else is known.
func (r *Report) PassTime() float64 {
	if r.LastPass != nil && r.LastPass.Seconds != nil {
		return *r.LastPass.Seconds
	}
	return r.Time.Total
}
