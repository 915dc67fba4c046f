package run

import "quarry/internal/run/event"

// Event is one thing that happened; see package event.
type Event = event.Event

// The kinds of event.
const (
	RunOpened    = event.RunOpened
	StepBegan    = event.StepBegan
	StepEnded    = event.StepEnded
	Progress     = event.Progress
	ItemLeftOut  = event.ItemLeftOut
	ItemSkipped  = event.ItemSkipped
	JobSubmitted = event.JobSubmitted
	JobAdopted   = event.JobAdopted
	Placed       = event.Placed
	JobStatus    = event.JobStatus
	ShardDone    = event.ShardDone
	Waiting      = event.Waiting
	Differs      = event.Differs
	PilotRead    = event.PilotRead
	Note         = event.Note
)

func (r *Run) watch(e Event) { r.deps.Watch.Send(e) }
