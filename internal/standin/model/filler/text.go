package filler

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"quarry/internal/standin/model/ask"
)

// formats are texts of the forms that JSON Schema names, by rule the same ones every time. The second of each is there for
// lists whose items must differ.
var formats = map[string]func(nth int) string{
	"date":                  func(n int) string { return fmt.Sprintf("2000-01-%02d", n%28+1) },
	"date-time":             func(n int) string { return fmt.Sprintf("2000-01-01T00:%02d:00Z", n%60) },
	"time":                  func(n int) string { return fmt.Sprintf("00:%02d:00Z", n%60) },
	"duration":              func(n int) string { return fmt.Sprintf("P%dD", n+1) },
	"email":                 func(n int) string { return fmt.Sprintf("filler%d@example.com", n+1) },
	"idn-email":             func(n int) string { return fmt.Sprintf("filler%d@example.com", n+1) },
	"hostname":              func(n int) string { return fmt.Sprintf("filler%d.example.com", n+1) },
	"idn-hostname":          func(n int) string { return fmt.Sprintf("filler%d.example.com", n+1) },
	"ipv4":                  func(n int) string { return fmt.Sprintf("192.0.2.%d", n%254+1) }, // RFC 5737: for documentation
	"ipv6":                  func(n int) string { return fmt.Sprintf("2001:db8::%x", n+1) },
	"uri":                   func(n int) string { return fmt.Sprintf("https://example.com/filler/%d", n+1) },
	"url":                   func(n int) string { return fmt.Sprintf("https://example.com/filler/%d", n+1) },
	"iri":                   func(n int) string { return fmt.Sprintf("https://example.com/filler/%d", n+1) },
	"uri-reference":         func(n int) string { return fmt.Sprintf("/filler/%d", n+1) },
	"iri-reference":         func(n int) string { return fmt.Sprintf("/filler/%d", n+1) },
	"uri-template":          func(n int) string { return fmt.Sprintf("/filler/%d/{id}", n+1) },
	"uuid":                  func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n+1) },
	"json-pointer":          func(n int) string { return fmt.Sprintf("/filler/%d", n+1) },
	"relative-json-pointer": func(n int) string { return fmt.Sprintf("%d/filler", n) },
	"regex":                 func(n int) string { return fmt.Sprintf("filler{%d}", n+1) },
	"byte":                  func(int) string { return "ZmlsbGVy" }, // OpenAPI: base64
}

// text writes a text by rule: of the demanded form, else the shortest sentence that fits, else a part of one. nth selects
// another text than the ones before it.
func (w *Writer) text(key string, n *ask.Node, nth int) (string, error) {
	var example string
	if len(n.Example) > 0 && n.Example.Kind() == '"' {
		example = strings.Trim(string(n.Example), `"`) // one with escapes does not fit and is passed over
	}
	var choices []string
	if form, ok := formats[n.Format]; ok {
		choices = append(choices, form(nth))
	} else if nth == 0 {
		choices = append(choices, example)
	}
	sentences := w.sentences()
	if len(n.Patterns) == 0 {
		if nth < len(sentences) {
			choices = append(choices, sentences[nth])
		}
		if nth == 0 {
			choices = append(choices, sentences...)
			choices = append(choices, shorten(n, sentences))
		} else {
			choices = append(choices, numbered(n, nth))
		}
		choices = append(choices, lengthen(n, sentences, nth))
	} else {
		choices = append(choices, sentences...)
		for _, pattern := range n.Patterns {
			for _, least := range []int{0, n.MinLength} {
				if s, err := fromPatternOf(pattern, nth, least); err == nil {
					choices = append(choices, s)
				}
			}
		}
	}
	for _, s := range choices {
		if s != "" && fitsText(n, s) {
			return s, nil
		}
	}
	if fitsText(n, "") {
		return "", nil
	}
	return "", w.cannot(key, whyText(n))
}

func whyText(n *ask.Node) string {
	switch {
	case n.MaxLength >= 0 && n.MinLength > n.MaxLength:
		return fmt.Sprintf("it wants at least %d characters and at most %d", n.MinLength, n.MaxLength)
	case len(n.Patterns) > 0:
		return fmt.Sprintf("no rule makes a text that matches the pattern %q within its length", strings.Join(n.Patterns, `" and "`))
	case n.Format != "":
		return fmt.Sprintf("no rule makes a text of the format %q within its length", n.Format)
	}
	return fmt.Sprintf("no rule makes a text of %d to %d characters", n.MinLength, n.MaxLength)
}

// numbered is a short text that differs for each number.
func numbered(n *ask.Node, nth int) string {
	s := fmt.Sprintf("item %d", nth+1)
	if n.MaxLength >= 0 && utf8.RuneCountInString(s) > n.MaxLength {
		s = fmt.Sprint(nth + 1)
	}
	return s
}

// shorten cuts the first text at a word so that it fits.
func shorten(n *ask.Node, texts []string) string {
	if n.MaxLength <= 0 || len(texts) == 0 {
		return ""
	}
	runes := []rune(texts[0])
	if len(runes) <= n.MaxLength {
		return texts[0]
	}
	cut := string(runes[:n.MaxLength])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 && utf8.RuneCountInString(strings.TrimSpace(cut[:i])) >= n.MinLength {
		cut = cut[:i]
	}
	return strings.TrimSpace(cut)
}

// maxText is the longest text that a schema can demand here.
const maxText = 100_000

// lengthen repeats the sentences until there are enough characters, and cuts at the most that is allowed.
func lengthen(n *ask.Node, sentences []string, nth int) string {
	if n.MinLength > maxText || n.MaxLength >= 0 && n.MinLength > n.MaxLength {
		return ""
	}
	all := strings.Join(sentences, " ")
	if nth > 0 {
		all = fmt.Sprintf("%d. %s", nth+1, all)
	}
	if all == "" {
		all = "filler"
	}
	runes := []rune(all)
	for len(runes) < n.MinLength {
		runes = append(append(runes, ' '), []rune(all)...)
	}
	end := max(n.MinLength, 1)
	if n.MaxLength >= 0 {
		end = min(end, n.MaxLength)
	}
	return string(runes[:min(end, len(runes))])
}

// fitsText tells whether a text obeys the limits of its place. A format is only known by its name; patterns are those of Go,
// which lack look-around.
func fitsText(n *ask.Node, s string) bool {
	length := utf8.RuneCountInString(s)
	if length < n.MinLength || n.MaxLength >= 0 && length > n.MaxLength {
		return false
	}
	if form, ok := formats[n.Format]; ok && !sameForm(form(0), s) {
		return false
	}
	for _, pattern := range n.Patterns {
		re, err := compile(pattern)
		if err != nil || !re.MatchString(s) {
			return false
		}
	}
	return true
}

// sameForm compares two texts of a format by where their marks are, letters and digits not looked at.
func sameForm(a, b string) bool {
	shape := func(s string) string {
		return strings.Map(func(r rune) rune {
			switch {
			case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
				return -1
			}
			return r
		}, s)
	}
	return shape(a) == shape(b)
}

// compile reads a pattern of ECMA-262 as far as Go's own syntax has it.
func compile(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile(goSyntax(pattern))
}

// goSyntax writes the one escape that ECMA-262 has and Go has not, \uXXXX, as \x{XXXX}.
func goSyntax(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			if pattern[i+1] == 'u' && i+6 <= len(pattern) && isHex(pattern[i+2:i+6]) {
				b.WriteString(`\x{` + pattern[i+2:i+6] + `}`)
				i += 5
				continue
			}
			b.WriteString(pattern[i : i+2])
			i++
			continue
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
