package export

import (
	"context"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"quarry/internal/base/atomicfile"
	"quarry/internal/base/effect"
)

// A row group is held in memory until it is written: this many bytes of values, or this many rows.
const (
	groupBytes = 32 << 20
	groupRows  = 100_000
)

// parquetWriter writes one optional leaf a column: texts as strings, numbers as 64 bits wide. Null and missing are null.
type parquetWriter struct {
	rower
	out    *atomicfile.Writer
	file   *parquet.GenericWriter[any]
	values []parquet.Value
	rows   int
	bytes  int
}

func createParquet(e *effect.Effects, path string, columns *Columns) (Writer, error) {
	group := table{Group: parquet.Group{}, order: columns.Names()}
	options := []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.CreatedBy("quarry", "1", "0"), parquet.PageBufferSize(256 << 10),
	}
	for i := range columns.all {
		c := &columns.all[i]
		group.Group[c.name] = c.node()
		if c.long { // else the footer would hold whole answers, two of each row group
			options = append(options, parquet.SkipPageBounds(c.name))
		}
	}
	out, err := atomicfile.Create(e, path)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	options = append(options, parquet.NewSchema("results", group))
	return &parquetWriter{rower: rower{columns: columns}, out: out, file: parquet.NewGenericWriter[any](out, options...)}, nil
}

// table is a group whose columns are in our order: parquet.Group sorts them by name.
type table struct {
	parquet.Group
	order []string
}

// Fields gives the columns in their order.
func (t table) Fields() []parquet.Field {
	fields := t.Group.Fields()
	place := make(map[string]int, len(t.order))
	for i, name := range t.order {
		place[name] = i
	}
	slices.SortFunc(fields, func(a, b parquet.Field) int { return place[a.Name()] - place[b.Name()] })
	return fields
}

func (c *column) node() parquet.Node {
	var n parquet.Node
	switch c.kind {
	case integer:
		n = parquet.Int(64)
	case double:
		n = parquet.Leaf(parquet.DoubleType)
	case boolean:
		n = parquet.Leaf(parquet.BooleanType)
	default:
		n = parquet.String()
		if c.repeats {
			n = parquet.Encoded(n, &parquet.RLEDictionary)
		}
	}
	if c.required {
		return n
	}
	return parquet.Optional(n)
}

// Write adds a row.
func (w *parquetWriter) Write(_ context.Context, r Row) error {
	cells, err := w.row(r)
	if err != nil {
		return err
	}
	w.values = w.values[:0]
	for i := range cells {
		c, col := &cells[i], &w.columns.all[i]
		if c.absent() && !col.required {
			w.values = append(w.values, parquet.NullValue().Level(0, 0, i))
			continue
		}
		var v parquet.Value
		switch col.kind {
		case integer:
			v = parquet.Int64Value(c.n)
		case double:
			v = parquet.DoubleValue(c.f)
		case boolean:
			v = parquet.BooleanValue(c.n != 0)
		default:
			s := c.asText()
			v = parquet.ByteArrayValue([]byte(s))
			w.bytes += len(s)
		}
		w.bytes += 8
		level := 1
		if col.required {
			level = 0
		}
		w.values = append(w.values, v.Level(0, level, i))
	}
	if _, err := w.file.WriteRows([]parquet.Row{w.values}); err != nil {
		return err
	}
	if w.rows++; w.rows >= groupRows || w.bytes >= groupBytes {
		w.rows, w.bytes = 0, 0
		return w.file.Flush()
	}
	return nil
}

// Close makes the file appear.
func (w *parquetWriter) Close(context.Context) error {
	if err := w.file.Close(); err != nil {
		w.out.Abort()
		return fmt.Errorf("close parquet: %w", err)
	}
	return w.out.Commit()
}

// Abort throws the file away.
func (w *parquetWriter) Abort() { w.out.Abort() }
