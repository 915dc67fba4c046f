package clean

import (
	"bytes"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"

	"quarry/internal/prepare/clean/plain"
	"quarry/internal/prepare/clean/rule"
)

// limit cuts the text to the caps, or into parts that keep to them.
func (c *Cleaner) limit(out *Cleaned) {
	if c.cfg.Long == LongWhole {
		return
	}
	chars := int64(c.cfg.MaxChars)
	if c.cfg.MaxTokens != Off {
		if tokens := c.cfg.Weights.tokens(out.Classes); tokens > float64(c.cfg.MaxTokens) {
			// The text's own rate, applied to its parts: what is cut off reads like what stays.
			chars = min(chars, int64(float64(out.FullChars)*float64(c.cfg.MaxTokens)/tokens))
		}
	}
	if out.FullChars <= chars {
		return
	}
	if c.cfg.Long == LongMerge {
		out.Parts = c.split(out.Text, out.FullChars, chars)
		return
	}
	before := len(out.Text)
	if c.cfg.Long == LongHeadTail {
		out.Text = c.headTail(out.Text, int(chars))
	} else {
		out.Text = out.Text[:border(out.Text, offset(out.Text, int(chars)))]
	}
	out.Cut = true
	out.Classes = plain.Classes(out.Text)
	c.counts.Note(rule.Over, before-len(out.Text))
}

// gap is where the middle of a text was left out.
const gap = "\n\n[…]\n\n"

// headTail keeps two thirds of the cap from the beginning and one third from the end.
func (c *Cleaner) headTail(text []byte, chars int) []byte {
	room := chars - utf8.RuneCountInString(gap)
	if room < 20 {
		return text[:border(text, offset(text, chars))]
	}
	head := text[:border(text, offset(text, room*2/3))]
	tail := text[tailBorder(text, offsetFromEnd(text, room/3)):]
	c.cut = append(append(append(c.cut[:0], head...), gap...), tail...)
	return c.cut
}

// offset is the byte at which the given number of characters ends.
func offset(text []byte, chars int) int {
	i := 0
	for ; chars > 0 && i < len(text); chars-- {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(text[i:])
		i += size
	}
	return i
}

func offsetFromEnd(text []byte, chars int) int {
	i := len(text)
	for ; chars > 0 && i > 0; chars-- {
		_, size := utf8.DecodeLastRune(text[:i])
		i -= size
	}
	return i
}

// border finds where to cut a text that may be no longer than limit bytes: at the last paragraph that ends in the last
// tenth, else at a line, a sentence or a word, else between two graphemes.
func border(text []byte, limit int) int {
	if limit >= len(text) {
		return len(text)
	}
	from := limit - limit/10
	window := text[from:limit]
	at := 0
	switch {
	case bytes.HasPrefix(text[limit:], []byte("\n")): // the limit itself is a border
		at = limit
	case bytes.Contains(window, []byte("\n\n")):
		at = from + bytes.LastIndex(window, []byte("\n\n"))
	case bytes.IndexByte(window, '\n') >= 0:
		at = from + bytes.LastIndexByte(window, '\n')
	default:
		if n := lastSentence(window); n > 0 {
			at = from + n
		} else if n := bytes.LastIndexByte(window, ' '); n > 0 {
			at = from + n
		} else {
			at = graphemeBorder(text, limit)
		}
	}
	return len(bytes.TrimRight(text[:at], " \n"))
}

// lastSentence is the place after the last sentence that ends in b, or 0.
func lastSentence(b []byte) int {
	last := 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case (c == '.' || c == '!' || c == '?') && i+1 < len(b) && b[i+1] == ' ':
			last = i + 1
		case c == 0xE3 && i+2 < len(b) && b[i+1] == 0x80 && b[i+2] == 0x82: // 。
			last = i + 3
		case c == 0xEF && i+2 < len(b) && b[i+1] == 0xBC && (b[i+2] == 0x8E || b[i+2] == 0x81 || b[i+2] == 0x9F): // ．！？
			last = i + 3
		}
	}
	return last
}

// graphemeBorder is the last border between graphemes at or before a place. It begins to look at a line end or a blank
// before it, which are borders, and not at the text's beginning.
func graphemeBorder(text []byte, limit int) int {
	from := max(0, limit-1024)
	if n := bytes.LastIndexAny(text[from:limit], " \n"); n >= 0 {
		from += n
	} else {
		for from > 0 && !utf8.RuneStart(text[from]) {
			from--
		}
	}
	at := from
	for g := graphemes.FromBytes(text[from:min(len(text), limit+1024)]); g.Next(); {
		if from+g.End() > limit {
			break
		}
		at = from + g.End()
	}
	if at == 0 {
		at = limit // one grapheme longer than the cap
		for at > 0 && !utf8.RuneStart(text[at]) {
			at--
		}
	}
	return at
}

// tailBorder finds where the end of a text begins: at the first paragraph, line, sentence or blank after a place.
func tailBorder(text []byte, from int) int {
	if from <= 0 {
		return 0
	}
	window := text[from:min(len(text), from+max((len(text)-from)/10, 1))]
	if n := bytes.Index(window, []byte("\n\n")); n >= 0 {
		return from + n + 2
	}
	if n := bytes.IndexByte(window, '\n'); n >= 0 {
		return from + n + 1
	}
	if n := lastSentence(window); n > 0 {
		from += n
	} else if n := bytes.IndexByte(window, ' '); n >= 0 {
		from += n
	} else {
		end := graphemeBorder(text, from)
		from = max(end, 0)
	}
	return from + len(text[from:]) - len(bytes.TrimLeft(text[from:], " \n"))
}
