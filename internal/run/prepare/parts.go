package prepare

import (
	"fmt"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/clean"
	"quarry/internal/run/index"
)

// part is one part of a long document.
type part struct {
	end     int // where in the document's input its own ends
	classes quarry.CharClasses
	head    string
}

// inParts renders the parts of a long document, one modelInput after the other.
func (c *Config) inParts(p *Item, texts [][]byte, buf []byte) ([]byte, error) {
	n := len(texts)
	if n > index.MaxParts {
		return buf, p.unfit(fmt.Sprintf("it would be sent in %s; at most %s are possible", figure.Count(n, "part"), figure.Thousands(index.MaxParts)))
	}
	start := len(buf)
	fail := func(err error) ([]byte, error) { return buf[:start], p.unasked(err) }
	doc := p.Document
	doc.Format, doc.Parts = quarry.FormatText, n
	keys := make([]quarry.DocumentKey, n+1)
	var err error
	for i, text := range texts {
		doc.Body, doc.Part = text, i+1
		if buf, keys[i], err = c.Long.Part.AppendKeyed(buf, &doc); err != nil {
			return fail(err)
		}
		p.parts = append(p.parts, part{end: len(buf) - start, classes: clean.Classes(text), head: headOf(text, p.Document.Title)})
	}
	// What is sent in the end is sent with the answers; all the rest of it is known here.
	doc.Body, doc.Part = []byte("answers"), 0
	end := len(buf)
	if buf, keys[n], err = c.Long.Merge.AppendKeyed(buf, &doc); err != nil {
		return fail(err)
	}
	p.Key = c.Prompt.PartedKey(keys)
	return buf[:end], nil
}
