package wxr

import (
	"bytes"
	"context"
	"slices"

	"quarry"
	"quarry/internal/jsonl"
	"quarry/internal/source/cut"
	sourceitem "quarry/internal/source/item"
	"quarry/internal/source/note"
	"quarry/internal/source/stream"
)

// leaveOut says which items are left out, unless a condition asks for their types, their states, or protected ones.
func (s *Source) leaveOut() func(obj []byte) (note.Kind, string) {
	types, protected := !s.asksFor("post_type", "status"), !s.asksFor("protected")
	return func(obj []byte) (note.Kind, string) {
		if types {
			if what := unpublished(obj); what != "" {
				return note.Unpublished, what
			}
		}
		if protected {
			if _, ok := jsonl.Lookup(obj, "protected"); ok {
				return note.Protected, sourceitem.Label(value(obj, "post_id"), value(obj, "title"))
			}
		}
		return 0, ""
	}
}

// asksFor reports whether a condition is on one of the fields.
func (s *Source) asksFor(fields ...string) bool {
	return slices.ContainsFunc(s.Config.Where, func(c sourceitem.Condition) bool { return slices.Contains(fields, c.Field) })
}

// unpublished says what an item is that is no published post or page, such as "draft post" or "attachment". An item of a feed
// that is not from WordPress has neither type nor status.
func unpublished(obj []byte) string {
	kind, status := value(obj, "post_type"), value(obj, "status")
	switch {
	case kind != "" && kind != "post" && kind != "page":
		return kind
	case status != "" && status != "publish":
		if kind == "" {
			kind = "item"
		}
		return status + " " + kind
	}
	return ""
}

func value(obj []byte, name string) string {
	v, ok := jsonl.Lookup(obj, name)
	if !ok || len(v) < 2 || v[0] != '"' {
		return ""
	}
	return string(jsonl.Unescape(nil, v))
}

// reference begins the mark by which a post refers to a reusable block: `<!-- wp:block {"ref":553} /-->`.
var reference = []byte("<!-- wp:block {")

const (
	maxReusable      = 8        // how deep reusable blocks may refer to one another
	maxReusableBytes = 64 << 20 // of all reusable blocks of a file; those behind are not resolved
	maxResolved      = 8 << 20  // of one post
)

// collect reads the reusable blocks of the file. They may be anywhere in it, so all of it is looked through once, when the
// first reference is met. A stream that cannot be read again gives none.
func (s *Source) collect(ctx context.Context, file stream.File, f feed) map[string][]byte {
	found := map[string][]byte{}
	total := 0
	f.reusable = nil
	_ = s.chunks(ctx, file, quarry.Position{}, func(c cut.Chunk) bool {
		if !bytes.Contains(c.Data, []byte("wp_block")) {
			return true
		}
		for it := range c.Items() {
			if !bytes.Contains(it.Text, []byte("wp_block")) {
				continue
			}
			obj, reason := f.object(nil, it.Text, &scratch{})
			if reason != "" || value(obj, "post_type") != "wp_block" {
				continue
			}
			body := []byte(value(obj, "content"))
			if total += len(body); total > maxReusableBytes {
				return false
			}
			found[value(obj, "post_id")] = body
		}
		return true
	}) // a file that cannot be read again keeps its references; the reading that gives documents says why
	return found
}

// resolve puts reusable blocks in the place of the references to them. What is not in the file keeps its mark, which the
// cleaner counts.
func resolve(text []byte, blocks map[string][]byte, depth int) []byte {
	out := make([]byte, 0, len(text)*2)
	for {
		n := bytes.Index(text, reference)
		if n < 0 {
			return append(out, text...)
		}
		end := bytes.Index(text[n:], []byte("-->"))
		if end < 0 {
			return append(out, text...)
		}
		end += n + len("-->")
		attributes := text[n+len(reference)-1 : end]
		if at := bytes.LastIndexByte(attributes, '}'); at > 0 {
			attributes = attributes[:at+1]
		}
		body, ok := []byte(nil), false
		if jsonl.Check(attributes) == nil {
			if id, found := jsonl.Lookup(attributes, "ref"); found {
				body, ok = blocks[string(bytes.Trim(id, `"`))]
			}
		}
		out = append(out, text[:n]...)
		if ok && depth > 0 && len(out)+len(body) < maxResolved {
			out = append(append(out, "\n\n"...), resolve(body, blocks, depth-1)...)
			out = append(out, "\n\n"...)
		} else {
			out = append(out, text[n:end]...)
		}
		text = text[end:]
	}
}
