// Package rule names the rules of cleaning: what is kept, what is dropped, and the counts of what was.
//
// It owns the names and the settings; the packages that read HTML and Markdown act on them. The zero value of every
// setting is the documented default.
package rule

import (
	"encoding/json"
	"iter"
)

// A Rule is one reason for which a part of a document is left out of its text.
type Rule uint8

// The rules. Statistics contain their names (String), so names are only ever added.
const (
	Code        Rule = iota // block code: pre, fenced, indented
	Image                   // images and their alternative text
	Script                  // script, style, template, noscript and other parts that are never shown
	Media                   // iframe, object, svg, math, canvas, video, audio
	Form                    // select, button, textarea, datalist
	Hidden                  // hidden, aria-hidden, display:none and the like
	Comment                 // HTML comments, Gutenberg's delimiters among them
	Ruby                    // readings above characters: rt, rp
	Shortcode               // WordPress shortcodes
	Template                // Liquid, Hugo, Nunjucks, KumaScript, JSX and container marks
	FrontMatter             // front matter, which becomes fields
	URL                     // addresses alone on a line: an embed
	Footnote                // footnote references and back-links
	Definition              // link reference definitions, which print nothing
	Character               // control, bidi, tag, private-use and other characters without text
	Boilerplate             // page mode: what is outside of the main content
	Unclosed                // what follows a dropped element or a fence that is never closed
	Over                    // what is beyond the cap of length
	Reference               // references to text that is not in the source: reusable blocks, embedded entries

	Count int = iota // how many rules there are
)

var names = [Count]string{
	"code", "image", "script", "media", "form", "hidden", "comment", "ruby", "shortcode", "template", "front_matter",
	"url", "footnote", "definition", "character", "boilerplate", "unclosed", "over", "reference",
}

// String gives the rule's name as statistics have it: "code", "front_matter".
func (r Rule) String() string {
	if int(r) >= len(names) {
		return "unknown"
	}
	return names[r]
}

// A Tally says how often a rule dropped something, and how many bytes of the source that was.
type Tally struct {
	Items int64 `json:"items"`
	Bytes int64 `json:"bytes"`
}

// Counts is what each rule dropped from a document, or from many.
type Counts [Count]Tally

// MarshalJSON writes the rules that dropped something, by their names.
func (c Counts) MarshalJSON() ([]byte, error) {
	named := map[string]Tally{}
	for r, tally := range c {
		if tally != (Tally{}) {
			named[Rule(r).String()] = tally
		}
	}
	return json.Marshal(named)
}

// Note counts one dropped part of the given number of source bytes.
func (c *Counts) Note(r Rule, bytes int) {
	c[r].Items++
	c[r].Bytes += int64(max(bytes, 0))
}

// Add adds the counts of another document.
func (c *Counts) Add(o *Counts) {
	for r := range c {
		c[r].Items += o[r].Items
		c[r].Bytes += o[r].Bytes
	}
}

// All yields the rules that dropped something, in their fixed order.
func (c *Counts) All() iter.Seq2[Rule, Tally] {
	return func(yield func(Rule, Tally) bool) {
		for r, t := range c {
			if t.Items > 0 && !yield(Rule(r), t) {
				return
			}
		}
	}
}
