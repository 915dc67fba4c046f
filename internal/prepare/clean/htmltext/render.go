// Package htmltext renders HTML as plain text, in one pass over the bytes and without a tree.
//
// It owns the reading of tags, attributes, comments and raw text as HTML5's tokenizer reads them, and the rules by which
// elements become blocks, list items, table rows, or nothing; characters and blanks belong to package plain. What always
// holds: the work is linear in the input, whatever it holds, and nothing of a dropped element is written. Where the end
// of a dropped element is not known without HTML5's tree rules, that is reported, and [Renderer.Tree] renders the
// same document over the tree of golang.org/x/net/html.
package htmltext

import (
	"strconv"
	"unicode/utf8"

	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// maxLists bounds how deep lists are indented and numbered; deeper ones look like the last level.
const maxLists = 8

// A Renderer turns elements into calls of a [plain.Writer]. HTML drives it with tags, Markdown with blocks. It serves
// one goroutine.
type Renderer struct {
	W        *plain.Writer
	Settings *rule.Settings
	Counts   *rule.Counts
	Entities decoder

	// Reveal shows what waits for a script to be shown. It holds for one document; its owner takes it back.
	Reveal bool
	// Prose keeps block code that is read as prose, for a document that has hardly any other text. It holds for one document.
	Prose bool
	// Literal, when set, is asked about each tag: one that it claims is text. Markdown sets it, where `List<String>` is
	// no markup.
	Literal func(name []byte, closing, glued bool, a Attrs) bool
	// Fragments says that HTML comes in pieces between other text: then no end is ever looked for in a tree.
	Fragments bool
	// TagsOnly drops the tags of an element that goes by its name, and not what is in it. What is hidden still goes.
	TagsOnly bool

	lists   int // open lists
	numbers [maxLists]int
	cells   int // open table cells
	bare    int // open elements inside of which blank lines mean nothing
	heading bool
	// question is set inside of dt and summary: as in a heading, a button in it has the text that opens what follows.
	question bool

	title    [2]int // the first heading's text in W, when titled
	titled   bool
	supAt    int
	supLink  bool
	inSup    bool
	pre      int // open elements of kept code
	preLines int // how many lines of it may still be written

	skip      skip
	veil      []veiled // open elements from the first one on whose text cannot be seen
	muted     bool     // text is passed over, because of the innermost of them
	waiting   waiting
	at        attrs
	newlines  plain.Newlines
	needTree  bool
	inline    bool // the tag at hand is one in a sentence of Markdown
	codes     *shortcodes
	codeState shortcodes
	lower     [maxName]byte
	sample    []byte // of text that may be prose

	source      []byte          // the document, in which controls may name panels
	panels      map[string]bool // the ids that they name
	panelsKnown bool
}

// Reset makes the renderer ready for a new document, which W is too.
func (r *Renderer) Reset() {
	r.lists, r.cells, r.bare, r.heading = 0, 0, 0, false
	r.titled, r.inSup, r.pre, r.question = false, false, 0, false
	r.skip.name, r.skip.depth = r.skip.name[:0], 0
	r.veil, r.muted, r.waiting = r.veil[:0], false, waiting{}
	r.newlines, r.needTree, r.codes = plain.Collapse, false, nil
	r.W.Newlines = plain.Collapse
	r.Literal, r.Fragments, r.TagsOnly = nil, false, false
}

// Title is where the text of the first heading is in what was written; ok is false when there was none.
func (r *Renderer) Title() (from, to int, ok bool) { return r.title[0], r.title[1], r.titled }

// Break ends a line or a paragraph. In lists and table cells a paragraph ends with its line.
func (r *Renderer) Break(n uint8) {
	if r.lists > 0 || r.cells > 0 || r.heading {
		n = 1
	}
	if r.heading && r.W.Marked() {
		return // a block at the beginning of a heading does not take its mark away
	}
	r.W.Break(n)
}

// enterText says that an element began inside of which blank lines mean nothing, leaveText that it ended.
func (r *Renderer) enterText() {
	r.bare++
	r.W.Newlines = plain.Collapse
}

func (r *Renderer) leaveText() {
	r.bare = max(r.bare-1, 0)
	if r.bare == 0 {
		r.W.Newlines = r.newlines
	}
}

var headingMarks = [...]string{"", "# ", "## ", "### ", "#### ", "##### ", "###### "}

// Heading begins a heading of level 1 to 6.
func (r *Renderer) Heading(level int) {
	r.heading = false
	r.Break(2)
	r.enterText()
	r.heading = true
	if r.W.Marked() {
		return // the heading of a list item has the item's mark
	}
	if r.Settings.PlainHeadings {
		level = 0
	}
	r.W.Mark(headingMarks[min(level, 6)])
}

// EndHeading ends it.
func (r *Renderer) EndHeading() {
	if r.heading && !r.W.Marked() && !r.titled && r.W.TextAt() >= 0 && r.W.TextAt() < r.W.Len() {
		r.title, r.titled = [2]int{r.W.TextAt(), r.W.Len()}, true
	}
	if r.heading && r.lists == 0 {
		r.W.Unmark()
	}
	r.heading = false
	r.leaveText()
	r.Break(2)
}

// Paragraph begins a paragraph, EndParagraph ends it.
func (r *Renderer) Paragraph() { r.Break(2); r.enterText() }

// EndParagraph ends the paragraph.
func (r *Renderer) EndParagraph() { r.leaveText(); r.Break(2) }

// List begins a list; start is its first number, or -1 when it is not ordered.
func (r *Renderer) List(start int) {
	r.Break(2)
	if r.lists < maxLists {
		r.numbers[r.lists] = start
	}
	r.lists++
}

// EndList ends the innermost list.
func (r *Renderer) EndList() {
	r.lists = max(r.lists-1, 0)
	r.W.Unmark()
	r.Break(2)
}

const indents = "                "

// Item begins a list item.
func (r *Renderer) Item() {
	r.W.Break(1)
	level := min(max(r.lists-1, 0), maxLists-1)
	indent := indents[:2*level]
	if n := &r.numbers[level]; r.lists > 0 && *n >= 0 && r.Settings.OrderedNumbers {
		var buf [24]byte
		r.W.Mark(indent, string(strconv.AppendInt(buf[:0], int64(*n), 10)), ". ")
		*n++
	} else {
		r.W.Mark(indent, "- ")
	}
	r.enterText()
}

// EndItem ends it.
func (r *Renderer) EndItem() {
	r.W.Unmark()
	r.leaveText()
	r.W.Break(1)
}

// Definition begins a line of a definition list, EndDefinition ends it.
func (r *Renderer) Definition() { r.Break(1); r.W.Link(); r.enterText() }

// EndDefinition ends the line.
func (r *Renderer) EndDefinition() { r.leaveText(); r.Break(1) }

// Table begins or ends a table.
func (r *Renderer) Table() { r.Break(2) }

// Row begins a table row, EndRow ends it.
func (r *Renderer) Row() { r.W.Row() }

// EndRow ends the row.
func (r *Renderer) EndRow() { r.W.EndRow() }

// Cell begins a table cell, EndCell ends it.
func (r *Renderer) Cell() {
	r.W.Cell()
	r.cells++
	r.enterText()
}

// EndCell ends the cell.
func (r *Renderer) EndCell() {
	if r.cells > 0 {
		r.cells--
		r.leaveText()
	}
}

// LineBreak is a line break that the author asked for. Two of them end the paragraph.
func (r *Renderer) LineBreak() {
	switch {
	case r.cells > 0 || r.heading:
		r.W.Blank()
	case r.W.Breaking():
		r.Break(2)
	default:
		r.W.Break(1)
	}
}

// superscript begins a superscript.
func (r *Renderer) superscript() {
	r.inSup, r.supLink, r.supAt = true, false, -1
	if !r.Settings.PlainSuperscripts && r.W.Glued() {
		r.supAt = r.W.Len()
	}
}

// endSuperscript writes a power as one (2^32) and drops a footnote's number, which would read as a part of the word or
// the number before it.
func (r *Renderer) endSuperscript() {
	if !r.inSup {
		return
	}
	r.inSup = false
	if r.supAt < 0 || r.supAt >= r.W.Len() {
		return
	}
	text := r.W.Written()
	sup := text[r.supAt:]
	if r.supLink {
		if !r.Settings.KeepFootnoteMarks && len(sup) <= 8 {
			r.Counts.Note(rule.Footnote, len(sup))
			r.W.Cut(r.supAt)
		}
		return
	}
	if before, _ := utf8.DecodeLastRune(text[:r.supAt]); isPower(before, sup) {
		r.W.Insert(r.supAt, "^")
	}
}

func isPower(before rune, sup []byte) bool {
	if before < '0' || before > 'z' || before > '9' && !isAlpha(byte(before)) || len(sup) > 8 {
		return false
	}
	for _, c := range sup {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && len(sup) > 1 {
			return false
		}
	}
	return sup[0] >= '0' && sup[0] <= '9' || sup[0] == '-' || len(sup) == 1 && isAlpha(sup[0])
}
