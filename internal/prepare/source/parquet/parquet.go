// Package parquet reads Parquet files, each row a document.
//
// It owns the way from columns back to rows: a row becomes a JSON object, nested where the columns are, and from there on
// all is package item's. The format itself is github.com/parquet-go's.
//
// What always holds: rows come in the file's order; memory follows the pages of one row group, not the file; a row group
// that is broken is named, and those after it are read.
package parquet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"

	"github.com/parquet-go/parquet-go"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/rows"
	"quarry/internal/prepare/source/stream"
)

// Magic is how every Parquet file begins and ends (https://parquet.apache.org/docs/file-format/).
const Magic = "PAR1"

// Source is one file.
type Source struct {
	File   stream.File // with its At
	Config item.Config
	Index  int // of the source in the run
}

// Name gives the file's name.
func (s *Source) Name() string { return s.File.Name }

// Blocks gives the rows in blocks of some hundred. An item's line is the row's number, from 1.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		source := rows.Source{Name: s.File.Name, Config: s.Config, Index: s.Index}
		err := ctx.Err()
		if err == nil {
			err = source.Blocks(from, func(n int64) iter.Seq2[rows.Row, error] { return s.read(ctx, n) }, yield)
		}
		if err != nil {
			yield(quarry.Block{}, fmt.Errorf("read %s: %w", s.File.Name, err))
		}
	}
}

const (
	rowsAtOnce  = 32        // at most; a row is held until the next ones are read
	bytesAtOnce = 4 << 20   // where rows are large, as many are read at once as have this many bytes together, or one
	bufferBytes = 64 << 10  // of each column
	farBytes    = 512 << 10 // the same, where each reading is a request
)

// read gives the rows from a number on.
func (s *Source) read(ctx context.Context, from int64) iter.Seq2[rows.Row, error] {
	return func(yield func(rows.Row, error) bool) {
		if s.File.At == nil {
			yield(rows.Row{}, ErrNoPlace)
			return
		}
		in, size, err := s.File.At(ctx)
		if err != nil {
			yield(rows.Row{}, err)
			return
		}
		defer func() { _ = in.Close() }()
		file, err := open(in, size)
		if err != nil {
			yield(rows.Row{}, err)
			return
		}
		tree, err := newTree(file.Schema())
		if err != nil {
			yield(rows.Row{}, err)
			return
		}
		var before int64 // rows in the groups before
		for _, g := range file.RowGroups() {
			if err := ctx.Err(); err != nil {
				yield(rows.Row{}, err)
				return
			}
			n := g.NumRows()
			if n < 0 || n > math.MaxInt64-before {
				yield(rows.Row{}, errors.New("broken: a row group of an impossible size"))
				return
			}
			if before+n >= from {
				last := max(before, from-1)
				again, err := group(ctx, g, tree, before, last, func(r rows.Row) bool { last = r.Line; return yield(r, nil) })
				switch {
				case !again:
					return
				case ctx.Err() != nil:
					yield(rows.Row{}, ctx.Err())
					return
				case err != nil:
					reason := fmt.Sprintf("this row and those after it, up to row %d, cannot be read: %v", before+n, err)
					if !yield(rows.Row{Line: last + 1, Offset: last + 1, Reason: reason}, nil) {
						return
					}
				}
			}
			before += n
		}
	}
}

// ErrNoPlace says that a file comes as a stream: Parquet has its directory at its end.
var ErrNoPlace = errors.New("a Parquet file needs random access: name the unpacked file itself, not a stream")

// ErrBroken says that the bytes are not what the format says. The library panics on some of them.
var ErrBroken = errors.New("broken")

func open(in io.ReaderAt, size int64) (file *parquet.File, err error) {
	defer caught(&err)
	magic := make([]byte, len(Magic))
	if _, err := in.ReadAt(magic, 0); err != nil || string(magic) != Magic {
		return nil, ErrNoPlace
	}
	// The library makes room for as long a directory as the last bytes say, before it looks whether there is one.
	var tail [8]byte
	if _, err := in.ReadAt(tail[:], max(0, size-int64(len(tail)))); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if long := int64(binary.LittleEndian.Uint32(tail[:])); string(tail[4:]) != Magic || long > size-12 {
		return nil, fmt.Errorf("%w: it is truncated, or its last bytes are not those of a Parquet file", ErrBroken)
	}
	buffer := farBytes
	if _, near := in.(*os.File); near {
		buffer = bufferBytes
	}
	file, err = parquet.OpenFile(in, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(buffer))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return file, nil
}

func caught(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrBroken, r)
	}
}

// group gives the rows of one row group after the first `after` of the file. again is false when no more are wanted.
func group(ctx context.Context, g parquet.RowGroup, tree *tree, before, after int64, give func(rows.Row) bool) (again bool, err error) {
	inside := false // of give, whose panics are not ours
	defer func() {
		if !inside {
			if r := recover(); r != nil {
				again, err = true, fmt.Errorf("%w: %v", ErrBroken, r)
			}
		}
	}()
	in := g.Rows()
	defer func() { _ = in.Close() }()
	if after > before {
		if err := in.SeekToRow(after - before); err != nil {
			return true, err
		}
	}
	line, end := max(before, after), before+g.NumRows()
	buf := make([]parquet.Row, rowsAtOnce)
	atOnce := int64(1)
	for line < end {
		if ctx.Err() != nil {
			return true, ctx.Err()
		}
		n, err := in.ReadRows(buf[:min(atOnce, end-line)])
		atOnce = next(atOnce, buf[:n])
		for _, row := range buf[:n] {
			line++
			out := rows.Row{Line: line, Offset: line}
			out.Object, out.Reason = tree.object(row)
			inside = true
			if !give(out) {
				inside = false
				return false, nil
			}
			inside = false
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return true, err
		}
		if n == 0 && line < end {
			return true, fmt.Errorf("%w: the group ends at row %d", ErrBroken, line)
		}
	}
	return true, nil
}

// next is how many rows to read after some: twice as many while they are small, fewer where they are large.
func next(atOnce int64, read []parquet.Row) int64 {
	var bytes int64
	for _, row := range read {
		for i := range row {
			if k := row[i].Kind(); k == parquet.ByteArray || k == parquet.FixedLenByteArray {
				bytes += int64(len(row[i].ByteArray()))
			}
		}
	}
	fit := bytesAtOnce * int64(max(1, len(read))) / max(1, bytes)
	return max(1, min(2*atOnce, fit, rowsAtOnce))
}
