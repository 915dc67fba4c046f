package export_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/export"
	"quarry/internal/testdata"
)

func TestMain(m *testing.M) {
	testdata.InMemory()
	goleak.VerifyTestMain(m)
}

// content is what a file holds, read by a reader that is not ours: nil is null, everything else as text.
type content struct {
	Names []string
	Rows  [][]any
}

var readers = map[string]func(testing.TB, string) content{
	"jsonl": readJSONL, "csv": readCSV(','), "tsv": readCSV('\t'), "xlsx": readXLSX, "parquet": readParquet, "sqlite": readSQLite,
}

// tables are the formats that hold the same table.
var tables = []string{"jsonl", "csv", "tsv", "xlsx", "parquet", "sqlite"}

// readJSONL needs to get the columns: a line has only those that it has values for.
func readJSONL(t testing.TB, path string) content {
	f := open(t, path)
	var c content
	var lines []map[string]json.RawMessage
	in := bufio.NewReaderSize(f, 64<<20)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		var object map[string]json.RawMessage
		if err := errors.Join(err, json.Unmarshal(line, &object)); err != nil {
			t.Fatal(err)
		}
		members, err := new(jsonl.Checker).Object(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range members {
			if !slices.Contains(c.Names, string(m.Name)) {
				c.Names = append(c.Names, string(m.Name))
			}
		}
		lines = append(lines, object)
	}
	for _, object := range lines {
		var row []any
		for _, name := range c.Names {
			var s *string
			switch raw, ok := object[name]; {
			case !ok || string(raw) == "null":
				row = append(row, nil)
			case json.Unmarshal(raw, &s) == nil:
				row = append(row, *s)
			default:
				row = append(row, string(raw))
			}
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

func readCSV(comma rune) func(testing.TB, string) content {
	return func(t testing.TB, path string) content { return readSeparated(t, path, comma) }
}

func readSeparated(t testing.TB, path string, comma rune) content {
	in := csv.NewReader(open(t, path))
	in.Comma = comma
	all, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := content{Names: all[0]}
	for _, line := range all[1:] {
		var row []any
		for _, s := range line {
			if s == "" {
				row = append(row, nil) // encoding/csv does not tell null from empty
			} else {
				row = append(row, s)
			}
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

// readXLSX reads the first sheet with encoding/xml. Its texts have the escapes of ST_Xstring.
func readXLSX(t testing.TB, path string) content {
	f := open(t, path)
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	files, err := zip.NewReader(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := files.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer sheet.Close()
	var data struct {
		Rows []struct {
			Cells []struct {
				Name  string  `xml:"r,attr"`
				Value *string `xml:"v"`
				Text  *string `xml:"is>t"`
			} `xml:"c"`
		} `xml:"sheetData>row"`
	}
	if err := xml.NewDecoder(sheet).Decode(&data); err != nil {
		t.Fatal(err)
	}
	escape := regexp.MustCompile("_x[0-9A-F]{4}_")
	var c content
	for i, r := range data.Rows {
		row := make([]any, len(c.Names))
		for _, cell := range r.Cells {
			column := 0
			for _, letter := range strings.TrimRight(cell.Name, "0123456789") {
				column = column*26 + int(letter-'A') + 1
			}
			value := cell.Value
			if value == nil {
				text := escape.ReplaceAllStringFunc(*cell.Text, func(s string) string {
					n, _ := strconv.ParseUint(s[2:6], 16, 16)
					return string(rune(n))
				})
				value = &text
			}
			if i == 0 {
				c.Names = append(c.Names, *value)
			} else {
				row[column-1] = *value
			}
		}
		if i > 0 {
			c.Rows = append(c.Rows, row)
		}
	}
	return c
}

func readParquet(t testing.TB, path string) content {
	f := open(t, path)
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	var c content
	for _, field := range file.Schema().Fields() {
		c.Names = append(c.Names, field.Name())
	}
	for _, group := range file.RowGroups() {
		rows := group.Rows()
		buf := make([]parquet.Row, 7)
		for {
			n, err := rows.ReadRows(buf)
			for _, r := range buf[:n] {
				var row []any
				for _, v := range r {
					switch {
					case v.IsNull():
						row = append(row, nil)
					case v.Kind() == parquet.Double:
						row = append(row, strconv.FormatFloat(v.Double(), 'g', -1, 64))
					case v.Kind() == parquet.ByteArray:
						row = append(row, string(v.ByteArray()))
					default:
						row = append(row, v.String())
					}
				}
				c.Rows = append(c.Rows, row)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func readSQLite(t testing.TB, path string) content {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM results ORDER BY rowid")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var c content
	if c.Names, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, to := make([]any, len(c.Names)), make([]any, len(c.Names))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		for i, v := range row {
			switch v := v.(type) {
			case float64:
				row[i] = strconv.FormatFloat(v, 'g', -1, 64)
			case int64:
				row[i] = strconv.FormatInt(v, 10)
			}
		}
		c.Rows = append(c.Rows, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// stripped hides that a reader can be rewound.
type stripped struct{ io.Reader }

// write exports and reads back.
func write(t testing.TB, results, format string, cfg export.Config) content {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out ?#%41."+format)
	n, err := export.File(t.Context(), effect.New(nil), strings.NewReader(results), format, path, cfg)
	if err != nil {
		t.Fatalf("File(%s): %v", format, err)
	}
	c := readers[format](t, path)
	if int64(len(c.Rows)) != n.Rows {
		t.Fatalf("File(%s) = %d rows, but the file has %d", format, n.Rows, len(c.Rows))
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the file lies more: %v %v", left, err)
	}
	return c
}

func line(t testing.TB, r quarry.Result) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

const base = `"mode":"batch","attempts":1,"usage":{"input_tokens":10,"output_tokens":2},"cost_usd":0.000123456789`

// results have answers and fields of every kind.
var results = `{"id":"a","status":"ok","output":{"title_en":"One","summary_ja":"要約","n":1,"score":0.5,"good":true,"tags":["x","y"],"mixed":"5"},"model":"m-1","requested_model":"m",` + base + `,"job":"arn:1","document":{"title":"First","url":"https://example.com/1","lang":"en","views":9007199254740993,"author":"A","Title":"inner"}}
{"id":"b","status":"ok","output":{"title_en":"","summary_ja":null,"n":-2,"score":2,"good":false,"tags":[],"mixed":5,"late":{"deep":[1, {"a" : null}]}},"model":"m-1","requested_model":"m",` + base + `,"document":{"views":1,"price":1.10,"Title":"other"}}

{"id":"c","status":"failed","mode":"batch","attempts":4,"usage":{"input_tokens":0,"output_tokens":0},"cost_usd":null,"document":{"title":"Third"},"error":{"kind":"throttled","message":"429: \"slow down\",\nplease"}}
{"id":"d","status":"ok","text":"plain","salvaged":true,"new_in_a_later_version":{"x":1},` + base + `,"document":{}}
`

var resultNames = []string{
	"id", "status", "title_en", "summary_ja", "n", "score", "good", "tags", "mixed", "late", "text", "title", "url", "lang", "views", "author", "document_Title", "price",
	"model", "requested_model", "mode", "attempts", "input_tokens", "output_tokens", "cost_usd", "job", "error_kind", "error_message",
}

func TestEveryFormatHoldsTheSameTable(t *testing.T) {
	t.Parallel()
	for _, format := range tables {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			got := write(t, results, format, export.Config{})
			yes, no, empty, late := any("true"), any("false"), any(""), any(`{"deep":[1, {"a" : null}]}`)
			price := any("1.1")
			switch format {
			case "sqlite":
				yes, no = "1", "0"
			case "csv", "tsv":
				empty, price = nil, "1.10"
			case "xlsx":
				yes, no, price = "1", "0", "1.10"
			case "jsonl":
				late, price = `{"deep":[1,{"a":null}]}`, "1.10"
			}
			want := [][]any{
				{
					"a", "ok", "One", "要約", "1", "0.5", yes, `["x","y"]`, "5", nil, nil, "First", "https://example.com/1", "en", "9007199254740993", "A", "inner", nil,
					"m-1", "m", "batch", "1", "10", "2", "0.000123456789", "arn:1", nil, nil,
				},
				{
					"b", "ok", empty, nil, "-2", "2", no, "[]", "5", late, nil, nil, nil, nil, "1", nil, "other", price,
					"m-1", "m", "batch", "1", "10", "2", "0.000123456789", nil, nil, nil,
				},
				{
					"c", "failed", nil, nil, nil, nil, nil, nil, nil, nil, nil, "Third", nil, nil, nil, nil, nil, nil,
					nil, nil, "batch", "4", "0", "0", nil, nil, "throttled", "429: \"slow down\",\nplease",
				},
				{
					"d", "ok", nil, nil, nil, nil, nil, nil, nil, nil, "plain", nil, nil, nil, nil, nil, nil, nil,
					nil, nil, "batch", "1", "10", "2", "0.000123456789", nil, nil, nil,
				},
			}
			if format == "jsonl" { // its lines name only what they have, so the order of all is not known from them
				got = inOrder(got, resultNames)
			}
			if diff := cmp.Diff(content{resultNames, want}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", format, diff)
			}
		})
	}
}

func inOrder(c content, names []string) content {
	out := content{Names: names}
	for _, row := range c.Rows {
		var sorted []any
		for _, name := range names {
			if i := slices.Index(c.Names, name); i >= 0 {
				sorted = append(sorted, row[i])
			} else {
				sorted = append(sorted, nil)
			}
		}
		out.Rows = append(out.Rows, sorted)
	}
	return out
}

// hostile are texts that break writers.
var hostile = []string{
	"\x00", "a\x00b", "\x1b[31m", "\u202egnp.exe", "\ufeff", "\u2028\u2029", "𝄞👩‍👩‍👧", "\u0301", "'", `"`, `""`, `","`, "a,b;c\td", "\n", "\r", "a\rb", "line\nline", " lead", "trail ", "\ttab\t",
	`\.`, `\`, `\N`, "NULL", "null", "-", "=1+1", "+1", "@SUM(A1)", "-2+3", "'; DROP TABLE results; --", "<script>", "0x10", "1e5", "007", "true", "٣", "%s%n", strings.Repeat("長", 1<<16),
}

func TestTextsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for i, s := range hostile {
		text, err := json.Marshal(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		lines.WriteString(line(t, quarry.Result{
			ID: quarry.DocumentID(fmt.Sprintf("%d%s", i, s)), Status: quarry.StatusOK, Output: text, Text: s,
			Document: quarry.DocumentInfo{Title: s, URL: s, Lang: s, Fields: text}, Job: s, Error: &quarry.ResultError{Kind: s, Message: s},
		}))
	}
	for _, format := range tables {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			in := lines.String()
			if format == "xlsx" { // a cell does not hold the last one
				in = strings.Join(strings.SplitAfter(in, "\n")[:len(hostile)-1], "")
			}
			got := write(t, in, format, export.Config{RawFormulas: true})
			for i, s := range hostile[:len(got.Rows)] {
				for _, name := range []string{"k", "text", "title", "url", "lang", "document_k", "job", "error_kind", "error_message"} {
					want := s
					if s == "" {
						continue
					}
					if format == "csv" || format == "tsv" {
						want = strings.ReplaceAll(s, "\r\n", "\n") // encoding/csv reads one for the other
					}
					if v := got.Rows[i][slices.Index(got.Names, name)]; v != want {
						t.Errorf("%s of %.40q = %.40q", name, s, v)
					}
				}
				if v := got.Rows[i][slices.Index(got.Names, "id")]; v != fmt.Sprintf("%d%s", i, s) {
					t.Errorf("id of %.40q = %.40q", s, v)
				}
			}
		})
	}
}

func TestNumbersAreNeverChanged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		values []string
		want   []string // in parquet
	}{
		{"whole numbers up to 64 bits", []string{"9223372036854775807", "-9223372036854775808", "0"}, []string{"9223372036854775807", "-9223372036854775808", "0"}},
		{"more than 64 bits", []string{"9223372036854775808", "1"}, []string{"9223372036854775808", "1"}},
		{"fractions", []string{"0.1", "3", "-1.5e-7"}, []string{"0.1", "3", "-1.5e-07"}},
		{"more digits than a double has", []string{"0.1234567890123456789", "2"}, []string{"0.1234567890123456789", "2"}},
		{"out of a double's range", []string{"1e400", "1"}, []string{"1e400", "1"}},
		{"too small for a double", []string{"1e-400", "1"}, []string{"1e-400", "1"}},
		{"a fraction beside a wide whole number", []string{"0.5", "9007199254740993"}, []string{"0.5", "9007199254740993"}},
		{"numbers and words", []string{"1.50", `"many"`, "true"}, []string{"1.50", "many", "true"}},
		{"truth and numbers", []string{"true", "1"}, []string{"true", "1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var lines strings.Builder
			for i, v := range tt.values {
				fmt.Fprintf(&lines, `{"id":"%d","status":"ok","output":{"v":%s},%s}`+"\n", i, v, base)
			}
			exact := make([]string, len(tt.values))
			for i, v := range tt.values {
				exact[i] = strings.Trim(v, `"`)
			}
			for _, format := range tables {
				got := write(t, lines.String(), format, export.Config{})
				want := tt.want
				switch format {
				case "csv", "tsv", "jsonl", "xlsx":
					want = exact
				}
				for i := range want {
					if v := got.Rows[i][2]; v != want[i] {
						t.Errorf("%s of %s = %v, want %v", format, tt.values[i], v, want[i])
					}
				}
			}
		})
	}
}

func TestColumnsThatMeet(t *testing.T) {
	t.Parallel()
	in := `{"id":"a","status":"ok","output":{"ID":"x","title":"t","Title":"T","answer_title":"at","A":1,"a":2,"":"empty","\u0000\u202e":"c","a.b":"dot","q\"; DROP TABLE results; --":"q","answer":"ans"},` + base +
		`,"document":{"Title":"ft","a":3,"A":4,"document_a":5,"rowid":6,"Cost_USD":7,"a b":8,"長い名前":9,"lang":null}}` + "\n"
	names := []string{
		"id", "status", "answer_ID", "answer_title", "answer_Title_2", "answer_answer_title", "A", "answer_a", "_", "__", "a.b", `q"; DROP TABLE results; --`, "answer",
		"text", "title", "url", "lang", "document_Title", "document_a", "document_A_2", "document_document_a", "rowid", "document_Cost_USD", "a b", "長い名前", "document_lang",
	}
	values := []any{"a", "ok", "x", "t", "T", "at", "1", "2", "empty", "c", "dot", "q", "ans", nil, nil, nil, nil, "ft", "3", "4", "5", "6", "7", "8", "9", nil}
	for _, format := range tables {
		got := write(t, in, format, export.Config{})
		if format == "jsonl" {
			got = inOrder(got, names)
		}
		if diff := cmp.Diff(names, got.Names[:len(names)]); diff != "" {
			t.Errorf("%s: names (-want +got):\n%s", format, diff)
			continue
		}
		if diff := cmp.Diff(values, got.Rows[0][:len(values)]); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", format, diff)
		}
	}
}

func TestWhatHasNoColumnIsInTheRest(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	for i := range 400 {
		fmt.Fprintf(&in, `{"id":"%d","status":"ok","output":{"k%d":%d},%s,"document":{"f%d":"\u00e9"}}`+"\n", i, i, i, base, i)
	}
	in.WriteString(`{"id":"list","status":"ok","output":[1,"a"],` + base + `}` + "\n" + `{"id":"word","status":"ok","output":"word",` + base + `}` + "\n" + `{"id":"none","status":"ok","output":null,` + base + `}` + "\n")
	for _, format := range tables {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			got := write(t, in.String(), format, export.Config{})
			if len(got.Names) > 600 {
				t.Errorf("%d columns", len(got.Names))
			}
			value := func(row int, name string) any { return got.Rows[row][slices.Index(got.Names, name)] }
			for _, tt := range []struct {
				row  int
				name string
				want any
			}{
				{199, "k199", "199"},
				{200, "answer", `{"k200":200}`},
				{399, "answer", `{"k399":399}`},
				{299, "f299", "é"},
				{300, "document", `{"f300":"\u00e9"}`},
				{400, "answer", `[1,"a"]`},
				{402, "answer", nil},
				{0, "answer", nil},
			} {
				if v := value(tt.row, tt.name); v != tt.want && v != strings.ReplaceAll(fmt.Sprint(tt.want), `\u00e9`, "é") {
					t.Errorf("row %d %s = %v, want %v", tt.row, tt.name, v, tt.want)
				}
			}
		})
	}
}

func TestSchemaMakesColumnsBeforeAnAnswerDoes(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(`{"type":"object","properties":{"summary_ja":{"type":["string","null"]},"count":{"type":"integer"},"ratio":{"type":"number"},"ok":{"type":"boolean"},"any":true},"required":["summary_ja"]}`)
	in := `{"id":"a","status":"failed",` + base + `}` + "\n" + `{"id":"b","status":"ok","output":{"extra":1,"ratio":1},` + base + `}` + "\n"
	cfg := export.Config{Schema: schema}
	columns, err := export.Find(t.Context(), strings.NewReader(in), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"id", "status", "summary_ja", "count", "ratio", "ok", "any", "extra", "text"}
	if diff := cmp.Diff(want, columns.Names()[:len(want)]); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	path := filepath.Join(t.TempDir(), "x.sqlite")
	if _, err := export.File(t.Context(), effect.New(nil), strings.NewReader(in), "sqlite", path, cfg); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var create string
	if err := db.QueryRowContext(t.Context(), "SELECT sql FROM sqlite_master").Scan(&create); err != nil {
		t.Fatal(err)
	}
	if want := `"summary_ja" TEXT, "count" INTEGER, "ratio" REAL, "ok" INTEGER, "any" TEXT, "extra" INTEGER`; !strings.Contains(create, want) {
		t.Errorf("table is %s, want %s", create, want)
	}
}

func TestCSVBytes(t *testing.T) {
	t.Parallel()
	in := `{"id":"-1","status":"ok","output":{"e":"","n":null,"s":"=1+1","i":-5},` + base + `,"document":{"title":"a,\"b\"\r\nc"}}` + "\n"
	tests := []struct {
		name string
		cfg  export.Config
		want string
	}{
		{"formulas as they are", export.Config{RawFormulas: true}, "id,status,e,n,s,i,text,title,url,lang,model,requested_model,mode,attempts,input_tokens,output_tokens,cost_usd,job,error_kind,error_message\r\n" +
			"-1,ok,\"\",,=1+1,-5,,\"a,\"\"b\"\"\r\nc\",,,,,batch,1,10,2,0.000123456789,,,\r\n"},
		{"with a mark and guarded formulas, a number and an id kept", export.Config{BOM: true}, "\ufeffid,status,e,n,s,i,text,title,url,lang,model,requested_model,mode,attempts,input_tokens,output_tokens,cost_usd,job,error_kind,error_message\r\n" +
			"-1,ok,\"\",,'=1+1,-5,,\"a,\"\"b\"\"\r\nc\",,,,,batch,1,10,2,0.000123456789,,,\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.csv")
			if _, err := export.File(t.Context(), effect.New(nil), stripped{strings.NewReader(in)}, "csv", path, tt.cfg); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("bytes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoResultsMakeAnEmptyTable(t *testing.T) {
	t.Parallel()
	for _, format := range tables {
		if got := write(t, "\n", format, export.Config{}); len(got.Rows) != 0 || (format != "jsonl" && len(got.Names) != 16) {
			t.Errorf("%s = %v", format, got)
		}
	}
}

func TestWhatIsNoResultLeavesNoFile(t *testing.T) {
	t.Parallel()
	good := `{"id":"a","status":"ok","output":{"k":1},` + base + `}` + "\n"
	tests := []struct{ name, in, message string }{
		{"a document", `{"id":"a","title":"t","content":"c"}`, "line 2"},
		{"no id", `{"status":"ok"}`, "line 2"},
		{"broken JSON", `{"id":"a"`, "line 2"},
		{"half a line", `{"id":"a","status":"ok","output":{"k":`, "line 2"},
		{"broken UTF-8", "{\"id\":\"a\xff\",\"status\":\"ok\"}", "invalid UTF-8"},
		{"a name twice", `{"id":"a","status":"ok","output":{"k":1,"k":2}}`, "duplicate name"},
		{"an array", `[1]`, "line 2"},
		{"tokens that are words", `{"id":"a","status":"ok","usage":{"input_tokens":"many"}}`, "line 2"},
		{"a lone surrogate", `{"id":"a","status":"ok","output":{"k":"\ud800"}}`, "line 2"},
		{"another capital", `{"id":"a","status":"ok","Output":{"z":1}}`, "does not fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, format := range export.Formats() {
				dir := t.TempDir()
				path := filepath.Join(dir, "out")
				if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
					t.Fatal(err)
				}
				if tt.message == "does not fit" && !slices.Contains(tables, format) {
					continue // it has no columns
				}
				_, err := export.File(t.Context(), effect.New(nil), stripped{strings.NewReader(good + tt.in)}, format, path, export.Config{})
				if err == nil || !strings.Contains(err.Error(), tt.message) {
					t.Errorf("File(%s) = %v, want %q", format, err, tt.message)
				}
				if tt.message != "does not fit" && !errors.Is(err, export.ErrNotOurs) {
					t.Errorf("File(%s) = %v, want ErrNotOurs", format, err)
				}
				untouched(t, dir, path)
			}
		})
	}
}

func untouched(t *testing.T, dir, path string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "before" {
		t.Errorf("the file of before is %q, %v", b, err)
	}
}

func TestAnUnknownFormat(t *testing.T) {
	t.Parallel()
	_, err := export.File(t.Context(), effect.New(nil), strings.NewReader(""), "xls", filepath.Join(t.TempDir(), "x"), export.Config{})
	if !errors.Is(err, export.ErrFormat) || !strings.Contains(err.Error(), "jsonl, csv, tsv, xlsx, parquet, sqlite, jsonld, promptfoo") {
		t.Errorf("File = %v", err)
	}
	if err := (export.Config{Schema: json.RawMessage("{")}).Validate(); err == nil {
		t.Error("Validate takes a broken schema")
	}
}

// TestAFileAppearsWholeOrNotAtAll dies before and after each outside effect; with the next attempt the file is whole.
func TestAFileAppearsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, format := range export.Formats() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			died := errors.New("died")
			for point := int64(1); ; point++ {
				for _, when := range []effect.When{effect.Before, effect.After} {
					if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
						t.Fatal(err)
					}
					dead, reached := false, false
					e := effect.New(func(p effect.Point) error {
						if p.N == point && p.When == when {
							dead, reached = true, true
						}
						if dead { // nothing is done any more, not even to clean up
							return died
						}
						return nil
					})
					_, err := export.File(t.Context(), e, stripped{strings.NewReader(results)}, format, path, export.Config{})
					if !reached {
						if err != nil {
							t.Fatal(err)
						}
						if point < 5 {
							t.Fatalf("only %d effects", point)
						}
						return
					}
					b, readErr := os.ReadFile(path)
					if readErr != nil {
						t.Fatal(readErr)
					}
					if err == nil && string(b) == "before" {
						t.Fatalf("effect %d %s: done, but the file is not there", point, when)
					}
					if string(b) != "before" {
						if read := readers[format]; read != nil && len(read(t, path).Rows) != 4 {
							t.Fatalf("effect %d %s: not 4 rows", point, when)
						}
					}
				}
				if _, err := export.File(t.Context(), effect.New(nil), stripped{strings.NewReader(results)}, format, path, export.Config{}); err != nil {
					t.Fatal(err)
				}
				left, err := os.ReadDir(dir)
				if err != nil || len(left) != 1 {
					t.Fatalf("effect %d: left behind: %v %v", point, left, err)
				}
			}
		})
	}
}

func TestCancelledExportLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, format := range export.Formats() {
		ctx, cancel := context.WithCancel(t.Context())
		columns, err := export.Find(ctx, strings.NewReader(results), export.Config{})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		w, err := export.Create(ctx, effect.New(nil), format, filepath.Join(dir, "x"), columns, export.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range export.Results(ctx, strings.NewReader(results)) {
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		_, err = export.File(ctx, effect.New(nil), strings.NewReader(results), format, filepath.Join(dir, "y"), export.Config{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("File(%s) = %v, want context.Canceled", format, err)
		}
		w.Abort()
		w.Abort()
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s left %v, %v", format, left, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(results))
	f.Add([]byte(`{"id":"a","status":"ok","output":{"":{},"ID":[1e400,"\u0000"]},"document":{"title":1,"":[]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		dir := t.TempDir()
		var first content
		for _, format := range []string{"csv", "sqlite", "parquet"} {
			path := filepath.Join(dir, "out."+format)
			n, err := export.File(t.Context(), effect.New(nil), bytes.NewReader(in), format, path, export.Config{RawFormulas: true})
			if err != nil {
				if _, statErr := os.Stat(path); statErr == nil {
					t.Fatalf("%s: %v, but the file is there", format, err)
				}
				return
			}
			got := readers[format](t, path)
			if int64(len(got.Rows)) != n.Rows {
				t.Fatalf("%s: %d rows, want %d", format, len(got.Rows), n.Rows)
			}
			if first.Names == nil {
				first = got
				continue
			}
			if format != "csv" && len(got.Names) != len(first.Names) {
				t.Fatalf("%s: columns %q, want %q", format, got.Names, first.Names)
			}
			for i := range got.Rows {
				if got.Rows[i][0] != nil && first.Rows[i][0] != nil && strings.ReplaceAll(fmt.Sprint(got.Rows[i][0]), "\r\n", "\n") != fmt.Sprint(first.Rows[i][0]) {
					t.Fatalf("%s: row %d is %q, want %q", format, i, got.Rows[i][0], first.Rows[i][0])
				}
			}
		}
	})
}
