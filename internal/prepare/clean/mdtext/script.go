package mdtext

import "bytes"

// This file reads as much of JavaScript as is needed to find the end of what MDX mixes into Markdown: import and export
// statements, expressions in braces, attributes of components.

// maxScript bounds a statement or an expression in bytes.
const maxScript = 64 << 10

// balanced returns where the bracket at i is closed, after it; 0 when it is not. Brackets in strings, templates and comments
// do not count. A quote without its end on the line is an apostrophe in the text of a component.
func balanced(b []byte, i, most int) int {
	b = b[:min(len(b), i+most)]
	var few [64]byte
	open := few[:0]
	for i < len(b) {
		switch c := b[i]; c {
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if len(open) == 0 || closing(open[len(open)-1]) != c {
				return 0
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return i + 1
			}
		default:
			switch n := skipLiteral(b, i); {
			case n < 0:
				return 0
			case n > i:
				i = n
				continue
			}
		}
		i++
	}
	return 0
}

func closing(open byte) byte {
	switch open {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

// skipLiteral returns the end of the string, template or comment at i; i when there is none, and -1 when a template or a comment
// is never closed.
func skipLiteral(b []byte, i int) int {
	switch c := b[i]; c {
	case '"', '\'':
		for j := i + 1; j < len(b) && b[j] != '\n'; j++ {
			switch b[j] {
			case '\\':
				j++
			case c:
				return j + 1
			}
		}
	case '`':
		for j := i + 1; j < len(b); j++ {
			switch b[j] {
			case '\\':
				j++
			case '`':
				return j + 1
			}
		}
		return -1
	case '/':
		if i+1 < len(b) && b[i+1] == '*' {
			if n := bytes.Index(b[i+2:], []byte("*/")); n >= 0 {
				return i + n + 4
			}
			return -1
		}
		if i+1 < len(b) && b[i+1] == '/' && (i == 0 || b[i-1] != ':') {
			if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
				return i + n
			}
			return len(b)
		}
	}
	return i
}

// moduleEnd returns where the import or export statement ends that begins at i, at the end of its last line; 0 when there is
// none. Prose that begins with one of the words is no statement (mdx-js/mdx#195).
func moduleEnd(src []byte, i int) int {
	b := src[:min(len(src), i+maxScript)]
	end := 0
	switch {
	case bytes.HasPrefix(b[i:], []byte("import")):
		end = importEnd(b, i+len("import"))
	case bytes.HasPrefix(b[i:], []byte("export")):
		end = exportEnd(b, i+len("export"))
	}
	if end == 0 {
		return 0
	}
	end = skipSpaces(b, end)
	if end < len(b) && b[end] == ';' {
		end = skipSpaces(b, end+1)
	}
	if end+1 < len(b) && b[end] == '/' && (b[end+1] == '/' || b[end+1] == '*') {
		end = skipSpaces(b, max(end, skipLiteral(b, end)))
	}
	if end < len(b) && b[end] != '\n' && b[end] != '\r' {
		return 0
	}
	return end
}

func skipSpaces(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

// skipGaps passes over blanks, line ends and comments.
func skipGaps(b []byte, i int) int {
	for {
		i = skipSpace(b, i)
		if i >= len(b) || b[i] != '/' {
			return i
		}
		n := skipLiteral(b, i)
		if n <= i {
			return i
		}
		i = n
	}
}

// word returns the end of the name at i; i when there is none.
func word(b []byte, i int) int {
	for i < len(b) && (isAlpha(b[i]) || b[i] >= '0' && b[i] <= '9' || b[i] == '_' || b[i] == '$' || b[i] >= 0x80) {
		i++
	}
	return i
}

// quoted returns the end of the string at i; 0 when there is none.
func quoted(b []byte, i int) int {
	if i < len(b) && (b[i] == '"' || b[i] == '\'') {
		if n := skipLiteral(b, i); n > i {
			return n
		}
	}
	return 0
}

// importEnd reads what follows `import`: a module, or names and `from` a module.
func importEnd(b []byte, i int) int {
	if i >= len(b) || b[i] != ' ' && b[i] != '{' && b[i] != '\'' && b[i] != '"' && b[i] != '*' && b[i] != '\n' {
		return 0
	}
	if i = skipGaps(b, i); i < len(b) && (b[i] == '\'' || b[i] == '"') {
		return attributesEnd(b, quoted(b, i))
	}
	for names := 0; ; names++ {
		if i = skipGaps(b, i); i >= len(b) || names > 4 {
			return 0
		}
		switch b[i] {
		case '{':
			if i = balanced(b, i, maxScript); i == 0 {
				return 0
			}
		case '*':
			as := skipGaps(b, i+1)
			if !bytes.HasPrefix(b[as:], []byte("as ")) {
				return 0
			}
			i = skipGaps(b, as+3)
			if i = word(b, i); i == 0 {
				return 0
			}
		default:
			end := word(b, i)
			if end == i {
				return 0
			}
			if string(b[i:end]) == "from" {
				return attributesEnd(b, quoted(b, skipGaps(b, end)))
			}
			if names == 0 && (string(b[i:end]) == "type" || string(b[i:end]) == "typeof") {
				i = end
				continue
			}
			i = end
		}
		if i = skipGaps(b, i); i < len(b) && b[i] == ',' {
			i++
			continue
		}
		if !bytes.HasPrefix(b[min(i, len(b)):], []byte("from")) {
			return 0
		}
	}
}

// attributesEnd passes over `with {type: 'json'}` after a module.
func attributesEnd(b []byte, i int) int {
	if i == 0 {
		return 0
	}
	at := skipSpaces(b, i)
	for _, w := range [...]string{"with", "assert"} {
		if bytes.HasPrefix(b[at:], []byte(w)) {
			if at = skipGaps(b, at+len(w)); at < len(b) && b[at] == '{' {
				return balanced(b, at, maxScript)
			}
			return 0
		}
	}
	return i
}

// exportEnd reads what follows `export`.
func exportEnd(b []byte, i int) int {
	if i >= len(b) || b[i] != ' ' && b[i] != '{' && b[i] != '*' {
		return 0
	}
	i = skipGaps(b, i)
	switch {
	case i >= len(b):
		return 0
	case b[i] == '{':
		if i = balanced(b, i, maxScript); i == 0 {
			return 0
		}
		return fromEnd(b, i)
	case b[i] == '*':
		i = skipGaps(b, i+1)
		if bytes.HasPrefix(b[i:], []byte("as ")) {
			i = word(b, skipGaps(b, i+3))
		}
		if end := fromEnd(b, i); end != i {
			return end
		}
		return 0
	}
	end := word(b, i)
	switch keyword := string(b[i:end]); keyword {
	case "const", "let", "var":
		return declarationsEnd(b, end)
	case "function", "class", "async", "interface", "enum", "abstract", "namespace":
		return bodyEnd(b, end, keyword == "class" || keyword == "interface" || keyword == "enum" || keyword == "abstract" || keyword == "namespace")
	case "type":
		return declarationsEnd(b, end)
	case "default":
		return defaultEnd(b, end)
	}
	return 0
}

// fromEnd reads an optional `from` a module.
func fromEnd(b []byte, i int) int {
	at := skipGaps(b, i)
	if !bytes.HasPrefix(b[min(at, len(b)):], []byte("from")) {
		return i
	}
	if end := quoted(b, skipGaps(b, at+len("from"))); end > 0 {
		return attributesEnd(b, end)
	}
	return i
}

// declarationsEnd reads `NAME = …` and `{a, b} = …`.
func declarationsEnd(b []byte, i int) int {
	if i >= len(b) || b[i] != ' ' && b[i] != '\n' {
		return 0
	}
	i = skipGaps(b, i)
	end := word(b, i)
	if end == i {
		if i >= len(b) || b[i] != '{' && b[i] != '[' {
			return 0
		}
		if end = balanced(b, i, maxScript); end == 0 {
			return 0
		}
	}
	if i = skipGaps(b, end); i < len(b) && b[i] == ':' { // a type
		n := bytes.IndexByte(b[i:], '=')
		if n < 0 || bytes.IndexByte(b[i:i+n], '\n') >= 0 {
			return 0
		}
		i += n
	}
	if i >= len(b) || b[i] != '=' {
		return 0
	}
	return expressionEnd(b, i+1)
}

// bodyEnd reads a function or class: a name, its parameters or what it extends, and a body in braces.
func bodyEnd(b []byte, i int, class bool) int {
	for parameters := class; i < len(b); {
		switch c := b[i]; {
		case c == '(':
			if i = balanced(b, i, maxScript); i == 0 {
				return 0
			}
			parameters = true
		case c == '{':
			if !parameters {
				return 0
			}
			return balanced(b, i, maxScript)
		case c == '\n' && !class && !parameters, c == '.' && !class:
			return 0
		default:
			i++
		}
	}
	return 0
}

// defaultEnd reads what follows `export default`: a function, a class, or an expression, which a sentence is not.
func defaultEnd(b []byte, i int) int {
	if i = skipGaps(b, i); i >= len(b) {
		return 0
	}
	end := word(b, i)
	switch string(b[i:end]) {
	case "function", "async":
		return bodyEnd(b, end, false)
	case "class":
		return bodyEnd(b, end, true)
	case "":
		switch b[i] {
		case '(', '[', '{', '\'', '"', '`', '<':
			return expressionEnd(b, i)
		}
		return 0
	case "new", "await":
		return expressionEnd(b, end)
	}
	switch rest := b[skipSpaces(b, end):]; {
	case len(rest) == 0, rest[0] == '\n', rest[0] == '\r', rest[0] == ';', rest[0] == '(', rest[0] == '.' && len(rest) > 1 && isAlpha(rest[1]), bytes.HasPrefix(rest, []byte("=>")):
		return expressionEnd(b, i)
	}
	return 0
}

// expressionEnd reads an expression: to the end of a line at which no bracket is open and no operator waits.
func expressionEnd(b []byte, i int) int {
	last := byte('=')
	for i < len(b) {
		switch c := b[i]; c {
		case ';':
			return i
		case '(', '[', '{':
			if i = balanced(b, i, maxScript); i == 0 {
				return 0
			}
			last = ')'
			continue
		case ')', ']', '}':
			return 0
		case '\n':
			if !bytes.Contains([]byte("=+-*,&|?:<"), []byte{last}) && !continues(b, i+1) {
				return i
			}
			if last != '=' && last != '>' && i+1 < len(b) && b[i+1] == '\n' {
				return 0
			}
		case ' ', '\t', '\r':
		default:
			n := skipLiteral(b, i)
			if n < 0 {
				return 0
			}
			if n > i {
				if c != '/' {
					last = c
				}
				i = n
				continue
			}
			if last = c; c == '>' && i > 0 && b[i-1] == '=' {
				last = '='
			}
		}
		i++
	}
	if len(b) > 0 && last != '=' {
		return len(b)
	}
	return 0
}

// continues reports whether a line continues with an expression.
func continues(b []byte, i int) bool {
	i = skipSpaces(b, i)
	return i < len(b) && (b[i] == '.' || b[i] == '?' || b[i] == '&' && i+1 < len(b) && b[i+1] == '&' || b[i] == '|' && i+1 < len(b) && b[i+1] == '|')
}
