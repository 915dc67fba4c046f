// Package compose puts the parts of the program together from its settings: the requests, the sources, the account or the
// stand-in, and what a run gets of them.
//
// It owns which package gets what, and the run directory's lock. It decides nothing that a setting does not say, and
// what it opens is closed through Closers.
package compose

import "io"

// Program is what the parts take from the process they run in.
type Program struct {
	Stdin   io.Reader
	Env     func(string) (string, bool)
	Say     func(format string, args ...any) // a line for people
	Version string
	// Output is the folder that a command writes into, which it does not read as a source. Empty: it has none.
	Output string
	// CheckBackends makes OpenProvider check that the back ends can be reached, before any request.
	CheckBackends bool
}
