package run

import (
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/clean"
	"quarry/internal/dedupe"
	"quarry/internal/ledger"
	"quarry/internal/prompt"
	"quarry/internal/run/index"
	"quarry/internal/run/shardfile"
)

// A long document is asked in parts: its entry of the index stands for all of them, and a file beside the entries says how
// long the line of each is. So the index has one entry a document however it is asked. combine.go makes one answer of the
// answers about the parts.

// Long is how documents are asked that are longer than the cap, where they are asked in parts.
type Long struct {
	Part  *prompt.Renderer // of each part
	Merge *prompt.Renderer // of the answers about all parts
}

// turnsOf gives a stretch's first and last turn. A shard may begin and end inside a document.
func turnsOf(s *ledger.Shard) (first, last index.Turn) {
	return index.TurnOf(s.First, s.FirstPart), index.TurnOf(s.Last, s.LastPart)
}

// prepareParts renders the parts of a long document, one modelInput behind the other.
func (r *Run) prepareParts(p *prepared, text *clean.Cleaned, buf []byte) ([]byte, error) {
	n := len(text.Parts)
	if n > index.MaxParts {
		return buf, &quarry.ItemError{At: p.doc.At, ID: p.doc.ID, Reason: fmt.Sprintf("it would be asked in %d parts, at most %d can be", n, index.MaxParts)}
	}
	start := len(buf)
	fail := func(err error) ([]byte, error) {
		return buf[:start], &quarry.ItemError{At: p.doc.At, ID: p.doc.ID, Reason: fmt.Sprintf("prompt: %v", err)}
	}
	asked := p.doc
	asked.Format, asked.Parts = quarry.FormatText, n
	keys := make([]quarry.DocumentKey, n+1)
	var err error
	for i, part := range text.Parts {
		asked.Body, asked.Part = part, i+1
		if buf, keys[i], err = r.cfg.Long.Part.AppendKeyed(buf, &asked); err != nil {
			return fail(err)
		}
		p.parts = append(p.parts, preparedPart{end: len(buf) - start, classes: clean.Classes(part), head: headOf(part, p.doc.Title)})
	}
	// What is asked in the end is asked with the answers; all the rest of it is known here.
	asked.Body, asked.Part = []byte("answers"), 0
	end := len(buf)
	if buf, keys[n], err = r.cfg.Long.Merge.AppendKeyed(buf, &asked); err != nil {
		return fail(err)
	}
	p.key = r.cfg.Prompt.PartedKey(keys)
	return buf[:end], nil
}

// preparedPart is one part of a long document.
type preparedPart struct {
	end     int // where in the document's input its own ends
	classes quarry.CharClasses
	head    string
}

// sample is what is kept of a pilot's document, or of one part of it.
func (p *prepared) sample(part int) *shardfile.Sampled {
	if part == 0 {
		return &shardfile.Sampled{Classes: p.classes, Japanese: p.japanese, Head: p.head}
	}
	return &shardfile.Sampled{Classes: p.parts[part-1].classes, Japanese: p.japanese, Head: p.parts[part-1].head}
}

// records gives what is asked about the document first: one record, or one for each part.
func (p *prepared) records(attempt int) iter.Seq2[quarry.RecordID, []byte] {
	return func(yield func(quarry.RecordID, []byte) bool) {
		id := quarry.NewRecordID(p.doc.ID, p.key, attempt)
		if len(p.parts) == 0 {
			yield(id, p.input)
			return
		}
		from := 0
		for i := range p.parts {
			if !yield(id.Part(i+1), p.input[from:p.parts[i].end]) {
				return
			}
			from = p.parts[i].end
		}
	}
}

// scanRecords notes the parts of a long document, and hands what is asked to a build.
func (r *Run) scanRecords(out *index.Writer, item *prepared, order int64) error {
	part := 0
	for id, input := range item.records(1) {
		if len(item.parts) > 0 {
			part++
			if err := out.AddPart(order, shardfile.LineBytes(id, input)); err != nil {
				return err
			}
		}
		if r.spool != nil {
			if err := r.spool.Add(index.TurnOf(order, part), id, dedupe.Hash(item.key[:len(dedupe.Hash{})]), input); err != nil {
				return err
			}
		}
	}
	return nil
}

// Records is how many records are asked first: one a document, or one for each part of a long one.
func (p *Planned) Records() int64 { return p.Asked - p.Long + p.Parts }

// stages is how many records are asked in both stages.
func (p *Planned) stages() int64 { return p.Records() + p.Long }

// checkSecondStage refuses, before a cent is spent, a run whose long documents are too few for a job of their own: their
// parts would be paid for, and then nobody would be asked to make one answer of them.
func (r *Run) checkSecondStage() error {
	p := &r.planned
	if p.Long == 0 {
		return nil
	}
	p.Notes = append(p.Notes, fmt.Sprintf("%d documents are longer than the limit: they are asked in %d parts, and the answers about them are merged in a second stage of %d records",
		p.Long, p.Parts, p.Long))
	if r.buildDir != "" || r.mayCall() || p.Mode != quarry.ModeJob || p.Long >= r.cfg.Quotas.MinRecords {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.OverLimit, Op: "plan", Subject: "the second stage of --long merge",
		Err:  fmt.Errorf("%d records are below the minimum of %d of a batch job", p.Long, r.cfg.Quotas.MinRecords),
		Hint: "--rescue asks them on demand, at twice the price of a batch job; --long cut or --long headtail ask each of these documents once, and not about all of it",
	}
}
