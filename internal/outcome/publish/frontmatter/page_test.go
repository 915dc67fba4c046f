package frontmatter

import (
	"encoding/json"
	"strings"
	"testing"

	"quarry/internal/outcome/publish"
)

func TestAFieldIsSetAndRestoredByteForByte(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"yaml":               "---\ntitle: a\nsummary: old # why\ntags:\n- x\n- y\n---\ntext\n",
		"added":              "---\ntitle: a\n# last\n---\ntext",
		"block":              "---\nsummary: |\n  one\n  # not a comment\n\n# a comment\nnext: 1\n---\nsummary: text\n",
		"quoted name":        "---\n\"summary\": 'it''s'\n---\n",
		"toml":               "+++\ntitle = 'a'\nsummary = \"\"\"\nx = 1\n[no table]\n\"\"\"\nlist = [\n 1,\n]\n[extra]\nsummary = 'inner'\n+++\ntext",
		"toml added":         "+++\na.b = 1\n[extra]\nx = 1\n+++\ntext",
		"none":               "# Title\n\ntext",
		"empty":              "",
		"carriage returns":   "---\r\ntitle: a\r\nsummary: b\r\n---\r\ntext\r\nmore",
		"none, with returns": "text\r\nmore\r\n",
		"byte order mark":    "\ufeff---\ntitle: a\n---\ntext",
		"mark, no matter":    "\ufefftext",
		"blank":              "---\n\n---\ntext",
		"end mark":           "---\ntitle: a\n...\ntext",
	}
	values := []string{
		"plain", "it's: a \"test\" # no comment", "- a\n- b", "---\n<script>alert(1)</script>", "+++", "'", "\"\"\"", "true", "null", "2026-01-01", "&a *a !tag",
		"two\nlines\n\nand more", strings.Repeat("a long line ", 50), "日本語、「要約」。", "\U0001f600 {{ x }} %", " ", "trailing \\",
	}
	for name, text := range texts {
		for _, value := range values {
			p, err := parse([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			before := p.value("summary")
			out, err := p.set(map[string]publish.Value{"summary": publish.TextValue(value)})
			if err != nil {
				t.Errorf("%s: set %q: %v", name, value, err)
				continue
			}
			after, err := parse(out)
			if err != nil {
				t.Errorf("%s: set %q gives %q: %v", name, value, out, err)
				continue
			}
			var got string
			if err := json.Unmarshal(after.value("summary").JSON, &got); err != nil || got != value {
				t.Errorf("%s: set %q gives %q, %v, in %q", name, value, got, err, out)
			}
			if strings.Contains(text, "\r\n") && strings.Contains(strings.ReplaceAll(string(out), "\r\n", ""), "\n") {
				t.Errorf("%s: set %q mixes line ends: %q", name, value, out)
			}
			back, err := after.set(map[string]publish.Value{"summary": before})
			if want := text; err != nil || string(back) != want {
				t.Errorf("%s: restored after %q: %q, %v, want %q", name, value, back, err, want)
			}
		}
	}
}

func TestFrontMatterThatCannotBeEditedIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"flow":     "---\n{title: a, summary: b}\n---\n",
		"json":     "{\"title\": \"a\"}\ntext",
		"broken":   "---\ntitle: [\n---\n",
		"prose":    "---\njust prose\n---\n",
		"anchored": "---\nsummary: &a old\ncopy: *a\n---\n",
		"spread":   "+++\nsummary.a = 1\nsummary.b = 2\n+++\n",
	} {
		p, err := parse([]byte(text))
		if err != nil {
			continue
		}
		if out, err := p.set(map[string]publish.Value{"summary": publish.TextValue("new")}); err == nil {
			t.Errorf("%s: %q, want an error", name, out)
		}
	}
}

func FuzzSet(f *testing.F) {
	for _, text := range []string{"---\na: b\nsummary: c\n---\nx", "+++\na = 1\n[t]\n+++\n", "\ufeff---\r\nsummary: |\r\n  a\r\n---\r\n", "x", "---\n? a\n: b\nsummary: >-\n c\n---\n"} {
		f.Add(text, "v: 1\n# x")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		p, err := parse([]byte(text))
		if err != nil {
			return
		}
		before := p.value("summary")
		out, err := p.set(map[string]publish.Value{"summary": publish.TextValue(value)})
		if err != nil {
			return
		}
		after, err := parse(out)
		if err != nil || !after.value("summary").Same(publish.TextValue(value)) {
			t.Fatalf("%q with %q is %q: %v", text, value, out, err)
		}
		if back, err := after.set(map[string]publish.Value{"summary": before}); err == nil && !before.Absent() && string(back) != text {
			t.Fatalf("%q is restored as %q", text, back)
		}
	})
}
