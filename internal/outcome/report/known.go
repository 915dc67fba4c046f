package report

import "quarry"

// Known is a file of answers that the run was given, and what became of them.
type Known struct {
	File      string              `json:"file"`
	Answers   int64               `json:"answers"`
	Doubled   int64               `json:"doubled"`       // of them, to what an earlier line answers, which counts
	Bad       int64               `json:"bad"`           // lines without a good answer: their documents are sent
	Parts     int64               `json:"parts"`         // answers about parts of long documents, which are not taken
	Documents int64               `json:"documents"`     // that took one of the answers in the last pass, counted in Documents.Unchanged
	Unmatched int64               `json:"unmatched"`     // answers to no document of the sources
	Names     []quarry.DocumentID `json:"unmatched_ids"` // of the first of them
}
