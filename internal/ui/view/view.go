// Package view makes the pages of quarry ui from the state of a run, its records, and what people said of them.
//
// It owns what the pages say, their addresses, their templates, their style and their script. It reads nothing and knows no request: package
// web asks for a page and sends it. What always holds: text of documents, models and providers is escaped, and no page has a script or a
// style but those of this package.
package view

import (
	"time"

	"quarry/internal/cli/board"
	"quarry/internal/outcome/report"
	"quarry/internal/outcome/review"
)

// Run is a run that was found.
type Run struct {
	ID   string // in addresses; stays the same while the run stays where it is
	Name string // for people
	Dir  string
	// Flag names the run in a command; empty: Dir does.
	Flag string
}

// place is where people find the run.
func (r *Run) place() string {
	if r.Flag != "" {
		return r.Flag
	}
	return "--dir " + r.Dir
}

// Address is that of the run's first page. The addresses of its other pages begin with it.
func (r *Run) Address() string { return "/run/" + r.ID + "/" }

// State is how far a run is: what quarry status prints.
type State struct {
	Run     string
	Ended   bool // the last pass has ended
	Planned bool // there is a pass
	Board   *board.Board
	// Records of the last pass, and those of them that came back.
	Records, Processed int64
	Cost               string // in words; empty: not known
	Changed            time.Time
	Failures           []report.Failure
	Waits              *review.Question // for whose answer the run waits; nil: for none
	Report             *report.Report   // of the last finished pass; nil: there is none yet
}

// Forms are what the forms of a page have, and which of them a page shows.
type Forms struct {
	Secret                 string // that a form sends back
	Approve, Edit, Publish bool   // what the pages may change
}
