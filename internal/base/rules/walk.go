package rules

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"quarry/internal/base/jsonl"
)

// rule checks one value.
type rule func(w *walk, value []byte)

// walk is one body under check. Its memory is used again for the next one.
type walk struct {
	c      *jsonl.Checker
	facts  *facts
	report func(Finding)
	path   []step
	values [][]byte // of the objects that are open, one place for each of their members

	role, content []byte // of the message that was checked last, nil where it has none
	cached        int    // blocks with cache_control so far
}

// step is a name, or an index where name is empty.
type step struct {
	name  string
	index int
}

var walks = sync.Pool{New: func() any { return new(walk) }}

func (w *walk) free() {
	w.c, w.facts, w.report, w.role, w.content = nil, nil, nil, nil, nil
	w.path, w.cached = w.path[:0], 0
	clear(w.values)
	w.values = w.values[:0]
	walks.Put(w)
}

func (w *walk) push(name string)    { w.path = append(w.path, step{name: name}) }
func (w *walk) pushIndex(index int) { w.path = append(w.path, step{index: index}) }
func (w *walk) pop()                { w.path = w.path[:len(w.path)-1] }

func (w *walk) pathWith(separator string) string {
	var b strings.Builder
	for i, s := range w.path {
		if i > 0 {
			b.WriteString(separator)
		}
		if s.name == "" {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(s.name)
		}
	}
	return b.String()
}

// at runs f with one more name in the path.
func (w *walk) at(name string, f func()) {
	w.push(name)
	f()
	w.pop()
}

// say reports a whole message about the place of the walk.
func (w *walk) say(part []byte, reason, fix string) {
	w.report(Finding{Part: part, Field: w.pathWith("."), Reason: reason, Fix: fix})
}

// warn reports what the provider is not known to refuse.
func (w *walk) warn(part []byte, reason, fix string) {
	w.report(Finding{Part: part, Field: w.pathWith("."), Reason: reason, Fix: fix, Warning: true})
}

// fault reports a message about the place of the walk, in the words of the dialect.
func (w *walk) fault(part []byte, m message, fix string) {
	if fix == "" {
		fix = m.fix()
	}
	w.say(part, w.facts.dialect.text(w, m), fix)
}

// member is one member of an object.
type member struct {
	name     string
	check    rule // nil: any value
	required bool
	fix      string // for a member that is missing or of another kind
}

func need(name string, check rule) member     { return member{name: name, check: check, required: true} }
func optional(name string, check rule) member { return member{name: name, check: check} }

// object checks an object with these members and no others.
func object(members ...member) rule { return objectThen(nil, members...) }

// fields gives the values of an object's members by name; nil for one that is missing or null.
type fields struct {
	members []member
	values  [][]byte
	whole   []byte
}

func (f fields) get(name string) []byte {
	for i := range f.members {
		if f.members[i].name == name {
			return f.values[i]
		}
	}
	return nil
}

func (f fields) has(name string) bool { return f.get(name) != nil }

// objectThen checks an object, and then its members together.
func objectThen(then func(w *walk, f fields), members ...member) rule {
	return objectOf(nil, then, members...)
}

// objectOf is objectThen that lets unknown decide about other names: it returns the finding's fix and whether the name is
// refused. nil refuses all.
func objectOf(unknown func(w *walk, name string) (fix string, refused bool), then func(w *walk, f fields), members ...member) rule {
	return func(w *walk, value []byte) {
		if value[0] != '{' {
			w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
			return
		}
		base := len(w.values)
		for range members {
			w.values = append(w.values, nil)
		}
		for raw, v := range w.c.Members(value) {
			i := indexOf(members, raw)
			if i < 0 {
				w.refuseName(raw, v, unknown)
				continue
			}
			m := &members[i]
			if string(v) == "null" && !m.required {
				continue
			}
			w.values[base+i] = v
			if m.check != nil {
				w.push(m.name)
				m.check(w, v)
				w.pop()
			}
		}
		values := w.values[base : base+len(members) : base+len(members)]
		for i := range members {
			if m := &members[i]; m.required && values[i] == nil {
				w.push(m.name)
				fix := m.fix
				if fix == "" {
					fix = "add it"
				}
				w.fault(value, message{kind: missing}, fix)
				w.pop()
			}
		}
		if then != nil {
			then(w, fields{members, values, value})
		}
		w.values = w.values[:base]
	}
}

func indexOf(members []member, raw []byte) int {
	for i := range members {
		if jsonl.NameIs(raw, members[i].name) {
			return i
		}
	}
	return -1
}

func (w *walk) refuseName(raw, value []byte, unknown func(w *walk, name string) (string, bool)) {
	name := shown(jsonl.Unescape(nil, raw))
	fix, refused := "remove it", true
	if unknown != nil {
		fix, refused = unknown(w, name)
	}
	if !refused {
		return
	}
	w.push(name)
	w.fault(value, extraInputs, fix)
	w.pop()
}

// shown makes text of a body fit for a message: short, one line, valid UTF-8.
func shown(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), 80)]), "\uFFFD")
	if len(b) > 80 {
		s += "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return '\uFFFD'
		}
		return r
	}, s)
}

// list checks an array of least to most elements; most 0 is without a limit.
func list(least, most int, each rule) rule {
	return func(w *walk, value []byte) {
		if value[0] != '[' {
			w.fault(value, message{kind: wrongType, want: "array", got: value}, "")
			return
		}
		n := 0
		for v := range w.c.Elements(value) {
			if each != nil {
				w.pushIndex(n)
				each(w, v)
				w.pop()
			}
			n++
		}
		switch {
		case n < least:
			w.fault(value, message{kind: tooFew, number: int64(least), count: n}, "")
		case most > 0 && n > most:
			w.fault(value, message{kind: tooMany, number: int64(most), count: n}, "")
		}
	}
}

// stringOr checks a value that may be a string or an array.
func stringOr(text, array rule) rule {
	return func(w *walk, value []byte) {
		switch value[0] {
		case '"':
			text(w, value)
		case '[':
			array(w, value)
		default:
			w.fault(value, message{kind: wrongType, want: "string or array", got: value}, "")
		}
	}
}

// tagged checks an object by the value of one of its members, which names the kind. what names it to people.
func tagged(member string, kinds map[string]rule) rule {
	return func(w *walk, value []byte) {
		if value[0] != '{' {
			w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
			return
		}
		tag, ok := lookup(w, value, member)
		if !ok {
			w.push(member)
			w.fault(value, message{kind: missing}, "add it: "+strings.Join(sorted(kinds), ", "))
			w.pop()
			return
		}
		if tag[0] != '"' {
			w.push(member)
			w.fault(tag, message{kind: wrongType, want: "string", got: tag}, "")
			w.pop()
			return
		}
		name := inside(tag)
		check, ok := kinds[string(name)]
		if !ok {
			w.fault(tag, message{kind: badTag, text: shown(name), want: member}, "use one of: "+strings.Join(sorted(kinds), ", "))
			return
		}
		check(w, value)
	}
}

func sorted(kinds map[string]rule) []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func lookup(w *walk, object []byte, name string) ([]byte, bool) {
	for raw, v := range w.c.Members(object) {
		if jsonl.NameIs(raw, name) {
			return v, true
		}
	}
	return nil, false
}

// oneMember checks a union in the form of an object with exactly one of these members.
func oneMember(unknownReason string, members ...member) rule {
	return func(w *walk, value []byte) {
		if value[0] != '{' {
			w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
			return
		}
		n := 0
		for raw, v := range w.c.Members(value) {
			if string(v) == "null" {
				continue
			}
			i := indexOf(members, raw)
			if i < 0 {
				w.refuseName(raw, v, nil)
				n++
				continue
			}
			n++
			if members[i].check != nil {
				w.push(members[i].name)
				members[i].check(w, v)
				w.pop()
			}
		}
		if n != 1 {
			names := make([]string, len(members))
			for i := range members {
				names[i] = members[i].name
			}
			w.fault(value, message{kind: whole, text: unknownReason}, "set exactly one of: "+strings.Join(names, ", "))
		}
	}
}
