package clean

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// title makes a title one line of plain text: references decoded, blanks collapsed, characters without text dropped.
// Tags stay, because a title that holds "<" is about one far more often than it is marked up.
func (c *Cleaner) title(s string) string {
	if isPlainTitle(s) {
		return s
	}
	c.titles.Reset()
	b := []byte(s)
	for len(b) > 0 {
		n := bytes.IndexByte(b, '&')
		if n < 0 {
			n = len(b)
		}
		c.titles.Text(b[:n])
		if b = b[n:]; len(b) == 0 {
			break
		}
		text, length := c.names.DecodeStrict(b)
		if length == 0 {
			text, length = b[:1], 1
		}
		c.titles.Text(text)
		b = b[length:]
	}
	text, _ := c.titles.Finish()
	return string(text)
}

// isPlainTitle reports whether a title is one already, which nearly all are.
func isPlainTitle(s string) bool {
	if strings.IndexByte(s, '&') >= 0 || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.Contains(s, "  ") {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < ' ' || c == 0x7F {
			return false
		}
		if c < utf8.RuneSelf {
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !plainTitleRune(r) || r == utf8.RuneError && size == 1 {
			return false
		}
		i += size - 1
	}
	return true
}

// plainTitleRune reports whether a character can stay as it is; it may say no for one that can.
func plainTitleRune(r rune) bool {
	return r >= 0xA1 && r < 0x300 && r != 0xAD || r >= 0x2010 && r <= 0x2027 || r >= 0x2190 && r <= 0x22FF ||
		r >= 0x3001 && r <= 0x3029 || r >= 0x3041 && r <= 0x3096 || r >= 0x309D && r <= 0x30FF ||
		r >= 0x4E00 && r <= 0x9FFF || r >= 0xFF01 && r <= 0xFF60 || r >= 0x1F300 && r <= 0x1FAFF
}
