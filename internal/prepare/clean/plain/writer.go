// Package plain writes plain text: characters come in as the source has them, blocks and blanks as wishes, and what
// comes out is text that a person or a model can read.
//
// It owns blanks, line breaks, list and heading marks, the choice of characters and the counts of their classes; it
// knows neither HTML nor Markdown. What always holds of the result: valid UTF-8 in NFC; no control character but the
// line feed; no bidi override, tag, private-use or zero-width character but the joiners; no blank at the end of a line,
// no more than one empty line in a row, none at the ends.
package plain

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"quarry"
	"quarry/internal/prepare/clean/rule"
)

// Newlines says what line breaks in the source mean.
type Newlines uint8

// The meanings of line breaks.
const (
	Collapse   Newlines = iota // a blank, or nothing between two wide characters
	Paragraphs                 // an empty line ends the paragraph
	Lines                      // and each line break is one
)

// The pending blank: what is between the last character and the next one, if nothing stronger comes.
const (
	noBlank   = iota
	oneBlank  // a blank
	lineBreak // a blank with a line break in it
)

// A Writer collects one text after another in buffers it owns. It serves one goroutine. The zero value is ready.
type Writer struct {
	// Dropped counts the characters that have no text.
	Dropped *rule.Counts
	// FoldWidth writes full-width ASCII as ASCII and half-width kana as full-width.
	FoldWidth bool
	// Newlines says what line breaks in the source mean from here on.
	Newlines Newlines
	// KeepURLs keeps a paragraph that is nothing but an address.
	KeepURLs bool

	out     []byte
	spare   []byte // the second buffer of normalisation
	classes quarry.CharClasses
	inWord  uint64 // 1 after a letter

	pending bool // something below waits for the next character
	blank   uint8
	breaks  uint8 // line breaks wanted before the next character
	cells   uint8 // cell borders wanted before the next character
	pad     int   // blanks of verbatim text before the next character
	mark    []byte
	marked  bool // mark waits

	inRow    bool // a table row is open
	rowText  bool // it has text
	rowCells int  // cells opened in it

	block     int  // where the present block begins in out, its line breaks included
	blockText int  // and its text, after line breaks and mark
	linked    bool // a part of the present block was a link, or it has a mark: no embed
	textAt    int  // where the text after the newest mark begins
	unsure    bool // a character was met that NFC may change
}

// Reset begins a new text. The old one's bytes are overwritten.
func (w *Writer) Reset() {
	const keepAtMost = 8 << 20 // a giant document must not hold its memory for the rest of a run
	if cap(w.out) > keepAtMost {
		w.out, w.spare = nil, nil
	}
	*w = Writer{
		Dropped: w.Dropped, FoldWidth: w.FoldWidth, KeepURLs: w.KeepURLs,
		out: w.out[:0], spare: w.spare[:0], mark: w.mark[:0],
	}
}

// Len is how many bytes were written. What is pending is not among them.
func (w *Writer) Len() int { return len(w.out) }

// Written is the text so far, valid until the next call.
func (w *Writer) Written() []byte { return w.out }

// TextAt is where the text after the newest mark (of a heading or list item) began.
func (w *Writer) TextAt() int { return w.textAt }

// Glued reports whether the next character would be directly after the last one.
func (w *Writer) Glued() bool { return !w.pending && len(w.out) > 0 }

// Link says that the present block holds a link, so that an address alone in it is someone's link and no embed.
func (w *Writer) Link() { w.linked = true }

// Break ends the line (1) or the paragraph (2). The strongest of several wishes holds.
func (w *Writer) Break(n uint8) {
	if w.cells > 0 {
		return // a block at the beginning of a cell does not leave the row
	}
	if w.breaks == 0 {
		w.endBlock()
	}
	w.breaks = max(w.breaks, n)
	w.blank = noBlank
	w.pending = true
}

// Breaking reports whether a line break waits.
func (w *Writer) Breaking() bool { return w.breaks > 0 }

// Mark puts a mark ("- ", "## ") before the next text. A list item's mark that waits already is kept.
func (w *Writer) Mark(mark ...string) {
	w.mark = w.mark[:0]
	for _, m := range mark {
		w.mark = append(w.mark, m...)
	}
	w.marked, w.pending = true, true
	w.textAt = -1
}

// Marked reports whether a mark waits for its text.
func (w *Writer) Marked() bool { return w.marked }

// Unmark takes back a mark that got no text.
func (w *Writer) Unmark() { w.marked = false }

// Row begins a table row, EndRow ends it. Rows do not nest: an inner table's row replaces the outer one.
func (w *Writer) Row() {
	w.cells = 0
	w.Break(1)
	w.inRow, w.rowText, w.rowCells = true, false, 0
}

// EndRow ends the row.
func (w *Writer) EndRow() {
	w.cells, w.inRow = 0, false
	w.Break(1)
}

// Cell begins a cell of the row.
func (w *Writer) Cell() {
	if !w.inRow {
		w.Break(1)
		return
	}
	if w.rowCells > 0 {
		if w.rowText {
			w.breaks = 0
		}
		w.cells += 1 &^ (w.cells >> 7) // 128 empty cells in a row are enough
		w.pending = true
	}
	w.rowCells++
	w.blank = noBlank
}

// Blank asks for a blank before the next character.
func (w *Writer) Blank() {
	w.blank = max(w.blank, oneBlank)
	w.pending = true
}

// Insert puts punctuation into the text at a place that Len gave.
func (w *Writer) Insert(at int, s string) {
	if w.insideWord(at) {
		w.classes.Words++
	}
	w.out = append(w.out, s...)
	copy(w.out[at+len(s):], w.out[at:])
	copy(w.out[at:], s)
	w.classes.Punctuation += int64(len(s))
}

// Cut takes the text back to a length that Len gave.
func (w *Writer) Cut(length int) {
	var c quarry.CharClasses
	addClasses(&c, w.out[length:])
	if w.insideWord(length) {
		c.Words--
	}
	w.classes.Sub(c)
	w.out = w.out[:length]
	w.inWord = 0
	if length > 0 && isLetter(utf8.DecodeLastRune(w.out)) {
		w.inWord = 1
	}
}

// insideWord reports whether letters are on both sides of a place in the text.
func (w *Writer) insideWord(at int) bool {
	return at > 0 && at < len(w.out) && isLetter(utf8.DecodeLastRune(w.out[:at])) && isLetter(utf8.DecodeRune(w.out[at:]))
}

func isLetter(r rune, _ int) bool {
	if r < utf8.RuneSelf {
		return ascii[r] == oneLetter
	}
	k := classify(r)
	return k >= letter && k <= vietnamese
}

// endBlock looks at the block that ends here: one that is nothing but an address is an embed, and goes.
func (w *Writer) endBlock() {
	if !w.linked && !w.KeepURLs && !w.inRow && w.blockText < len(w.out) && isURL(w.out[w.blockText:]) {
		text := len(w.out) - w.blockText
		w.note(rule.URL, text)
		w.Cut(w.block)
		w.breaks, w.pending = 2, true
	}
	w.linked = false
	w.block, w.blockText = len(w.out), len(w.out)
}

const maxURL = 2048

func isURL(b []byte) bool {
	if len(b) > maxURL || !bytes.HasPrefix(b, []byte("http://")) && !bytes.HasPrefix(b, []byte("https://")) {
		return false
	}
	return bytes.IndexByte(b, ' ') < 0 && bytes.IndexByte(b, '\n') < 0 && isASCII(b)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (w *Writer) note(r rule.Rule, bytes int) {
	if w.Dropped != nil {
		w.Dropped.Note(r, bytes)
	}
}

// Finish ends the text and returns it with its counts, both valid until Reset.
func (w *Writer) Finish() ([]byte, quarry.CharClasses) {
	w.endBlock()
	if w.unsure && !norm.NFC.IsNormal(w.out) {
		w.spare = norm.NFC.Append(w.spare[:0], w.out...)
		w.out, w.spare = w.spare, w.out
		w.classes = quarry.CharClasses{}
		addClasses(&w.classes, w.out)
	}
	judge(w.out, &w.classes)
	return w.out, w.classes
}
