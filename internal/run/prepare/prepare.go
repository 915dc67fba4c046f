// Package prepare turns documents into records: it cleans each document and renders its prompt, in blocks, on all workers, and
// gives the outcomes in the order of the sources.
//
// It joins clean and prompt and owns their outcome for one document: its records, its key, and the facts that spare a second
// reading. It decides nothing that depends on several documents (which of them repeat, which are the pilot), writes nothing,
// and knows neither the ledger nor a provider. What always holds: the same document gives the same bytes, for any number of
// workers and in any block; the content of one document cannot stop the others; memory holds a few blocks for each worker.
package prepare

import (
	"context"
	"errors"
	"iter"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/dedupe"
	"quarry/internal/prepare/prompt"
	"quarry/internal/prepare/validate"
	"quarry/internal/run/index"
	"quarry/internal/run/parallel"
	"quarry/internal/run/weigh"
)

// Config says how documents are sent.
type Config struct {
	Clean   clean.Config
	Prompt  *prompt.Renderer
	Long    *Long           // nil: a document is sent as one record, however long it is
	Ready   validate.Config // the rules for the modelInput of a ready record
	Sign    bool            // each text gets its Signature, to find texts that are nearly equal
	Workers int             // at least 1
}

// Long is how documents are sent that are longer than the cap, where they are sent in parts.
type Long struct {
	Part  *prompt.Renderer // of each part
	Merge *prompt.Renderer // of the answers about all parts
}

// Block is a block of prepared documents, in the source's order. It is valid until the next one is read.
type Block struct {
	First quarry.Position
	Items []Item
	buf   []byte // of all inputs
}

// Wanted narrows preparation to some documents, by the hash of the id; the others are given without key and input. nil
// wants all. It is called from many goroutines.
type Wanted func(hash dedupe.Hash) bool

// Blocks cleans and renders blocks on all workers and gives them in the order they came in. An item that cannot be sent
// says so itself; an error is the source's or the context's, and ends the sequence.
func Blocks(ctx context.Context, cfg Config, blocks iter.Seq2[quarry.Block, error], want Wanted) iter.Seq2[Block, error] {
	cleaners := make([]*clean.Cleaner, cfg.Workers)
	for i := range cleaners {
		cleaners[i] = clean.New(cfg.Clean)
	}
	free := make(chan Block, 2*cfg.Workers+2) // as many as can be under way
	prepared := parallel.Map(ctx, cfg.Workers, blocks, func(worker int, b quarry.Block) (Block, error) {
		var used Block
		select {
		case used = <-free:
		default:
		}
		return cfg.block(cleaners[worker], b, want, used)
	})
	return func(yield func(Block, error) bool) {
		for block, err := range prepared {
			if !yield(block, err) {
				return
			}
			if cap(block.buf) > maxReused {
				continue
			}
			clear(block.Items) // so that what they hold can go
			select {
			case free <- block:
			default:
			}
		}
	}
}

// maxReused is the largest buffer that is kept for the next block: one giant text shall not be held to the end.
const maxReused = 4 << 20

// block prepares a block, in the memory of one that is used up.
func (c *Config) block(cleaner *clean.Cleaner, b quarry.Block, want Wanted, used Block) (Block, error) {
	out := Block{First: b.First, Items: used.Items[:0]}
	buf := used.buf[:0]
	for doc, err := range b.Documents {
		var item *quarry.ItemError
		if errors.As(err, &item) {
			out.Items = append(out.Items, Item{LeftOut: item})
			continue
		}
		if err != nil {
			return out, err
		}
		p := Item{Document: doc, Hash: index.HashOf(doc.ID), SourceBytes: int64(len(doc.Body))}
		if want == nil || want(p.Hash) {
			start := len(buf)
			if buf, err = c.one(cleaner, &p, buf); err != nil {
				if !errors.As(err, &item) {
					return out, err
				}
				p.LeftOut = item
			}
			p.Input = buf[start:len(buf):len(buf)]
		}
		p.Document.Body, p.Document.ModelInput = nil, nil // releases the chunk that holds them
		if n := len(p.Document.Fields); n > 0 {
			buf = append(buf, p.Document.Fields...)
			p.Document.Fields = buf[len(buf)-n : len(buf) : len(buf)]
		}
		out.Items = append(out.Items, p)
	}
	out.buf = buf
	if b.Free != nil {
		b.Free()
	}
	return out, nil
}

// Keyer gives a function that finds the key of one document, as planning does. Its error is about the document. One goroutine at a time.
func (c *Config) Keyer() func(quarry.Document) (quarry.DocumentKey, error) {
	cleaner := clean.New(c.Clean)
	var buf []byte
	return func(doc quarry.Document) (key quarry.DocumentKey, err error) {
		p := Item{Document: doc}
		buf, err = c.one(cleaner, &p, buf[:0])
		return p.Key, err
	}
}

// one cleans a document and appends its modelInput to buf. What the text of one document does to it is an ItemError;
// anything else stops the run.
func (c *Config) one(cleaner *clean.Cleaner, p *Item, buf []byte) ([]byte, error) {
	if len(p.Document.ModelInput) > 0 { // a ready record goes as it is, or not at all: one bad body would refuse its whole file
		if reason := validate.Body(c.Ready, p.Document.ModelInput); reason != "" {
			return buf, p.unfit(reason)
		}
		p.SourceBytes, p.TextBytes = int64(len(p.Document.ModelInput)), int64(len(p.Document.ModelInput))
		p.Key = c.Prompt.Key(p.Document.ModelInput)
		scratch := weigh.Text(buf, p.Document.ModelInput)
		p.Classes = clean.Classes(scratch[len(buf):])
		p.Japanese = japanese(&p.Classes)
		buf = scratch[:len(buf)]
		return append(buf, p.Document.ModelInput...), nil
	}
	text, err := cleaner.Clean(&p.Document)
	if err != nil {
		return buf, p.unfit(err.Error())
	}
	text.Describe(&p.Document)
	p.Classes, p.Cut, p.TextBytes = text.Classes, text.Cut, int64(len(text.Text))
	p.mode, p.Dropped, p.Notice = text.Mode, text.Dropped, text.Notice
	p.Japanese = japanese(&p.Classes)
	if len(text.Text) == 0 {
		p.Empty = true
		return buf, nil
	}
	p.head = headOf(text.Text, p.Document.Title)
	if len(text.Parts) > 1 && c.Long != nil {
		return c.inParts(p, text.Parts, buf)
	}
	if c.Sign {
		if s, ok := dedupe.Sign(text.Text); ok {
			p.Signature = &s
		}
	}
	doc := p.Document
	doc.Body, doc.Valid, doc.Format = text.Text, true, quarry.FormatText
	start := len(buf)
	if buf, p.Key, err = c.Prompt.AppendKeyed(buf, &doc); err != nil {
		return buf[:start], p.unasked(err)
	}
	return buf, nil
}

// japanese reports whether a text is Japanese: its answers are in another language than others'.
func japanese(c *quarry.CharClasses) bool { return c.Kana > 0 && 10*(c.Kana+c.Han) >= c.Letters }
