// Package plan decides what becomes of each document of a pass: sent, in the pilot or with the rest, or answered already, or
// not sent at all; and counts what it decided.
//
// It owns the counts that people see before a cent is spent, and the column of the index that says what becomes of each
// document. It reads no source: the entries of the index and what was found about them (which repeat, which the pass before
// has) are written when it begins. It knows neither the ledger nor a provider. What always holds: every document ends in one
// count; the same index gives the same decisions; memory holds one entry.
package plan

import (
	"errors"
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/clean"
	"quarry/internal/run/weigh"
)

// Plan is what a pass over the sources found, before a cent is spent.
type Plan struct {
	Pass       int   `json:"pass"`
	Items      int64 `json:"items"`      // read from the sources, good or bad
	Unreadable int64 `json:"unreadable"` // items left out: broken, without id or body
	SameID     int64 `json:"same_id"`    // items left out: an earlier item has the id
	Documents  int64 `json:"documents"`  // Items - Unreadable - SameID
	Empty      int64 `json:"empty"`
	Same       int64 `json:"same"` // documents with the request of an earlier one
	TooLarge   int64 `json:"too_large"`
	Unchanged  int64 `json:"unchanged"`             // an earlier pass answered them
	Recalled   int64 `json:"recalled"`              // of Unchanged: found among the answers of all earlier passes by their requests
	Changed    int64 `json:"changed"`               // known documents whose request is another now
	Again      int64 `json:"again"`                 // known documents that have no answer yet
	Stale      int64 `json:"stale"`                 // of Unchanged: their request is another now, and they wait for a later pass
	Gone       int64 `json:"gone"`                  // known documents that are no longer in the sources; not part of the other counts
	Asked      int64 `json:"asked"`                 // Documents - Empty - Same - TooLarge - Unchanged
	Pilot      int64 `json:"pilot"`                 // of them
	Long       int64 `json:"long,omitempty"`        // of Asked, those that are sent in parts
	Parts      int64 `json:"parts,omitempty"`       // and how many parts that makes, without KnownParts
	KnownParts int64 `json:"known_parts,omitempty"` // of Long: parts whose answers of earlier passes count; they are not sent
	Japanese   int64 `json:"japanese"`
	Cut        int64 `json:"cut"`
	Near       int64 `json:"near,omitempty"` // nearly an earlier one; of them sent, unless near duplicates are answered with the earlier one's answer

	Dropped map[string]clean.Tally `json:"dropped,omitempty"` // by cleaning: rule → parts and bytes of the source

	SourceBytes  int64              `json:"source_bytes"`
	CleanedBytes int64              `json:"cleaned_bytes"`
	AskedBytes   int64              `json:"asked_bytes"`      // of the cleaned texts that are sent
	LineBytes    int64              `json:"line_bytes"`       // of all lines that the input files could hold
	AskedLines   int64              `json:"asked_line_bytes"` // of those that are sent
	Classes      quarry.CharClasses `json:"classes"`
	// Sent sums up the texts that are sent, and Around the text around each. If Sent has no documents, the plan was made by a
	// version that did not add them up.
	Sent   weigh.Sums   `json:"sent,omitzero"`
	Around weigh.Around `json:"around,omitzero"`
	Shards int64        `json:"shards"`
	// Held says that the records are too few for a batch job and wait: nothing is sent.
	Held bool `json:"held,omitempty"`
	// Given is what became of the answers that the run was given; nil: it was given none.
	Given *Given `json:"given,omitempty"`
	// Against is nil where the plan was made by a version that did not compare.
	Against *Against `json:"against,omitempty"`

	Orders int64       `json:"orders"` // documents with a number, including those that were left out later
	Mode   quarry.Mode `json:"mode"`
	Notes  []string    `json:"notes,omitempty"` // what people should know before they continue

	// Beyond are documents of Asked that may not fit the back end's context. FitsAt is a cap of length, in estimated tokens, with which
	// they would; 0: none is worth a name.
	Beyond int64 `json:"beyond_context,omitempty"`
	FitsAt int64 `json:"fits_at,omitempty"`

	Lost int64 `json:"-"` // documents of the pass before that are not in the sources: Gone without those that were gone by then

	pilotRecords int64   // of the pilot: those of all parts of its long documents
	widest       float64 // of Beyond, the largest of what one may have in tokens over what a cap takes it for
	broken       int64   // documents whose text could not be put into a prompt, counted in Unreadable
}

// Given is a file of answers that a run was given, and what became of them.
type Given struct {
	File      string              `json:"file"`
	Answers   int64               `json:"answers"`
	Doubled   int64               `json:"doubled"`       // of them, to what an earlier line answers, which counts
	Bad       int64               `json:"bad"`           // lines without a good answer: their documents are sent
	Parts     int64               `json:"parts"`         // answers about parts of long documents, which are not taken
	Documents int64               `json:"documents"`     // that take one of the answers in this pass, counted in Unchanged
	Unmatched int64               `json:"unmatched"`     // answers to no document of the sources
	Names     []quarry.DocumentID `json:"unmatched_ids"` // of the first of them
}

// Against is how the sources compare with those of the pass before, whatever becomes of the documents.
type Against struct {
	New     int64 `json:"new"`     // documents that were not in its sources
	Altered int64 `json:"altered"` // documents whose request is another than before
	Lost    int64 `json:"lost"`    // documents that were in its sources and are not in these
}

// Records is how many records are sent first: one a document, or one for each part of a long one.
func (p *Plan) Records() int64 { return p.Asked - p.Long + p.Parts }

// Stages is how many records are sent in both stages.
func (p *Plan) Stages() int64 { return p.Records() + p.Long }

// PilotRecords is how many of Records are the pilot's: those of all parts of its long documents.
func (p *Plan) PilotRecords() int64 { return p.pilotRecords }

// NoPilot leaves the pilot's documents to the rest.
func (p *Plan) NoPilot() { p.Pilot, p.pilotRecords = 0, 0 }

// AllPilot makes the pilot the whole.
func (p *Plan) AllPilot() { p.Pilot, p.pilotRecords = p.Asked, p.Records() }

// Drop adds what was left out of a document to the plan's sums.
func (p *Plan) Drop(counts *clean.Counts) {
	for rule, tally := range counts.All() {
		if p.Dropped == nil {
			p.Dropped = map[string]clean.Tally{}
		}
		sum := p.Dropped[rule.String()]
		sum.Items, sum.Bytes = sum.Items+tally.Items, sum.Bytes+tally.Bytes
		p.Dropped[rule.String()] = sum
	}
}

// Err says which exit code what was left out calls for: nil, or a *quarry.Error of kind BadItems.
func (p *Plan) Err() error {
	var why []error
	if n := p.Unreadable + p.SameID; n > 0 {
		why = append(why, fmt.Errorf("%s could not be read", figure.Count(n, "item")))
	}
	if p.TooLarge > 0 {
		why = append(why, fmt.Errorf("%s ended failed", figure.Count(p.TooLarge, "document")))
	}
	if len(why) == 0 {
		return nil
	}
	return &quarry.Error{Kind: quarry.BadItems, Err: errors.Join(why...), Hint: "each is named above with its file and line; all others were read"}
}
