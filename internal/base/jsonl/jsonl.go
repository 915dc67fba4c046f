// Package jsonl holds what the hot path needs of JSON lines, by hand: a strict check that finds an object's members on
// the way, the walk over an object that was checked, strings in and out, and the cut of a stream into chunks of whole lines.
//
// It owns no meaning: what a member stands for is the caller's. It knows neither files nor compression.
//
// What always holds: nothing is accepted that github.com/go-json-experiment/json/jsontext rejects in its default
// settings, and nothing rejected that it accepts: RFC 8259 syntax, UTF-8 without surrogates, escapes that name a
// character, every name once in its object, 10,000 levels. Nothing is repaired. Memory follows the longest line that
// the caller allows, never the stream.
package jsonl

import (
	"errors"
	"fmt"
	"strconv"
)

// MaxDepth is how deep arrays and objects may nest, the bound that jsontext has.
const MaxDepth = 10000

// The faults that callers tell apart. All others are plain syntax.
var (
	ErrUTF8      = errors.New("invalid UTF-8")
	ErrDuplicate = errors.New("duplicate name")
	ErrHalfPair  = errors.New("escape of half a surrogate pair")
)

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int    // of the byte that is wrong, from 0, in the text that was checked
	Reason string // lower case, without the offset
	Err    error  // ErrUTF8, ErrDuplicate, ErrHalfPair or nil
}

// Error gives the reason and the offset.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset) }

// Unwrap gives the fault's class.
func (e *SyntaxError) Unwrap() error { return e.Err }

func fault(at int, reason string) *SyntaxError { return &SyntaxError{Offset: at, Reason: reason} }

// Quote shortens and quotes foreign bytes for a message, so that they can neither fill a screen nor steer a terminal.
func Quote(b []byte) string {
	const most = 40
	if len(b) > most {
		return strconv.QuoteToASCII(string(b[:most])) + "…"
	}
	return strconv.QuoteToASCII(string(b))
}
