package history

import (
	"maps"
	"slices"
	"strings"

	"quarry/internal/run/book"
)

// changes says in words in which settings a pass differs from the one before.
func changes(before, now *book.Pass) []string {
	out := []string{}
	if before.Asked != nil && now.Asked != nil && !slices.Equal(before.Asked.Sources, now.Asked.Sources) {
		out = append(out, "sources: "+strings.Join(now.Asked.Sources, " "))
	}
	if before.Choices != nil && now.Choices != nil {
		return append(out, chosen(before.Choices, now.Choices)...)
	}
	a, b := before.Asked, now.Asked
	if a == nil || b == nil || a.Settings == b.Settings {
		return out
	}
	known := len(out)
	if a.Model != b.Model {
		out = append(out, "model: "+a.Model+" → "+b.Model)
	}
	if string(a.Schema) != string(b.Schema) {
		out = append(out, "prompt.schema")
	}
	if len(out) == known { // an earlier version kept no more than that they differ
		out = append(out, "unknown which")
	}
	return out
}

// chosen compares settings by name. A digest says that a value changed, and not to what.
func chosen(before, now map[string]string) []string {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], now[name]
		switch {
		case was == is:
		case strings.HasPrefix(was, Digest) || strings.HasPrefix(is, Digest):
			out = append(out, name)
		default:
			out = append(out, name+": "+orDefault(was)+" → "+orDefault(is))
		}
	}
	return out
}

// Digest begins what is kept of a long value.
const Digest = "sha256:"

func orDefault(value string) string {
	if value == "" || value == "null" {
		return "default"
	}
	return value
}
