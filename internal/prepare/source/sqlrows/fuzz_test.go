package sqlrows_test

import (
	"context"
	"iter"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/sqlrows"
)

// Whatever a database holds, each row is a document with valid fields and its text unchanged, or a fault.
func FuzzRows(f *testing.F) {
	f.Add("extra", "TEXT", []byte("words"), "words", int64(1), 1.5)
	f.Add("body", "JSON", []byte(`{"a":[1,2]}`), "\x00\u202e", int64(-1<<63), 1e308)
	f.Add("a.b\"c", "NUMERIC", []byte("-0.50"), "日本語", int64(0), math.Copysign(0, -1))
	f.Add("\xff", "BLOB", []byte("\xff\x00"), "\xff", int64(253402300800), 5e-324)
	f.Add("id", "DECIMAL", []byte("NaN"), "", int64(7), 0.1)
	f.Fuzz(func(t *testing.T, name, kind string, raw []byte, text string, whole int64, real float64) {
		values := []any{raw, text, whole, real, uint64(whole), float32(real), whole < 0, time.Unix(whole, 0), nil, struct{}{}}
		s := &sqlrows.Query{Label: "db", Statement: "SELECT 1", Select: func(context.Context, string) iter.Seq2[sqlrows.Row, error] {
			return func(yield func(sqlrows.Row, error) bool) {
				for i, v := range values {
					row := sqlrows.Row{
						Columns: []string{"id", "body", "title", name},
						Types:   []string{"BIGINT", "TEXT", "VARCHAR", kind}[:4-i%2],
						Values:  []any{int64(i), text, "T", v},
					}
					if !yield(row, nil) {
						return
					}
				}
			}
		}}
		entries := sourcetest.Read(t, s)
		if len(entries) != len(values) {
			t.Fatalf("%d documents and faults of %d rows", len(entries), len(values))
		}
		for i, e := range entries {
			if e.Fault != "" {
				if text != "" && utf8.ValidString(text) && utf8.Valid(raw) {
					t.Errorf("row %d: %s", i, e.Fault)
				}
				continue
			}
			d := e.Document
			if string(d.Body) != text || !utf8.ValidString(text) {
				t.Errorf("row %d: body %q, want %q", i, d.Body, text)
			}
			if len(d.Fields) > 0 && !jsontext.Value(d.Fields).IsValid() {
				t.Errorf("row %d of %q %s: fields %q are not JSON", i, name, kind, d.Fields)
			}
		}
	})
}
