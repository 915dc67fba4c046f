package validate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"quarry"
	"quarry/internal/prepare/validate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write makes files in a folder of the test's own and gives their paths in the order of the names.
func write(t testing.TB, files ...[2]string) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, f := range files {
		path := filepath.Join(dir, f[0])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// faults checks files and gives what was found, without the folder.
func faults(t testing.TB, cfg validate.Config, paths ...string) ([]string, validate.Report) {
	t.Helper()
	var got []string
	cfg.Found = func(f validate.Fault) {
		got = append(got, strings.ReplaceAll(f.String(), filepath.Dir(paths[0])+string(filepath.Separator), ""))
	}
	report, err := validate.Files(t.Context(), cfg, paths)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(got)) != report.Faults {
		t.Errorf("%d faults were reported, the report counts %d", len(got), report.Faults)
	}
	return got, report
}

const good = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":10,"messages":[{"role":"user","content":"x"}]}`

func TestFaultsOfLines(t *testing.T) {
	t.Parallel()
	claude := validate.Config{Model: "us.anthropic.claude-haiku-4-5-20251001-v1:0"}
	for _, c := range []struct {
		name string
		cfg  validate.Config
		in   string
		want []string
	}{
		{"a good record", claude, `{"recordId":"a","modelInput":` + good + "}\n", nil},
		{"a good record with members in another order", claude, `{"modelInput":` + good + `,"recordId":"a"}`, nil},
		{"a record of content blocks", claude, `{"recordId":"a","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}}`, nil},
		{"a file of nothing", claude, "", []string{"in.jsonl: is empty"}},
		{"blank lines", claude, "\n \r\n" + `{"recordId":"a","modelInput":` + good + "}\n\n", []string{
			"in.jsonl:1: blank line (byte 0)", "in.jsonl:2: blank line (byte 1)", "in.jsonl:4: blank line (byte 136)",
		}},
		{"a byte order mark", claude, "\ufeff" + `{"recordId":"a","modelInput":` + good + "}", []string{"in.jsonl:1: byte order mark (byte 0)"}},
		{"ids that cannot be", validate.Config{}, `{"recordId":7,"modelInput":{}}
{"recordId":"","modelInput":{}}
{"recordId":"a b","modelInput":{}}
{"recordId":"\u00e9","modelInput":{}}
{"recordId":"` + strings.Repeat("x", 65) + `","modelInput":{}}
{"modelInput":{}}
{"RECORDID":"a","modelInput":{}}`, []string{
			"in.jsonl:1: recordId is not a string (byte 12)",
			"in.jsonl:2: recordId is empty (byte 43)",
			`in.jsonl:3: recordId "a b" holds other characters than A-Z a-z 0-9 _ - (byte 75)`,
			`in.jsonl:4: recordId "\u00e9" holds other characters than A-Z a-z 0-9 _ - (byte 110)`,
			"in.jsonl:5: recordId of 65 bytes; want at most 64 (byte 148)",
			"in.jsonl:6: no recordId (byte 233)",
			`in.jsonl:7: unknown member "RECORDID" (byte 263)`,
			"in.jsonl:7: no recordId (byte 251)",
		}},
		{"modelInputs that cannot be", validate.Config{}, `{"recordId":"a"}
{"recordId":"b","modelInput":"{}"}
{"recordId":"c","modelInput":[{}]}
{"recordId":"d","modelInput":null,"extra":{"x":1}}
{"recordId":"e","modelInput":{"modelId":"x"}}`, []string{
			"in.jsonl:1: no modelInput (byte 0)",
			"in.jsonl:2: modelInput is not an object (byte 46)",
			"in.jsonl:3: modelInput is not an object (byte 81)",
			`in.jsonl:4: unknown member "extra" (byte 129)`,
			"in.jsonl:4: modelInput is not an object (byte 116)",
			"in.jsonl:5: modelInput: modelId: Extra inputs are not permitted (fix: remove it: the job or the call names the model) (byte 178)",
		}},
		{"JSON that is none", validate.Config{}, `{"recordId":"a","modelInput":{}
{"recordId":"b","modelInput":{},"modelInput":{}}
{"recordId":"c","modelInput":{"a":{"k":1,"k":2}}}
{"recordId":"d","modelInput":{"a":NaN}}
` + "{\"recordId\":\"e\",\"modelInput\":{\"a\":\"\xff\"}}" + `
{"recordId":"f","modelInput":{"a":"\ud800"}}
["recordId","modelInput"]`, []string{
			"in.jsonl:1: unexpected end (byte 31)",
			`in.jsonl:2: duplicate name "modelInput" (byte 64)`,
			`in.jsonl:3: duplicate name "k" (byte 122)`,
			`in.jsonl:4: unexpected "N" (byte 165)`,
			"in.jsonl:5: invalid UTF-8 (byte 206)",
			"in.jsonl:6: escape of half a surrogate pair (byte 246)",
			"in.jsonl:7: not a JSON object (byte 256)",
		}},
		{"ids that come again", validate.Config{}, `{"recordId":"a","modelInput":{}}
{"recordId":"b","modelInput":{}}
{"modelInput":{},"recordId":"\u0061"}
{"recordId":"b","modelInput":7}`, []string{
			`in.jsonl:3: recordId "a" again; first at in.jsonl:1 (byte 94)`,
			`in.jsonl:4: recordId "b" again; first at in.jsonl:2 (byte 116)`,
			"in.jsonl:4: modelInput is not an object (byte 133)",
		}},
		{"a line above the limit", validate.Config{MaxLineBytes: 50}, `{"recordId":"a","modelInput":{}}
{"recordId":"b","modelInput":{"x":"` + strings.Repeat("y", 60) + `"}}
{"recordId":"c","modelInput":{}}`, []string{"in.jsonl:2: line of 98 bytes is too long to check (byte 33)"}},
		{"bodies of Anthropic that cannot be", claude, `{"recordId":"a","modelInput":{}}
{"recordId":"b","modelInput":{"anthropic_version":7,"max_tokens":0,"messages":[]}}
{"recordId":"c","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":1.5,"messages":[7,{"role":"user"},{"content":"x","role":""}]}}
{"recordId":"d","modelInput":{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":"x"}}`, []string{
			`in.jsonl:1: modelInput: anthropic_version: Field required (fix: add "anthropic_version": "bedrock-2023-05-31") (byte 29)`,
			"in.jsonl:1: modelInput: max_tokens: Field required (fix: add the most tokens that an answer may have) (byte 29)",
			"in.jsonl:1: modelInput: messages: Field required (fix: add it) (byte 29)",
			"in.jsonl:2: modelInput: anthropic_version: Input should be a valid string (fix: write it as a string) (byte 83)",
			"in.jsonl:2: modelInput: max_tokens: Input should be greater than or equal to 1 (fix: use 1 or more) (byte 98)",
			"in.jsonl:2: modelInput: messages: at least one message is required (fix: add a user turn) (byte 111)",
			"in.jsonl:3: modelInput: max_tokens: Input should be a valid integer, got a number with a fractional part (fix: write it as a whole number) (byte 200)",
			"in.jsonl:3: modelInput: messages.0: Input should be a valid dictionary (fix: write it as an object) (byte 216)",
			"in.jsonl:3: modelInput: messages.1.content: Field required (fix: add it) (byte 218)",
			`in.jsonl:3: modelInput: messages: Unexpected role "". Allowed roles are "user" or "assistant" (fix: use "user" or "assistant") (byte 256)`,
			"in.jsonl:4: modelInput: messages: Input should be a valid list (fix: write it as an array) (byte 360)",
		}},
		{"Converse bodies are recognized by inferenceConfig", claude, `{"recordId":"a","modelInput":{"messages":[{"role":"user","content":[{"text":"x"}]}],"inferenceConfig":{"maxTokens":5}}}
{"recordId":"b","modelInput":{"system":[]}}`, []string{"in.jsonl:2: modelInput: 1 validation error detected: Value at 'messages' failed to satisfy constraint: Member must not be null (fix: add it) (byte 149)"}},
		{"Llama", validate.Config{Model: "us.meta.llama3-1-8b-instruct-v1:0"}, `{"recordId":"a","modelInput":{"prompt":""}}`, []string{"in.jsonl:1: modelInput: Malformed input request: #/prompt: expected minLength: 1, actual: 0, please reformat your input and try again. (fix: put the prompt there) (byte 39)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _ := faults(t, c.cfg, write(t, [2]string{"in.jsonl", c.in})...)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFaultsOfFiles(t *testing.T) {
	t.Parallel()
	lines := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, `{"recordId":"r%d","modelInput":{}}`+"\n", i)
		}
		return b.String()
	}
	paths := write(t, [2]string{"a.jsonl", lines(0, 10)}, [2]string{"b.json", lines(8, 14)}, [2]string{"c.jsonl", "\x1f\x8b\x08\x00"}, [2]string{"sub/a.jsonl", lines(20, 21)})
	got, report := faults(t, validate.Config{Quotas: quarry.Quotas{MinRecords: 100, RecordsPerFile: 9, RecordsPerJob: 12, FileBytes: 300, JobBytes: 500}}, paths...)
	want := []string{
		"b.json: its name does not end in .jsonl",
		`b.json:1: recordId "r8" again; first at a.jsonl:9 (byte 12)`,
		`b.json:2: recordId "r9" again; first at a.jsonl:10 (byte 46)`,
		"c.jsonl: is packed (gzip); Bedrock's documentation does not mention compressed input",
		"sub/a.jsonl: has the same file name as a.jsonl",
		"a.jsonl: 10 records, above the limit of 9",
		"a.jsonl: 340 bytes, above the limit of 300",
		"all files: 17 records, below the minimum of 100",
		"all files: 17 records, above the limit of 12",
		"all files: 587 bytes, above the limit of 500",
	}
	for i := range got {
		got[i] = filepath.ToSlash(got[i])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(report.Limits) != 10 || report.Files[1].Records != 6 || report.Files[1].Faults != 3 {
		t.Errorf("report %+v", report)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{"none": nil, "gone": {"/no/such.jsonl"}, "a folder": {t.TempDir()}} {
		var failure *quarry.Error
		if _, err := validate.Files(t.Context(), validate.Config{}, files); !errors.As(err, &failure) || failure.Kind != quarry.BadUsage {
			t.Errorf("%s: %v, want bad usage", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := validate.Files(ctx, validate.Config{}, write(t, [2]string{"a.jsonl", "{}"})); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	if _, err := validate.Files(t.Context(), validate.Config{Workers: -1}, []string{"x"}); err == nil {
		t.Error("took -1 workers")
	}
}

// Many chunks, faults in all of them, an id again in each: the same for one worker and for eight.
func TestTheSameForAnyNumberOfWorkers(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60_000 {
		switch {
		case i%7000 == 3:
			b.WriteString("\n")
		case i%9000 == 4:
			fmt.Fprintf(&b, `{"recordId":"r%d","modelInput":{}}`+"\n", i-100)
		case i > 40_000 && i < 45_000:
			b.WriteString("broken\n")
		default:
			fmt.Fprintf(&b, `{"recordId":"r%d","modelInput":{"x":"%0100d"}}`+"\n", i, i)
		}
	}
	paths := write(t, [2]string{"a.jsonl", b.String()})
	one, reportOne := faults(t, validate.Config{Workers: 1}, paths...)
	eight, reportEight := faults(t, validate.Config{Workers: 8}, paths...)
	if diff := cmp.Diff(one, eight); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(reportOne, reportEight); diff != "" {
		t.Error(diff)
	}
	if len(one) != 9+5+4998 { // blank, again, broken
		t.Errorf("%d faults", len(one))
	}
}

func TestALineOfFaultsIsCutShort(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"recordId":"a","modelInput":{}`)
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	got, _ := faults(t, validate.Config{}, write(t, [2]string{"a.jsonl", b.String() + "}\nx"})...)
	if len(got) != 102 || !strings.Contains(got[100], "more faults in this line") || !strings.HasPrefix(got[101], "a.jsonl:2:") {
		t.Errorf("%d faults, the last %q", len(got), got[len(got)-1])
	}
}

func TestMemoryIsFlat(t *testing.T) { // not parallel: it reads the heap
	dir := t.TempDir()
	path := filepath.Join(dir, "large.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	filler := strings.Repeat("日本語 text ", 400)
	w := &bytes.Buffer{}
	for i := range 12_000 {
		fmt.Fprintf(w, `{"recordId":"r%d","modelInput":{"x":"%s"}}`+"\n", i, filler)
		if w.Len() > 1<<20 {
			if _, err := io.Copy(f, w); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := io.Copy(f, w); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	w, filler = nil, ""
	peak := uint64(0)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	report, err := validate.Files(&watched{t.Context(), func() {
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc-min(before, m.HeapAlloc))
	}}, validate.Config{Workers: 2}, []string{path})
	if err != nil || report.Faults != 0 || report.Files[0].Records != 12_000 {
		t.Fatalf("%+v, %v", report, err)
	}
	if report.Files[0].Bytes < 60<<20 || peak > 30<<20 {
		t.Errorf("%d MiB of file took %d MiB of heap, want at most 30", report.Files[0].Bytes>>20, peak>>20)
	}
}

// watched calls a function whenever the context is asked, which is once a chunk.
type watched struct {
	context.Context
	look func()
}

func (w *watched) Err() error {
	w.look()
	return w.Context.Err()
}

// What is accepted is what jsontext accepts, an object of just the two members of the right kinds, each id once.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"recordId":"a","modelInput":{}}`+"\n"+`{"recordId":"a","modelInput":{"x":[1,"\u0041"]}}`), uint8(1))
	f.Add([]byte("{\"recordId\":\"\\u0062\",\"modelInput\":{}}\r\n\n[]\nx\xff"), uint8(3))
	f.Fuzz(func(t *testing.T, in []byte, workers uint8) {
		path := write(t, [2]string{"in.jsonl", string(in)})[0]
		bad := map[int64]bool{}
		cfg := validate.Config{Workers: int(workers%4) + 1, Found: func(f validate.Fault) { bad[f.Line] = true }}
		if _, err := validate.Files(t.Context(), cfg, []string{path}); err != nil {
			t.Fatal(err)
		}
		if bad[0] {
			return
		}
		seen := map[string]bool{}
		for i, line := range bytes.Split(in, []byte("\n")) {
			if i > 0 && i == bytes.Count(in, []byte("\n")) && len(line) == 0 {
				continue
			}
			if want := !acceptable(line, seen); want != bad[int64(i+1)] {
				t.Fatalf("line %d %q: said to be bad: %v, want %v", i+1, line, bad[int64(i+1)], want)
			}
		}
	})
}

func acceptable(line []byte, seen map[string]bool) bool {
	if !jsontext.Value(line).IsValid() {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(line))
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
		return false
	}
	fine, members := true, 0
	for d.PeekKind() != '}' {
		tok, err := d.ReadToken()
		if err != nil {
			return false
		}
		name := tok.String()
		v, err := d.ReadValue()
		if err != nil {
			return false
		}
		members++
		switch {
		case name == "recordId" && v.Kind() == '"':
			text, err := jsontext.AppendUnquote(nil, v)
			id := string(text)
			if err != nil || id == "" {
				fine = false
				continue
			}
			if len(id) > 64 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" || strings.ContainsFunc(id, func(r rune) bool {
				return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", r)
			}) {
				fine = false
			}
			if seen[id] {
				fine = false
			}
			seen[id] = true
		case name == "modelInput" && v.Kind() == '{':
			if inner, err := v.MarshalJSON(); err != nil || hasModelID(inner) {
				fine = false
			}
		default:
			fine = false
		}
	}
	return fine && members == 2
}

func hasModelID(obj []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(obj))
	if _, err := d.ReadToken(); err != nil {
		return true
	}
	for d.PeekKind() != '}' {
		tok, err := d.ReadToken()
		if err != nil || tok.String() == "modelId" {
			return true
		}
		if err := d.SkipValue(); err != nil {
			return true
		}
	}
	return false
}
