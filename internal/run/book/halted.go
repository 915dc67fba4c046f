package book

import (
	"time"

	"quarry"
)

// Halt is a class of what stopped a run, for every process that would continue it. The ledger has no more of the error than this: its
// message is for the person at the process that it ended.
type Halt string

// What stops a run. An error that another machine, or another day, may not have (rights, credentials, a full disk, a provider that is
// down) ends its process only.
const (
	AtGate     Halt = "gate"     // too few answers of the pilot are good
	AtCap      Halt = "cap"      // the next shard could cost more than is left
	AtApproval Halt = "approval" // it waits for an approval
	AtLimit    Halt = "limit"    // a quota, such as the minimum of a job
	AtSources  Halt = "sources"  // they changed after they were read, or what they hold cannot be sent
	AtSettings Halt = "settings" // the provider refuses the request
	AtStop     Halt = "stop"     // a person stopped it
)

// Kind is that of the error, and decides the exit code of a process that waits for the run.
func (h Halt) Kind() quarry.ErrorKind {
	switch h {
	case AtSources:
		return quarry.BadItems
	case AtSettings:
		return quarry.BadUsage
	}
	return quarry.OverLimit
}

// Text is the class in words.
func (h Halt) Text() string {
	switch h {
	case AtGate:
		return "too few answers of the pilot are good"
	case AtCap:
		return "the cap is reached"
	case AtApproval:
		return "it waits for an approval"
	case AtLimit:
		return "a quota does not allow it"
	case AtSources:
		return "its sources changed, or hold what cannot be sent"
	case AtSettings:
		return "the provider refuses the request"
	case AtStop:
		return "a person stopped it"
	}
	return "by " + string(h)
}

// Halted says that a run was stopped.
type Halted struct {
	Class Halt      `json:"class"`
	At    time.Time `json:"at"`
}

// State is what becomes of a run of a ledger.
type State string

// The states.
const (
	Running  State = "running" // a process works on it
	Waiting  State = "waiting" // none does: any process may continue it
	Stopped  State = "stopped" // a person stopped it
	IsHalted State = "halted"  // something has to change before a process continues it
	Done     State = "done"    // its last pass has ended
)

// Why is the class of what stopped the run; empty: nothing did.
func (h *Head) Why() Halt {
	if h.Halted == nil {
		return ""
	}
	return h.Halted.Class
}

// State gives the state of the run; held says that a process works on it.
func (h *Head) State(held bool) State {
	switch {
	case held:
		return Running
	case h.Ended():
		return Done
	case h.Halted == nil:
		return Waiting
	case h.Halted.Class == AtStop:
		return Stopped
	}
	return IsHalted
}
