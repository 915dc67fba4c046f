package jsonl

import (
	"bytes"

	"quarry/internal/prepare/source/cut"
)

// layout is how the items of a file are held together.
type layout int

const (
	loose  layout = iota // one after the other
	array                // in an array that is the file
	inside               // in arrays somewhere inside of the file
)

// notClosed is the fault of an array whose end is missing, or that of the object around it: the file was cut off between two
// items, and how many are lost cannot be known.
const notClosed = "the array of items does not end: the file is truncated here"

// rules cuts values: what is between brackets that fit. Commas, white space and the brackets of an array around the
// items are skipped.
func rules(held layout, path []string) cut.Rules {
	begun, doubt := false, false
	closed := held == loose
	missed := false
	var gap *walker // after the last array that was read to its end
	return cut.Rules{
		End: func() string {
			switch {
			case !closed:
				return notClosed
			case gap != nil:
				gap.missed = gap.missed || missed
				return gap.fault()
			}
			return ""
		},
		Gap: func() func([]byte) (int, bool) {
			return func(data []byte) (n int, ends bool) {
				n, ends = gap.walk(data)
				closed, missed = !ends, missed || gap.missed
				return n, ends
			}
		},
		Next: func(data []byte, more cut.More) (start, end, skip int) {
			i, passed := 0, 0
			if !begun && bytes.HasPrefix(data, []byte("\ufeff")) {
				i = len("\ufeff")
			}
			begun = begun || len(data) > 2
			for i < len(data) {
				c := data[i]
				if c == ']' && held == inside {
					// The next array is looked for in the data; where that ends first, from the same place on as a stretch.
					next := newWalker(path, true)
					n, ends := next.walk(data[i+1:])
					if !ends {
						gap = newWalker(path, true)
						return i + 1, cut.Gap, 0
					}
					i += 1 + n
					missed, passed = missed || next.missed, i
					continue
				}
				if c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ',' && c != ']' && (c != '[' || held == inside) {
					break
				}
				closed = closed || c == ']'
				i++
			}
			if i == len(data) {
				return i, 0, max(passed, forgettable(data))
			}
			// An item without its closing bracket swallows all after it, and each after it would be looked for to the
			// end of the buffer again. So the first such puts the layout above the brackets.
			if doubt {
				if at := nextLike(data, i, true); at >= 0 {
					if end, fits, _ := valueEnd(data[:at], i); fits {
						return i, end, 0
					}
					return i, at, 0
				}
			}
			end, fits, broken := valueEnd(data, i)
			switch {
			case fits:
				return i, end, 0
			case broken || more == cut.None:
				// A broken item ends where the next one seems to begin.
				if at := nextLike(data, i, true); at >= 0 {
					doubt = true
					return i, at, 0
				}
			case more == cut.Full:
				if at := nextLike(data, i, false); at >= 0 {
					doubt = true
					return i, at, 0
				}
			}
			if more == cut.None {
				closed = true // this item's own fault says that the file is cut off
				return i, len(data), 0
			}
			return i, 0, max(passed, i-cut.Between)
		},
		Skipper: func() func([]byte) int { return (&skipper{}).skip },
	}
}

// forgettable is what of the space between items need not be kept: how deep the next one is must be seen.
func forgettable(data []byte) int {
	if len(data) < cut.Between {
		return 0
	}
	return max(bytes.LastIndexByte(data, '\n'), len(data)-cut.Between)
}

// valueEnd gives the index after the value at i. Where it does not fit into the data, broken says that more data will
// not help: brackets that do not match, or a line break inside a string.
func valueEnd(data []byte, i int) (end int, fits, broken bool) {
	if data[i] != '{' && data[i] != '[' && data[i] != '"' {
		for i < len(data) && data[i] != ',' && data[i] != '\n' && data[i] != ']' && data[i] != '{' {
			i++
		}
		return i, i < len(data), false
	}
	var few [64]byte
	open := few[:0]
	for i < len(data) {
		switch c := data[i]; c {
		case '"':
			end, ok, broken := stringEnd(data, i)
			if !ok {
				return end, false, broken
			}
			i = end - 1
		case '{', '[':
			open = append(open, c+2) // its counterpart in ASCII
		case '}', ']':
			if len(open) == 0 || open[len(open)-1] != c {
				return i, false, true
			}
			open = open[:len(open)-1]
		}
		i++
		if len(open) == 0 {
			return i, true, false
		}
	}
	return i, false, false
}

// stringEnd gives the index after the string that opens at i.
func stringEnd(data []byte, i int) (end int, ok, broken bool) {
	start := i + 1
	for at := start; ; {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 {
			return len(data), false, bytes.IndexByte(data[at:], '\n') >= 0
		}
		if bytes.IndexByte(data[at:at+n], '\n') >= 0 {
			return at, false, true
		}
		at += n + 1
		k := at - 2
		for k >= start && data[k] == '\\' {
			k--
		}
		if (at-k)%2 == 0 {
			return at, true, false
		}
	}
}

// nextLike finds where the next item seems to begin: an object on a line of its own, as deep as this one; or, where
// heads count, an object with the same first name. -1: nowhere.
func nextLike(data []byte, i int, heads bool) int {
	var marks [][]byte
	indent := data[bytes.LastIndexByte(data[:i], '\n')+1 : i]
	if len(bytes.Trim(indent, " \t[")) == 0 {
		marks = append(marks, append(append([]byte{'\n'}, bytes.TrimRight(indent, "[")...), '{'))
	}
	if heads && data[i] == '{' {
		near := data[i:min(i+200, len(data))]
		if open := bytes.IndexByte(near, '"'); open >= 0 {
			if closing := bytes.IndexByte(near[open+1:], '"'); closing >= 0 {
				marks = append(marks, near[:open+1+closing+1])
			}
		}
	}
	// In steps: what one mark finds close by must not cost a look for the other to the end of the buffer.
	for from, step := i+1, 1024; from < len(data); from, step = from+step, 2*step {
		at := -1
		for _, mark := range marks {
			window := data[from:min(from+step+len(mark), len(data))]
			if n := bytes.Index(window, mark); n >= 0 {
				n += from + bytes.IndexByte(mark, '{')
				if at < 0 || n < at {
					at = n
				}
			}
		}
		if at >= 0 {
			return at
		}
	}
	return -1
}

// skipper reads over one value and holds nothing of it.
type skipper struct {
	depth           int
	inside, escaped bool // a string
}

func (s *skipper) skip(data []byte) int {
	for i, c := range data {
		switch {
		case s.escaped:
			s.escaped = false
		case s.inside:
			switch c {
			case '"':
				s.inside = false
			case '\\':
				s.escaped = true
			case '\n': // no string goes over a line: it was never closed
				s.inside = false
			}
		case c == '"':
			s.inside = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			if s.depth--; s.depth <= 0 {
				return i + 1
			}
		}
	}
	return -1
}

// Rules cuts the objects of an array, for connectors that get theirs by other ways than a file.
func Rules() cut.Rules { return rules(array, nil) }
