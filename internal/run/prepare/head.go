package prepare

import (
	"bytes"
	"unicode/utf8"
)

// maxHead bounds the first line of a text, in bytes.
const maxHead = 240

// headOf gives a text's first line that is not blank and does not just say the title again, clipped.
func headOf(text []byte, title string) string {
	text = text[:min(len(text), 4*maxHead)]
	var first []byte
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if first == nil {
			first = line
		}
		if string(bytes.TrimLeft(line, "# ")) != title {
			first = line
			break
		}
	}
	return whole(first[:min(len(first), maxHead)])
}

// whole drops what is left of a character that was cut in two.
func whole(text []byte) string {
	for len(text) > 0 {
		if c, size := utf8.DecodeLastRune(text); c != utf8.RuneError || size > 1 {
			break
		}
		text = text[:len(text)-1]
	}
	return string(text)
}
