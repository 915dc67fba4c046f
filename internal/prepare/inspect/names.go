package inspect

import (
	"fmt"
	"slices"
	"strings"

	"quarry/internal/base/figure"
)

// Names gives the fields' names.
func (r *Report) Names() []string {
	names := make([]string, len(r.Fields))
	for i := range r.Fields {
		names[i] = r.Fields[i].Name
	}
	return names
}

// Field finds a field by its dotted name; nil where no item has it.
func (r *Report) Field(name string) *Field {
	for i := range r.Fields {
		if r.Fields[i].Name == name {
			return &r.Fields[i]
		}
	}
	return nil
}

// Has reports whether items have a field, an object that holds fields, or an array that the path leads into.
func (r *Report) Has(path string) bool {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Name == path || strings.HasPrefix(f.Name, path+".") {
			return true
		}
		deep := slices.ContainsFunc(f.Kinds, func(c Count) bool { return c.Value == "array" || c.Value == "object" })
		if deep && strings.HasPrefix(path, f.Name+".") {
			return true
		}
	}
	return r.MoreFields > 0
}

// Takes reports whether a value occurs among the listed values of a field.
func (f *Field) Takes(value string) bool {
	return slices.ContainsFunc(f.Values, func(c Count) bool { return c.Value == value })
}

// maxAvailable bounds the fields that one message names.
const maxAvailable = 12

// Available names the fields that are filled most often, with the number of items that have them.
func (r *Report) Available() string {
	var parts []string
	for i := range r.Fields {
		if i == maxAvailable {
			parts = append(parts, fmt.Sprintf("and %d more", len(r.Fields)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", r.Fields[i].Name, figure.Thousands(r.Fields[i].Filled)))
	}
	return "available fields: " + strings.Join(parts, ", ")
}
