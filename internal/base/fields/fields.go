// Package fields reads values out of lines of results.jsonl by their paths, and tells which lines meet conditions.
//
// It owns the form of a path, such as output.title_en or document.slug, and of a condition PATH=VALUE. It opens no file and
// knows no format of an export.
//
// What always holds: the first name of a path is a member of a result; a member whose own name has dots is found too; a path
// that no line has can be reported after the lines were read, so that a misspelled one is noticed.
package fields

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/nearest"
)

// roots are the members of a result, in their order, and those of them that hold members or elements of their own.
var roots, nested = members()

func members() (all, nested []string) {
	t := reflect.TypeFor[quarry.Result]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
		kind := t.Field(i).Type
		if kind == reflect.TypeFor[json.RawMessage]() || kind == reflect.TypeFor[*quarry.ResultError]() || kind.Kind() == reflect.Struct {
			nested = append(nested, name)
		}
	}
	return all, nested
}

// Path leads to a value of a result: names, and indexes of arrays from 0, with dots between them.
type Path string

// ParsePath reads a path. The error of a first name that no result has names those that there are.
func ParsePath(s string) (Path, error) {
	root, rest, deeper := strings.Cut(s, ".")
	switch {
	case !slices.Contains(roots, root):
		hint := "document." + s + " is a field of the source, output." + s + " a member of the answer"
		if near := nearest.Of(root, roots); near != "" {
			hint = "did you mean " + near + "?"
		}
		return "", fmt.Errorf("path %q: a result has no member %s (%s); its members are %s", s, root, hint, strings.Join(roots, ", "))
	case deeper && (rest == "" || !slices.Contains(nested, root)):
		return "", fmt.Errorf("path %q: %s is a single value; write %s", s, root, root)
	}
	return Path(s), nil
}

// Lookup gives the value at the path, as it is in the line. The line is a JSON object that was checked.
func (p Path) Lookup(line []byte) ([]byte, bool) { return find(line, string(p)) }

// find tries a path as one name before it takes it apart: names may have dots.
func find(value []byte, path string) ([]byte, bool) {
	if v, ok := jsonl.Lookup(value, path); ok {
		return v, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := jsonl.Lookup(value, path[:i]); ok {
			if v, ok := find(inner, path[i+1:]); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// Text gives a value as text: a string without quotes and escapes, anything else as its JSON is written.
func Text(value []byte) string {
	if len(value) > 0 && value[0] == '"' {
		return string(jsonl.Unescape(nil, value))
	}
	return string(value)
}

// Filter keeps the lines that meet all conditions; of several conditions on one path, any. The zero value keeps all lines. One
// goroutine at a time.
type Filter struct {
	paths  []Path
	values [][]string // for each path
	found  []bool
}

// ParseFilter reads conditions PATH=VALUE. A value is compared with the text of the line's value, see Text.
func ParseFilter(conditions []string) (*Filter, error) {
	f := new(Filter)
	for _, c := range conditions {
		name, value, ok := strings.Cut(c, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("condition %q: want PATH=VALUE, such as status=ok or document.lang=en", c)
		}
		path, err := ParsePath(name)
		if err != nil {
			return nil, err
		}
		i := slices.Index(f.paths, path)
		if i < 0 {
			i = len(f.paths)
			f.paths, f.values, f.found = append(f.paths, path), append(f.values, nil), append(f.found, false)
		}
		f.values[i] = append(f.values[i], value)
	}
	return f, nil
}

// Keep reports whether a line, a JSON object that was checked, meets the conditions.
func (f *Filter) Keep(line []byte) bool {
	keep := true
	for i, path := range f.paths {
		value, ok := path.Lookup(line)
		f.found[i] = f.found[i] || ok
		keep = keep && ok && slices.Contains(f.values[i], Text(value))
	}
	return keep
}

// Unmet gives the paths that no line has had so far: most likely misspelled ones.
func (f *Filter) Unmet() []Path {
	var unmet []Path
	for i, path := range f.paths {
		if !f.found[i] {
			unmet = append(unmet, path)
		}
	}
	return unmet
}
