package audit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry/internal/base/jsonl"
	"quarry/internal/outcome/collect"
)

// TestDamagedOutputIsReadAsCollectReadsIt compares the two readers, which share no code.
func TestDamagedOutputIsReadAsCollectReadsIt(t *testing.T) {
	t.Parallel()
	line := func(id string) string {
		return `{"recordId":"` + id + `","modelInput":{"a":"é"},"modelOutput":{"content":[{"type":"text","text":"日本 𠮷"}]}}`
	}
	two := line("a") + "\n" + line("b") + "\n"
	for name, content := range map[string]string{
		"whole":                         two,
		"a byte order mark":             "\uFEFF" + two,
		"UTF-16":                        "\xff\xfe" + strings.ReplaceAll(wide("\n"+line("c")), "\n\x00", "") + "\n\x00",
		"a torn end":                    two + line("c")[:30],
		"a torn line and one with it":   line("c")[:35] + two,
		"joined":                        line("a") + line("b"),
		"an array":                      "[\n" + line("a") + ",\n" + line("b") + "\n]\n",
		"bytes that are no UTF-8":       strings.Replace(two, "日", "\xe6\x97", 1),
		"half a surrogate pair":         strings.Replace(two, "日", `\ud83d`, 1),
		"a control character":           strings.Replace(two, "日", "\x01", 1),
		"a torn list":                   `{"x":[1,{"recordId":"z","modelOutput":{}}`,
		"a torn object":                 `{"x":{"recordId":"z","modelOutput":{}}`,
		"a line cut after a comma":      `{"recordId":"z",` + line("a"),
		"a page":                        "<html>\n</html>\n",
		"a recordId that is no text":    `{"recordId":7,"modelOutput":{}}`,
		"names twice":                   `{"recordId":"a","recordId":"b"}` + "\n" + line("b"),
		"a scalar and a good line":      "null\n" + line("b"),
		"gzip that is none":             "\x1f\x8bnothing",
		"a line and its torn successor": line("a") + line("b")[:50],
	} {
		path := filepath.Join(t.TempDir(), "x.jsonl.out")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var ours, theirs []string
		var broken, cannot int64
		for l, err := range linesOf(path, openOutput) {
			if err != nil {
				broken++
				break
			}
			read, n := outputLine(l.text)
			broken += n
			for _, raw := range read {
				text := "-"
				if raw.answer != nil {
					text = raw.answer.text
				}
				ours = append(ours, string(raw.id)+" "+text)
			}
		}
		var c jsonl.Checker
		for p, err := range collect.Chunks(t.Context(), path) {
			if err != nil {
				t.Fatal(err)
			}
			for l, bad := range p.Records(&c) {
				if bad != nil {
					cannot++
					continue
				}
				text := "-"
				if l.ModelOutput != nil {
					text = readAnswer(l.ModelOutput).text
				}
				theirs = append(theirs, string(l.RecordID)+" "+text)
			}
		}
		if strings.Join(ours, "|") != strings.Join(theirs, "|") || broken != cannot {
			t.Errorf("%s: audit reads %q and %d broken, collect %q and %d", name, ours, broken, theirs, cannot)
		}
	}
}

func wide(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x10000 {
			b.WriteString(string([]byte{byte(r), byte(r >> 8)}))
		}
	}
	return b.String()
}
