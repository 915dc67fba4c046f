package frontmatter_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quarry/internal/prepare/clean/frontmatter"
	"quarry/internal/testdata"
)

func TestSplitLeavesTextAlone(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "---", "text", "--- \ntitle: x", " ---\na: b\n---\n", "----\na: b\n----\n", "{{< x >}}\ntext", "{a}\n", "+++\na = 1\n"} {
		if m, ok := frontmatter.Split([]byte(s)); ok {
			t.Errorf("Split(%q) = %+v, want none", s, m)
		}
	}
}

func TestFieldsRefuse(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"---\njust text\n---\n", "---\n- a\n- b\n---\n", "---\na: [\n---\n", "+++\na\n+++\n", "+++\na = \n+++\n", "+++\na = 1\na = 2\n+++\n",
		"+++\na = \"x\n+++\n", "+++\n[a\n+++\n", "+++\na = [1, 2\n+++\n", "+++\na = nope\n+++\n", "+++\na = 1 b\n+++\n", "+++\na = \"\\x\"\n+++\n",
		"+++\na = " + strings.Repeat("[", 100) + "\n+++\n",
	} {
		m, ok := frontmatter.Split([]byte(s))
		if !ok {
			t.Errorf("Split(%q) finds nothing", s)
			continue
		}
		if fields, _, err := m.Fields(nil); err == nil {
			t.Errorf("Fields of %q = %s, want an error", s, fields)
		}
	}
}

func TestFieldsOfTOML(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"title = \"a\"\nn = 1_000\nx = 1.5\nok = true":                     `{"n":1000,"ok":true,"title":"a","x":1.5}`,
		"[extra]\na.b = 'c'\n[[extra.list]]\nd = [1, [2]]\n[[extra.list]]": `{"extra":{"a":{"b":"c"},"list":[{"d":[1,[2]]},{}]}}`,
		"d = 2026-01-02\nt = 07:32:00\nl = 2026-01-02T07:32:00":            `{"d":"2026-01-02","l":"2026-01-02T07:32:00","t":"07:32:00"}`,
		"utc = 2026-01-02T00:00:00Z\noff = [2026-01-02T07:32:00.5+09:00]":  `{"off":["2026-01-02T07:32:00.5+09:00"],"utc":"2026-01-02T00:00:00Z"}`,
		"# nothing\n":            `{}`,
		"x = inf":                `{"x":"+Inf"}`,
		"s = \"\"\"\na\nb\"\"\"": `{"s":"a\nb"}`,
	} {
		m, ok := frontmatter.Split([]byte("+++\n" + src + "\n+++\ntext"))
		if !ok {
			t.Errorf("%q is no front matter", src)
			continue
		}
		if got, _, err := m.Fields(nil); err != nil || string(got) != want {
			t.Errorf("Fields of %q = %s, %v, want %s", src, got, err, want)
		}
	}
}

// TestRealFrontMatter reads the front matter of files as Jekyll, Hugo, Zola, 11ty, Zenn and Docs sites have it.
func TestRealFrontMatter(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(testdata.Path(t, "markdown"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		m, ok := frontmatter.Split(src)
		if !ok {
			t.Errorf("%s: no front matter", path)
			return nil
		}
		fields, title, err := m.Fields(nil)
		if err != nil || title == "" || !json.Valid(fields) {
			t.Errorf("%s: title %q, fields %s, %v", path, title, fields, err)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files, %v", files, err)
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte("---\na: [1, {b: c}]\n---\nx"))
	f.Add([]byte("+++\na.\"b\" = {c = '''d''', e = [1.5, 07:32:00]}\n[[f.g]]\n+++\nx"))
	f.Add([]byte("{\"a\": null}\nx"))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, ok := frontmatter.Split(src)
		if !ok {
			return
		}
		if !bytes.HasSuffix(src, m.Rest) {
			t.Errorf("Split(%q) invents text: %q", src, m.Rest)
		}
		if fields, _, err := m.Fields(nil); err == nil && (!json.Valid(fields) || fields[0] != '{') {
			t.Errorf("the fields of %q are no JSON object: %s", src, fields)
		}
	})
}
