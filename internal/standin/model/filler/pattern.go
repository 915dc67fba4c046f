package filler

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// fromPattern makes a text that matches a pattern. nth selects another one.
func fromPattern(pattern string, nth int) (string, error) { return fromPatternOf(pattern, nth, 0) }

// fromPatternOf makes a text that matches a pattern and has at least so many characters, as far as the pattern's own
// repetitions can be longer. What it makes is to be checked: word boundaries are not looked at.
func fromPatternOf(pattern string, nth, least int) (string, error) {
	parsed, err := syntax.Parse(goSyntax(pattern), syntax.Perl)
	if err != nil {
		return "", fmt.Errorf("the built-in model cannot write text for the pattern %q: %w", pattern, err)
	}
	m := &maker{nth: nth}
	text := m.make(parsed)
	for more := 1; utf8.RuneCountInString(text) < least && more <= least && m.open; more++ {
		m.more, m.nth = min(more, maxText), nth
		text = m.make(parsed)
		if len(text) > 4*maxText {
			break
		}
	}
	return text, nil
}

// maker writes the shortest text of an expression; nth is spent on the first places where there is a choice.
type maker struct {
	nth  int
	more int  // further repetitions, where there may be any
	open bool // there is a repetition without end
}

func (m *maker) make(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		return string(m.from(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return string(m.from([]rune{'a', 'z'}))
	case syntax.OpCapture:
		return m.make(re.Sub[0])
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(m.make(sub))
		}
		return b.String()
	case syntax.OpAlternate:
		i := min(m.nth, len(re.Sub)-1)
		m.nth -= i
		return m.make(re.Sub[i])
	case syntax.OpStar:
		return m.repeat(re.Sub[0], 0, -1)
	case syntax.OpPlus:
		return m.repeat(re.Sub[0], 1, -1)
	case syntax.OpQuest:
		return m.repeat(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		return m.repeat(re.Sub[0], re.Min, re.Max)
	}
	return "" // anchors and boundaries take no room
}

func (m *maker) repeat(re *syntax.Regexp, least, most int) string {
	times := least + m.more
	if most >= 0 {
		times = min(times, most)
	}
	m.open = m.open || most < 0 || most > least
	var b strings.Builder
	for range times {
		b.WriteString(m.make(re))
		if b.Len() > 4*maxText {
			break
		}
	}
	return b.String()
}

// from takes a character of a class, a readable one where there is one, and another one for each nth.
func (m *maker) from(ranges []rune) rune {
	var readable []rune
	for _, span := range [][2]rune{{'a', 'z'}, {'A', 'Z'}, {'0', '9'}} {
		for r := span[0]; r <= span[1]; r++ {
			if inRanges(ranges, r) {
				readable = append(readable, r)
			}
		}
	}
	if len(readable) == 0 {
		if len(ranges) == 0 {
			return utf8.RuneError
		}
		for r := ranges[0]; r <= ranges[1] && len(readable) < 64; r++ {
			readable = append(readable, r)
		}
	}
	i := m.nth % len(readable)
	m.nth /= len(readable)
	return readable[i]
}

func inRanges(ranges []rune, r rune) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i] <= r && r <= ranges[i+1] {
			return true
		}
	}
	return false
}
