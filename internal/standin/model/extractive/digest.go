// Package extractive makes a title and a short summary out of an article's own sentences, with no weights.
//
// It owns the way from text to chosen sentences: blocks (headings, lists and tables are distinguished from prose), language by script,
// sentences, tokens, and the choice by centroid, position and maximal marginal relevance. HTML and Markdown are read by internal/prepare/clean. It
// knows nothing of prompts or models. Whatever it returns is in the article (or is the given title), white space folded; it never translates
// and never writes a word of its own.
package extractive

import (
	"strings"
	"unicode/utf8"
)

// Digest is what an article says about itself.
type Digest struct {
	Lang      string   // ISO 639-1 of the article, "" where the script does not tell
	Title     string   // "" when there is nothing short enough
	Sentences []string // 1-3, in the article's order; empty only when the article has no letter
	prose     []string
}

// maxArticle is how much of an article is read. The sentences that count are near its beginning.
const maxArticle = 400_000

// Read digests an article: plain text with marked headings ("# "), list items ("- ") and table cells (" | "), Markdown, or HTML.
// The title may be empty: then the first heading is it, else the best short sentence.
func Read(title, article string) Digest {
	doc := parseBlocks(plain(cutBytes(article, maxArticle)))
	d := Digest{Lang: language(doc, title)}
	d.Sentences = choose(doc, d.Lang, title)
	d.Title = fold(title)
	if d.Title == "" {
		d.Title = doc.firstHeading()
	}
	if d.Title == "" {
		d.Title = shortSentence(d.Sentences)
	}
	for _, b := range doc.blocks {
		if b.kind == prose {
			d.prose = append(d.prose, b.text)
		}
	}
	return d
}

// Summary is the chosen sentences as one text. Japanese is written without spaces between sentences that end in its own marks.
func (d Digest) Summary() string {
	if d.Lang != "ja" && d.Lang != "zh" {
		return strings.Join(d.Sentences, " ")
	}
	var out strings.Builder
	for i, s := range d.Sentences {
		if i > 0 && d.Sentences[i-1][len(d.Sentences[i-1])-1] < utf8.RuneSelf {
			out.WriteByte(' ')
		}
		out.WriteString(s)
	}
	return out.String()
}

// maxTitle is the longest sentence, in runes, that may stand for a title.
const maxTitle = 120

// shortSentence is the first sentence short enough for a title, else the beginning of the first, cut at a word.
func shortSentence(sentences []string) string {
	for _, s := range sentences {
		if runes(s) <= maxTitle {
			return s
		}
	}
	if len(sentences) == 0 {
		return ""
	}
	cut := cutRunes(sentences[0], maxTitle)
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimSpace(cut)
}
