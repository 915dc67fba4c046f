package export_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/base/effect"
	"quarry/internal/outcome/export"
)

// text exports and gives the file.
func text(t testing.TB, results, format string, cfg export.Config) (string, export.Counts) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x")
	n, err := export.File(t.Context(), effect.New(nil), strings.NewReader(results), format, path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), n
}

const articles = `{"id":"1","status":"ok","output":{"title_en":"</script>","summary_ja":"要約","summary_en":"S","n":1,"tags":["x","y"],"deep":{"@id":"x"},"none":null},"model":"m","record_id":"r",` + base +
	`,"document":{"title":"T {{ env.KEY }}","url":"https://example.com/1","lang":"en","slug":"file:///etc/passwd","more":["{{{%x","b",null],"none":null}}
{"id":"2","status":"invalid","text":"no",` + base + `,"document":{}}
{"id":"3","status":"ok","text":"plain",` + base + `,"document":{"url":"mailto:x"}}
`

func TestJSONLD(t *testing.T) {
	t.Parallel()
	got, n := text(t, articles, "jsonld", export.Config{})
	want := `{"@context":"https://schema.org","@graph":[
{"@type":"Article","@id":"https://example.com/1","url":"https://example.com/1","identifier":"1","name":"T {{ env.KEY }}","inLanguage":"en",` +
		`"headline":[{"@language":"en","@value":"\u003c/script>"}],"abstract":[{"@language":"ja","@value":"要約"},{"@language":"en","@value":"S"}],` +
		`"additionalProperty":[{"@type":"PropertyValue","name":"n","value":1},{"@type":"PropertyValue","name":"tags","value":["x","y"]},` +
		`{"@type":"PropertyValue","name":"deep","value":"{\"@id\":\"x\"}"}]},
{"@type":"Article","identifier":"3","abstract":"plain"}
]}
`
	if diff := cmp.Diff(want, got); diff != "" || n != (export.Counts{Rows: 2, Unanswered: 1}) || !json.Valid([]byte(got)) {
		t.Errorf("%+v (-want +got):\n%s", n, diff)
	}
	got, _ = text(t, articles, "jsonld", export.Config{Columns: columns(t, "@id=document.url,@type=output.n,keywords=output.tags"), Where: filter(t, "id=1")})
	want = `{"@context":"https://schema.org","@graph":[
{"@id":"https://example.com/1","@type":1,"keywords":["x","y"]}
]}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err := export.File(t.Context(), effect.New(nil), strings.NewReader(articles), "jsonld", filepath.Join(t.TempDir(), "x"), export.Config{Columns: columns(t, "@context=id")})
	if !errors.Is(err, export.ErrUnfit) {
		t.Errorf("File with a column @context = %v, want ErrUnfit", err)
	}
	if got, _ := text(t, "", "jsonld", export.Config{}); !json.Valid([]byte(got)) {
		t.Errorf("no results make %s", got)
	}
}

func TestPromptfoo(t *testing.T) {
	t.Parallel()
	got, n := text(t, articles, "promptfoo", export.Config{})
	want := `{"description":"1","vars":{"id":"1","title":"T { { env.KEY }}","url":"https://example.com/1","lang":"en","slug":" file:///etc/passwd","more":["{ { { %x","b",null]},` +
		`"providerOutput":{"title_en":"</script>","summary_ja":"要約","summary_en":"S","n":1,"tags":["x","y"],"deep":{"@id":"x"},"none":null},"assert":[{"type":"is-json"}],` +
		`"options":{"disableVarExpansion":true},"metadata":{"model":"m","record_id":"r"}}
{"description":"3","vars":{"id":"3","url":"mailto:x"},"providerOutput":"plain","options":{"disableVarExpansion":true},"metadata":{"model":"","record_id":""}}
`
	if diff := cmp.Diff(want, got); diff != "" || n.Unanswered != 1 {
		t.Errorf("%+v (-want +got):\n%s", n, diff)
	}
	got, _ = text(t, articles, "promptfoo", export.Config{Columns: columns(t, "article=document.title,summary=output.summary_en"), Where: filter(t, "id=1"), RawFormulas: true})
	if !strings.Contains(got, `"vars":{"article":"T {{ env.KEY }}","summary":"S"}`) {
		t.Errorf("named columns are no variables: %s", got)
	}
}

// The limits are those of Excel; a longer text is never cut.
func TestATextThatACellCannotHoldIsAnError(t *testing.T) {
	t.Parallel()
	for n, fits := range map[int]bool{32_767: true, 32_768: false} {
		for _, letter := range []string{"a", "長"} {
			in := `{"id":"7","status":"ok","output":{"k":"` + strings.Repeat(letter, n) + `"},` + base + `}`
			_, err := export.File(t.Context(), effect.New(nil), strings.NewReader(in), "xlsx", filepath.Join(t.TempDir(), "x"), export.Config{})
			if (err == nil) != fits || !fits && (!errors.Is(err, export.ErrUnfit) || !strings.Contains(err.Error(), `k of document "7" has 32,768 characters`)) {
				t.Errorf("%d of %s: %v", n, letter, err)
			}
		}
	}
}

func TestACellIsNeverAFormulaAndKeepsEveryDigit(t *testing.T) {
	t.Parallel()
	in := `{"id":"=1+1","status":"ok","output":{"wide":9007199254740993,"n":5,"f":1.5,"b":true,"e":"_x0041_ _x41_ \u0001"},` + base + `}` + "\n"
	path := filepath.Join(t.TempDir(), "x.xlsx")
	if _, err := export.File(t.Context(), effect.New(nil), strings.NewReader(in), "xlsx", path, export.Config{}); err != nil {
		t.Fatal(err)
	}
	sheet := part(t, path, "xl/worksheets/sheet1.xml")
	for _, want := range []string{
		`<c r="A2" t="inlineStr"><is><t xml:space="preserve">=1+1</t></is></c>`, `<c r="C2" t="inlineStr"><is><t xml:space="preserve">9007199254740993</t>`,
		`<c r="D2"><v>5</v></c>`, `<c r="E2"><v>1.5</v></c>`, `<c r="F2" t="b"><v>1</v></c>`, `_x005F_x0041_ _x41_ _x0001_`, `<v>0.000123456789</v>`,
	} {
		if !strings.Contains(sheet, want) {
			t.Errorf("the sheet has no %s:\n%s", want, sheet)
		}
	}
	if bytes.Contains([]byte(sheet), []byte("<f>")) {
		t.Error("the sheet has a formula")
	}
}

// part gives a part of a workbook.
func part(t testing.TB, path, name string) string {
	t.Helper()
	files, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	f, err := files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
