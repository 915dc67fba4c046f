package export

import (
	"bytes"
	"math"
	"strconv"

	"quarry"
	"quarry/internal/base/jsonl"
)

// kind is what a value is, before a column makes something of it.
type kind uint8

const (
	missing kind = iota
	null
	text
	integer // fits 64 bits
	double  // a number that a double holds exactly as it is written
	boolean
	other // nested, or a number that no type of a file holds exactly
)

// cell is one value of one row.
type cell struct {
	kind kind
	raw  []byte  // JSON as it was, for all kinds that came from JSON
	text string  // text
	n    int64   // integer, boolean
	f    float64 // double, integer
}

func textCell(s string) cell {
	if s == "" {
		return cell{}
	}
	return cell{kind: text, text: s}
}

func integerCell(n int64) cell { return cell{kind: integer, n: n, f: float64(n)} }

// tokensCell is a count of tokens, null where an answer does not say what it took.
func tokensCell(n int64, u quarry.Usage) cell {
	if !u.Known() {
		return cell{kind: null}
	}
	return integerCell(n)
}

// jsonCell reads a value that was checked.
func jsonCell(value []byte) cell {
	c := cell{raw: value, kind: other}
	switch value[0] {
	case '"':
		c.kind, c.text = text, string(jsonl.Unescape(nil, value))
	case 'n':
		c.kind = null
	case 't':
		c.kind, c.n = boolean, 1
	case 'f':
		c.kind = boolean
	case '{', '[':
	default:
		c.number()
	}
	return c
}

// exactDigits is how many decimal digits a double always gives back.
const exactDigits = 15

func (c *cell) number() {
	literal := string(c.raw)
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		c.kind, c.n, c.f = integer, n, float64(n)
		return
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || significant(c.raw) > exactDigits || (f != 0 && math.Abs(f) < 0x1p-1022) || (f == 0 && significant(c.raw) > 0) {
		return
	}
	c.kind, c.f = double, f
}

// significant counts the digits of a number from the first that is not 0, without its exponent.
func significant(literal []byte) int {
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		literal = literal[:i]
	}
	n := 0
	for _, b := range literal {
		if b >= '1' && b <= '9' || b == '0' && n > 0 {
			n++
		}
	}
	return n
}

// asText gives the value as a column of texts has it: a text as it is, anything else as JSON.
func (c *cell) asText() string {
	switch {
	case c.kind == text:
		return c.text
	case c.raw != nil:
		return string(c.raw)
	case c.kind == integer:
		return strconv.FormatInt(c.n, 10)
	}
	return ""
}

func (c *cell) absent() bool { return c.kind == missing || c.kind == null }

// seen is what kinds of value a column has.
type seen struct{ text, other, boolean, integer, wide, double bool }

// exactInteger is the largest whole number up to which a double holds all.
const exactInteger = 1 << 53

func (s *seen) add(c *cell) {
	switch c.kind {
	case text:
		s.text = true
	case other:
		s.other = true
	case boolean:
		s.boolean = true
	case double:
		s.double = true
	case integer:
		s.integer = true
		s.wide = s.wide || c.n > exactInteger || c.n < -exactInteger
	}
}

// kind is the narrowest type of column that holds all values exactly. Values of several types are held as texts.
func (s *seen) kind() kind {
	number := s.integer || s.double
	switch {
	case s.text || s.other || (s.boolean && number):
		return text
	case s.boolean:
		return boolean
	case s.double && s.wide:
		return text
	case s.double:
		return double
	case s.integer:
		return integer
	}
	return text
}
