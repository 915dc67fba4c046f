package clean

import (
	"bytes"
	"unicode/utf8"

	"quarry"
	"quarry/internal/prepare/clean/plain"
)

// split cuts a text of so many characters into parts of no more than room characters, each within the cap of tokens too.
// The parts come out about as long as one another: a last part of three lines would be answered from three lines.
func (c *Cleaner) split(text []byte, chars, room int64) [][]byte {
	c.parts = c.parts[:0]
	room = max(room, 1)
	for len(text) > 0 {
		end := len(text)
		if chars > room || !c.fits(text) {
			end = c.partEnd(text, chars, room)
		}
		part := bytes.TrimRight(text[:end], " \n")
		c.parts = append(c.parts, part)
		rest := bytes.TrimLeft(text[end:], " \n")
		chars -= int64(utf8.RuneCount(text[:len(text)-len(rest)]))
		text = rest
	}
	return c.parts
}

// partEnd is where the first part of a text ends that has to be cut: before a heading where one is in the part's last
// half, else as a text is cut.
func (c *Cleaner) partEnd(text []byte, chars, room int64) int {
	for {
		fair := room // the length at which as few parts as can be are equally long
		if n := (chars + room - 1) / room; n > 1 {
			fair = (chars + n - 1) / n
		} else if chars > 1 { // it fits by its characters, and not by its tokens
			fair = (chars + 1) / 2
		}
		low, mid := offset(text, int(fair/2)), offset(text, int(fair))
		high := mid + offset(text[mid:], int(room-fair))
		end := headingIn(text, low, mid, high)
		if end == 0 {
			end = border(text, mid+offset(text[mid:], int(min(fair/20, room-fair))))
		}
		if end == 0 { // blanks and nothing else, which no cleaned text begins with
			end = high
		}
		if c.fits(text[:end]) || room == 1 {
			return end
		}
		room = max(fair*9/10, 1)
	}
}

// fits reports whether a text keeps to the cap of tokens.
func (c *Cleaner) fits(text []byte) bool {
	return c.cfg.MaxTokens == Off || c.cfg.Weights.tokens(plain.Classes(text)) <= float64(c.cfg.MaxTokens)
}

// headingIn finds the heading before which a part ends: of those between low and high the highest, and of several the
// one nearest to mid; 0 where there is none.
func headingIn(text []byte, low, mid, high int) int {
	best, bestLevel := 0, maxHeading+1
	for at := max(low, 1); at < high; {
		n := bytes.Index(text[at:high], []byte("\n#"))
		if n < 0 {
			break
		}
		at += n + 1
		level := headingLevel(text[at:])
		if level == 0 || level > bestLevel || (level == bestLevel && distance(at, mid) > distance(best, mid)) {
			continue
		}
		best, bestLevel = at, level
	}
	return best
}

const maxHeading = 6

// headingLevel is the level of the heading that a line begins, or 0. Rules.PlainHeadings leaves no marks, and so no
// headings to be seen.
func headingLevel(line []byte) int {
	n := 0
	for n < len(line) && line[n] == '#' {
		n++
	}
	if n == 0 || n > maxHeading || n == len(line) || line[n] != ' ' {
		return 0
	}
	return n
}

func distance(a, b int) int { return max(a-b, b-a) }

// Classes counts the characters of a text, such as a part, as Cleaned.Classes counts those of the whole.
func Classes(text []byte) quarry.CharClasses { return plain.Classes(text) }
