package quarry

import (
	"fmt"
	"strings"
)

// ErrorKind groups errors by what a person or a script does about them. It decides the exit code, in cli alone.
type ErrorKind int

// The kinds, each with its exit code.
const (
	Internal   ErrorKind = iota // 1: ours
	BadUsage                    // 2: a flag, a file or a setting has to change
	BadItems                    // 3: items could not be read, or documents ended invalid or failed
	Denied                      // 4: credentials or rights
	OverLimit                   // 5: a quota, a cap or a gate
	Provider                    // 6: the provider failed, or could not be reached
	Locked                      // 7: another process works on the run
	AuditFault                  // 8: audit found a fault
)

// Error is an error a person must act on: what was being done, to what, why it failed, and the way out.
type Error struct {
	Kind    ErrorKind
	Op      string // what was being done: "submit"
	Subject string // to what: "shard s00012"
	Err     error
	Hint    string // what to do next, a whole command where there is one
}

// Error gives "op subject: cause".
func (e *Error) Error() string {
	what := strings.TrimSpace(e.Op + " " + e.Subject)
	switch {
	case e.Err == nil:
		return what
	case what == "":
		return e.Err.Error()
	}
	return fmt.Sprintf("%s: %v", what, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
