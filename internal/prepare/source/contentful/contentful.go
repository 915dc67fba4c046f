// Package contentful reads the JSON that `contentful space export` writes: the entries of a space.
//
// It owns the place of the entries and of their fields, which come once for each locale, and the rich text in them,
// which becomes HTML here, with the entries of the file that it embeds. All else is the reader's of JSON objects.
//
// What always holds: an entry is one document, in the locale that most entries have or that `--field` names; published entries
// of every content type are given, to be filtered by `sys.contentType.sys.id`, and others where a condition asks for them.
package contentful

import (
	"context"
	"iter"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/stream"
)

// Is reports whether a file's head is that of an export.
func Is(head []byte) bool {
	text := strings.TrimLeft(string(head[:min(len(head), 64<<10)]), "\ufeff \t\r\n")
	if !strings.HasPrefix(text, "{") {
		return false
	}
	first := strings.TrimLeft(text[1:], " \t\r\n")
	for _, name := range []string{
		`"contentTypes"`, `"entries"`, `"editorInterfaces"`, `"tags"`, `"locales"`, `"assets"`, `"webhooks"`, `"roles"`, `"concepts"`,
		`"conceptSchemes"`,
	} {
		if strings.HasPrefix(first, name) && strings.Contains(text, `"sys"`) {
			return true
		}
	}
	return false
}

// Source is an export.
type Source struct{ *sourcejsonl.Objects }

// New gives the entries of an export as a source.
func New(file stream.File, cfg item.Config, index int) Source {
	return Source{&sourcejsonl.Objects{File: file, Config: cfg, Index: index, Path: []string{"entries"}, Keys: Keys}}
}

// Blocks gives the entries in blocks of about 1 MiB. The first entry that embeds another one has the file read for those.
func (s Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	own := *s.Objects
	embedded := sync.OnceValue(func() map[string][]byte { return collect(ctx, s.Objects) })
	var states states
	own.Config.State = states.of
	own.Keys = func(first [][]byte) item.Keys { states.learn(first); return Keys(first) }
	own.Convert = func(dst, entry []byte) []byte { return convert(dst, entry, embedded) }
	return own.Blocks(ctx, from)
}

// states tells which entries are not published. An export of published entries alone says nothing of it, so the first entries
// decide whether it does (https://www.contentful.com/developers/docs/references/content-management-api/#/introduction/common-resource-attributes).
type states struct{ known bool }

func (s *states) learn(first [][]byte) {
	for _, entry := range first {
		sys, _ := jsonl.Lookup(entry, "sys")
		s.known = s.known || has(sys, "publishedVersion", "publishedAt", "publishedCounter", "archivedVersion", "archivedAt")
	}
}

func (s *states) of(entry []byte) string {
	sys, _ := jsonl.Lookup(entry, "sys")
	switch {
	case has(sys, "archivedVersion", "archivedAt"):
		return item.Archived
	case s.known && !has(sys, "publishedVersion", "publishedAt"):
		return item.Draft
	}
	return ""
}

func has(obj []byte, names ...string) bool {
	for _, name := range names {
		if v, ok := jsonl.Lookup(obj, name); ok && string(v) != "null" {
			return true
		}
	}
	return false
}

// The names that the fields of an article have, best first.
var (
	bodies = []string{"body", "content", "text", "article", "html", "markdown", "description"}
	titles = []string{"title", "headline", "name", "heading", "subject"}
)

// Keys finds the locale and the fields that most entries have.
func Keys(first [][]byte) item.Keys {
	locales := map[string]int{}
	for _, entry := range first {
		fields, _ := jsonl.Lookup(entry, "fields")
		for _, value := range jsonl.Members(fields) {
			for locale := range jsonl.Members(value) {
				locales[string(jsonl.Unescape(nil, locale))]++
			}
		}
	}
	locale, most := "en-US", 0
	for l, n := range locales {
		if n > most || (n == most && l < locale) {
			locale, most = l, n
		}
	}
	find := func(names []string) item.Path {
		for _, name := range names {
			for _, entry := range first {
				if v, ok := jsonl.Lookup(entry, "fields", name, locale); ok && v[0] == '"' {
					return item.Path{"fields", name, locale}
				}
			}
		}
		return nil
	}
	return item.Keys{ID: item.Path{"sys", "id"}, Title: find(titles), Body: find(bodies), URL: find([]string{"url", "canonicalUrl"})}
}

// Convert writes an entry with its rich texts as HTML, without the entries that it embeds.
func Convert(dst, entry []byte) []byte {
	return convert(dst, entry, func() map[string][]byte { return nil })
}

// convert writes an entry with its rich texts as HTML.
func convert(dst, entry []byte, embedded func() map[string][]byte) []byte {
	dst = append(dst, '{')
	own := ""
	if id, ok := jsonl.Lookup(entry, "sys", "id"); ok && id[0] == '"' {
		own = string(jsonl.Unescape(nil, id))
	}
	for name, value := range jsonl.Members(entry) {
		dst = member(dst, name)
		if string(name) != "fields" {
			dst = append(dst, value...)
			continue
		}
		dst = append(dst, '{')
		for field, locales := range jsonl.Members(value) {
			dst = member(dst, field)
			if locales[0] != '{' {
				dst = append(dst, locales...)
				continue
			}
			dst = append(dst, '{')
			for locale, v := range jsonl.Members(locales) {
				dst = member(dst, locale)
				w := writer{embedded: embedded, locale: string(jsonl.Unescape(nil, locale)), open: []string{own}}
				if w.document(v) {
					dst = jsonl.AppendString(dst, []byte(w.out.String()))
				} else {
					dst = append(dst, v...)
				}
			}
			dst = append(dst, '}')
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func member(dst, name []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(append(dst, '"'), name...), '"', ':')
}
