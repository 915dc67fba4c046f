package jsonl_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a file that is in memory.
func memory(content string) stream.File {
	return stream.File{Name: "in.jsonl", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	var mixed strings.Builder
	mixed.WriteString("\ufeff\n")
	for i := range 6_000 {
		switch i % 50 {
		case 7:
			mixed.WriteString("{broken\n\n")
		case 8:
			fmt.Fprintf(&mixed, "{\"id\":%d,\"body\":\"caf\xe9\"}\r\n", i)
		case 9:
			fmt.Fprintf(&mixed, `{"id":%d,"body":%q}`+"\n", i, strings.Repeat("long ", 2000))
		default:
			fmt.Fprintf(&mixed, `{"id":"d-%d","title":"t \u00e9 %d","body":"line\nline \"%d\" 日本語\ud83d\ude00","n":{"x":[%d]}}`+"\n", i, i, i, i)
		}
	}
	for name, s := range map[string]*jsonl.Source{
		"small": {File: memory(`{"id":1,"body":"x"}`)},
		"mixed": {File: memory(mixed.String()), Index: 3, Config: item.Config{MaxBytes: 8000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sourcetest.Run(t, s)
		})
	}
}

func TestConformanceOfRealArticles(t *testing.T) {
	t.Parallel()
	file, err := stream.Local(testdata.Path(t, "sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	s := &jsonl.Source{File: file}
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 100 || len(faults) > 0 {
		t.Fatalf("%d documents and faults %v, want 100 and none", len(docs), faults)
	}
	bytes := 0
	for _, d := range docs {
		bytes += len(d.Body)
		if d.Title == "" || d.URL == "" || (d.Lang != "en" && d.Lang != "ja") || d.Format == quarry.FormatUnknown {
			t.Errorf("%v: title %q, url %q, lang %q, format %q", d.At, d.Title, d.URL, d.Lang, d.Format)
		}
	}
	if bytes != 1_207_289 {
		t.Errorf("%d bytes of text, want 1207289", bytes)
	}
}

func TestPackedIsReadAsItIs(t *testing.T) {
	t.Parallel()
	plain, err := os.ReadFile(testdata.Path(t, "sample.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	plain = bytes.Repeat(plain, 2)
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	for _, half := range [][]byte{plain[:len(plain)/2], plain[len(plain)/2:]} { // two members, two frames
		for w, buf := range map[io.WriteCloser]*bytes.Buffer{g: &gz, z: &zst} {
			if _, err := w.Write(half); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w.(interface{ Reset(io.Writer) }).Reset(buf)
		}
	}
	dir := t.TempDir()
	var want []sourcetest.Entry
	for _, c := range []struct {
		name string
		data []byte
	}{{"a.jsonl", plain}, {"a.jsonl.gz", gz.Bytes()}, {"no-ending-of-its-own", zst.Bytes()}} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := stream.Local(path)
		if err != nil {
			t.Fatal(err)
		}
		file.Name = "same"
		s := &jsonl.Source{File: file}
		if want == nil {
			want = sourcetest.Read(t, s)
		}
		if !reflect.DeepEqual(want, sourcetest.Read(t, s)) {
			t.Errorf("%s: other items than from the plain file", c.name)
		}
		sourcetest.Run(t, s)
	}
	// A packed file that breaks off is an error of the source, after the items that were whole.
	broken := filepath.Join(dir, "broken.gz")
	if err := os.WriteFile(broken, gz.Bytes()[:gz.Len()/4], 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := stream.Local(broken)
	if err != nil {
		t.Fatal(err)
	}
	items, failed := 0, false
	for b, err := range (&jsonl.Source{File: file}).Blocks(t.Context(), quarry.Position{}) {
		if err != nil {
			failed = true
			if !strings.Contains(err.Error(), broken) {
				t.Errorf("the error names no file: %v", err)
			}
			continue
		}
		for range b.Documents {
			items++
		}
	}
	if !failed || items == 0 {
		t.Errorf("a broken gzip file: %d items, error %v; want some, and an error", items, failed)
	}
}

func TestBadInputIsNamedAndTheRestIsRead(t *testing.T) {
	t.Parallel()
	in := strings.Join([]string{
		`{"id":"a","title":"T","body":"text","url":"https://e.x/a","lang":"en","format":"html","extra":[1,2]}`,
		``,
		`{"id":"b","body":"text"`,
		"{\"id\":\"c\",\"body\":\"caf\xe9\"}",
		`{"title":"no id","body":"x"}`,
		`{"id":"","body":"x"}`,
		`{"id":null,"body":"x"}`,
		`{"id":["x"],"body":"x"}`,
		`{"id":"d"}`,
		`{"id":"e","body":null}`,
		`{"id":"f","body":17}`,
		`{"id":"g","body":{"x":"y"}}`,
		`{"id":"h","body":""}`,
		`{"id":"i","body":"x","id":"j"}`,
		`{"id":"k","body":"\ud800"}`,
		`["id","body"]`,
		`{"id":"l","body":"` + strings.Repeat("x", 500) + `"}`,
		`{"id":42,"body":"ok \u0026 \ud83d\ude00\n","title":null}`,
		`not json`,
	}, "\n")
	docs, faults := sourcetest.Documents(t, &jsonl.Source{File: memory(in), Config: item.Config{MaxBytes: 300}})
	wantDocs := []quarry.Document{
		{
			ID: "a", Title: "T", Body: []byte("text"), Valid: true, URL: "https://e.x/a", Lang: "en", Format: "html", Fields: []byte(`{"extra":[1,2]}`),
			At: quarry.Position{File: "in.jsonl", Line: 1},
		},
		{ID: "h", Body: []byte(""), Valid: true, At: quarry.Position{File: "in.jsonl", Line: 13, Offset: int64(strings.Index(in, `{"id":"h"`))}},
		{ID: "k", Body: []byte("\ufffd"), Valid: true, At: quarry.Position{File: "in.jsonl", Line: 15, Offset: int64(strings.Index(in, `{"id":"k"`))}},
		{ID: "42", Body: []byte("ok & 😀\n"), Valid: true, At: quarry.Position{File: "in.jsonl", Line: 18, Offset: int64(strings.Index(in, `{"id":42`))}},
	}
	if diff := cmp.Diff(wantDocs, docs); diff != "" {
		t.Error(diff)
	}
	wantFaults := []string{
		`in.jsonl:3: broken JSON: unexpected end at byte 23`,
		`in.jsonl:4: invalid UTF-8 at byte 21`,
		`in.jsonl:5: no id`,
		`in.jsonl:6: no id`,
		`in.jsonl:7: no id`,
		`in.jsonl:8: id (member id) is an array, not a string or a number`,
		`in.jsonl:9: no body in "d"`,
		`in.jsonl:10: no body in "e"`,
		`in.jsonl:11: body (member body) of "f" is a number, not a string`,
		`in.jsonl:12: body (member body) of "g" is an object, not a string`,
		`in.jsonl:14: broken JSON: duplicate name "id" at byte 21`,
		`in.jsonl:16: broken JSON: not a JSON object at byte 0`,
		`in.jsonl:17: item of 520 bytes is above the limit of 300`,
		`in.jsonl:19: broken JSON: unexpected "n" at byte 0`,
	}
	if diff := cmp.Diff(wantFaults, faults); diff != "" {
		t.Error(diff)
	}
}

func TestReadyRecords(t *testing.T) {
	t.Parallel()
	in := `{"recordId":"r-1","modelInput":{"b":1, "a":"\u0041"}}
{"modelInput":{},"recordId":7}
{"recordId":"r-3"}
{"modelInput":"x","recordId":"r-4"}
{"modelInput":{"messages":[]},"recordId":"r-5"}`
	s := &jsonl.Source{File: memory(in), Config: item.Config{Records: true}}
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	wantDocs := []quarry.Document{
		{ID: "r-1", ModelInput: []byte(`{"b":1, "a":"\u0041"}`), At: quarry.Position{File: "in.jsonl", Line: 1}},
		{ID: "r-5", ModelInput: []byte(`{"messages":[]}`), At: quarry.Position{File: "in.jsonl", Line: 5, Offset: 140}},
	}
	if diff := cmp.Diff(wantDocs, docs); diff != "" {
		t.Error(diff)
	}
	wantFaults := []string{
		"in.jsonl:2: recordId is a number, not a string",
		"in.jsonl:3: no modelInput",
		"in.jsonl:4: modelInput is a string, not an object",
	}
	if diff := cmp.Diff(wantFaults, faults); diff != "" {
		t.Error(diff)
	}
}

// Whatever the bytes: no panic, every line that is not blank is a document or a fault, and it resumes.
func FuzzSource(f *testing.F) {
	f.Add([]byte("{\"id\":1,\"body\":\"x\"}\n\n{\"_id\":{\"$oid\":\"5f\"},\"content\":{\"rendered\":\"a\\nb\",\"x\":[1]}}"), uint16(100))
	f.Add([]byte("\ufeff{\"slug\":\"a\",\"html\":\"\\u00e9\"}\r\n{\"a"), uint16(9))
	f.Fuzz(func(t *testing.T, in []byte, limit uint16) {
		s := &jsonl.Source{File: memory(string(in)), Config: item.Config{MaxBytes: int64(limit) + 1}}
		items := len(sourcetest.Read(t, s))
		lines := 0
		for i, l := range bytes.Split(in, []byte("\n")) {
			if i == 0 && len(l) <= int(limit)+1 {
				l = bytes.TrimPrefix(l, []byte("\ufeff"))
			}
			if len(bytes.Trim(l, " \t\r")) > 0 || len(l) > int(limit)+1 {
				lines++
			}
		}
		if items != lines {
			t.Fatalf("%d items of %d lines in %q", items, lines, in)
		}
		if items > 0 {
			sourcetest.Run(t, s)
		}
	})
}

// Blank lines make no blocks, however many there are, and the lines after them keep their numbers.
func TestBlankLines(t *testing.T) {
	t.Parallel()
	const million = 3 << 20
	for name, blank := range map[string]string{"empty": "\n", "Windows": "\r\n", "spaces": " \t\n"} {
		n := million / len(blank)
		in := "\ufeff" + strings.Repeat(blank, n) + `{"id":1,"body":"x"}` + "\n" + strings.Repeat(blank, n) + `{"id":2,"body":"x"}` + "\n" + strings.Repeat(blank, 10) + `{"id":3,"body":"x"}` + "\n" + strings.Repeat(blank, n) + "  "
		s := &jsonl.Source{File: memory(in)}
		want := []string{fmt.Sprintf("1@%d", n+1), fmt.Sprintf("2@%d", 2*n+2), fmt.Sprintf("3@%d", 2*n+13)}
		if diff := cmp.Diff(want, itemsOf(t, s)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		blocks := 0
		for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
			if err != nil {
				t.Fatal(err)
			}
			blocks++
		}
		if blocks > 3 {
			t.Errorf("%s: %d blocks", name, blocks)
		}
		sourcetest.Run(t, s)
	}
}
