package plain

import (
	"slices"
	"unicode/utf8"

	"quarry/internal/base/simd"
	"quarry/internal/prepare/clean/rule"
)

// Text writes characters of the source. They are valid UTF-8; a blank at either end counts.
func (w *Writer) Text(s []byte) {
	for i := w.Run(s, 0); i < len(s); i = w.Run(s, i) {
		if w.pending {
			w.flush(false)
		}
		w.out = append(w.out, s[i])
		w.classes.Punctuation++
		w.inWord = 0
		i++
	}
}

// Run writes characters from i on up to the next '<' or '&', at which markup may begin, and returns where that is.
func (w *Writer) Run(s []byte, i int) int {
	for i < len(s) {
		c := s[i]
		switch {
		case ascii[c]&(stop|oneSpace) == 0:
			if w.pending {
				w.flush(false)
			}
			i = w.plainRun(s, i)
		case c == ' ':
			w.blank = max(w.blank, oneBlank)
			w.pending = true
			i++
		case c == '<' || c == '&':
			return i
		case c >= firstLead && c < 0xF0:
			i = w.wideRun(s, i)
		case c >= utf8.RuneSelf:
			i = w.character(s, i)
		case c >= '\t' && c <= '\r':
			i = w.blanks(s, i)
		default:
			w.note(rule.Character, 1)
			i++
		}
	}
	return i
}

// plainRun copies printable ASCII with single blanks in it, and counts it on the way. The first character is no blank.
func (w *Writer) plainRun(s []byte, i int) int {
	run := s[i:min(len(s), i+maxRun)]
	to := len(w.out)
	if cap(w.out)-to < len(run)+simd.Width {
		w.out = slices.Grow(w.out, len(run)+simd.Width)
	}
	out := w.out[to:cap(w.out)]
	n, packed, words := simd.CopyPlain(out, run, w.inWord)
	last := w.inWord
	if n > 0 {
		last = ascii[run[n-1]]
	}
	for ; n < len(run); n++ {
		v := ascii[run[n]]
		if v&(stop|last&oneSpace) != 0 { // something else, or a second blank
			break
		}
		out[n] = run[n]
		packed += v
		words += int(v &^ last & oneLetter)
		last = v
	}
	if run[n-1] == ' ' { // whether this blank is written, the next character decides
		n--
		packed -= oneSpace
		last = ascii[run[n-1]]
	}
	w.out = w.out[:to+n]
	w.inWord = last & oneLetter
	w.classes.Words += int64(words)
	addPacked(&w.classes, packed)
	return i + n
}

// wideRun copies characters of three bytes that need no closer look, and counts them on the way.
func (w *Writer) wideRun(s []byte, i int) int {
	run := s[i:min(len(s), i+maxWide)]
	last := byte(lastLead)
	if w.FoldWidth {
		last--
	}
	n, packed := threeBytes.count(run, last)
	if n == 0 {
		return w.character(s, i)
	}
	if w.pending {
		r, _ := utf8.DecodeRune(run)
		w.flush(wide(r))
	}
	w.copy(run, n)
	w.inWord = 0
	addPackedWide(&w.classes, packed)
	return i + n
}

// copy writes the first n bytes of s. Most runs are short and of any length, which costs a general copy more than it
// costs to move a few bytes too many.
func (w *Writer) copy(s []byte, n int) {
	at := len(w.out)
	if n > few || cap(s) < few || cap(w.out)-at < few {
		w.out = append(w.out, s[:n]...)
		return
	}
	*(*[few]byte)(w.out[at : at+few]) = *(*[few]byte)(s[:few])
	w.out = w.out[:at+n]
}

const few = 32

// blanks reads a run of blanks that holds a line break or a tab.
func (w *Writer) blanks(s []byte, i int) int {
	lines := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\n':
			lines++
		case ' ', '\t', '\r', '\v', '\f':
		default:
			w.blankLines(lines)
			return i
		}
	}
	w.blankLines(lines)
	return i
}

func (w *Writer) blankLines(lines int) {
	switch {
	case lines > 1 && w.Newlines != Collapse:
		w.Break(2)
	case lines == 1 && w.Newlines == Lines:
		w.Break(1)
	case lines > 0:
		w.blank = lineBreak
	default:
		w.blank = max(w.blank, oneBlank)
	}
	w.pending = true
}

// character writes one character from U+0080 on.
func (w *Writer) character(s []byte, i int) int {
	r, size := utf8.DecodeRune(s[i:])
	if w.FoldWidth && r >= 0xFF01 && r <= 0xFF9F {
		if n := w.fold(r, s[i+size:]); n >= 0 {
			return i + size + n
		}
	}
	k := classify(r)
	switch k {
	case drop:
		w.note(rule.Character, size)
		return i + size
	case space:
		w.Blank()
		return i + size
	case line:
		w.blankLines(1)
		return i + size
	case selector:
		if !w.selects(r) {
			w.note(rule.Character, size)
			return i + size
		}
	}
	if w.pending {
		w.flush(wide(r))
	}
	if !composed(r) {
		w.unsure = true
	}
	w.out = append(w.out, s[i:i+size]...)
	w.inWord = count(&w.classes, k, w.inWord)
	return i + size
}

// selects reports whether a variation selector has a character to select the form of: one selector after a symbol
// (U+FE0E, U+FE0F) or after an ideograph. Runs of selectors carry hidden bytes and no text.
func (w *Writer) selects(r rune) bool {
	if w.pending || len(w.out) == 0 {
		return false
	}
	last, _ := utf8.DecodeLastRune(w.out)
	if last < utf8.RuneSelf {
		return (r == 0xFE0F || r == 0xFE0E) && (last >= '0' && last <= '9' || last == '#' || last == '*')
	}
	switch k := classify(last); {
	case k == selector:
		return false
	case r == 0xFE0E || r == 0xFE0F:
		return true
	default:
		return k == han
	}
}

// flush writes what is between the last character and the next one, which is wide or not.
func (w *Writer) flush(nextWide bool) {
	w.pending = false
	blank, breaks, cells := w.blank, w.breaks, w.cells
	w.blank, w.breaks, w.cells = noBlank, 0, 0
	if breaks > 0 || len(w.out) == 0 {
		if len(w.out) == 0 {
			breaks = 0
		}
		w.block = len(w.out)
		w.out = append(w.out, "\n\n"[:breaks]...)
		w.classes.Spaces += int64(breaks)
		w.inWord = 0
		if breaks > 0 {
			w.padding(w.pad)
		}
		w.blockText = len(w.out)
	} else if w.pad > 1 {
		w.padding(w.pad)
	} else if blank > 0 && cells == 0 && !w.marked && !(blank == lineBreak && nextWide && w.lastWide()) {
		w.out = append(w.out, ' ')
		w.classes.Spaces++
		w.inWord = 0
	}
	w.pad = 0
	if cells > 0 {
		w.borders(int(cells))
	}
	if w.inRow {
		w.rowText = true
	}
	if w.marked {
		w.marked = false
		mark := w.mark
		for len(w.out) == 0 && len(mark) > 0 && mark[0] == ' ' { // a text does not begin with an indent
			mark = mark[1:]
		}
		w.out = append(w.out, mark...)
		w.countMark(mark)
		w.inWord = 0
		w.linked = true
		w.textAt = len(w.out)
	}
}

// countMark counts the characters of a mark: digits, punctuation and blanks.
func (w *Writer) countMark(mark []byte) {
	var packed uint64
	for _, c := range mark {
		packed += ascii[c]
	}
	addPacked(&w.classes, packed)
}

func (w *Writer) padding(n int) {
	for range n {
		w.out = append(w.out, ' ')
	}
	w.classes.Spaces += int64(n)
	w.inWord = 0
}

func (w *Writer) borders(n int) {
	for range n {
		if w.rowText {
			w.out = append(w.out, ' ')
			w.classes.Spaces++
		}
		w.rowText = true
		w.out = append(w.out, '|')
		w.classes.Punctuation++
	}
	w.out = append(w.out, ' ')
	w.classes.Spaces++
	w.inWord = 0
}

func (w *Writer) lastWide() bool {
	if w.out[len(w.out)-1] < utf8.RuneSelf {
		return false
	}
	r, _ := utf8.DecodeLastRune(w.out)
	return wide(r)
}

// Verbatim writes text whose blanks and line breaks mean something, as code does: indents and runs of blanks stay, tabs
// are four blanks.
func (w *Writer) Verbatim(s []byte) {
	for i := 0; i < len(s); {
		switch s[i] {
		case '\n':
			w.Break(min(w.breaks+1, 2))
			w.pad = 0
			i++
		case ' ':
			w.addPad(1)
			i++
		case '\t':
			w.addPad(4)
			i++
		default:
			end := i
			for end < len(s) && (s[end] > ' ' || s[end] == ' ' && end > i && end+1 < len(s) && s[end+1] > ' ') {
				end++
			}
			end = max(end, i+1)
			w.pending = w.pending || w.pad > 0
			w.Text(s[i:end])
			i = end
		}
	}
}

const maxPad = 64

func (w *Writer) addPad(n int) {
	w.pad = min(w.pad+n, maxPad)
	w.blank, w.pending = oneBlank, true
}
