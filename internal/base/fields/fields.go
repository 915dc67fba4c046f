// Package fields reads values out of lines of results.jsonl by their paths, and tells which lines meet conditions.
//
// It owns the form of a path, such as output.title_en or document.slug, and of a condition PATH=VALUE. It opens no file and
// knows no format of an export.
//
// What always holds: the first name of a path is a member of a result; a member whose own name has dots is found too; a path
// that no line has can be reported after the lines were read, so that a misspelled one is noticed.
package fields

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/base/nearest"
)

var (
	roots = members[quarry.Result]()
	// open are the members of a result whose own members are those of an answer or a source.
	open = []string{"output", "document", "model_output"}
	// closed are the members of a result with the members that they have.
	closed = map[string][]string{"usage": members[quarry.Usage](), "error": members[quarry.ResultError]()}
)

// members gives the names of a type in JSON, in their order.
func members[T any]() []string {
	var names []string
	for f := range reflect.TypeFor[T]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
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
	case !deeper:
		return Path(s), nil
	case len(closed[root]) > 0 && !slices.Contains(closed[root], rest):
		return "", fmt.Errorf("path %q: %s has the members %s", s, root, strings.Join(closed[root], ", "))
	case rest == "", len(closed[root]) == 0 && !slices.Contains(open, root):
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
	paths  Paths
	values [][]string // for each path
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
		i := slices.Index(f.paths.list, path)
		if i < 0 {
			i = f.paths.Add(path)
			f.values = append(f.values, nil)
		}
		f.values[i] = append(f.values[i], value)
	}
	return f, nil
}

// Keep reports whether a line, a JSON object that was checked, meets the conditions.
func (f *Filter) Keep(line []byte) bool {
	keep := true
	for i := range f.values {
		value, ok := f.paths.Lookup(i, line)
		keep = keep && ok && slices.Contains(f.values[i], Text(value))
	}
	return keep
}

// Missing gives the paths of the conditions that no line has had so far, see Paths.Missing.
func (f *Filter) Missing() []Path { return f.paths.Missing() }

// Known says which paths lines have had in the place of a missing one, see Paths.Known.
func (f *Filter) Known(missing Path) string { return f.paths.Known(missing) }

// Paths looks up several paths and remembers which ones lines have had. The zero value has none. One goroutine at a time.
type Paths struct {
	list          []Path
	found, rooted []bool
	known         []string // members of answers and documents that paths were not found in; the first of them
	looked        int      // how often these were listed
}

// Bounds of what is remembered for the message about a path that no line has: most answers have the same members.
const (
	mostKnown  = 20
	mostLooked = 1000
)

// Add adds a path and gives its number, from 0.
func (p *Paths) Add(path Path) int {
	p.list, p.found, p.rooted = append(p.list, path), append(p.found, false), append(p.rooted, false)
	return len(p.list) - 1
}

// Lookup gives the value of the path with that number.
func (p *Paths) Lookup(i int, line []byte) ([]byte, bool) {
	value, ok := p.list[i].Lookup(line)
	if ok {
		p.found[i] = true
	} else if root, _, _ := strings.Cut(string(p.list[i]), "."); slices.Contains(open, root) && !p.rooted[i] {
		within, _ := jsonl.Lookup(line, root)
		p.rooted[i] = len(within) > 0 && within[0] != 'n'
		if p.rooted[i] {
			p.look(root, within)
		}
	}
	return value, ok
}

// look remembers the members of a value.
func (p *Paths) look(root string, within []byte) {
	if within[0] != '{' || p.looked == mostLooked {
		return
	}
	p.looked++
	for name := range jsonl.Members(within) {
		path := root + "." + string(jsonl.Unescape(nil, name))
		if len(p.known) < mostKnown && !slices.Contains(p.known, path) {
			p.known = append(p.known, path)
		}
	}
}

// Known says which paths lines have had in the place of a missing one, with the nearest first; empty: none was seen.
func (p *Paths) Known(missing Path) string {
	root, _, _ := strings.Cut(string(missing), ".")
	var there []string
	for _, path := range p.known {
		if strings.HasPrefix(path, root+".") {
			there = append(there, path)
		}
	}
	if len(there) == 0 {
		return ""
	}
	text := "; there are " + strings.Join(there, ", ")
	if near := nearest.Of(string(missing), there); near != "" {
		text = "; did you mean " + near + "?" + text
	}
	return text
}

// Missing gives the paths that no line has had so far though lines had what they lead into, an answer or the fields of a
// document: most likely misspelled ones.
func (p *Paths) Missing() []Path {
	var missing []Path
	for i, path := range p.list {
		if p.rooted[i] && !p.found[i] {
			missing = append(missing, path)
		}
	}
	return missing
}
