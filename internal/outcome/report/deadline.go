package report

import (
	"time"

	"quarry"
)

// Deadline is when a reading of the sources was to be done, and what became of that.
type Deadline struct {
	By    time.Time `json:"by"`
	Ended time.Time `json:"ended"` // when the last answers were collected
	Made  bool      `json:"made"`
	// Moved counts the records that were sent as calls because jobs would have been too late, StoppedJobs the jobs that were
	// ended for it.
	Moved       int64  `json:"moved_records"`
	StoppedJobs int64  `json:"stopped_jobs"`
	Moves       []Move `json:"moves"`
	// Kept says why nothing was moved though it was late; empty: it did not come to that.
	Kept string `json:"kept,omitempty"`
}

// Move is one decision to send records as calls. Money is what was expected at that moment, at list price; null: not known.
type Move struct {
	At      time.Time   `json:"at"`
	What    string      `json:"what"` // unsent: records of no job yet; open: those that running jobs had not answered
	Mode    quarry.Mode `json:"mode"`
	Records int64       `json:"records"`
	Cost    *quarry.USD `json:"cost_usd"`
	Instead *quarry.USD `json:"cost_in_jobs_usd"`
}
