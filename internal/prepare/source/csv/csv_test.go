package csv_test

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"quarry"
	"quarry/internal/prepare/source/csv"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func memory(content string) stream.File {
	return stream.File{Name: "in.csv", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func itemsOf(t *testing.T, s sourcetest.Source) []string {
	t.Helper()
	var got []string
	for _, e := range sourcetest.Read(t, s) {
		if e.Fault != "" {
			got = append(got, e.Fault)
		} else {
			d := e.Document
			got = append(got, fmt.Sprintf("%d %s|%s|%s|%s", d.At.Line, d.ID, d.Title, d.Body, d.Fields))
		}
	}
	return got
}

// Standard input comes once: what tells its encoding and its line ends must not use it up.
func TestTablesFromAStream(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"Shift_JIS": "id,title,body\n1,\x91\xe8,\x82\xb1\x82\xea\x82\xcd\n",
		"UTF-16":    "\xff\xfei\x00d\x00,\x00b\x00o\x00d\x00y\x00\n\x001\x00,\x00S0\x8c0o0\n\x00",
		"a mark":    "\ufeffid,body\n1,これは\n",
		"CR alone":  "id,body\r1,これは\r",
	} {
		docs, faults := sourcetest.Documents(t, &csv.Source{File: stream.Once("stdin", strings.NewReader(in))})
		if len(docs) != 1 || len(faults) > 0 || docs[0].ID != "1" || string(docs[0].Body) != "これは" {
			t.Errorf("%s: %v, %v", name, docs, faults)
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"plain", "ID,Title,Body,status\n1,One,text,draft\n2,Two,,publish", []string{`2 1|One|text|{"status":"draft"}`, `3 2|Two||{"status":"publish"}`}},
		{"quotes, commas and line breaks in cells", "id,title,content\r\n1,\"a, \"\"b\"\"\",\"line\r\nline \"\"x\"\"\"\r\n\r\n2,\"\",y\r\n", []string{"2 1|a, \"b\"|line\r\nline \"x\"|", "5 2||y|"}},
		{"semicolons", "id;body\n1;a,b\n", []string{"2 1||a,b|"}},
		{"tabs", "id\tbody\n1\ta,b;c\n", []string{"2 1||a,b;c|"}},
		{"names twice and none", "id,body,x,x,\n1,a,b,c,d\n", []string{`2 1||a|{"x":"b","x_2":"c","column_5":"d"}`}},
		{"rows of other widths", "id,body\n1\n2,a\n3,a,b\n", []string{"in.csv:2: 1 cell, and the header has 2", "3 2||a|", "in.csv:4: 3 cells, and the header has 2"}},
		{"a quote that is not closed", "id,body\n1,\"a\n2,b\n3,c\n", []string{"in.csv:2: unbalanced quotes", "3 2||b|", "4 3||c|"}},
		{"a quote that ends within a cell", "id,body\n1,\"a\"b\n2,\"b\"\n", []string{"in.csv:2: unbalanced quotes", "3 2||b|"}},
		{"a quote within a plain cell", "id,body\n1,a \"b\" c\n", []string{`2 1||a "b" c|`}},
		{"a row above the limit", "id,body\n1,\"" + strings.Repeat("x\n\"\"", 500) + "\"\n2,b\n", []string{"in.csv:2: item of 2,005 bytes is above the limit of 1,000", "503 2||b|"}},
		{"lines of an old Mac", "id,body\r1,a\r2,\"b\rc\"\r", []string{"2 1||a|", "3 2||b\nc|"}},
		{"bytes that are no UTF-8", "id,body\n1,日本語日本語\n2,caf\xe9\n3,x\n", []string{"2 1||日本語日本語|", "in.csv:3: invalid UTF-8 at byte 5", "4 3||x|"}},
		{"no id", "id,body\n,x\n", []string{"in.csv:2: no id"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &csv.Source{File: memory(c.in), Config: item.Config{MaxBytes: 1000}}
			if diff := cmp.Diff(c.want, itemsOf(t, s)); diff != "" {
				t.Error(diff)
			}
			sourcetest.Run(t, s)
		})
	}
}

func TestLargeTable(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := stdcsv.NewWriter(&b)
	if err := w.Write([]string{"guid", "headline", "html"}); err != nil {
		t.Fatal(err)
	}
	for i := range 6_000 {
		if err := w.Write([]string{fmt.Sprint("g", i), "題 \"" + strings.Repeat("x", i%30) + "\"", strings.Repeat("<p>a, \"b\"\n", i%60)}); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	s := &csv.Source{File: memory(b.String()), Index: 2}
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 6_000 || len(faults) > 0 {
		t.Fatalf("%d documents, %v", len(docs), faults)
	}
	if d := docs[61]; d.ID != "g61" || d.Title != `題 "x"` || string(d.Body) != "<p>a, \"b\"\n" || d.Format != quarry.FormatMarked {
		t.Errorf("got %+v", d)
	}
}

func TestOldEncodings(t *testing.T) {
	t.Parallel()
	in := "id,title,body\n1,これは題です,本文にはカタカナと漢字があります。\n2,次の題,もう一つの本文です。\n"
	want := []string{"2 1|これは題です|本文にはカタカナと漢字があります。|", "3 2|次の題|もう一つの本文です。|"}
	sjis, err := japanese.ShiftJIS.NewEncoder().String(in)
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(in)
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{"Shift_JIS": sjis, "UTF-16": utf16, "UTF-8 with a mark": "\ufeff" + in} {
		s := &csv.Source{File: memory(in)}
		if diff := cmp.Diff(want, itemsOf(t, s)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		sourcetest.Run(t, s)
	}
}

func TestATableWithoutAHeader(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "\n\n", "a,\"b\n"} {
		n := 0
		for _, err := range (&csv.Source{File: memory(in)}).Blocks(t.Context(), quarry.Position{}) {
			n++
			if err == nil || !strings.Contains(err.Error(), "in.csv: no first row") {
				t.Errorf("%q: %v, want that there is no header", in, err)
			}
		}
		if n != 1 {
			t.Errorf("%q gave %d blocks or errors, want 1", in, n)
		}
	}
}

// Where Go's own reader, which is strict too, takes the whole table, the cells are the same.
func TestABrokenRowHidesNoOther(t *testing.T) {
	t.Parallel()
	in := "id,body\n" + strings.Repeat("1,plain words\n", 20) + "2,bad \xff byte\n3,last\n"
	docs, faults := sourcetest.Documents(t, &csv.Source{File: memory(in), Comma: ','})
	if len(docs) != 21 || len(faults) != 1 || !strings.Contains(faults[0], "in.csv:22: invalid UTF-8") {
		t.Errorf("%d documents, faults %v; want 21, and one for line 22", len(docs), faults)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("id,body\n1,\"a\n\"\"b\"\n2,c\n"), uint16(100))
	f.Add([]byte("id;body\r\n1;x\r\n"), uint16(3))
	f.Fuzz(func(t *testing.T, in []byte, limit uint16) {
		all := append([]byte("id,body\n"), in...)
		s := &csv.Source{File: memory(string(all)), Comma: ',', Config: item.Config{MaxBytes: int64(limit) + 10}}
		for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
			if errors.Is(err, stream.ErrUnknownEncoding) { // a table in no encoding that is known for sure is refused whole
				return
			}
		}
		entries := sourcetest.Read(t, s)
		if len(entries) > 0 {
			sourcetest.Run(t, s)
		}
		r := stdcsv.NewReader(bytes.NewReader(all))
		r.LazyQuotes = false
		rows, err := r.ReadAll()
		if err != nil || len(in) > int(limit) || !utf8.Valid(in) || bytes.ContainsAny(in, "\r\x1b") { // what is no UTF-8 is decoded
			return
		}
		docs := 0
		for i, row := range rows[1:] {
			if i >= len(entries) {
				t.Fatalf("%q: %d items, want %d", in, len(entries), len(rows)-1)
			}
			if e := entries[i]; e.Fault == "" {
				docs++
				if string(e.Document.ID) != row[0] || string(e.Document.Body) != row[1] {
					t.Fatalf("%q: row %d is %q %q, want %q", in, i, e.Document.ID, e.Document.Body, row)
				}
			}
		}
	})
}

// A first line says to Excel what is between cells. It is no row.
func TestSeparatorLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"a semicolon", "sep=;\nid;body\n1;a,b\n", "1|a,b"},
		{"Windows line ends", "sep=;\r\nid;body\r\n1;a\r\n", "1|a"},
		{"a comma", "sep=,\nid,body\n1,a;b\n", "1|a;b"},
		{"a tab", "sep=\t\nid\tbody\n1\ta\n", "1|a"},
		{"a bar", "sep=|\nid|body\n1|a\n", "1|a"},
		{"capitals", "SEP=;\nid;body\n1;a\n", "1|a"},
		{"in quotes", "\"sep=;\"\nid;body\n1;a\n", "1|a"},
		{"a mark", "\ufeffsep=;\nid;body\n1;a\n", "1|a"},
		{"an empty line after it", "sep=;\n\nid;body\n1;a\n", "1|a"},
		{"quoted cells", "sep=;\n\"id\";\"body\"\n\"1\";\"a\n;b\"\n", "1|a\n;b"},
		{"carriage returns alone", "sep=;\rid;body\r1;a\r", "1|a"},
		{"UTF-16", "\xff\xfes\x00e\x00p\x00=\x00;\x00\n\x00i\x00d\x00;\x00b\x00o\x00d\x00y\x00\n\x001\x00;\x00a\x00\n\x00", "1|a"},
		{"against what the header looks like", "sep=;\nid;body;a,b,c,d\n1;a;x\n", "1|a"},
		{"a column of that name", "sep,id,body\nx,1,a\n", "1|a"},
		{"a longer line", "sep=;;id,id,body\nx,1,a\n", "1|a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &csv.Source{File: memory(c.in)}
			docs, faults := sourcetest.Documents(t, s)
			if len(docs) != 1 || len(faults) > 0 || string(docs[0].ID)+"|"+string(docs[0].Body) != c.want {
				t.Fatalf("%v, %v, want %q", docs, faults, c.want)
			}
			sourcetest.Run(t, s)
			once, _ := sourcetest.Documents(t, &csv.Source{File: stream.Once("stdin", strings.NewReader(c.in))})
			if len(once) != 1 || string(once[0].Body) != string(docs[0].Body) {
				t.Errorf("from a stream: %v", once)
			}
		})
	}
	var many strings.Builder
	many.WriteString("sep=;\nid;body\n")
	for i := range 30_000 {
		fmt.Fprintf(&many, "%d;%s\n", i, strings.Repeat("a,", 40))
	}
	sourcetest.Run(t, &csv.Source{File: memory(many.String())})
	docs, faults := sourcetest.Documents(t, &csv.Source{File: memory(many.String())})
	if len(docs) != 30_000 || len(faults) > 0 || docs[29_999].At.Line != 30_002 {
		t.Errorf("%d documents, %d faults", len(docs), len(faults))
	}
}
