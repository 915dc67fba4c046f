package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// bodyBytes is how much of each article is kept: the figure is of many short documents.
const bodyBytes = 1500

type article struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	URL     string `json:"url,omitempty"`
	Lang    string `json:"lang,omitempty"`
	Format  string `json:"format,omitempty"`
	Content string `json:"content"`
}

// writeDocuments makes n documents of the articles, none of which asks what another asks.
func writeDocuments(articles, to string, n int) (bytes int64, err error) {
	all, err := readArticles(articles)
	if err != nil {
		return 0, err
	}
	f, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	out := bufio.NewWriterSize(f, 1<<20)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i := range n {
		a := all[i%len(all)]
		a.ID = fmt.Sprintf("post-%07d", i)
		a.Title = fmt.Sprintf("%s (%d)", a.Title, i)
		a.Content = cut(fmt.Sprintf("Article number %d.\n\n%s", i, a.Content))
		if err := enc.Encode(a); err != nil {
			return 0, err
		}
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Close()
}

func readArticles(path string) (all []article, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	z, err := zstd.NewReader(f)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	dec := json.NewDecoder(z)
	for dec.More() {
		var a article
		if err := dec.Decode(&a); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		a.Content = cut(a.Content)
		all = append(all, a)
	}
	return all, nil
}

// cut keeps whole characters of the first bodyBytes.
func cut(s string) string {
	if len(s) <= bodyBytes {
		return s
	}
	n := bodyBytes
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
