package item

import (
	"slices"
	"strconv"
	"strings"

	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/note"
)

// This file leaves out what was not published: it is not sent unasked. A condition on the field that says so asks for it.

// The states of items that are not published and say so by no field of their own. A condition on the state's name, with the
// value true or false, asks for them.
const (
	Draft    = "draft"
	Archived = "archived"
)

// Asks reports whether a condition is on one of the fields.
func (c Config) Asks(fields ...string) bool {
	return slices.ContainsFunc(c.Where, func(w Condition) bool { return slices.Contains(fields, w.Field) })
}

// leftOut says how an item is counted that is left out unless a condition asks for it; an empty label: it stays.
func (c Config) leftOut(obj []byte, keys *Keys) (kind note.Kind, label string) {
	switch {
	case c.LeaveOut != nil:
		return c.LeaveOut(obj)
	case c.Records:
		return 0, ""
	case c.State == nil && !keys.sanity():
		return 0, ""
	}
	if state := c.state(obj); state != "" && !c.Asks(state) {
		return note.Unpublished, note.Reached(state, state+"=true")
	}
	if kind := text(obj, "_type"); c.State == nil && (strings.HasPrefix(kind, "sanity.") || strings.HasPrefix(kind, "system.")) &&
		!c.Asks("_type") {
		return note.Unpublished, note.Reached(kind, "_type="+kind)
	}
	return 0, ""
}

// sanity reports whether items are found by the id that Sanity gives them.
func (k *Keys) sanity() bool { return len(k.ID) == 1 && k.ID[0] == "_id" }

// state gives the state of an item that is not published; empty: it is, or does not say.
func (c Config) state(obj []byte) string {
	if c.State != nil {
		return c.State(obj)
	}
	// Drafts and versions are documents of their own (https://www.sanity.io/docs/content-lake/drafts).
	id := text(obj, "_id")
	if (strings.HasPrefix(id, "drafts.") || strings.HasPrefix(id, "versions.")) && text(obj, "_type") != "" {
		return Draft
	}
	return ""
}

// stateAs gives the value that a field of states has in an item; ok is false for other fields.
func (c Config) stateAs(field string, obj []byte) (value string, ok bool) {
	if field != Draft && field != Archived {
		return "", false
	}
	return strconv.FormatBool(c.state(obj) == field), true
}

// text gives a member that is a text; empty: there is none.
func text(obj []byte, name string) string {
	v, ok := jsonl.Lookup(obj, name)
	if !ok || len(v) < 2 || v[0] != '"' {
		return ""
	}
	return string(jsonl.Unescape(nil, v))
}
