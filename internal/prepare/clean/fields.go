package clean

import (
	"errors"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/clean/frontmatter"
	"quarry/internal/prepare/clean/rule"
)

// frontMatter takes the front matter off a body and makes fields of it. In a format other than Markdown there is none,
// unless the format was detected from it.
func (c *Cleaner) frontMatter(out *Cleaned, body []byte, title string) (rest []byte, newTitle string) {
	if out.Mode != ModeMarkdown && out.Mode != ModeHTML || c.cfg.Rules.KeepFrontMatter {
		return body, title
	}
	m, ok := frontmatter.Split(body)
	if !ok {
		return body, title
	}
	fields, name, err := m.Fields(c.fields[:0])
	if err != nil {
		if !errors.Is(err, frontmatter.ErrNotMap) {
			c.matter = err
		}
		return body, title // or it only looked like front matter; it stays text
	}
	c.fields = fields
	out.Fields = fields
	c.counts.Note(rule.FrontMatter, len(body)-len(m.Rest))
	if title == "" {
		title = c.title(name)
	}
	return m.Rest, title
}

// Describe gives a document what its cleaning found next to the text: the title, and of front matter the address, the
// language and all other fields, as far as its source said nothing of the kind. What it gives is not in the
// Cleaner's buffers.
func (out *Cleaned) Describe(doc *quarry.Document) {
	doc.Title = out.Title
	if len(out.Fields) == 0 {
		return
	}
	merged := append(make([]byte, 0, len(doc.Fields)+len(out.Fields)), '{')
	add := func(name, value []byte) {
		if len(merged) > 1 {
			merged = append(merged, ',')
		}
		merged = append(append(append(append(merged, '"'), name...), '"', ':'), value...)
	}
	for name, value := range jsonl.Members(doc.Fields) {
		add(name, value)
	}
	for name, value := range jsonl.Members(out.Fields) {
		if _, ok := jsonl.Lookup(doc.Fields, string(jsonl.Unescape(nil, name))); ok {
			continue
		}
		add(name, value)
		if len(value) < 2 || value[0] != '"' {
			continue
		}
		switch text := string(jsonl.Unescape(nil, value)); string(name) {
		case "url", "canonical_url":
			if doc.URL == "" {
				doc.URL = text
			}
		case "lang", "language":
			if doc.Lang == "" {
				doc.Lang = text
			}
		}
	}
	doc.Fields = append(merged, '}')
}
