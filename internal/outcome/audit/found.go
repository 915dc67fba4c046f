package audit

import (
	"fmt"

	"quarry"
)

// The lists that name documents.
const (
	missing        = "missing"
	answeredTwice  = "answered_twice"
	paidTwice      = "paid_twice"
	maybePaidTwice = "maybe_paid_twice"
	altered        = "altered"
)

// maxTexts bounds faults and differences: beyond it they say nothing new.
const maxTexts = 1000

// found gathers what was found, each document once a list.
type found struct {
	named    map[string][]quarry.DocumentID
	seen     map[string]map[quarry.DocumentID]bool
	more     map[string]int64 // beyond maxNamed
	findings []Finding
	faults   []string
	differs  []string
}

func newFound() *found {
	f := &found{
		named: map[string][]quarry.DocumentID{}, seen: map[string]map[quarry.DocumentID]bool{}, more: map[string]int64{},
		findings: []Finding{}, differs: []string{},
	}
	for _, list := range lists() {
		f.named[list], f.seen[list] = []quarry.DocumentID{}, map[quarry.DocumentID]bool{}
	}
	return f
}

func lists() []string { return []string{missing, answeredTwice, paidTwice, maybePaidTwice, altered} }

// name puts a document into a list.
func (f *found) name(list string, id quarry.DocumentID, record quarry.RecordID, what string, args ...any) {
	if f.seen[list][id] {
		return
	}
	if len(f.named[list]) == maxNamed {
		f.more[list]++
		return
	}
	f.seen[list][id] = true
	f.named[list] = append(f.named[list], id)
	f.findings = append(f.findings, Finding{List: list, ID: id, RecordID: record, What: fmt.Sprintf(what, args...)})
}

// fault notes what is wrong and belongs to no document.
func (f *found) fault(what string, args ...any) {
	if len(f.faults) < maxTexts {
		f.faults = append(f.faults, fmt.Sprintf(what, args...))
	}
}

// differ notes what a person should know.
func (f *found) differ(what string, args ...any) {
	if len(f.differs) < maxTexts {
		f.differs = append(f.differs, fmt.Sprintf(what, args...))
	}
}

// faultTexts gives the faults, and how many documents the lists had no room for.
func (f *found) faultTexts() []string {
	out := append([]string{}, f.faults...)
	for _, list := range lists() {
		if n := f.more[list]; n > 0 {
			out = append(out, fmt.Sprintf("%s: %d more that are not named", list, n))
		}
	}
	return out
}
