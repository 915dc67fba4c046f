// Package event names what happens in a run, for those who watch it.
//
// It owns the kinds of event and what each carries. It decides nothing and prints nothing. What always holds: an event is a
// plain value, and a run without a watcher needs no check for one.
package event

import (
	"time"

	"quarry"
	"quarry/internal/outcome/report"
)

// Kind says what happened.
type Kind string

// The kinds of event.
const (
	RunOpened    Kind = "run"       // Text: the run's id; Done: 1 when it is resumed
	StepBegan    Kind = "begin"     // Step
	StepEnded    Kind = "end"       // Step, Done, Failed, Skipped, Total, Since
	Progress     Kind = "progress"  // Step, Done, Total, Bytes
	ItemLeftOut  Kind = "left_out"  // Text: FILE:LINE: reason
	ItemSkipped  Kind = "skipped"   // Text: FILE:LINE: id: reason
	JobSubmitted Kind = "submitted" // Shard, Text: the ARN, Done: records
	JobAdopted   Kind = "adopted"   // Shard, Text: the ARN
	Placed       Kind = "placed"    // Shard, Text: the pool, where there are several
	JobStatus    Kind = "status"    // Shard, Text: the status, Done of Total records
	ShardDone    Kind = "done"      // Shard, Done: records
	Waiting      Kind = "waiting"   // Shard, Text: why
	Differs      Kind = "differs"   // Shard, Text: what does not add up
	PilotRead    Kind = "pilot"     // Done of Total good, Usage, Text: the classes; Pilot and Expected
	Note         Kind = "note"      // Text: something to know
)

// Event is one thing that happened.
type Event struct {
	Kind                         Kind
	Step                         string
	Shard                        quarry.ShardID
	Text                         string
	Done, Failed, Skipped, Total int64
	Bytes                        int64
	Usage                        quarry.Usage
	Since                        time.Time
	Pilot                        *report.Pilot
	Expected                     *report.Expected // of the whole pass, once the pilot was read
}

// Watch receives events, from many goroutines. nil: they are dropped.
type Watch func(Event)

// Send gives the watcher an event.
func (w Watch) Send(e Event) {
	if w != nil {
		w(e)
	}
}

// Note sends a text of kind Note.
func (w Watch) Note(text string) { w.Send(Event{Kind: Note, Text: text}) }
