package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"

	"quarry"
	"quarry/internal/base/jsonl"
)

// A long document is sent in parts, and then once more with the answers to its parts. All its records ask for
// the same schema; only the user's text differs.

// DefaultPart goes before the user's text of a part.
const DefaultPart = "This is part {{.Part}} of {{.Parts}} of an article that is too long to be read at once. Answer about this part alone.\n\n"

// DefaultMerge is the user's text over the answers about the parts.
const DefaultMerge = "This article is too long to be read at once. It was read in {{.Parts}} parts, and below stand the answers about each of them, in order. " +
	"Answer about the whole article from them.\n\nTitle: {{.Title}}\n\nArticle:\n{{.Text}}"

// ForParts gives the Config of the request for a part of a document. user is its template; empty: that of whole
// documents after DefaultPart.
func (c Config) ForParts(user string) Config {
	if user == "" {
		user = c.User
		if user == "" {
			user = DefaultUser
		}
		user = DefaultPart + user
	}
	c.User = user
	return c
}

// ForMerge gives the Config by which the answers about the parts are made one. user is its template, in which .Text is
// what Answers made of them; empty: DefaultMerge.
func (c Config) ForMerge(user string) Config {
	if user == "" {
		user = DefaultMerge
	}
	c.User = user
	return c
}

// AppendAnswer appends the answer about one part to the text of the merge: each member of its JSON
// object that is not null under a heading, strings as they are, or, where there is no object, the text. part counts
// from 1.
func AppendAnswer(dst []byte, part, parts int, output []byte, text string) []byte {
	if part > 1 {
		dst = append(dst, "\n\n"...)
	}
	dst = fmt.Appendf(dst, "# Part %d of %d", part, parts)
	output = bytes.TrimSpace(output)
	if len(output) == 0 {
		return append(append(dst, "\n\n"...), text...)
	}
	if output[0] != '{' {
		return append(append(dst, "\n\n"...), output...)
	}
	for name, value := range jsonl.Members(output) {
		if string(value) == "null" {
			continue
		}
		dst = fmt.Appendf(dst, "\n\n## %s\n\n", name)
		var s string
		if value[0] == '"' && json.Unmarshal(value, &s) == nil {
			dst = append(dst, s...)
		} else {
			dst = append(dst, value...)
		}
	}
	return dst
}

// PartedKey is the key of a document that is sent in parts: over the keys that the modelInput of each part, in order,
// and that of the merge with no answers in it would have alone.
func (r *Renderer) PartedKey(keys []quarry.DocumentKey) quarry.DocumentKey {
	all := make([]byte, 0, len(keys)*len(quarry.DocumentKey{}))
	for i := range keys {
		all = append(all, keys[i][:]...)
	}
	return quarry.NewDocumentKey(r.model, r.schema, all)
}
