// Package rows makes blocks of documents out of rows that come one after the other: those of a query's answer, those of
// a Parquet file.
//
// It owns the blocks and their positions. What a row is made of is its connector's business: here it is a JSON object
// already.
//
// What always holds: the first rows of the whole decide about the keys, wherever reading begins; rows are held no longer
// than their block.
package rows

import (
	"errors"
	"fmt"
	"iter"

	"quarry"
	"quarry/internal/prepare/source/item"
)

// Row is one row as a JSON object, or why it is none.
type Row struct {
	Line   int64 // for people, from 1; 0: rows have no such number
	Offset int64 // above that of the row before; reading begins again at it
	Object []byte
	Reason string

	tooLong int64 // bytes of an object above the limit, which is not held
}

// Source says whose rows they are.
type Source struct {
	Name   string
	Config item.Config
	Index  int // of the source in the run
	// Keys are those of the rows; nil: the first rows decide.
	Keys *item.Keys
}

// SampleBytes bounds the rows that decide about the keys, together with item.Sample.
const SampleBytes = 4 << 20

const (
	blockRows  = 1000
	blockBytes = 1 << 20
)

// Blocks gives rows in blocks. open gives the rows whose offset is not below the one asked for; 0 asks for all. An error
// is about the source: it ends all.
func (s Source) Blocks(from quarry.Position, open func(offset int64) iter.Seq2[Row, error], yield func(quarry.Block, error) bool) error {
	var pending []Row // of the block that is gathered
	size := 0
	var keys item.Keys
	decided, stopped := false, false
	flush := func() {
		if !decided && s.Keys != nil {
			keys, decided = *s.Keys, true
		}
		if !decided {
			keys, decided = s.Decide(pending), true
		}
		if from.File == "" { // else what was read was for the keys alone
			for len(pending) > 0 && !stopped {
				n := head(pending)
				stopped = !yield(s.Block(pending[:n:n], keys), nil)
				pending = pending[n:]
			}
		}
		pending, size = nil, 0
	}
	read := func(offset int64, enough func() bool) error {
		for r, err := range open(offset) {
			if err != nil {
				flush() // what came before the fault is given before it
				return err
			}
			if len(r.Object) > s.Config.Limit() {
				r.Object, r.tooLong = nil, int64(len(r.Object))
			}
			pending = append(pending, r)
			size += len(r.Object)
			if enough() {
				flush()
				if stopped || from.File != "" {
					return nil
				}
			}
		}
		if len(pending) > 0 {
			flush()
		}
		return nil
	}
	enough := func() bool {
		if !decided {
			return len(pending) >= item.Sample || size >= SampleBytes
		}
		return len(pending) >= blockRows || size >= blockBytes
	}
	if err := read(0, enough); err != nil || from.File == "" {
		if stopped {
			return nil
		}
		return err
	}
	offset := from.Offset
	from = quarry.Position{}
	err := read(offset, enough)
	if stopped {
		return nil
	}
	return err
}

// head says how many rows make the next block: a block is small in bytes too.
func head(pending []Row) int {
	n, size := 0, 0
	for n < len(pending) && (n == 0 || size+len(pending[n].Object) <= blockBytes) {
		size += len(pending[n].Object)
		n++
	}
	return n
}

// Decide chooses the keys by the first rows.
func (s Source) Decide(first []Row) item.Keys {
	var sample [][]byte
	for _, r := range first {
		if r.Object != nil && r.Reason == "" && len(sample) < item.Sample {
			sample = append(sample, r.Object)
		}
	}
	return s.Config.Decide(sample)
}

// Block makes a block of rows, one at least.
func (s Source) Block(rows []Row, keys item.Keys) quarry.Block {
	at := func(r *Row) quarry.Position {
		return quarry.Position{Source: s.Index, File: s.Name, Line: r.Line, Offset: r.Offset}
	}
	return quarry.Block{First: at(&rows[0]), Documents: func(yield func(quarry.Document, error) bool) {
		reader := s.Config.NewReader(keys)
		for i := range rows {
			r := &rows[i]
			d, err := quarry.Document{At: at(r)}, error(nil)
			switch {
			case r.Reason != "":
				reason := r.Reason
				if r.Line == 0 {
					reason = fmt.Sprintf("row %d: %s", r.Offset, reason)
				}
				err = &quarry.ItemError{At: d.At, Reason: reason}
			case r.tooLong > 0:
				err = s.Config.TooLong(r.tooLong, d.At)
			case len(r.Object) > s.Config.Limit():
				err = s.Config.TooLong(int64(len(r.Object)), d.At)
			default:
				if d, err = reader.Read(r.Object, d.At); errors.Is(err, item.ErrFiltered) {
					continue
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}}
}
