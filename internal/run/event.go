package run

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"quarry"
	"quarry/internal/report"
)

// EventKind says what happened.
type EventKind string

// The kinds of event.
const (
	RunOpened    EventKind = "run"       // Text: the run's id; Done: 1 when it is resumed
	StepBegan    EventKind = "begin"     // Step
	StepEnded    EventKind = "end"       // Step, Done, Failed, Skipped, Total, Since
	Progress     EventKind = "progress"  // Step, Done, Total, Bytes
	ItemLeftOut  EventKind = "left_out"  // Text: FILE:LINE: reason
	ItemSkipped  EventKind = "skipped"   // Text: FILE:LINE: id: reason
	JobSubmitted EventKind = "submitted" // Shard, Text: the ARN, Done: records
	JobAdopted   EventKind = "adopted"   // Shard, Text: the ARN
	Placed       EventKind = "placed"    // Shard, Text: the pool, where there are several
	JobStatus    EventKind = "status"    // Shard, Text: the status, Done of Total records
	ShardDone    EventKind = "done"      // Shard, Done: records
	Waiting      EventKind = "waiting"   // Shard, Text: why
	Differs      EventKind = "differs"   // Shard, Text: what does not add up
	PilotRead    EventKind = "pilot"     // Done of Total good, Usage, Text: the classes; Pilot and Expected
	Note         EventKind = "note"      // Text: something to know
)

// Event is one thing that happened, for whoever watches the run.
type Event struct {
	Kind                         EventKind
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

func (r *Run) watch(e Event) {
	if r.deps.Watch != nil {
		r.deps.Watch(e)
	}
}

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
