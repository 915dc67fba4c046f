package parquet_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"
	"go.uber.org/goleak"

	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/parquet"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// article has a column of each kind that tables of texts have.
type article struct {
	ID      int64             `parquet:"id"`
	Title   *string           `parquet:"title,optional"`
	Content rendered          `parquet:"content"`
	Tags    []string          `parquet:"tags,list"`
	Meta    map[string]string `parquet:"meta"`
	Authors []author          `parquet:"authors"`
	At      time.Time         `parquet:"at,timestamp(microsecond)"`
	Day     int32             `parquet:"day,date"`
	Price   int64             `parquet:"price,decimal(2:18)"`
	Big     uint64            `parquet:"big"`
	Score   float64           `parquet:"score"`
	Thumb   []byte            `parquet:"thumb"`
	Draft   bool              `parquet:"draft"`
	Old     deprecated.Int96  `parquet:"old"`
}

type rendered struct {
	Rendered *string `parquet:"rendered,optional"`
}

type author struct {
	Name string `parquet:"name"`
	Age  *int32 `parquet:"age,optional"`
}

func articles(n int) []article {
	var out []article
	for i := range n {
		title, body := fmt.Sprintf("T %d", i), strings.Repeat("あ\"\n", i%50)+fmt.Sprint(i)
		a := article{
			ID: int64(i), Title: &title, Content: rendered{&body}, Tags: make([]string, i%3), Meta: map[string]string{}, Authors: make([]author, i%4),
			At: time.Unix(1_700_000_000, 500_000_000).UTC(), Day: 19_000, Price: int64(-5 * i), Big: 1 << 63, Score: 1.5, Thumb: []byte{0xff, 0}, Draft: i%2 == 1,
			Old: deprecated.Int96{0, 0, 2_440_589},
		}
		for k := range a.Tags {
			a.Tags[k] = fmt.Sprintf("tag %d", k)
		}
		for k := range a.Authors {
			a.Authors[k] = author{Name: fmt.Sprintf("Ann %d", k)}
			if k == 1 {
				age := int32(i)
				a.Authors[k].Age = &age
			}
		}
		if i%3 == 1 {
			a.Meta["k \""] = "v"
		}
		out = append(out, a)
	}
	return out
}

// table writes rows in groups of some.
func table[T any](t testing.TB, rows []T, group int, options ...parquetgo.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquetgo.NewGenericWriter[T](&b, options...)
	for len(rows) > 0 {
		n := min(group, len(rows))
		if _, err := w.Write(rows[:n]); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func source(t testing.TB, content []byte) *parquet.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := stream.Local(path)
	if err != nil {
		t.Fatal(err)
	}
	file.Name = "x.parquet"
	return &parquet.Source{File: file, Index: 3}
}

func TestATable(t *testing.T) {
	t.Parallel()
	for name, codec := range map[string]compress.Codec{
		"uncompressed": &parquetgo.Uncompressed, "snappy": &parquetgo.Snappy, "gzip": &parquetgo.Gzip, "zstd": &parquetgo.Zstd, "brotli": &parquetgo.Brotli, "lz4": &parquetgo.Lz4Raw,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := source(t, table(t, articles(1000), 333, parquetgo.Compression(codec), parquetgo.PageBufferSize(4<<10)))
			s.Config.Fields = map[string]string{"body": "content.rendered"}
			sourcetest.Run(t, s)
			docs, faults := sourcetest.Documents(t, s)
			if len(docs) != 1000 || len(faults) > 0 {
				t.Fatalf("%d documents and %v, want 1000", len(docs), faults)
			}
			d := docs[501]
			const fields = `{"tags":[],"meta":{},"authors":[{"name":"Ann 0","age":null}],"at":"2023-11-14T22:13:20.5Z","day":"2022-01-08","price":-25.05,` +
				`"big":9223372036854775808,"score":1.5,"thumb":null,"draft":true,"old":"1970-01-02T00:00:00Z"}`
			if d.ID != "501" || d.Title != "T 501" || string(d.Body) != "あ\"\n501" || string(d.Fields) != fields || d.At.String() != "x.parquet:502" || d.At.Source != 3 {
				t.Errorf("got %s %q %q %s\n%s, want fields\n%s", d.ID, d.Title, d.Body, d.At, d.Fields, fields)
			}
			if got, want := string(docs[11].Fields), `"tags":["tag 0","tag 1"],"meta":{},"authors":[{"name":"Ann 0","age":null},{"name":"Ann 1","age":11},{"name":"Ann 2","age":null}]`; !strings.Contains(got, want) {
				t.Errorf("fields %s, want in them %s", got, want)
			}
			if got, want := string(docs[1].Fields), `"meta":{"k \"":"v"}`; !strings.Contains(got, want) {
				t.Errorf("fields %s, want in them %s", got, want)
			}
		})
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   *string `parquet:"id,optional"`
		Body string  `parquet:"body"`
	}
	id := func(s string) *string { return &s }
	rows := []row{{id("a"), "x"}, {nil, "x"}, {id("c"), "caf\xe9"}, {id("d"), strings.Repeat("x", 200)}, {id("e"), "y"}}
	s := source(t, table(t, rows, 2))
	s.Config.MaxBytes = 100
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 2 || len(faults) != 3 || faults[0] != "x.parquet:2: no id" || faults[1] != `x.parquet:3: invalid UTF-8 in column "body"` ||
		faults[2] != "x.parquet:4: item of 220 bytes is above the limit of 100" {
		t.Errorf("%d documents, faults %q", len(docs), faults)
	}
	s.Config.Where = []item.Condition{{Field: "id", Value: "e"}}
	if docs, _ := sourcetest.Documents(t, s); len(docs) != 1 || docs[0].ID != "e" {
		t.Errorf("got %+v, want e alone", docs)
	}
}

// A page that is broken costs the rest of its row group, and says so; the other groups are read.
func TestABrokenGroupHidesNoOther(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64  `parquet:"id"`
		Body string `parquet:"body"`
	}
	var rows []row
	for i := range 300 {
		rows = append(rows, row{int64(i), strings.Repeat(fmt.Sprintf("Words of row %d. ", i), 20)})
	}
	content := table(t, rows, 100, parquetgo.Compression(&parquetgo.Zstd))
	file, err := parquetgo.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	column := file.Metadata().RowGroups[1].Columns[1].MetaData
	copy(content[column.DataPageOffset:], bytes.Repeat([]byte{0xaa}, int(column.TotalCompressedSize)))
	s := source(t, content)
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) < 200 || len(faults) != 1 || !strings.Contains(faults[0], "up to row 200, cannot be read") || docs[len(docs)-1].ID != "299" {
		t.Errorf("%d documents, faults %q, want all of the first and the third group", len(docs), faults)
	}
}

func TestWhatIsNoTable(t *testing.T) {
	t.Parallel()
	whole := table(t, articles(10), 10)
	for name, content := range map[string][]byte{
		"cut": whole[:len(whole)/2], "magic alone": []byte("PAR1"), "packed": append([]byte{0x1f, 0x8b}, whole...), "a footer of a giant": append(append([]byte("PAR1"), 0xff, 0xff, 0xff, 0x7f), "PAR1"...),
	} {
		for b, err := range source(t, content).Blocks(t.Context(), sourcetest.Beginning) {
			if err == nil || !strings.HasPrefix(err.Error(), "read x.parquet: ") {
				t.Errorf("%s: got %v and %v, want an error that names the file", name, b, err)
			}
		}
	}
	s := source(t, whole)
	s.File.At = nil
	for _, err := range s.Blocks(t.Context(), sourcetest.Beginning) {
		if err == nil || !strings.Contains(err.Error(), "not a stream") {
			t.Errorf("a stream: %v, want that it cannot be one", err)
		}
	}
}

// Whatever the bytes are, reading them ends, and ends without a panic.
func FuzzParquet(f *testing.F) {
	type row struct {
		ID   string   `parquet:"id"`
		Body *string  `parquet:"body,optional"`
		Tags []string `parquet:"tags,list"`
	}
	body := "Words."
	for _, codec := range []compress.Codec{&parquetgo.Uncompressed, &parquetgo.Snappy} {
		f.Add(table(f, []row{{"a", &body, nil}, {"b", nil, []string{"x", "y"}}}, 1, parquetgo.Compression(codec)))
	}
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := &parquet.Source{File: stream.File{Name: "x", At: func(context.Context) (stream.ReaderAtCloser, int64, error) {
			return closer{bytes.NewReader(content)}, int64(len(content)), nil
		}}}
		n := 0
		for b, err := range s.Blocks(t.Context(), sourcetest.Beginning) {
			if err != nil {
				return
			}
			for range b.Documents { //nolint:errcheck // faults are as good
				if n++; n > 100_000 {
					return
				}
			}
		}
	})
}

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }
