// Package csv reads tables of text: comma, semicolon or tab between cells, quotes as RFC 4180 has them, line breaks inside
// of quotes, names in the first row.
//
// It owns rows and cells. A row becomes a JSON object of strings, and from there on all is package item's.
//
// What always holds: the first row names the columns; a row with another number of cells, or with quotes that do not
// fit, is named and left out, and the rows after it are read.
package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/stream"
)

// Source is one table.
type Source struct {
	File   stream.File
	Comma  byte // between cells; 0: detected from the first row, of comma, semicolon and tab
	Config item.Config
	Index  int // of the source in the run
}

// Name gives the file's name.
func (s *Source) Name() string { return s.File.Name }

// Blocks gives the rows in blocks of about 1 MiB.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		if err := s.blocks(ctx, from, yield); err != nil {
			yield(quarry.Block{}, fmt.Errorf("read %s: %w", s.File.Name, err))
		}
	}
}

// ErrNoHeader says that a table has no row with the names of its columns.
var ErrNoHeader error = &quarry.Error{
	Kind: quarry.BadItems, Err: errors.New("no first row with the names of the columns"), Hint: "add a header row, such as: id,title,body",
}

// table is what the head of the file says about all of it.
type table struct {
	names [][]byte // as JSON strings
	comma byte
	old   bool // it was in an old encoding: U+FFFD stands for bytes that it does not have
	keys  item.Keys
}

func (s *Source) blocks(ctx context.Context, from quarry.Position, yield func(quarry.Block, error) bool) error {
	file, old, err := s.File.Decoded(ctx)
	if err != nil {
		return err
	}
	if file, err = file.Lines(ctx); err != nil {
		return err
	}
	var t *table
	if from.Offset > 0 {
		t, err = s.head(ctx, file, old)
		if err != nil {
			return err
		}
	}
	comma, lead, err := s.separator(ctx, file)
	if err != nil {
		return err
	}
	if from.Offset > 0 {
		lead = 0
	}
	in, err := file.From(ctx, from.Offset)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	for chunk, err := range cut.Chunks(ctx, in, jsonl.Place{Line: from.Line, Offset: from.Offset}, rules(comma, lead), s.Config.Limit()) {
		if err != nil {
			return err
		}
		if t == nil {
			if t, err = s.table(chunk, comma, old); err != nil {
				return err
			}
			if chunk = withoutFirst(chunk); len(chunk.Spans) == 0 {
				continue
			}
		}
		if !yield(s.block(chunk, t), nil) {
			return nil
		}
	}
	if t == nil && from.Offset == 0 {
		return ErrNoHeader
	}
	return nil
}

// separator finds the character between cells: from the line `sep=;` that Excel reads, else by counting the candidates in the
// first line. lead is the length of the line `sep=;`, which is not a row.
func (s *Source) separator(ctx context.Context, file stream.File) (comma byte, lead int, err error) {
	head, err := file.Head(ctx)
	if err != nil {
		return 0, 0, err
	}
	if comma, lead = separatorLine(head); lead > 0 {
		return comma, lead, nil
	}
	if s.Comma != 0 {
		return s.Comma, 0, nil
	}
	line, _, _ := bytes.Cut(head, []byte{'\n'})
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if bytes.Count(line, []byte{c}) > bytes.Count(line, []byte{best}) {
			best = c
		}
	}
	return best, 0, nil
}

// separatorLine reads a first line such as `sep=;` or `"sep=;"`, with its line end. length 0: there is none.
func separatorLine(head []byte) (comma byte, length int) {
	text := bytes.TrimPrefix(head, []byte("\ufeff"))
	line, _, ok := bytes.Cut(text, []byte{'\n'})
	if !ok || len(line) > 16 {
		return 0, 0
	}
	length = len(head) - len(text) + len(line) + 1
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if n := len(line); n > 1 && line[0] == '"' && line[n-1] == '"' {
		line = line[1 : n-1]
	}
	if len(line) != len("sep=,") || !bytes.EqualFold(line[:4], []byte("sep=")) || line[4] == '"' || line[4] == '\r' {
		return 0, 0
	}
	return line[4], length
}

// head reads what the file's first rows say.
func (s *Source) head(ctx context.Context, file stream.File, old bool) (*table, error) {
	comma, lead, err := s.separator(ctx, file)
	if err != nil {
		return nil, err
	}
	in, err := file.From(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	for chunk, err := range cut.Chunks(ctx, in, jsonl.Place{}, rules(comma, lead), s.Config.Limit()) {
		if err != nil {
			return nil, err
		}
		return s.table(chunk, comma, old)
	}
	return nil, ErrNoHeader
}

// table reads the header, the chunk's first row, and decides the keys by the rows after it in the same chunk.
func (s *Source) table(chunk cut.Chunk, comma byte, old bool) (*table, error) {
	if len(chunk.Spans) == 0 {
		return nil, ErrNoHeader
	}
	t := &table{comma: comma, old: old}
	var names [][]byte
	var first [][]byte
	n := 0
	for row := range chunk.Items() {
		if n++; n == 1 {
			var ok bool
			if names, _, ok = cells(nil, row.Text, comma, nil); !ok || !utf8.Valid(row.Text) {
				return nil, ErrNoHeader
			}
			seen := map[string]bool{}
			for i, name := range names {
				name := string(bytes.TrimSpace(name))
				if name == "" {
					name = fmt.Sprintf("column_%d", i+1)
				}
				for whole, k := name, 2; seen[name]; k++ {
					name = fmt.Sprintf("%s_%d", whole, k)
				}
				seen[name] = true
				t.names = append(t.names, jsonl.AppendString(nil, []byte(name)))
			}
			continue
		}
		if obj, reason := t.object(nil, row.Text, &scratch{}); reason == "" {
			first = append(first, obj)
		}
		if len(first) == item.Sample {
			break
		}
	}
	if len(first) == 0 { // nothing to decide by but the names
		obj := []byte{'{'}
		for i, name := range t.names {
			if i > 0 {
				obj = append(obj, ',')
			}
			obj = append(append(obj, name...), `:"x"`...)
		}
		first = append(first, append(obj, '}'))
	}
	t.keys = s.Config.Decide(first)
	return t, nil
}

// withoutFirst takes the header off a chunk.
func withoutFirst(c cut.Chunk) cut.Chunk {
	end := c.Spans[0].End
	c.Line += int64(bytes.Count(c.Data[:end], []byte{'\n'}))
	c.Offset += int64(end)
	c.Data = c.Data[end:]
	spans := make([]cut.Span, 0, len(c.Spans)-1)
	for _, s := range c.Spans[1:] {
		spans = append(spans, cut.Span{Start: s.Start - end, End: s.End - end})
	}
	c.Spans = spans
	return c
}

// scratch is memory that rows of one block use one after the other.
type scratch struct {
	cells [][]byte
	text  []byte
}

// object writes a row as a JSON object; a reason says why it cannot be.
func (t *table) object(dst, row []byte, s *scratch) (obj []byte, reason string) {
	if !utf8.Valid(row) {
		for i := 0; i < len(row); {
			r, n := utf8.DecodeRune(row[i:])
			if r == utf8.RuneError && n == 1 {
				return nil, fmt.Sprintf("invalid UTF-8 at byte %d", i)
			}
			i += n
		}
	}
	if t.old && bytes.ContainsRune(row, utf8.RuneError) {
		return nil, "some bytes are not of the file's encoding"
	}
	var ok bool
	if s.cells, s.text, ok = cells(s.cells[:0], row, t.comma, s.text[:0]); !ok {
		return nil, "unbalanced quotes"
	}
	if len(s.cells) != len(t.names) {
		return nil, fmt.Sprintf("%s, and the header has %s", figure.Count(len(s.cells), "cell"), figure.Thousands(len(t.names)))
	}
	dst = append(dst, '{')
	for i, cell := range s.cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, t.names[i]...), ':')
		dst = jsonl.AppendString(dst, cell)
	}
	return append(dst, '}'), ""
}

func (s *Source) block(chunk cut.Chunk, t *table) quarry.Block {
	return s.Config.Block(chunk, quarry.Position{Source: s.Index, File: s.File.Name}, t.keys, func() func([]byte) ([]byte, string) {
		var used scratch
		return func(row []byte) (obj []byte, reason string) {
			// A row's object is its document's memory, so it is not used again.
			return t.object(make([]byte, 0, len(row)+len(row)/8+256), row, &used)
		}
	})
}
