package jsonl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quarry/internal/base/jsonl"
)

// Each is the step of a path that leads into every value of an array.
const Each = "*"

// walker goes through values, one after the other, to the next array at a path. It holds one name, however long the values are.
type walker struct {
	path []string
	open []container // on the path, outermost first
	deep int         // how many containers are open that are not on it

	inside, escaped bool // a string
	name            []byte
	isName          bool // the string is a name
	wantsName       bool // the next string is one

	found  bool // the value at the top has had an array at the path
	missed bool // a value at the top had none, or an object in its place
}

type container struct {
	object bool
	index  int
}

// maxName is how long a name is that is compared.
const maxName = 4096

// newWalker begins before the first value, or after the end of an array at the path. All arrays at a path are inside of the same
// kinds of containers, so where the walk begins again follows from the path.
func newWalker(path []string, after bool) *walker {
	w := &walker{path: path, found: after}
	if !after {
		return w
	}
	for _, step := range path {
		index, err := strconv.Atoi(step)
		w.open = append(w.open, container{object: step != Each && err != nil, index: index})
	}
	return w
}

// walk continues through data: n is the index after the opening bracket of the next array, where there is one.
func (w *walker) walk(data []byte) (n int, found bool) {
	for i, c := range data {
		if w.step(c) {
			return i + 1, true
		}
	}
	return len(data), false
}

// step takes one byte, and reports whether it opened an array at the path.
func (w *walker) step(c byte) bool {
	switch {
	case w.inside:
		w.text(c)
		return false
	case c == '"':
		w.inside, w.isName = true, w.deep == 0 && w.wantsName
		w.name = w.name[:0]
		return false
	case c == '{' || c == '[':
		return w.enter(c)
	case c == '}' || c == ']':
		w.leave()
	case w.deep > 0 || len(w.open) == 0:
	case c == ':':
		w.wantsName = false
	case c == ',':
		last := &w.open[len(w.open)-1]
		last.index++
		w.wantsName = last.object
	}
	return false
}

func (w *walker) text(c byte) {
	switch {
	case w.escaped:
		w.escaped = false
	case c == '\\':
		w.escaped = true
	case c == '"', c == '\n': // no string goes over a line
		w.inside = false
		return
	}
	if w.isName && len(w.name) < maxName {
		w.name = append(w.name, c)
	}
}

// enter takes an opening bracket.
func (w *walker) enter(c byte) (found bool) {
	at := len(w.open) - 1
	switch {
	case w.deep > 0 || at >= 0 && !w.leads(at):
		w.deep++
		return false
	case at == len(w.path)-1 && c == '[':
		w.found = true
		return true
	case at == len(w.path)-1:
		w.missed = true
		w.deep++
		return false
	case at < 0:
		w.found = false
	}
	w.open = append(w.open, container{object: c == '{'})
	w.wantsName = c == '{'
	return false
}

// leads reports whether the value that begins is the path's next step.
func (w *walker) leads(at int) bool {
	step := w.path[at]
	if w.open[at].object {
		return string(jsonl.Unescape(nil, w.name)) == step
	}
	return step == Each || step == strconv.Itoa(w.open[at].index)
}

func (w *walker) leave() {
	w.wantsName = false
	switch {
	case w.deep > 0:
		w.deep--
	case len(w.open) > 0:
		w.open = slices.Delete(w.open, len(w.open)-1, len(w.open))
		w.missed = w.missed || len(w.open) == 0 && !w.found
	}
}

// fault says what is wrong with values that ended here. An object that is open may have held further arrays.
func (w *walker) fault() string {
	switch {
	case w.missed:
		return fmt.Sprintf("a part of the file is not read: one value has no array at %s, although others have one", strings.Join(w.path, "."))
	case len(w.open) > 0:
		return notClosed
	}
	return ""
}
