package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want []string // LINE word
	}{
		{"the rules stand in a file", []string{"1 stand"}},
		{"the file lies there", []string{"1 lie"}},
		{"one line\nof a runtime\ncall", []string{"2 runtime call"}},
		{"it goes on, and went on", []string{"1 go on", "1 go on"}},
		{"outputs are held against the bill", []string{"1 held against"}},
		{"It stops. Of a conversation with many turns, the first go.", []string{"1 inversion"}},
		{"text, and so are the bodies", []string{"1 inversion"}},
		{"Had the line been broken, it would be named.", []string{"1 inversion"}},
		{"the stand-in behind a proxy", nil},
		{"C stands for the count; we recommend an amended layout", nil},
		{"`stand behind` is code, internal/standin and lie_flat are names", nil},
		{"It understands underlying things, besides.", nil},
	} {
		var got []string
		find(test.text, 1, func(word string, line int, _ string) { got = append(got, fmt.Sprint(line, " ", word)) })
		if !slices.Equal(got, test.want) {
			t.Errorf("find(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}

func TestAreas(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"page.md":          "told\n```sh\ntold in code\n```\ntold\n",
		"page.html":        "<style>told</style><p class=\"told\">{{if .told}}\ntold{{end}}</p>\n",
		"a.go":             "package a\n\n// told, and\n// told\nconst a = \"told\"\n",
		"a_test.go":        "package a\n\nconst b = \"told\" // told\n",
		"tools/x/x.go":     "package x\n\nconst b = \"told\" // told\n",
		"testdata/page.md": "told\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var places strings.Builder
	c := &counter{root: root, places: &places, counts: counts{}}
	if err := c.walk(); err != nil {
		t.Fatal(err)
	}
	for area, want := range map[string]int{"docs": 2, "messages": 2, "comments": 4} {
		if got := c.counts["told"][area]; got != want {
			t.Errorf("%s: %d places, want %d:\n%s", area, got, want, &places)
		}
	}
	for _, place := range []string{"page.md:1: docs: told", "page.md:5: docs: told", "a.go:4: comments: told", "a.go:5: messages: told", "page.html:2: messages: told"} {
		if !strings.Contains(places.String(), place+"\n") {
			t.Errorf("no %q in\n%s", place, &places)
		}
	}
}
