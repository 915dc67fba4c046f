// Package inspect looks at sources before anything is sent to a model: which fields their items have, how often each is
// filled, with what, and how long the texts are.
//
// It owns the statistics of fields. It opens no source and sends nothing. What always holds: memory does not grow with
// the number of items; an item that cannot be a document (no id, no body) still counts for the fields.
package inspect

import (
	"context"
	"errors"
	"sort"
	"strings"

	"quarry"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/source"
)

// Report is what was found in all sources together.
type Report struct {
	Sources []Source `json:"sources"`
	// Items were read; Documents of them have an id and a body, meet the conditions and can be sent.
	Items     int64 `json:"items"`
	Documents int64 `json:"documents"`
	Filtered  int64 `json:"filtered,omitempty"` // items that do not meet the conditions
	// PassedOver are left out by a rule of their kind of source, such as drafts of an export; Notes says which, in lines.
	PassedOver int64    `json:"passed_over,omitempty"`
	Notes      []string `json:"notes,omitempty"`
	Empty      int64    `json:"empty"` // of the documents: no text is left after cleaning
	// LeftOut are the items that cannot be documents, by reason, the most frequent first.
	LeftOut []Count `json:"left_out,omitempty"`
	Fields  []Field `json:"fields"`
	// MoreFields counts fields beyond the first 500; they are not described.
	MoreFields int64 `json:"more_fields,omitempty"`
	// Languages are what the documents' language field says; "" counts documents that say nothing.
	Languages []Count `json:"languages,omitempty"`
	// Scripts are guessed from the letters of the cleaned texts.
	Scripts []Count `json:"scripts,omitempty"`
	// Chars are the lengths of the cleaned texts, in characters.
	Chars Lengths `json:"chars"`
	// Complete is false where reading ended at the limit.
	Complete bool `json:"complete"`
}

// Source is one of the sources.
type Source struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Parts says which field gives each part of a document: id, title, body, url, lang, format, updated.
	Parts map[string]string `json:"parts,omitempty"`
}

// Count is a value and how often it occurs.
type Count struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// Named is an open source and its kind.
type Named struct {
	source.Source
	Kind string
}

// Inspector gathers statistics. Its Observe goes into the source.Config with which the sources are opened.
type Inspector struct {
	fields   *fields
	parts    map[string]string
	observed int64
	filtered int64 // text files, which are not observed
	stopped  bool
}

// New gives an Inspector.
func New() *Inspector { return &Inspector{fields: newFields()} }

// Observe takes the members of one item. It is not safe for concurrent use.
func (in *Inspector) Observe(keys *source.Keys, item []byte) {
	if in.stopped {
		return
	}
	in.observed++
	if in.parts == nil {
		in.parts = keys.Paths()
	}
	in.fields.object(item)
}

// Filtered counts a text file that a condition left out. It is not safe for concurrent use.
func (in *Inspector) Filtered() { in.filtered++ }

// Read reads the sources to their end, or until limit items were read; 0 is no limit. The cleaner is used for text
// lengths, scripts and the fields of front matter; nil leaves these out. The error is about a source, never about an item.
func (in *Inspector) Read(ctx context.Context, sources []Named, cleaner *clean.Cleaner, limit int64) (*Report, error) {
	rep := &Report{Sources: []Source{}, Complete: true}
	in.observed, in.filtered = 0, 0
	c := &collected{leftOut: counter{}, languages: counter{}, scripts: counter{}}
	for _, s := range sources {
		in.parts = nil
		done, err := in.readOne(ctx, s, cleaner, limit, rep, c)
		if err != nil {
			return nil, err
		}
		rep.Sources = append(rep.Sources, Source{Name: s.Name(), Kind: s.Kind, Parts: in.parts})
		if !done {
			rep.Complete = false
			break
		}
	}
	rep.LeftOut, rep.Languages, rep.Scripts = c.leftOut.counts(), c.languages.counts(), c.scripts.counts()
	rep.Chars = c.chars.lengths()
	rep.Items = in.observed + c.unobserved + in.filtered
	if len(sources) > 0 { // which count for all together
		rep.PassedOver = source.LeftOut(sources[0].Source)
		rep.Notes = source.Notes(sources[0].Source)
	}
	rep.Filtered = rep.Items - c.yielded - rep.PassedOver
	rep.Fields, rep.MoreFields = in.fields.report(rep.Items - in.filtered) // whose fields were not looked at
	return rep, nil
}

// collected are the statistics of documents.
type collected struct {
	leftOut, languages, scripts counter
	chars                       histogram
	yielded                     int64 // items that are documents, or have a fault
	unobserved                  int64 // of them those whose members no connector showed: text files, broken lines
}

// readOne reads one source; done is false where it stopped at the limit.
func (in *Inspector) readOne(
	ctx context.Context, s Named, cleaner *clean.Cleaner, limit int64, rep *Report, c *collected,
) (done bool, err error) {
	last := in.observed
	for block, err := range s.Blocks(ctx, quarry.Position{}) {
		if err != nil {
			return false, err
		}
		for doc, err := range block.Documents {
			if limit > 0 && c.yielded >= limit {
				in.stopped = true
				return false, nil
			}
			c.yielded++
			seen := in.observed > last
			if last = in.observed; !seen {
				c.unobserved++
			}
			var item *quarry.ItemError
			switch {
			case errors.As(err, &item):
				c.leftOut.add(withoutID(item))
				continue
			case err != nil:
				return false, err
			}
			rep.Documents++
			if err := in.document(&doc, seen, cleaner, rep, c); err != nil {
				c.leftOut.add(err.Error())
			}
		}
		if block.Free != nil {
			block.Free()
		}
	}
	return true, ctx.Err()
}

// document adds what only a document says: its language, its length, and, of a text file, the fields of its front matter.
func (in *Inspector) document(doc *quarry.Document, seen bool, cleaner *clean.Cleaner, rep *Report, c *collected) error {
	if cleaner == nil || doc.ModelInput != nil {
		return nil
	}
	text, err := cleaner.Clean(doc)
	if err != nil {
		return err
	}
	text.Describe(doc)
	if !seen && len(doc.Fields) > 0 { // a text file: no connector saw members
		in.fields.object(doc.Fields)
	}
	c.languages.add(doc.Lang)
	if len(text.Text) == 0 {
		rep.Empty++
		return nil
	}
	c.scripts.add(script(string(text.Text)))
	c.chars.add(text.FullChars)
	return nil
}

// withoutID takes what differs from item to item out of a reason, so that reasons can be counted.
func withoutID(e *quarry.ItemError) string {
	reason := e.Reason
	if i := strings.Index(reason, ` in "`); i > 0 {
		reason = reason[:i]
	}
	if i := strings.Index(reason, ` of "`); i > 0 {
		if end := strings.Index(reason[i+len(` of "`):], `"`); end >= 0 {
			reason = reason[:i] + reason[i+len(` of "`)+end+1:]
		}
	}
	if strings.HasPrefix(reason, "broken JSON") {
		reason = "broken JSON"
	}
	return reason
}

// counter counts values; beyond maxValues distinct ones new values are counted as others.
type counter map[string]int64

const (
	maxValues = 50
	others    = "other values"
)

func (c counter) add(v string) {
	if _, ok := c[v]; !ok && len(c) >= maxValues {
		v = others
	}
	c[v]++
}

func (c counter) counts() []Count {
	out := make([]Count, 0, len(c))
	for v, n := range c {
		out = append(out, Count{v, n})
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Count != out[j].Count {
			return out[i].Count > out[j].Count
		}
		return out[i].Value < out[j].Value
	})
	return out
}
