package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/prepare/source"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/sourcetest"
)

// readFile gives the ids and faults of a file's items, and what is said about it.
func readFile(t *testing.T, name, content string) (got, notes []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	sources, err := source.Open(t.Context(), []string{path}, source.Config{Notes: new(note.Book)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range sourcetest.Read(t, sources[0]) {
		if e.Fault != "" {
			got = append(got, "fault"+strings.TrimPrefix(e.Fault, path))
		} else {
			got = append(got, string(e.Document.ID)+": "+string(e.Document.Body))
		}
	}
	for _, line := range source.Notes(sources[0]) {
		notes = append(notes, strings.ReplaceAll(line, path, "FILE"))
	}
	sourcetest.Run(t, sources[0])
	return got, notes
}

// TestArraysInsideOfObjects: the items of a file are in an array somewhere in one object.
func TestArraysInsideOfObjects(t *testing.T) {
	t.Parallel()
	const a, b = `{"id":"a","content":"x"}`, `{"id":"b","content":"y"}`
	both := []string{"a: x", "b: y"}
	long := `"` + strings.Repeat("z", 100_000) + `"`
	for _, tt := range []struct {
		name, in  string
		want      []string
		ambiguous string
	}{
		{"posts", `{"posts":[` + a + `,` + b + `]}`, both, ""},
		{"data", `{"data":[` + a + `,` + b + `]}`, both, ""},
		{"items after other members", `{"version":"1.1","title":"Feed","items":[` + a + `,` + b + `],"next":null}`, both, ""},
		{"results of an API", `{"count":2,"next":null,"results":[` + a + `,` + b + `]}`, both, ""},
		{"over several lines", "{\n  \"entries\": [\n    " + a + ",\n    " + b + "\n  ]\n}\n", both, ""},
		{"a name of its own", `{"blogposts":[` + a + `,` + b + `]}`, both, ""},
		{"two levels", `{"data":{"articles":[` + a + `,` + b + `]}}`, both, ""},
		{"three levels, through an array", `{"db":[{"data":{"posts":[` + a + `,` + b + `]}}]}`, both, ""},
		{"hits of a search", `{"took":3,"hits":{"total":2,"hits":[{"_id":"a","_source":{"content":"x"}},{"_id":"b","_source":{"content":"y"}}]}}`, both, ""},
		{"JSON:API", `{"data":[{"type":"articles","id":"a","attributes":{"title":"A","body":"x"}},{"type":"articles","id":"b","attributes":{"title":"B","body":"y"}}]}`, both, ""},
		{"beside authors and tags", `{"users":[{"id":1,"name":"Ada","description":"writes"}],"tags":[{"id":2,"name":"t"}],"posts":[` + a + `,` + b + `]}`, both, ""},
		{"before comments that have bodies too", `{"posts":[` + a + `,` + b + `],"comments":[{"id":3,"body":"c"}]}`, both, `read: the array posts of FILE, and not comments`},
		{"after pages", `{"pages":[{"id":"p","content":"q"}],"posts":[` + a + `,` + b + `]}`, both, `read: the array posts of FILE, and not pages`},
		{"with arrays in the items", `{"posts":[{"id":"a","comments":[{"id":1,"body":"c"}],"content":"x"},` + b + `]}`, both, ""},
		{"after more than is looked at first", `{"meta":{"x":` + long + `},"posts":[` + a + `,` + b + `]}`, both, ""},
		{"after more than is looked at first, over lines", "{\n\"meta\":{\"x\":" + long + "},\n\"posts\":[" + a + "," + b + "]}", both, ""},
		{"items longer than what is looked at first", `{"posts":[{"id":"a","content":` + long + `},` + b + `]}`, []string{"a: " + strings.Trim(long, `"`), "b: y"}, ""},
		{"a mark and blanks", "\ufeff \n{ \"posts\" : [ " + a + " , " + b + " ] }", both, ""},
		{"broken items", `{"posts":[` + a + `,{"id":}],"x":1}`, []string{"a: x", `fault:1: broken JSON: unexpected "}" at byte 6`}, ""},
		{"a file that was cut off", `{"posts":[` + a + `,` + b, []string{"a: x", "b: y", "fault:1: the array of items does not end: the file is truncated here"}, ""},
		{"an item that was cut off", `{"posts":[` + a + `,{"id":"b","cont`, []string{"a: x", "fault:1: broken JSON: unexpected end inside a string at byte 15"}, ""},

		{"an item with an array", `{"id":"a","comments":[{"id":1,"body":"c"}],"content":"x"}`, []string{"a: x"}, ""},
		{"an item over several lines", "{\n\"id\":\"a\",\n\"tags\":[{\"id\":1,\"name\":\"t\"}],\n\"content\":\"x\"}", []string{"a: x"}, ""},
		{"items one a line", a + "\n" + b + "\n", both, ""},
		{"items one a line, with arrays", `{"tags":[{"id":1,"body":"t"}],"id":"a","content":"x"}` + "\n" + b + "\n", both, ""},
		{"long items one a line", `{"tags":[{"id":1,"name":"t"}],"id":"a","x":` + long + `,"content":"x"}` + "\n" + b + "\n", both, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{"in.json", "in"} {
				got, notes := readFile(t, name, tt.in)
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: (-want +got):\n%s", name, diff)
				}
				if said := strings.Join(notes, "\n"); said != tt.ambiguous {
					t.Errorf("%s: said %q, want %q", name, said, tt.ambiguous)
				}
			}
		})
	}
	if got, _ := readEmpty(t, `{"posts":[],"meta":{"total":0}}`); len(got) > 0 {
		t.Errorf("an empty array gives %q", got)
	}
}

// readEmpty is readFile for a file without items, which the suite does not take.
func readEmpty(t *testing.T, content string) (got []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	sources, err := source.Open(t.Context(), []string{path}, source.Config{})
	if err != nil {
		return nil, err
	}
	for _, e := range sourcetest.Read(t, sources[0]) {
		got = append(got, e.Fault+string(e.Document.ID))
	}
	return got, nil
}

// TestPortableText: the export of a data set of Sanity, one document a line.
func TestPortableText(t *testing.T) {
	t.Parallel()
	const block = `[{"_type":"block","style":"normal","children":[{"_type":"span","text":"Text."}]}]`
	for _, tt := range []struct{ name, file, in, want string }{
		{"a line each", "in.ndjson", `{"_id":"a","_type":"post","title":"A","slug":{"current":"a"},"body":` + block + "}\n", "a: <p>Text.</p>"},
		{"named content", "in.ndjson", `{"_id":"a","_type":"post","content":` + block + "}\n", "a: <p>Text.</p>"},
		{"beside a short text", "in.ndjson", `{"_id":"a","text":"short","body":` + block + "}\n", "a: <p>Text.</p>"},
		{"the result of a query", "in.json", `{"query":"*","result":[{"_id":"a","body":` + block + `}],"ms":3}`, "a: <p>Text.</p>"},
		{"an array", "in.json", `[{"_id":"a","body":` + block + `}]`, "a: <p>Text.</p>"},
		{"with a format that speaks of something else", "in.json", `[{"_id":"a","format":"text","body":` + block + `}]`, "a: <p>Text.</p>"},
		{"an empty text", "in.json", `[{"_id":"a","body":[]}]`, "a: "},
		{"texts of both kinds", "in.json", `[{"_id":"a","body":"plain"}]`, "a: plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got, _ := readFile(t, tt.file, tt.in); len(got) != 1 || got[0] != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got, _ := readFile(t, "in.ndjson", `{"_id":"a","body":`+block+"}\n"+`{"_id":"b","body":[1]}`+"\n"); len(got) != 2 || got[1] != `fault:2: body (member body) of "b" is an array, not a string` {
		t.Errorf("got %q", got)
	}
}
