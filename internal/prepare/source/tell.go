package source

import (
	"bytes"

	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/contentful"
	"quarry/internal/prepare/source/dir"
	"quarry/internal/prepare/source/ghost"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
	"quarry/internal/prepare/source/parquet"
	"quarry/internal/prepare/source/stream"
	"quarry/internal/prepare/source/wxr"
)

// tell tells a kind of file by what it holds, then by how it is called. Empty: neither says.
func tell(name string, head []byte) string {
	if bytes.HasPrefix(head, []byte("SQLite format 3\x00")) { // https://www.sqlite.org/fileformat.html
		return sqliteKind
	}
	if bytes.HasPrefix(head, []byte(parquet.Magic)) {
		return "parquet"
	}
	extension := stream.Extension(name)
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if len(text) == 0 {
		return byExtension(extension)
	}
	switch text[0] {
	case '{':
		switch {
		case len(text) > 1 && bytes.IndexByte([]byte("{%#:/"), text[1]) >= 0:
			return byExtension(extension) // a mark of a template, of which JSON has none
		case ghost.Is(text):
			return "ghost"
		case contentful.Is(text):
			return "contentful"
		}
		return tellObject(extension, text)
	case '<':
		if wxr.Is(text) {
			return "wxr"
		}
		if n := bytes.Index(text, []byte("<rss")); n >= 0 && !bytes.Contains(text[:n], []byte("<html")) {
			return "wxr"
		}
	case '[':
		// Markdown may begin so too: a link.
		rest := bytes.TrimSpace(text[1:])
		if len(rest) > 0 && (rest[0] == '{' || rest[0] == ']') && (len(rest) == 1 || rest[0] == ']' || bytes.IndexByte(rest[:min(len(rest), 200)], '"') > 0) {
			return "json"
		}
	}
	return byExtension(extension)
}

// tellObject tells files that begin with an object: one a line, or over several lines.
func tellObject(extension string, text []byte) string {
	shape := sourcejsonl.ShapeOf(text)
	switch {
	case shape == sourcejsonl.Pages:
		return "json"
	case extension == ".jsonl" || extension == ".ndjson":
		return "jsonl"
	case shape == sourcejsonl.Wrapped:
		return "json"
	}
	for i, line := range bytes.SplitN(text, []byte{'\n'}, 12) {
		if i < 10 && jsonl.Check(line) == nil {
			return "jsonl"
		}
	}
	first, _, more := bytes.Cut(text, []byte{'\n'})
	if !more && bytes.HasPrefix(first, []byte(`{"`)) {
		if shape == sourcejsonl.Unsure {
			return "json"
		}
		return "jsonl" // one line that is longer than what was looked at, or broken
	}
	if extension == ".json" || bytes.Contains(text[:min(len(text), 200)], []byte{'"'}) {
		return "json"
	}
	return byExtension(extension)
}

func byExtension(extension string) string {
	switch extension {
	case ".jsonl", ".ndjson":
		return "jsonl"
	case ".json":
		return "json"
	case ".xml", ".wxr", ".rss", ".atom":
		return "wxr"
	case ".csv":
		return "csv"
	case ".tsv", ".tab":
		return "tsv"
	case ".parquet":
		return "parquet"
	}
	return string(dir.Format(extension)) // a kind of texts is called as their format
}
