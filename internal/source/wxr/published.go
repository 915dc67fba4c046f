package wxr

import (
	"slices"

	"quarry/internal/jsonl"
	sourceitem "quarry/internal/source/item"
	"quarry/internal/source/note"
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
