package export_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/effect"
	"quarry/internal/base/fields"
	"quarry/internal/outcome/export"
)

func columns(t testing.TB, list string) []export.Column {
	t.Helper()
	c, err := export.ParseColumns(list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func filter(t testing.TB, conditions ...string) *fields.Filter {
	t.Helper()
	f, err := fields.ParseFilter(conditions)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNamedColumnsOfChosenResults(t *testing.T) {
	t.Parallel()
	for _, format := range tables {
		cfg := export.Config{
			Columns: columns(t, "key=id, headline=output.title_en,document.author,first=output.tags.0,output.late.deep.1.a,usage.input_tokens,error.kind"),
			Where:   filter(t, "status=ok", "mode=batch"),
		}
		got := write(t, results, format, cfg)
		names := []string{"key", "headline", "author", "first", "a", "input_tokens", "kind"}
		if format == "jsonl" {
			got = inOrder(got, names)
		}
		empty := any("")
		if format == "csv" || format == "tsv" {
			empty = nil // encoding/csv does not tell them apart
		}
		want := content{names, [][]any{
			{"a", "One", "A", "x", nil, "10", nil}, {"b", empty, nil, nil, nil, "10", nil}, {"d", nil, nil, nil, nil, "10", nil},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestColumnsThatCannotBe(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		"id,ID=status": "two columns are named id", "a=title": "no member title", "": "no member", "=id": "a name has", "a\tb=id": "a name has",
		"id,output.title,t=document.title,title=id": "two columns are named title",
	} {
		if _, err := export.ParseColumns(list); err == nil || !strings.Contains(strings.ToLower(err.Error()), want) {
			t.Errorf("ParseColumns(%q): %v, want %s", list, err, want)
		}
	}
}

func TestAMisspelledPathIsAnError(t *testing.T) {
	t.Parallel()
	for _, cfg := range []export.Config{{Columns: columns(t, "id,output.titel_en")}, {Where: filter(t, "document.langg=en")}} {
		path := filepath.Join(t.TempDir(), "x.csv")
		_, err := export.File(t.Context(), effect.New(nil), strings.NewReader(results), "csv", path, cfg)
		if !errors.Is(err, export.ErrPath) {
			t.Errorf("File = %v, want ErrPath", err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the file exists")
		}
	}
	// A run without an answer is no reason to doubt a path.
	if got := write(t, `{"id":"a","status":"failed",`+base+`,"document":{}}`, "csv", export.Config{Columns: columns(t, "id,output.title_en")}); len(got.Rows) != 1 {
		t.Errorf("%d rows, want 1", len(got.Rows))
	}
}

func TestFormulasAreGuarded(t *testing.T) {
	t.Parallel()
	in := `{"id":"=id","status":"ok","output":{"=name":"@x","a":"-5","b":"'=y","c":"'z","d":-5,"e":"\r\n"},` + base + `}` + "\n"
	for _, format := range []string{"csv", "tsv"} {
		got := write(t, in, format, export.Config{})
		if diff := cmp.Diff([]string{"'=name", "a", "b", "c", "d", "e"}, got.Names[2:8]); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", format, diff)
		}
		if diff := cmp.Diff([]any{"=id", "ok", "'@x", "'-5", "''=y", "'z", "-5", "'\n"}, got.Rows[0][:8]); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", format, diff)
		}
	}
}
