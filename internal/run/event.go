package run

import (
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/run/event"
)

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

// classesText lists classes with their numbers, the most frequent first: "97 ok, 3 truncated".
func classesText(classes map[quarry.Class]int64) string {
	var names []quarry.Class
	for c := range classes {
		names = append(names, c)
	}
	slices.SortFunc(names, func(a, b quarry.Class) int {
		if classes[a] != classes[b] {
			return int(classes[b] - classes[a])
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, len(names))
	for i, c := range names {
		parts[i] = fmt.Sprintf("%d %s", classes[c], c)
	}
	return strings.Join(parts, ", ")
}
