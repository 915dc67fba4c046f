package jsonl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/testdata"
)

// itemsOf gives each item of a source as `id` or as its fault.
func itemsOf(t *testing.T, s sourcetest.Source) []string {
	t.Helper()
	var got []string
	for _, e := range sourcetest.Read(t, s) {
		if e.Fault != "" {
			got = append(got, e.Fault)
		} else {
			got = append(got, fmt.Sprintf("%s@%d", e.Document.ID, e.Document.At.Line))
		}
	}
	return got
}

func TestObjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"an array on one line", `[{"id":1,"body":"x]}"},{"id":2,"body":"\"{"},{"id":3,"body":"y","n":[{"id":9}]}]`, []string{"1@1", "2@1", "3@1"}},
		{"an array of lines", "\ufeff[\n{\"id\":1,\"body\":\"x\"},\n{\"id\":2,\"body\":\"x\"}\n]\n", []string{"1@2", "2@3"}},
		{"an array with indents", "[\n  {\n    \"id\": 1,\n    \"body\": \"x\",\n    \"n\": {\n      \"a\": [\n        {\"id\": 5}\n      ]\n    }\n  },\n  {\n    \"id\": 2,\n    \"body\": \"x\"\n  }\n]", []string{"1@2", "2@11"}},
		{"objects one after the other", "{\"id\":1,\n\"body\":\"x\"}{\"id\":2,\"body\":\"x\"}\n\n{\"id\":3,\"body\":\"x\"}", []string{"1@1", "2@2", "3@4"}},
		{"arrays one after the other", `[{"id":1,"body":"x"}][{"id":2,"body":"x"}]`, []string{"1@1", "2@1"}},
		{"things that are no objects", `[7, {"id":1,"body":"x"}, "text", null, {"id":2,"body":"x"}]`, []string{
			"in.jsonl:1: broken JSON: not a JSON object at byte 0", "1@1", "in.jsonl:1: broken JSON: not a JSON object at byte 0", "in.jsonl:1: broken JSON: not a JSON object at byte 0", "2@1",
		}},
		{"a missing brace on a line of its own", "[\n{\"id\":1,\"body\":\"x\",\n{\"id\":2,\"body\":\"x\"},\n{\"id\":3,\"body\":\"x\"}\n]", []string{
			`in.jsonl:2: broken JSON: unexpected end at byte 20`, "2@3", "3@4",
		}},
		{"a missing quote on a line of its own", "[\n{\"id\":1,\"body\":\"x},\n{\"id\":2,\"body\":\"x\"},\n{\"id\":3,\"body\":\"x\"}\n]", []string{
			"in.jsonl:2: broken JSON: control character in a string at byte 19", "2@3", "3@4",
		}},
		{"a missing quote on the only line", `[{"id":1,"body":"x},{"id":2,"body":"x"},{"id":3,"body":"x"}]`, []string{
			"in.jsonl:1: broken JSON: unexpected end inside a string at byte 19", "2@1", "3@1",
		}},
		{"a bracket too many", `[{"id":1,"body":"x"]},{"id":2,"body":"x"}]`, []string{"in.jsonl:1: broken JSON: want , or } after an object's value at byte 18", "2@1"}},
		{"an array cut off", `[{"id":1,"body":"x"},{"id":2,"bo`, []string{"1@1", "in.jsonl:1: broken JSON: unexpected end inside a string at byte 11"}},
		{"an item above the limit", `[{"id":1,"body":"x"},{"id":2,"body":"` + strings.Repeat("y,{\\\"", 400) + `","c":[{"id":7}]},{"id":3,"body":"x"}]`, []string{"1@1", "in.jsonl:1: item of 2,033 bytes is above the limit of 1,000", "3@1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &jsonl.Objects{File: memory(c.in), Config: item.Config{MaxBytes: 1000}}
			if diff := cmp.Diff(c.want, itemsOf(t, s)); diff != "" {
				t.Error(diff)
			}
			sourcetest.Run(t, s)
		})
	}
}

func TestObjectsOfManyChunks(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("[")
	for i := range 1200 {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "  {\n    \"id\": %d,\n    \"content\": {\"rendered\": \"%s\", \"protected\": false},\n    \"tags\": [\n      1\n    ]\n  }", i, strings.Repeat(`<p class=\"x\">日本語</p>\n`, i%90))
	}
	b.WriteString("]")
	s := &jsonl.Objects{File: memory(b.String())}
	sourcetest.Run(t, s)
	docs, faults := sourcetest.Documents(t, s)
	if len(docs) != 1200 || len(faults) > 0 {
		t.Fatalf("%d documents, faults %v", len(docs), faults)
	}
	want := quarry.Document{
		ID: "2", Body: []byte(strings.Repeat("<p class=\"x\">日本語</p>\n", 2)), Valid: true, Format: quarry.FormatMarked, Fields: []byte(`{"content":{"protected":false},"tags":[1]}`),
		At: docs[2].At,
	}
	if diff := cmp.Diff(want, docs[2]); diff != "" {
		t.Error(diff)
	}
}

func TestAnItemAboveTheLimitIsNotHeld(t *testing.T) {
	t.Parallel()
	in := `[{"id":1,"body":"x"},{"id":2,"body":"` + strings.Repeat(`x\"}]`, 4<<20) + `"},{"id":3,"body":"x"}]`
	s := &jsonl.Objects{File: memory(in), Config: item.Config{MaxBytes: 1 << 20}}
	want := []string{"1@1", fmt.Sprintf("in.jsonl:1: item of %s is above the limit of 1,048,576", figure.Count(20<<20+len(`{"id":2,"body":""}`), "byte")), "3@1"}
	if diff := cmp.Diff(want, itemsOf(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestAnArrayThatIsCutOff(t *testing.T) {
	t.Parallel()
	const fault = "the array of items does not end: the file is truncated here"
	one, two := `{"id":1,"body":"x"}`, `{"id":2,"body":"]"}`
	for _, c := range []struct {
		name, in string
		path     []string
		want     []string
	}{
		{"after an item", "[" + one + ",\n" + two, nil, []string{"1@1", "2@2", "in.jsonl:2: " + fault}},
		{"after a comma", "\ufeff [" + one + ",\n", nil, []string{"1@1", "in.jsonl:1: " + fault}},
		{"before the first item", "[", nil, []string{"in.jsonl:1: " + fault}},
		{"in an item, which is fault enough", "[" + one + ",{", nil, []string{"1@1", "in.jsonl:1: broken JSON: unexpected end at byte 1"}},
		{"not at all", "[" + one + "\n]\n", nil, []string{"1@1"}},
		{"not at all: empty", " [ ] ", nil, nil},
		{"no array", one + "\n" + two, nil, []string{"1@1", "2@2"}},
		{"deep in a file", `{"db":[` + one + "," + two, []string{"db"}, []string{"1@1", "2@1", "in.jsonl:1: " + fault}},
		{"after the items of a file", `{"db":[` + one + `],"x`, []string{"db"}, []string{"1@1", "in.jsonl:1: the array of items does not end: the file is truncated here"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &jsonl.Objects{File: memory(c.in), Path: c.path}
			if diff := cmp.Diff(c.want, itemsOf(t, s)); diff != "" {
				t.Error(diff)
			}
			if c.want != nil {
				sourcetest.Run(t, s)
			}
		})
	}
}

func TestItemsDeepInAFile(t *testing.T) {
	t.Parallel()
	in := `{"meta":{"posts":["no"],"n":-1.5e3},"db":[7,{"data":{"tags":[{"id":"t"}],"posts":[{"id":"a","html":"<p>x"},
{"id":"b","html":"<p>y"}],"users":[{"id":"u","html":"no"}]}}]}`
	s := &jsonl.Objects{File: memory(in), Path: []string{"db", "1", "data", "posts"}}
	if diff := cmp.Diff([]string{"a@1", "b@2"}, itemsOf(t, s)); diff != "" {
		t.Error(diff)
	}
	sourcetest.Run(t, s)
	for _, path := range [][]string{{"db", "2"}, {"nothing"}, {"meta", "n"}, {"db", "1", "data", "posts", "9"}} {
		s := &jsonl.Objects{File: memory(in), Path: path}
		for _, err := range s.Blocks(t.Context(), quarry.Position{}) {
			if err == nil || !strings.Contains(err.Error(), "no items at their place") {
				t.Errorf("%v: %v, want that there are no items", path, err)
			}
		}
	}
}

func TestWhatWordPressLists(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"posts-view-page-1.json": 100, "posts-view-page-3.json": 45, "posts-edit-page-3.json": 50} {
		file, err := stream.Local(testdata.Path(t, "wordpress", "rest", name))
		if err != nil {
			t.Fatal(err)
		}
		s := &jsonl.Objects{File: file}
		docs, faults := sourcetest.Documents(t, s)
		if len(docs) != want || len(faults) > 0 {
			t.Errorf("%s: %d documents, faults %v, want %d", name, len(docs), faults, want)
		}
		for _, d := range docs {
			if d.Title == "" || len(d.Body) == 0 || d.Format != quarry.FormatMarked || !strings.HasPrefix(d.URL, "https://") {
				t.Errorf("%s: %v: title %q, body %d bytes, format %q, url %q", name, d.ID, d.Title, len(d.Body), d.Format, d.URL)
			}
		}
	}
}

// Items without an end, brackets and unbalanced quotes: the time must grow as the input does.
func TestBrokenObjectsTakeLinearTime(t *testing.T) { // not parallel: it measures
	for _, one := range []string{`{"id":1,"body":"x"` + "\n", `{"id":1,"body":"x`, `{"id":1,"body":"x"]`, `[[[{"a":`, `"`, `{`, "{\n", `}`, `{"id":"\"`} {
		sourcetest.Linear(t, one, 1<<16, func(in string) sourcetest.Source {
			return &jsonl.Objects{File: memory(in), Config: item.Config{MaxBytes: 64 << 10}}
		})
	}
}

func FuzzObjects(f *testing.F) {
	f.Add([]byte(`[{"id":1,"body":"x"},{"id":2,"body":"\"{"}]`), uint16(20))
	f.Add([]byte("[\n {\"id\":1,\"body\":\"x,\n {\"id\":2,\"body\":\"x\"}\n]"), uint16(300))
	f.Add([]byte("{\"id\":1]{{{\n{\"id\"\xff"), uint16(5))
	f.Fuzz(func(t *testing.T, in []byte, limit uint16) {
		s := &jsonl.Objects{File: memory(string(in)), Config: item.Config{MaxBytes: int64(limit) + 1}}
		if len(sourcetest.Read(t, s)) > 0 {
			sourcetest.Run(t, s)
		}
	})
}
