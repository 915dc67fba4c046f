package collect_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"quarry/internal/base/effect"
	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
)

func line(id string) string {
	return `{"recordId":"` + id + `","modelInput":{"a":"é"},"modelOutput":{"content":[{"type":"text","text":"日本 𠮷"}]}}`
}

func utf16of(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func zstded(text string) string {
	z, _ := zstd.NewWriter(nil)
	return string(z.EncodeAll([]byte(text), nil))
}

// read gives the recordIds of an output file, with a `!` for each place that cannot be read and a `~` after what was repaired.
func read(t *testing.T, path string) []string {
	t.Helper()
	got := []string{}
	var c jsonl.Checker
	for p, err := range collect.Chunks(t.Context(), path) {
		if err != nil {
			t.Fatal(err)
		}
		for l, bad := range p.Records(&c) {
			switch {
			case bad != nil:
				if bad.File != path || bad.Line < 1 || bad.Reason == "" {
					t.Errorf("the place is %+v, want a file, a line and a reason", bad)
				}
				got = append(got, "!")
			case l.Repaired:
				got = append(got, string(l.RecordID)+"~")
			default:
				got = append(got, string(l.RecordID))
			}
		}
	}
	return got
}

func TestOutputIsReadWhateverHappenedToIt(t *testing.T) {
	t.Parallel()
	two := line("a") + "\n" + line("b") + "\n"
	torn := line("a")[:40]
	for name, tt := range map[string]struct {
		content string
		want    []string
	}{
		"as Bedrock writes it":               {two, []string{"a", "b"}},
		"without a last line break":          {strings.TrimSuffix(two, "\n"), []string{"a", "b"}},
		"CRLF":                               {strings.ReplaceAll(two, "\n", "\r\n"), []string{"a", "b"}},
		"empty":                              {"", []string{}},
		"empty lines":                        {"\n\n" + line("a") + "\n \n" + line("b"), []string{"a", "b"}},
		"a byte order mark":                  {"\uFEFF" + two, []string{"a", "b"}},
		"a byte order mark on each line":     {"\uFEFF" + line("a") + "\n\uFEFF" + line("b"), []string{"a", "b"}},
		"UTF-16, little end first":           {utf16of(binary.LittleEndian, "\uFEFF"+two), []string{"a", "b"}},
		"UTF-16, big end first":              {utf16of(binary.BigEndian, "\uFEFF"+two), []string{"a", "b"}},
		"UTF-16 without a mark":              {utf16of(binary.LittleEndian, two), []string{"a", "b"}},
		"UTF-16 the other way round":         {utf16of(binary.BigEndian, two), []string{"a", "b"}},
		"gzip":                               {gzipped(two), []string{"a", "b"}},
		"two gzip members":                   {gzipped(line("a")+"\n") + gzipped(line("b")), []string{"a", "b"}},
		"gzip twice":                         {gzipped(gzipped(two)), []string{"a", "b"}},
		"zstd under another name":            {zstded(two), []string{"a", "b"}},
		"gzip of UTF-16":                     {gzipped(utf16of(binary.BigEndian, "\uFEFF"+two)), []string{"a", "b"}},
		"gzip that was cut off":              {gzipped(two)[:len(gzipped(two))-9], []string{"a", "b", "!"}},
		"no gzip at all":                     {"\x1f\x8bnothing", []string{"!"}},
		"a torn last line":                   {two + torn, []string{"a", "b", "!"}},
		"a torn line in the middle":          {torn + "\n" + two, []string{"!", "a", "b"}},
		"a torn line and one in the same":    {torn + two, []string{"!", "a", "b"}},
		"files joined without a line break":  {line("a") + line("b"), []string{"a", "b"}},
		"three of them with spaces":          {line("a") + " " + line("b") + "\t" + line("c"), []string{"a", "b", "c"}},
		"the elements of an array":           {"[\n" + line("a") + ",\n" + line("b") + "\n]\n", []string{"a", "b"}},
		"an array on one line":               {"[" + line("a") + "," + line("b") + "]", []string{"a", "b"}},
		"an array that was cut off":          {"[" + line("a") + "," + line("b")[:20], []string{"a", "!"}},
		"a record separator":                 {"\x1e" + line("a") + "\n\x1e" + line("b"), []string{"a", "b"}},
		"zero bytes at the end":              {two + "\x00\x00\x00\x00", []string{"a", "b"}},
		"a byte that is no UTF-8":            {strings.Replace(two, "é", "\xe9", 1), []string{"a~", "b"}},
		"a character that was cut in two":    {strings.Replace(two, "日", "\xe6\x97", 1), []string{"a~", "b"}},
		"half a surrogate pair":              {strings.Replace(two, "日", `\ud83d`, 1), []string{"a~", "b"}},
		"the other half":                     {strings.Replace(two, "日", `\udE00`, 1), []string{"a~", "b"}},
		"the halves in the wrong order":      {strings.Replace(two, "日", `\ude00\ud83d`, 1), []string{"a~", "b"}},
		"a whole pair and a half":            {strings.Replace(two, "日", `\ud83d\ude00\ud83d`, 1), []string{"a~", "b"}},
		"a backslash in front of no escape":  {strings.Replace(two, "日", `\\ud83d`, 1), []string{"a", "b"}},
		"a tab in a string":                  {strings.Replace(two, "日", "\t", 1), []string{"a~", "b"}},
		"a line of text":                     {"<html>\n" + two, []string{"!", "a", "b"}},
		"a page instead of output":           {"<!DOCTYPE html>\n<html><body>502</body></html>\n", []string{"!", "!"}},
		"a recordId that is a number":        {`{"recordId":7,"modelOutput":{}}`, []string{"!"}},
		"no recordId":                        {`{"modelOutput":{}}`, []string{"!"}},
		"two recordIds":                      {`{"recordId":"a","recordId":"b","modelOutput":{}}`, []string{"!"}},
		"a scalar":                           {"7\nnull\n\"a\"\n", []string{"!", "!", "!"}},
		"an object in an object is no line":  {`{"x":{"recordId":"z","modelOutput":{}}`, []string{"!"}},
		"nor in an array":                    {`{"x":[1,{"recordId":"z","modelOutput":{}}`, []string{"!"}},
		"deep nesting":                       {`{"recordId":"a","modelInput":` + strings.Repeat("[", 20_000) + "\n" + line("b"), []string{"!", "b"}},
		"brackets by the thousand":           {strings.Repeat("[", 100_000) + "\n" + line("b"), []string{"!", "b"}},
		"line starts by the thousand":        {strings.Repeat(`{"recordId":`, 20_000) + "\n" + line("b"), []string{"!", "b"}},
		"an escaped line in an answer":       {strings.Replace(two, "日", `{\"recordId\":\"z\",\"modelOutput\":{}}`, 1), []string{"a", "b"}},
		"a torn line in front of an escaped": {torn + strings.Replace(line("b"), "日", `{\"recordId\":\"z\",\"modelOutput\":{}}`, 1), []string{"!", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.jsonl.out")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, read(t, path)); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswersOfRepairedLinesAreWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.jsonl.out")
	text := strings.NewReplacer("日", `\ud83d`, "本", "\x01").Replace(line("a"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var c jsonl.Checker
	for p := range collect.Chunks(t.Context(), path) {
		for l := range p.Records(&c) {
			if want := `{"content":[{"type":"text","text":"\uFFFD\u0001 𠮷"}]}`; string(l.ModelOutput) != want {
				t.Errorf("modelOutput is %s, want %s", l.ModelOutput, want)
			}
		}
	}
}

// store holds objects in memory.
func store(objects map[string]string) collect.Store {
	return collect.Store{
		Objects: func(_ context.Context, prefix string) iter.Seq2[collect.Object, error] {
			return func(yield func(collect.Object, error) bool) {
				for _, key := range slices.Sorted(maps.Keys(objects)) {
					if strings.HasPrefix(key, prefix) && !yield(collect.Object{Key: key, Size: int64(len(objects[key]))}, nil) {
						return
					}
				}
			}
		},
		Fetch: func(_ context.Context, o collect.Object, to func(io.Reader) error) error {
			return to(strings.NewReader(objects[o.Key]))
		},
	}
}

const manifest = `{"totalRecordCount":3,"processedRecordCount":3,"successRecordCount":2,"errorRecordCount":1,"inputTokenCount":10,"outputTokenCount":20}`

func TestOnlyOutputAndTheJobsManifestAreDownloaded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long-name-", 30)
	objects := map[string]string{
		"out/job/manifest.json.out":                           manifest,
		"out/job/a.jsonl.out":                                 line("a"),
		"out/job/sub/a.jsonl.out":                             line("b"),
		"out/job/sub__a.jsonl.out":                            line("c"),
		"out/job/A.jsonl.out":                                 line("d"),
		"out/job/" + long + ".jsonl.out":                      line("e"),
		"out/job/" + strings.Repeat("日本", 60) + "1.jsonl.out": line("f"),
		"out/job/" + strings.Repeat("日本", 60) + "2.jsonl.out": line("g"),
		`out/job/..\..\evil.jsonl.out`:                        line("h"),
		"out/job/../../evil.jsonl.out":                        line("i"),
		"out/job/.hidden.jsonl.out":                           line("j"),
		"out/job/c:stream?.jsonl.out":                         line("k"),
		"out/job/line\nbreak.jsonl.out":                       line("l"),
		"out/job/\xff.jsonl.out":                              line("m"),
		"out/job/x/manifest.json.out":                         "not JSON",
		"out/job/" + long + long + ".txt":                     "stray",
		"out/job/":                                            "",
		"out/job/sub/":                                        "",
		"out/job/notes.txt":                                   "stray",
		"out/job/a.jsonl":                                     "stray",
		"out/other/z.jsonl.out":                               line("z"),
	}
	dir := filepath.Join(t.TempDir(), "raw", "job")
	for range 2 { // the second time changes nothing
		out, err := collect.Download(t.Context(), effect.New(nil), store(objects), "out/job/", dir)
		if err != nil {
			t.Fatal(err)
		}
		if out.Manifest == nil || out.Manifest.TotalRecordCount != 3 || out.Unread != "" {
			t.Errorf("the manifest is %+v (%s)", out.Manifest, out.Unread)
		}
		var got []string
		for _, path := range out.Files {
			if filepath.Dir(path) != dir {
				t.Errorf("%s is not in %s", path, dir)
			}
			got = append(got, read(t, path)...)
		}
		slices.Sort(got)
		if want := strings.Split("abcdefghijklm", ""); !slices.Equal(got, want) {
			t.Errorf("the output holds %v, want %v", got, want)
		}
	}
}

func TestAManifestThatCannotBeReadStopsNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		content, says string // empty: it is read
	}{
		"as Bedrock writes it":   {manifest, ""},
		"on several lines":       {strings.ReplaceAll(manifest, ",", ",\n  "), ""},
		"a byte order mark":      {"\uFEFF" + manifest, ""},
		"UTF-16":                 {utf16of(binary.LittleEndian, "\uFEFF"+manifest), ""},
		"gzip":                   {gzipped(manifest), ""},
		"a member of tomorrow":   {strings.Replace(manifest, "{", `{"reasoningTokenCount":{"a":[1]},`, 1), ""},
		"some counts alone":      {`{"totalRecordCount":3}`, ""},
		"empty":                  {"", "it is empty"},
		"white space":            {" \n", "it is empty"},
		"a page":                 {"<html><body>403 Forbidden</body></html>", "not a JSON object"},
		"an array":               {"[]", "not a JSON object"},
		"a number":               {"7", "not a JSON object"},
		"null":                   {"null", "not a JSON object"},
		"cut off":                {manifest[:40], "not JSON"},
		"two objects":            {manifest + manifest, "not JSON"},
		"counts as strings":      {strings.Replace(manifest, `:3`, `:"3"`, 1), "totalRecordCount"},
		"half a record":          {strings.Replace(manifest, `:3`, `:10.5`, 1), "totalRecordCount"},
		"1e30":                   {strings.Replace(manifest, `:3`, `:1e30`, 1), "totalRecordCount"},
		"400 digits":             {strings.Replace(manifest, `:3`, ":"+strings.Repeat("9", 400), 1), "totalRecordCount"},
		"a count below 0":        {strings.Replace(manifest, `:3`, `:-3`, 1), "counts -3"},
		"an object for a count":  {strings.Replace(manifest, `:3`, `:{}`, 1), "totalRecordCount"},
		"deep nesting":           {`{"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "not JSON"},
		"two counts of a name":   {strings.Replace(manifest, "{", `{"totalRecordCount":4,`, 1), "duplicate"},
		"bytes that are no text": {"{\"totalRecordCount\":3,\"\xff\":1}", "not JSON"},
		"too large":              {"{" + strings.Repeat(" ", 1<<20) + "}", "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects := map[string]string{"p/manifest.json.out": tt.content, "p/a.jsonl.out": line("a")}
			out, err := collect.Download(t.Context(), effect.New(nil), store(objects), "p/", t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Files) != 1 || !slices.Equal(read(t, out.Files[0]), []string{"a"}) {
				t.Errorf("the output is %v, want one file with a line", out.Files)
			}
			if (out.Manifest != nil) != (tt.says == "") || !strings.Contains(out.Unread, tt.says) || (out.Unread == "") != (tt.says == "") {
				t.Errorf("the manifest is %+v, %q, want %q", out.Manifest, out.Unread, tt.says)
			}
			dir := t.TempDir()
			for _, f := range []string{"manifest.json.out", "a.jsonl.out"} {
				if err := os.WriteFile(filepath.Join(dir, f), []byte(objects["p/"+f]), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tree, err := collect.OpenTree(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(tree.Files) != 1 || (len(tree.Manifests) == 1) != (tt.says == "") || (len(tree.Unread) == 0) != (tt.says == "") {
				t.Errorf("the folder has %+v", tree)
			}
		})
	}
}

func TestWhichJobAFileIsOf(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for path, content := range map[string]string{
		"one/manifest.json.out": manifest, "one/a.jsonl.out": "", "one/sub/b.jsonl.out.gz": "",
		"two/x/manifest.json.out": "broken", "two/x/a.jsonl.out.zst": "", "loose/a.jsonl.out": "", "other/a.jsonl.out": "", "notes.txt": "",
		"flat/j1__manifest.json.out": manifest, "flat/j1__a.jsonl.out": "", "flat/j2__manifest.json.out": manifest, "flat/j2__sub__a.jsonl.out": "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := collect.OpenTree(root)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	rel := func(path string) string {
		r, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		return filepath.ToSlash(r)
	}
	for _, f := range tree.Files {
		got[rel(f.Path)] = rel(f.Job)
	}
	want := map[string]string{
		"one/a.jsonl.out": "one", "one/sub/b.jsonl.out.gz": "one", "two/x/a.jsonl.out.zst": "two/x", "loose/a.jsonl.out": "loose", "other/a.jsonl.out": "other",
		"flat/j1__a.jsonl.out": "flat/j1__", "flat/j2__sub__a.jsonl.out": "flat/j2__",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	if _, err := collect.OpenTree(filepath.Join(root, "nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
