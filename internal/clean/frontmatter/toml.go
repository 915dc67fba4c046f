package frontmatter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parseTOML reads the part of TOML 1.0 that front matter is written in: all of it but for the fine points of which table
// may be extended where. Dates and times stay the strings they are written as.
func parseTOML(src []byte) (map[string]any, error) {
	p := tomlParser{s: string(src), line: 1}
	root := map[string]any{}
	table := root
	for {
		p.skip(true)
		if p.at >= len(p.s) {
			return root, nil
		}
		var err error
		if p.s[p.at] == '[' {
			table, err = p.header(root)
		} else {
			err = p.pair(table)
		}
		if err == nil {
			err = p.lineEnd()
		}
		if err != nil {
			return nil, fmt.Errorf("read TOML front matter, line %d: %w", p.line, err)
		}
	}
}

type tomlParser struct {
	s     string
	at    int
	line  int
	depth int
}

var (
	errKey   = errors.New("want a key")
	errValue = errors.New("want a value")
	errTwice = errors.New("a key stands twice")
	errDeep  = errors.New("values nest too deep")
)

// skip passes blanks and, where they may stand, line ends and comments.
func (p *tomlParser) skip(lines bool) {
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == ' ' || c == '\t':
			p.at++
		case lines && (c == '\n' || c == '\r'):
			if c == '\n' {
				p.line++
			}
			p.at++
		case lines && c == '#':
			p.comment()
		default:
			return
		}
	}
}

func (p *tomlParser) comment() {
	for p.at < len(p.s) && p.s[p.at] != '\n' {
		p.at++
	}
}

func (p *tomlParser) lineEnd() error {
	p.skip(false)
	if p.at < len(p.s) && p.s[p.at] == '#' {
		p.comment()
	}
	if p.at < len(p.s) && p.s[p.at] == '\r' {
		p.at++
	}
	if p.at < len(p.s) && p.s[p.at] != '\n' {
		return fmt.Errorf("unexpected %q behind a value", p.s[p.at])
	}
	return nil
}

// header reads [table] or [[array.of.tables]] and returns the table that follows.
func (p *tomlParser) header(root map[string]any) (map[string]any, error) {
	array := strings.HasPrefix(p.s[p.at:], "[[")
	p.at++
	if array {
		p.at++
	}
	keys, err := p.keys()
	if err != nil {
		return nil, err
	}
	end := "]"
	if array {
		end = "]]"
	}
	if !strings.HasPrefix(p.s[p.at:], end) {
		return nil, fmt.Errorf("want %s", end)
	}
	p.at += len(end)
	parent, err := descend(root, keys[:len(keys)-1])
	if err != nil {
		return nil, err
	}
	last := keys[len(keys)-1]
	if !array {
		return descend(parent, []string{last})
	}
	list, ok := parent[last].([]any)
	if !ok && parent[last] != nil {
		return nil, errTwice
	}
	table := map[string]any{}
	parent[last] = append(list, table)
	return table, nil
}

// descend follows keys from a table, and makes the tables that are not there. Of an array of tables the last one counts.
func descend(table map[string]any, keys []string) (map[string]any, error) {
	for _, key := range keys {
		switch v := table[key].(type) {
		case nil:
			next := map[string]any{}
			table[key] = next
			table = next
		case map[string]any:
			table = v
		case []any:
			last, ok := v[len(v)-1].(map[string]any)
			if !ok {
				return nil, errTwice
			}
			table = last
		default:
			return nil, errTwice
		}
	}
	return table, nil
}

func (p *tomlParser) pair(table map[string]any) error {
	keys, err := p.keys()
	if err != nil {
		return err
	}
	if p.at >= len(p.s) || p.s[p.at] != '=' {
		return errors.New("want =")
	}
	p.at++
	p.skip(false)
	value, err := p.value()
	if err != nil {
		return err
	}
	if table, err = descend(table, keys[:len(keys)-1]); err != nil {
		return err
	}
	last := keys[len(keys)-1]
	if _, twice := table[last]; twice {
		return errTwice
	}
	table[last] = value
	return nil
}

// keys reads a dotted key.
func (p *tomlParser) keys() ([]string, error) {
	var keys []string
	for len(keys) < maxDepth {
		p.skip(false)
		if p.at >= len(p.s) {
			return nil, errKey
		}
		var key string
		if c := p.s[p.at]; c == '"' || c == '\'' {
			s, err := p.text()
			if err != nil {
				return nil, err
			}
			key = s
		} else {
			from := p.at
			for p.at < len(p.s) && bareKey(p.s[p.at]) {
				p.at++
			}
			if key = p.s[from:p.at]; key == "" {
				return nil, errKey
			}
		}
		keys = append(keys, key)
		p.skip(false)
		if p.at >= len(p.s) || p.s[p.at] != '.' {
			return keys, nil
		}
		p.at++
	}
	return nil, errDeep
}

func bareKey(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func (p *tomlParser) value() (any, error) {
	if p.at >= len(p.s) {
		return nil, errValue
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errDeep
	}
	defer func() { p.depth-- }()
	switch p.s[p.at] {
	case '"', '\'':
		return p.text()
	case '[':
		return p.array()
	case '{':
		return p.inlineTable()
	}
	from := p.at
	for p.at < len(p.s) && strings.IndexByte(",]}#\r\n", p.s[p.at]) < 0 {
		p.at++
	}
	word := strings.TrimSpace(p.s[from:p.at])
	switch word {
	case "":
		return nil, errValue
	case "true", "false":
		return word == "true", nil
	}
	digits := strings.ReplaceAll(word, "_", "")
	if n, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(digits, 64); err == nil {
		return f, nil
	}
	if word[0] >= '0' && word[0] <= '9' && strings.Trim(word, "0123456789-:.+TtZz ") == "" {
		return word, nil // a date or a time
	}
	return nil, fmt.Errorf("%q is no value", word)
}

func (p *tomlParser) array() (any, error) {
	p.at++
	list := []any{}
	for {
		p.skip(true)
		if p.at >= len(p.s) {
			return nil, errors.New("an array has no end")
		}
		if p.s[p.at] == ']' {
			p.at++
			return list, nil
		}
		value, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		p.skip(true)
		if p.at < len(p.s) && p.s[p.at] == ',' {
			p.at++
		} else if p.at >= len(p.s) || p.s[p.at] != ']' {
			return nil, errors.New("want , or ] in an array")
		}
	}
}

func (p *tomlParser) inlineTable() (any, error) {
	p.at++
	table := map[string]any{}
	for {
		p.skip(true)
		if p.at >= len(p.s) {
			return nil, errors.New("an inline table has no end")
		}
		if p.s[p.at] == '}' {
			p.at++
			return table, nil
		}
		if err := p.pair(table); err != nil {
			return nil, err
		}
		p.skip(true)
		if p.at < len(p.s) && p.s[p.at] == ',' {
			p.at++
		} else if p.at >= len(p.s) || p.s[p.at] != '}' {
			return nil, errors.New("want , or } in an inline table")
		}
	}
}

// text reads a string of one of the four kinds.
func (p *tomlParser) text() (string, error) {
	quote := p.s[p.at : p.at+1]
	long := strings.Repeat(quote, 3)
	if strings.HasPrefix(p.s[p.at:], long) {
		p.at += 3
		p.at += len(p.s[p.at:]) - len(strings.TrimPrefix(strings.TrimPrefix(p.s[p.at:], "\r"), "\n"))
		return p.until(long, quote == `"`)
	}
	p.at++
	return p.until(quote, quote == `"`)
}

func (p *tomlParser) until(end string, escapes bool) (string, error) {
	var b strings.Builder
	for p.at < len(p.s) {
		c := p.s[p.at]
		switch {
		case strings.HasPrefix(p.s[p.at:], end):
			p.at += len(end)
			for len(end) == 3 && p.at < len(p.s) && p.s[p.at] == end[0] { // quotes just before the end belong to the text
				b.WriteByte(end[0])
				p.at++
			}
			return b.String(), nil
		case c == '\n' && len(end) == 1:
			return "", errors.New("a string has no end")
		case c == '\\' && escapes:
			if err := p.escape(&b); err != nil {
				return "", err
			}
			continue
		case c == '\n':
			p.line++
		}
		b.WriteByte(c)
		p.at++
	}
	return "", errors.New("a string has no end")
}

func (p *tomlParser) escape(b *strings.Builder) error {
	if p.at+1 >= len(p.s) {
		return errors.New("a string has no end")
	}
	c := p.s[p.at+1]
	p.at += 2
	if n := strings.IndexByte(`btnfr"\e`, c); n >= 0 {
		b.WriteByte("\b\t\n\f\r\"\\\x1b"[n])
		return nil
	}
	switch c {
	case 'u', 'U':
		digits := 4
		if c == 'U' {
			digits = 8
		}
		if p.at+digits > len(p.s) {
			return errors.New("an escape has no end")
		}
		n, err := strconv.ParseUint(p.s[p.at:p.at+digits], 16, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return fmt.Errorf("\\%c%s is no character", c, p.s[p.at:p.at+digits])
		}
		b.WriteRune(rune(n))
		p.at += digits
		return nil
	case '\n', '\r', ' ', '\t':
		p.at--
		rest := strings.TrimLeft(p.s[p.at:], " \t\r\n")
		p.line += strings.Count(p.s[p.at:len(p.s)-len(rest)], "\n")
		p.at = len(p.s) - len(rest)
		return nil
	}
	return fmt.Errorf("\\%c is no escape", c)
}
