package inspect_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/inspect"
	"quarry/internal/prepare/source"
)

// read inspects a JSONL text.
func read(t *testing.T, text string, limit int64, where ...source.Condition) *inspect.Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in := inspect.New()
	sources, err := source.Open(t.Context(), []string{path}, source.Config{Observe: in.Observe, Where: where})
	if err != nil {
		t.Fatal(err)
	}
	rep, err := in.Read(context.Background(), []inspect.Named{{Source: sources[0], Kind: "jsonl"}}, clean.New(clean.Config{}), limit)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestFieldsOfItemsThatAreNoDocumentsCount(t *testing.T) {
	t.Parallel()
	rep := read(t, `{"id":1,"body":"Stone.","n":{"a":1,"b":null}}
{"id":2,"n":{"a":2,"b":""}}
{"n":[]}
broken
{"id":3,"body":"Rails.","n":{"a":{}}}
`, 0)
	if rep.Items != 5 || rep.Documents != 2 || !rep.Complete {
		t.Errorf("%d items, %d documents, complete %v; want 5, 2, true", rep.Items, rep.Documents, rep.Complete)
	}
	want := map[string]int64{"id": 3, "body": 2, "n.a": 2, "n.b": 0, "n": 0}
	got := map[string]int64{}
	for _, f := range rep.Fields {
		got[f.Name] = f.Filled
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("filled (-want +got):\n%s", diff)
	}
	if n := len(rep.LeftOut); n != 3 { // no body, no id, broken JSON
		t.Errorf("%d reasons, want 3: %v", n, rep.LeftOut)
	}
}

func TestValuesAreListedOnlyWhereTheyAreFew(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `{"id":%d,"body":"Stone %d.","kind":"k%d","many":%d,"day":"2024-01-%02d"}`+"\n", i, i, i%3, i, i%28+1)
	}
	rep := read(t, b.String(), 0)
	if f := rep.Field("kind"); len(f.Values) != 3 || f.Values[0] != (inspect.Count{Value: "k0", Count: 334}) {
		t.Errorf("kind has %v", f.Values)
	}
	if f := rep.Field("many"); f.Values != nil {
		t.Errorf("many lists %d values", len(f.Values))
	}
	if f := rep.Field("day"); f.First != "2024-01-01" || f.Last != "2024-01-28" {
		t.Errorf("days from %q to %q", f.First, f.Last)
	}
}

func TestLimitAndConditions(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`{"id":1,"body":"Stone.","s":"a"}`+"\n"+`{"id":2,"body":"Rails.","s":"b"}`+"\n", 50)
	rep := read(t, text, 10)
	if rep.Complete || rep.Documents != 10 {
		t.Errorf("%d documents, complete %v; want 10 of more", rep.Documents, rep.Complete)
	}
	rep = read(t, text, 0, source.Condition{Field: "s", Value: "b"})
	if rep.Items != 100 || rep.Documents != 50 || rep.Filtered != 50 {
		t.Errorf("%d items, %d documents, %d filtered; want 100, 50, 50", rep.Items, rep.Documents, rep.Filtered)
	}
}

// Memory does not grow with what a hostile source invents.
func TestFieldsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, `{"id":%d,"body":"Stone.","f%d":1}`+"\n", i, i)
	}
	rep := read(t, b.String(), 0)
	if len(rep.Fields) != 500 || rep.MoreFields == 0 {
		t.Errorf("%d fields and %d more, want 500 and some", len(rep.Fields), rep.MoreFields)
	}
	if !rep.Has("f2999") {
		t.Error("a field beyond the bound is said not to exist")
	}
}

func TestLengths(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := 1; i <= 1000; i++ {
		fmt.Fprintf(&b, `{"id":%d,"body":"%s"}`+"\n", i, strings.Repeat("a", i))
	}
	got := read(t, b.String(), 0).Chars
	near := func(got, want int64) bool { return got*100 >= want*97 && got*100 <= want*103 }
	if got.Count != 1000 || got.Min != 1 || got.Max != 1000 || !near(got.Median, 501) || !near(got.P95, 951) {
		t.Errorf("lengths %+v", got)
	}
}
