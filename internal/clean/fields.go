package clean

import (
	"quarry/internal/clean/frontmatter"
	"quarry/internal/clean/rule"
)

// frontMatter takes the front matter off a body and makes fields of it. In a format other than Markdown there is none,
// unless the format was told from it.
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
		return body, title // it only looked like front matter, and stays text
	}
	c.fields = fields
	out.Fields = fields
	c.counts.Note(rule.FrontMatter, len(body)-len(m.Rest))
	if title == "" {
		title = c.title(name)
	}
	return m.Rest, title
}
