package jsonl

import (
	"bytes"
	"fmt"
	"hash/maphash"
)

// Check reports the first place at which the line is not one JSON value with nothing but white space around it.
// The error is a *SyntaxError.
func Check(line []byte) error {
	var c Checker
	return c.Check(line)
}

// Member is one member of an object.
type Member struct {
	Name  []byte // decoded, without quotes
	Value []byte // as it is in the text: a string with its quotes, an object with its braces
	Plain bool   // the value is a string without escapes: what is between the quotes is the text
	Text  []byte // what the value says where it is a string and Decode was asked; else nil
}

// String reports whether the value is a string.
func (m *Member) String() bool { return m.Value[0] == '"' }

// Checker checks line after line and keeps its memory between them. The zero value is ready. One goroutine at a time.
type Checker struct {
	levels  []level
	names   []name
	decoded []byte // names that had escapes
	members []Member
	collect bool
	arena   *Arena // where the members' texts go; nil: they are not asked for
	long    []span // strings that a later walk need not read again
	size    int    // capacity of the line: what is left of it tells where a part of the line begins
}

// span is a long string, from its opening quote to after its closing one.
type span struct{ start, end int }

// longString is how long a string must be to be noted.
const longString = 128

// level is an array or object that is open. Its names are those from first on.
type level struct {
	first  int // -1: an array
	hashes map[uint64]struct{}
}

type name struct {
	text []byte // decoded
	head uint64 // its first bytes and its length, to be compared before the rest
}

// manyNames is where an object's names get a hash set; below it a walk is faster.
const manyNames = 24

// keptBytes bounds what a Checker keeps from a line that was out of the ordinary.
const keptBytes = 1 << 20

// A seed of the process: with a fixed one a hostile object could make every name collide.
var seed = maphash.MakeSeed()

// Check is the function Check with the Checker's memory.
func (c *Checker) Check(line []byte) error {
	c.reset(line, false)
	if err := c.value(line); err != nil {
		return err
	}
	return nil
}

// Object checks a line whose value has to be an object and gives the object's members in their order. They point into
// the line and into the Checker, and hold until its next call. The error is a *SyntaxError.
func (c *Checker) Object(line []byte) ([]Member, error) {
	c.reset(line, true)
	if err := c.value(line); err != nil {
		return nil, err
	}
	if i := space(line, 0); line[i] != '{' {
		return nil, fault(i, "not a JSON object")
	}
	return c.members, nil
}

func (c *Checker) reset(line []byte, collect bool) {
	if cap(c.names)*32+cap(c.decoded) > keptBytes {
		c.names, c.decoded = nil, nil
	}
	if cap(c.members)*80 > keptBytes {
		c.members = nil
	}
	if cap(c.long)*16 > keptBytes {
		c.long = nil
	}
	c.levels, c.names, c.decoded, c.members, c.long = c.levels[:0], c.names[:0], c.decoded[:0], c.members[:0], c.long[:0]
	c.collect, c.size = collect, cap(line)
}

// Decode is Object, and gives the texts of the members that are strings, which is cheaper now than later: those without
// escapes point into the line, the others into memory of the arena.
func (c *Checker) Decode(line []byte, arena *Arena) ([]Member, error) {
	c.arena = arena
	defer func() { c.arena = nil }()
	return c.Object(line)
}

// space gives the index of the first byte from i on that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value walks one value. A loop and a stack of its own: depth is the input's to choose, and must not be ours to pay for.
func (c *Checker) value(b []byte) *SyntaxError {
	i, start := 0, 0
	var plainText bool
	var said []byte
	for {
		// A value begins.
		if i = space(b, i); i >= len(b) {
			return fault(i, "unexpected end")
		}
		if len(c.levels) == 1 {
			start = i
		}
		plainText, said = false, nil
		switch b[i] {
		case '{', '[':
			if len(c.levels) == MaxDepth {
				return fault(i, fmt.Sprintf("nesting deeper than %d", MaxDepth))
			}
			open := b[i]
			i = space(b, i+1)
			if open == '[' {
				if i < len(b) && b[i] == ']' {
					i++
					break
				}
				c.levels = append(c.levels, level{first: -1})
				continue
			}
			if i < len(b) && b[i] == '}' {
				i++
				break
			}
			c.levels = append(c.levels, level{first: len(c.names)})
			var err *SyntaxError
			if i, err = c.name(b, i); err != nil {
				return err
			}
			continue
		case '"':
			end, escaped, err := i, false, (*SyntaxError)(nil)
			if c.arena != nil && len(c.levels) == 1 {
				end, said, escaped, err = c.arena.text(b, i+1)
			} else {
				end, escaped, err = text(b, i+1)
			}
			if err != nil {
				return err
			}
			if end-i > longString && c.collect {
				c.long = append(c.long, span{i, end + 1})
			}
			i, plainText = end+1, !escaped
		default:
			end, err := scalar(b, i)
			if err != nil {
				return err
			}
			i = end
		}
		// A value has ended, and with it perhaps those that it was the last of.
		for {
			depth := len(c.levels)
			if depth == 1 && c.collect && len(c.members) > 0 {
				m := &c.members[len(c.members)-1]
				m.Value, m.Plain, m.Text = b[start:i], plainText, said
			}
			i = space(b, i)
			if depth == 0 {
				if i < len(b) {
					return fault(i, "text after the value")
				}
				return nil
			}
			if i >= len(b) {
				return fault(i, "unexpected end")
			}
			top := &c.levels[depth-1]
			if top.first < 0 {
				if b[i] == ',' {
					i++
					break
				}
				if b[i] != ']' {
					return fault(i, "want , or ] after an array's value")
				}
			} else {
				if b[i] == ',' {
					var err *SyntaxError
					if i, err = c.name(b, space(b, i+1)); err != nil {
						return err
					}
					break
				}
				if b[i] != '}' {
					return fault(i, "want , or } after an object's value")
				}
				c.names = c.names[:top.first]
			}
			i++
			plainText, said = false, nil
			c.levels = c.levels[:depth-1]
		}
	}
}

// name walks a member's name and colon, and gives the index after them.
func (c *Checker) name(b []byte, i int) (int, *SyntaxError) {
	if i >= len(b) {
		return i, fault(i, "unexpected end")
	}
	if b[i] != '"' {
		return i, fault(i, "want a name in quotes")
	}
	at := i
	end, escaped, err := text(b, i+1)
	if err != nil {
		return i, err
	}
	t := b[i+1 : end]
	if escaped {
		n := len(c.decoded)
		c.decoded = Unescape(c.decoded, t)
		t = c.decoded[n:len(c.decoded):len(c.decoded)]
	}
	if c.seen(t) {
		return i, &SyntaxError{Offset: at, Reason: ErrDuplicate.Error() + " " + Quote(t), Err: ErrDuplicate}
	}
	if c.collect && len(c.levels) == 1 {
		c.members = append(c.members, Member{Name: t})
	}
	if i = space(b, end+1); i >= len(b) {
		return i, fault(i, "unexpected end")
	}
	if b[i] != ':' {
		return i, fault(i, "want : after a name")
	}
	return i + 1, nil
}

// seen notes a name of the innermost object and reports whether the object had it already.
func (c *Checker) seen(t []byte) bool {
	n := name{text: t, head: head(t)}
	top := &c.levels[len(c.levels)-1]
	before := c.names[top.first:]
	c.names = append(c.names, n)
	if len(before) < manyNames {
		return among(before, n)
	}
	if top.hashes == nil {
		top.hashes = make(map[uint64]struct{}, 4*manyNames)
		for _, b := range before {
			top.hashes[maphash.Bytes(seed, b.text)] = struct{}{}
		}
	}
	h := maphash.Bytes(seed, t)
	if _, hit := top.hashes[h]; hit && among(before, n) {
		return true
	}
	top.hashes[h] = struct{}{}
	return false
}

func among(names []name, n name) bool {
	for i := range names {
		if names[i].head == n.head && bytes.Equal(names[i].text, n.text) {
			return true
		}
	}
	return false
}

// head packs a name's length and its first seven bytes into a word.
func head(t []byte) uint64 {
	h := uint64(len(t)) << 56
	for i := range min(len(t), 7) {
		h |= uint64(t[i]) << (8 * i)
	}
	return h
}

// scalar walks a number, true, false or null.
func scalar(b []byte, i int) (int, *SyntaxError) {
	switch b[i] {
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	}
	at := i
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && b[i] >= '1' && b[i] <= '9':
		i = digits(b, i)
	case i > at:
		return i, fault(i, "want a digit")
	default:
		return i, unexpected(b, i)
	}
	if i < len(b) && b[i] == '.' {
		j := digits(b, i+1)
		if j == i+1 {
			return j, fault(j, "want a digit")
		}
		i = j
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		j := digits(b, i)
		if j == i {
			return j, fault(j, "want a digit")
		}
		i = j
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}

func literal(b []byte, i int, want string) (int, *SyntaxError) {
	if len(b)-i < len(want) || string(b[i:i+len(want)]) != want {
		return i, unexpected(b, i)
	}
	return i + len(want), nil
}

// unexpected names the byte at i. One that is no UTF-8 is named as that: it is what has to be repaired first.
func unexpected(b []byte, i int) *SyntaxError {
	if b[i] >= 0x80 && wideLen(b, i) == 0 {
		return &SyntaxError{Offset: i, Reason: ErrUTF8.Error(), Err: ErrUTF8}
	}
	n := max(1, wideLen(b, i))
	return fault(i, "unexpected "+Quote(b[i:i+n]))
}
