package run

import (
	"errors"

	"quarry"
	"quarry/internal/clean"
	"quarry/internal/run/index"
	"quarry/internal/run/results"
)

// Planned is what a pass over the sources found, before a cent is spent.
type Planned struct {
	Pass       int   `json:"pass"`
	Items      int64 `json:"items"`      // read from the sources, good or bad
	Unreadable int64 `json:"unreadable"` // items left out: broken, without id or body
	SameID     int64 `json:"same_id"`    // items left out: the id stood there before
	Documents  int64 `json:"documents"`  // Items - Unreadable - SameID
	Empty      int64 `json:"empty"`
	Same       int64 `json:"same"` // documents that ask what an earlier one asks
	TooLarge   int64 `json:"too_large"`
	Unchanged  int64 `json:"unchanged"`       // their answer of an earlier pass stands
	Changed    int64 `json:"changed"`         // known documents that ask something else now
	Again      int64 `json:"again"`           // known documents that have no answer yet
	Stale      int64 `json:"stale"`           // of Unchanged: they ask something else, and wait for a later pass
	Gone       int64 `json:"gone"`            // known documents that are not in the sources any more; beside the others
	Asked      int64 `json:"asked"`           // Documents - Empty - Same - TooLarge - Unchanged
	Pilot      int64 `json:"pilot"`           // of them
	Long       int64 `json:"long,omitempty"`  // of Asked, those that are asked in parts
	Parts      int64 `json:"parts,omitempty"` // and how many parts that makes
	Japanese   int64 `json:"japanese"`
	Cut        int64 `json:"cut"`
	Near       int64 `json:"near,omitempty"` // nearly an earlier one; of them asked, unless near duplicates are answered with the earlier one's answer

	Dropped map[string]clean.Tally `json:"dropped,omitempty"` // by cleaning: rule → parts and bytes of the source

	SourceBytes  int64              `json:"source_bytes"`
	CleanedBytes int64              `json:"cleaned_bytes"`
	AskedBytes   int64              `json:"asked_bytes"`      // of the cleaned texts that are asked about
	LineBytes    int64              `json:"line_bytes"`       // of all lines that the input files could hold
	AskedLines   int64              `json:"asked_line_bytes"` // of those that are asked
	Classes      quarry.CharClasses `json:"classes"`
	Shards       int64              `json:"shards"`

	Orders int64       `json:"orders"` // documents numbered, those left out behind their number included
	Mode   quarry.Mode `json:"mode"`
	Notes  []string    `json:"notes,omitempty"` // what people should know before they go on

	pilotRecords int64 // of the pilot: those of all parts of its long documents
	lost         int64 // documents of the pass before that are not in the sources: Gone without those that were gone by then
	broken       int64 // documents whose text could not be put into a prompt, counted in Unreadable
}

func (p *Planned) count() count {
	return count{taken: p.Items, done: p.Asked, failed: p.Unreadable + p.SameID + p.TooLarge, skipped: p.Empty + p.Same + p.Unchanged}
}

// Records is how many records are asked first: one a document, or one for each part of a long one.
func (p *Planned) Records() int64 { return p.Asked - p.Long + p.Parts }

// stages is how many records are asked in both stages.
func (p *Planned) stages() int64 { return p.Records() + p.Long }

// drop adds what was left out of a document to the plan's sums.
func (p *Planned) drop(counts *clean.Counts) {
	for rule, tally := range counts.All() {
		if p.Dropped == nil {
			p.Dropped = map[string]clean.Tally{}
		}
		sum := p.Dropped[rule.String()]
		sum.Items, sum.Bytes = sum.Items+tally.Items, sum.Bytes+tally.Bytes
		p.Dropped[rule.String()] = sum
	}
}

// tally counts what becomes of a document, which is asked in so many parts; 0: as a whole.
func (p *Planned) tally(t index.Take, parts int64) {
	if t == index.Main || t == index.Pilot {
		p.Parts += parts
		p.Long += min(parts, 1)
	}
	switch t {
	case index.Main:
		p.Asked++
	case index.Pilot:
		p.Asked++
		p.Pilot++
		p.pilotRecords += max(parts, 1)
	case index.Empty:
		p.Empty++
	case index.SameID:
		p.SameID++
	case index.Broken: // counted as unreadable when it was read
		p.broken++
	case index.Same:
		p.Same++
	case index.TooLarge:
		p.TooLarge++
	case index.Unchanged:
		p.Unchanged++
	}
}

// Err says which exit code what was left out calls for.
func (p *Planned) Err() error {
	o := Outcome{Planned: *p, Totals: results.Totals{Failed: p.TooLarge}}
	err := o.Err()
	var q *quarry.Error
	if errors.As(err, &q) {
		q.Hint = "each was named above with its file and line; the rest is as it should be"
	}
	return err
}
