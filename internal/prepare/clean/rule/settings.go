package rule

import "fmt"

// What happens to block code.
const (
	CodeDrop = "drop" // the default: a paragraph break is in its place
	CodeHead = "head" // the first CodeLines lines stay
	CodeKeep = "keep" // all of it stays
)

// Settings says which rules hold. The zero value is the default of every rule.
type Settings struct {
	// Code is what happens to block code: CodeDrop (also ""), CodeHead or CodeKeep. Code inside a sentence always stays.
	Code string
	// CodeLines is how many lines CodeHead keeps; 0 means 5.
	CodeLines int
	// AltText keeps the alternative text of images. The default drops it with the image.
	AltText bool
	// KeepHidden keeps text that a reader would not see: hidden, aria-hidden, display:none. The default drops it.
	KeepHidden bool
	// KeepMedia keeps the text inside svg, math, object, video, audio, canvas and iframe. The default drops it.
	KeepMedia bool
	// KeepForms keeps the text of select, button, textarea and datalist. The default drops it.
	KeepForms bool
	// KeepRuby keeps readings (rt, rp) after their characters. The default drops them.
	KeepRuby bool
	// KeepURLs keeps an address that is alone as a paragraph. The default takes it for an embed and drops it.
	KeepURLs bool
	// KeepFootnoteMarks keeps footnote references and back-links. The default drops them; footnotes themselves stay.
	KeepFootnoteMarks bool
	// KeepShortcodes leaves WordPress shortcodes as they are written. The default removes the known ones.
	KeepShortcodes bool
	// Shortcodes are further shortcodes to remove; what they enclose stays.
	Shortcodes []string
	// BodyShortcodes are further shortcodes to remove together with what they enclose.
	BodyShortcodes []string
	// KeepTemplates leaves Liquid, Hugo, Nunjucks, KumaScript and container marks and JSX in Markdown as written. The
	// default removes them.
	KeepTemplates bool
	// KeepFrontMatter leaves front matter in the text. The default parses it into fields.
	KeepFrontMatter bool
	// PlainHeadings writes headings without their `#` marks.
	PlainHeadings bool
	// OrderedNumbers writes the numbers of ordered lists ("1. ") in place of "- ".
	OrderedNumbers bool
	// PlainSuperscripts glues superscripts to what they follow. The default writes 2<sup>32</sup> as 2^32, because 232
	// is another number.
	PlainSuperscripts bool
	// CollapseNewlines reads newlines in HTML as HTML does. The default takes a blank line outside of a paragraph for a
	// paragraph break, as WordPress does with posts of its classic editor.
	CollapseNewlines bool
	// FoldWidth writes full-width letters and digits as ASCII and half-width kana as full-width.
	FoldWidth bool
}

// Validate says which setting cannot be meant.
func (s Settings) Validate() error {
	switch s.Code {
	case "", CodeDrop, CodeHead, CodeKeep:
	default:
		return fmt.Errorf("code %q: want %s, %s or %s", s.Code, CodeDrop, CodeHead, CodeKeep)
	}
	if s.CodeLines < 0 {
		return fmt.Errorf("code lines %d: want 0 (5 lines) or more", s.CodeLines)
	}
	for _, list := range [][]string{s.Shortcodes, s.BodyShortcodes} {
		for _, name := range list {
			if !shortcodeName(name) {
				return fmt.Errorf("shortcode %q: want a name of lower-case letters, digits, - and _", name)
			}
		}
	}
	return nil
}

func shortcodeName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != ""
}

// AllLines is more than any text has.
const AllLines = 1 << 40

// KeptCodeLines is how many lines of a code block stay: none, the first few, or all (a very large number).
func (s Settings) KeptCodeLines() int {
	switch {
	case s.Code == CodeKeep:
		return AllLines
	case s.Code == CodeHead && s.CodeLines == 0:
		return 5
	case s.Code == CodeHead:
		return s.CodeLines
	}
	return 0
}
