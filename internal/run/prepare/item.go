package prepare

import (
	"errors"
	"iter"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/shardfile"
)

// Item is one item of a source: a document made ready to be sent, or the reason why it is not.
type Item struct {
	Document    quarry.Document // without its body
	Hash        dedupe.Hash     // of the id
	Key         quarry.DocumentKey
	Input       []byte // modelInput, or those of all parts, one after the other
	Classes     quarry.CharClasses
	SourceBytes int64 // of the body before cleaning
	TextBytes   int64 // and after
	Dropped     clean.Counts
	Cut         bool // at the cap of length
	Japanese    bool
	Empty       bool              // nothing is left after cleaning, so nothing is sent
	Notice      string            // what a person should know of the text
	Signature   *dedupe.Signature // of the text; nil without Config.Sign, or if the text is too short for one
	LeftOut     *quarry.ItemError // set if the item cannot be sent

	parts []part // none where the document is sent as a whole
	mode  string // body or page; empty: it was not cleaned
	head  string // the text's first line, clipped
}

// IsDocument reports whether the item is a document, with an order of its own. A broken line is none.
func (p *Item) IsDocument() bool { return p.Document.ID != "" }

// Parts is in how many parts the document is sent; 0 where it is sent as a whole.
func (p *Item) Parts() int { return len(p.parts) }

// Records gives what is sent of the document first: one record, or one for each part.
func (p *Item) Records(attempt int) iter.Seq2[quarry.RecordID, []byte] {
	return func(yield func(quarry.RecordID, []byte) bool) {
		id := quarry.NewRecordID(p.Document.ID, p.Key, attempt)
		if len(p.parts) == 0 {
			yield(id, p.Input)
			return
		}
		from := 0
		for i := range p.parts {
			if !yield(id.Part(i+1), p.Input[from:p.parts[i].end]) {
				return
			}
			from = p.parts[i].end
		}
	}
}

// Sample is what is kept of a pilot's document, or of one part of it, from 1; part 0 is the whole.
func (p *Item) Sample(part int) *shardfile.Sampled {
	if part == 0 {
		return &shardfile.Sampled{Classes: p.Classes, Japanese: p.Japanese, Head: p.head}
	}
	return &shardfile.Sampled{Classes: p.parts[part-1].classes, Japanese: p.Japanese, Head: p.parts[part-1].head}
}

// Cleaned says what cleaning made of the document; nil for a ready record, which is not cleaned.
func (p *Item) Cleaned() *shardfile.Cleaned {
	if p.mode == "" {
		return nil
	}
	c := &shardfile.Cleaned{Mode: p.mode, Source: p.SourceBytes, Text: p.TextBytes, Cut: p.Cut}
	for rule, tally := range p.Dropped.All() {
		if c.Dropped == nil {
			c.Dropped = map[string][2]int64{}
		}
		c.Dropped[rule.String()] = [2]int64{tally.Items, tally.Bytes}
	}
	return c
}

// PromptFault begins the reason of a document that no prompt can be made of.
const PromptFault = "prompt: "

// unasked says why no prompt can be made of the document, which the place names already.
func (p *Item) unasked(err error) *quarry.ItemError {
	var f *prompt.Fault
	if errors.As(err, &f) {
		return p.unfit(PromptFault + f.Reason)
	}
	return p.unfit(PromptFault + err.Error())
}

// unfit says why the document cannot be sent.
func (p *Item) unfit(reason string) *quarry.ItemError {
	return &quarry.ItemError{At: p.Document.At, ID: p.Document.ID, Reason: reason}
}
