package source

import (
	"bytes"

	"quarry/internal/jsonl"
	"quarry/internal/source/stream"
)

// tell tells a kind of file by what it holds, then by how it is called. Empty: neither says.
func tell(name string, head []byte) string {
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff")))
	if len(text) > 0 && text[0] == '{' {
		first, _, more := bytes.Cut(text, []byte{'\n'})
		if jsonl.Check(first) == nil || (!more && len(head) >= headSize) {
			return "jsonl"
		}
	}
	switch stream.Extension(name) {
	case ".jsonl", ".ndjson":
		return "jsonl"
	case ".md", ".markdown":
		return "markdown"
	case ".html", ".htm":
		return "html"
	case ".txt":
		return "text"
	}
	return ""
}

// headSize is what stream.File.Head gives at most.
const headSize = 64 << 10
