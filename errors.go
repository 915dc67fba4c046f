package quarry

import "fmt"

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
	switch {
	case e.Op == "" && e.Subject == "":
		return e.Err.Error()
	case e.Subject == "":
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	case e.Err == nil:
		return fmt.Sprintf("%s %s", e.Op, e.Subject)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Subject, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
