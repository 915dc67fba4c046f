package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/source"
)

// cleanLine is one line of `quarry clean`.
type cleanLine struct {
	ID    quarry.DocumentID `json:"id"`
	Title string            `json:"title,omitempty"`
	Text  string            `json:"text"`
	URL   string            `json:"url,omitempty"`
	Lang  string            `json:"lang,omitempty"`
	Stats *cleanStats       `json:"stats,omitempty"`
}

// cleanStats says what was cut from a document.
type cleanStats struct {
	Mode        string             `json:"mode"`
	SourceBytes int64              `json:"source_bytes"`
	TextBytes   int64              `json:"text_bytes"`
	FullChars   int64              `json:"full_chars"`
	Cut         bool               `json:"cut"`
	Parts       int                `json:"parts,omitempty"` // in which it would be sent
	Dropped     clean.Counts       `json:"dropped"`
	Classes     quarry.CharClasses `json:"classes"`
}

// cleaning prints the lines of one command.
type cleaning struct {
	app     *App
	lines   *json.Encoder
	cleaner *clean.Cleaner
	stats   bool
	limit   int64 // of documents from all sources; 0: none

	notices            clean.Notices
	seen               map[quarry.DocumentID]bool
	documents, leftOut int64
}

func (a *App) newCleaning(out io.Writer, cleaner *clean.Cleaner, stats bool, limit int64) *cleaning {
	c := &cleaning{app: a, lines: json.NewEncoder(out), cleaner: cleaner, stats: stats, limit: limit, seen: map[quarry.DocumentID]bool{}}
	c.lines.SetEscapeHTML(false)
	return c
}

func (c *cleaning) full() bool { return c.limit > 0 && c.documents >= c.limit }

// source prints the documents of one source, up to the limit.
func (c *cleaning) source(ctx context.Context, src source.Source) error {
	if c.full() {
		return nil
	}
	for block, err := range src.Blocks(ctx, quarry.Position{}) {
		if err != nil {
			return err
		}
		for doc, err := range block.Documents {
			if c.full() {
				return nil
			}
			if err == nil && c.seen[doc.ID] {
				err = &quarry.ItemError{At: doc.At, ID: doc.ID, Reason: fmt.Sprintf("duplicate id %q", doc.ID)}
			}
			if err == nil {
				c.seen[doc.ID] = true
				c.documents++
				err = c.document(&doc)
			}
			var item *quarry.ItemError
			switch {
			case errors.As(err, &item):
				c.leftOut++
				fmt.Fprintln(c.app.Stderr, plain(item.Error()))
			case err != nil:
				return err
			}
		}
	}
	return nil
}

// document prints one document, and on standard error what people should know about it.
func (c *cleaning) document(doc *quarry.Document) error {
	text, err := c.cleaner.Clean(doc)
	if err != nil {
		return &quarry.ItemError{At: doc.At, ID: doc.ID, Reason: err.Error()}
	}
	at := fmt.Sprintf("%s: document %q: ", doc.At, doc.ID)
	if len(text.Text) == 0 {
		fmt.Fprintln(c.app.Stderr, plain(at+clean.NothingLeft(text.Notice)))
		if !c.stats {
			return nil
		}
	} else if c.notices.Add(text.Notice) {
		fmt.Fprintln(c.app.Stderr, plain(at+text.Notice))
	}
	text.Describe(doc)
	line := cleanLine{ID: doc.ID, Title: doc.Title, Text: string(text.Text), URL: doc.URL, Lang: doc.Lang}
	if c.stats {
		line.Stats = &cleanStats{
			Mode: text.Mode, SourceBytes: text.SourceBytes, TextBytes: int64(len(text.Text)), FullChars: text.FullChars, Cut: text.Cut,
			Parts: len(text.Parts), Dropped: text.Dropped, Classes: text.Classes,
		}
	}
	return c.lines.Encode(&line)
}
