package wxr

import (
	"quarry/internal/base/jsonl"
	sourceitem "quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/note"
)

// leaveOut says which items are left out: those of other types, those that were not published, and protected ones, each unless a
// condition is on the field that says so.
func (s *Source) leaveOut() func(obj []byte) (note.Kind, string) {
	types, states, protected := !s.Config.Asks("post_type"), !s.Config.Asks("status"), !s.Config.Asks("protected")
	return func(obj []byte) (note.Kind, string) {
		kind, status := value(obj, "post_type"), value(obj, "status")
		other := types && kind != "" && kind != "post" && kind != "page"
		if other || states && !published(kind, status) {
			return note.Unpublished, unpublished(kind, status, states, other || !types && kind != "")
		}
		if protected {
			if _, ok := jsonl.Lookup(obj, "protected"); ok {
				return note.Protected, sourceitem.Label(value(obj, "post_id"), value(obj, "title"))
			}
		}
		return 0, ""
	}
}

// published reports whether everybody can read an item. An item of a feed that is not from WordPress has no status; files have
// that of the post that they belong to.
func published(kind, status string) bool {
	return status == "" || status == "publish" || status == "inherit" && kind != "post" && kind != "page"
}

// unpublished labels an item that is no published post or page, such as "draft post" or "attachment", with the conditions that
// reach those and no others.
func unpublished(kind, status string, states, byType bool) string {
	label, conditions := kind, []string(nil)
	if label == "" {
		label = "item"
	}
	if byType {
		conditions = append(conditions, "post_type="+kind)
	}
	if states && !published(kind, status) {
		label = status + " " + label
		conditions = append(conditions, "status="+status)
	}
	return note.Reached(label, conditions...)
}

func value(obj []byte, name string) string {
	v, ok := jsonl.Lookup(obj, name)
	if !ok || len(v) < 2 || v[0] != '"' {
		return ""
	}
	return string(jsonl.Unescape(nil, v))
}
