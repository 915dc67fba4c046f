package item

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/portable"
)

// Reader makes documents out of the items of one block. One goroutine at a time. Bodies and Fields point into the items
// or into memory of the arena, so they live as long as someone holds them.
type Reader struct {
	cfg   Config
	keys  Keys
	check jsonl.Checker
	arena *jsonl.Arena
}

// NewReader gives a reader of items that have these keys.
func (c Config) NewReader(keys Keys) *Reader { return c.NewReaderIn(new(jsonl.Arena), keys) }

// NewReaderIn is NewReader with memory that the caller may use again, once nothing of the block is held any more.
func (c Config) NewReaderIn(arena *jsonl.Arena, keys Keys) *Reader {
	return &Reader{cfg: c, keys: keys, arena: arena}
}

// ErrFiltered says that an item does not meet the conditions. It is no fault.
var ErrFiltered = errors.New("left out by a condition")

// Read makes a document of an item, the text of a JSON object. The error is ErrFiltered or a *quarry.ItemError, and the
// document then holds its position alone.
func (r *Reader) Read(text []byte, at quarry.Position) (quarry.Document, error) {
	members, err := r.check.Decode(text, r.arena)
	halves := 0
	if errors.Is(err, jsonl.ErrHalfPair) && !r.cfg.Records {
		text, halves = jsonl.ReplaceHalfPairs(nil, text)
		members, err = r.check.Decode(text, r.arena)
	}
	if err != nil {
		return quarry.Document{At: at}, r.broken(err, at)
	}
	if r.cfg.Observe != nil {
		r.cfg.Observe(&r.keys, text)
	}
	if len(r.cfg.Where) > 0 && !r.cfg.keep(text) {
		return quarry.Document{At: at}, ErrFiltered
	}
	if kind, label := r.cfg.leftOut(text, &r.keys); label != "" {
		r.cfg.Notes.Count(kind, label)
		return quarry.Document{At: at}, ErrFiltered
	}
	if r.locked(members) {
		r.cfg.Notes.Count(note.Locked, r.label(members))
		return quarry.Document{At: at}, ErrFiltered
	}
	if halves > 0 {
		r.cfg.Notes.Count(note.HalfPairs, "in "+at.File)
	}
	d := quarry.Document{At: at}
	var reason string
	if r.cfg.Records {
		reason = r.record(&d, members)
	} else {
		reason = r.document(&d, members)
	}
	if reason != "" {
		return quarry.Document{At: at}, &quarry.ItemError{At: at, ID: d.ID, Reason: reason}
	}
	return d, nil
}

// locked reports whether an item is a post of WordPress whose text was not given, because a password protects it: its rendered
// text is empty, and the member next to that says so (https://developer.wordpress.org/rest-api/reference/posts/).
func (r *Reader) locked(members []jsonl.Member) bool {
	n := len(r.keys.Body)
	if n < 2 || r.keys.Body[n-1] != "rendered" {
		return false
	}
	body, said := value(members, r.keys.Body)
	if len(body) == 0 || body[0] != '"' || len(body) > 64 || len(bytes.TrimSpace(r.text(body, said))) > 0 {
		return false
	}
	around, _ := value(members, r.keys.Body[:n-1])
	protected, _ := jsonl.Lookup(around, "protected")
	return string(protected) == "true"
}

// label names an item in a line about several: its id, and its title where it has one.
func (r *Reader) label(members []jsonl.Member) string {
	id := r.optional(members, r.keys.ID)
	return Label(id, html.UnescapeString(r.optional(members, r.keys.Title)))
}

// Label names an item by its id and the beginning of its title.
func Label(id, title string) string {
	const most = 40
	runes := []rune(title)
	switch {
	case len(runes) == 0:
		return id
	case len(runes) > most:
		title = string(runes[:most]) + "…"
	}
	return id + " " + strconv.Quote(title)
}

// broken words a syntax fault. Invalid UTF-8 comes first: a caller that repairs the file has to know that before all else.
func (r *Reader) broken(err error, at quarry.Position) *quarry.ItemError {
	reason := err.Error()
	if !errors.Is(err, jsonl.ErrUTF8) {
		reason = "broken JSON: " + reason
	}
	return &quarry.ItemError{At: at, Reason: reason}
}

// TooLong is the fault of an item above the limit.
func (c Config) TooLong(bytes int64, at quarry.Position) *quarry.ItemError {
	return &quarry.ItemError{
		At: at, Reason: fmt.Sprintf("item of %s is above the limit of %s", figure.Count(bytes, "byte"), figure.Thousands(c.Limit())),
	}
}

func (r *Reader) document(d *quarry.Document, members []jsonl.Member) (reason string) {
	if len(r.keys.OtherIDs)+len(r.keys.OtherBodies) > 0 {
		own := r.keys
		defer func() { r.keys = own }()
		if r.cfg.Fields["id"] == "" {
			r.keys.ID = present(members, own.ID, own.OtherIDs)
		}
		if r.cfg.Fields["body"] == "" {
			r.keys.Body = present(members, own.Body, own.OtherBodies)
			if named := formatOfName(r.keys.Body); named != quarry.FormatUnknown && len(own.Body) > 0 && r.keys.Body[0] != own.Body[0] {
				r.keys.BodyFormat = named
			}
		}
	}
	k := &r.keys
	id, said := value(members, k.ID)
	switch {
	case id == nil || string(id) == "null" || string(id) == `""`:
		reason = "no id" + lookedIn(k.ID, "id")
	case id[0] == '"':
		d.ID = quarry.DocumentID(r.text(id, said))
	case isNumber(id):
		d.ID = quarry.DocumentID(id)
	default:
		reason = fmt.Sprintf("id (member %s) is %s, not a string or a number", k.ID, kind(id))
	}
	if reason != "" {
		return reason
	}
	body, said := value(members, k.Body)
	switch {
	case body == nil || string(body) == "null":
		// An export is one line, and a row has none: the id is what its item is found by.
		return fmt.Sprintf("no body%s in %q", lookedIn(k.Body, "body"), d.ID)
	case portable.Is(body):
		d.Format = quarry.FormatHTML
		d.Body, d.Valid = r.arena.Keep(portable.AppendHTML(r.arena.Room(len(body)), body)), true
	case body[0] != '"':
		return fmt.Sprintf("body (member %s) of %q is %s, not a string", k.Body, d.ID, kind(body))
	}
	if d.Format == quarry.FormatUnknown {
		d.Body, d.Valid, d.Format = r.text(body, said), true, k.BodyFormat
	}
	d.Title = r.optional(members, k.Title)
	if k.titleIsHTML() && strings.IndexByte(d.Title, '&') >= 0 {
		d.Title = html.UnescapeString(d.Title)
	}
	d.URL = r.optional(members, k.URL)
	d.Lang = r.optional(members, k.Lang)
	if len(k.Format) > 0 && !portable.Is(body) {
		if f, said := value(members, k.Format); len(f) > 0 && f[0] == '"' {
			if named := ParseFormat(string(r.text(f, said))); named != quarry.FormatUnknown {
				d.Format = named
			}
		}
	}
	d.Fields = r.rest(members)
	return ""
}

// present gives the first of some paths at which an item has a text; the first of all where it has none.
func present(members []jsonl.Member, first Path, others []Path) Path {
	if v, _ := value(members, first); len(v) > 2 || len(v) == 2 && v[0] == '"' && len(others) == 0 || len(v) == 1 {
		return first
	}
	for _, p := range others {
		if v, _ := value(members, p); len(v) > 2 && v[0] == '"' {
			return p
		}
	}
	return first
}

// lookedIn names the member that was looked for where the fault's own word does not.
func lookedIn(p Path, word string) string {
	if len(p) == 0 || (len(p) == 1 && p[0] == word) {
		return ""
	}
	return fmt.Sprintf(" (member %s)", p)
}

func (r *Reader) record(d *quarry.Document, members []jsonl.Member) (reason string) {
	id, said := value(members, Path{"recordId"})
	switch {
	case id == nil:
		return "no recordId"
	case id[0] != '"':
		return "recordId is " + kind(id) + ", not a string"
	case len(id) == 2:
		return "recordId is empty"
	}
	d.ID = quarry.DocumentID(r.text(id, said))
	input, _ := value(members, Path{"modelInput"})
	switch {
	case input == nil:
		return "no modelInput"
	case input[0] != '{':
		return "modelInput is " + kind(input) + ", not an object"
	}
	d.ModelInput = input
	return ""
}

// value finds a path's value, and what it says where that is known.
func value(members []jsonl.Member, p Path) (v, said []byte) {
	if len(p) == 0 {
		return nil, nil
	}
	for i := range members {
		if m := &members[i]; string(m.Name) == p[0] {
			if len(p) == 1 {
				return m.Value, m.Text
			}
			v, _ = jsonl.Lookup(m.Value, p[1:]...)
			return v, nil
		}
	}
	return nil, nil
}

func kind(v []byte) string {
	switch v[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// text gives what a JSON string says. It points into the item or the arena.
func (r *Reader) text(v, said []byte) []byte {
	if said != nil {
		return said
	}
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') < 0 {
		return v[:len(v):len(v)]
	}
	return r.arena.Keep(jsonl.Unescape(r.arena.Room(len(v)+8), v))
}

func (r *Reader) optional(members []jsonl.Member, p Path) string {
	v, said := value(members, p)
	switch {
	case len(v) == 0:
		return ""
	case v[0] == '"':
		return string(r.text(v, said)) // one that pointed into the block would hold all of it
	case isNumber(v):
		return string(v)
	}
	return ""
}

// rest writes the members that no key took as one object.
func (r *Reader) rest(members []jsonl.Member) []byte {
	size := 2
	for i := range members {
		if !r.whole(members[i].Name) {
			size += len(members[i].Name)*6 + len(members[i].Value) + 4
		}
	}
	if size == 2 {
		return nil
	}
	// The body's own object may be large and leave little over; it is measured with what it holds all the same.
	out := r.arena.Room(size)
	start := len(out)
	out = append(out, '{')
	for i := range members {
		m := &members[i]
		if r.whole(m.Name) {
			continue
		}
		before := len(out)
		if len(out) > start+1 {
			out = append(out, ',')
		}
		out = jsonl.AppendString(out, m.Name)
		out = append(out, ':')
		if p := r.keys.Body; len(p) > 1 && string(m.Name) == p[0] {
			n := len(out)
			out = without(out, m.Value, p[1:])
			if len(out)-n <= len("{}") {
				out = out[:before]
			}
			continue
		}
		out = compact(out, m.Value)
	}
	out = append(out, '}')
	if len(out)-start == 2 {
		return nil
	}
	return r.arena.Keep(out)
}

// whole reports whether a member went into the document as it is.
func (r *Reader) whole(name []byte) bool {
	k := &r.keys
	for _, p := range [...]Path{k.ID, k.Title, k.Body, k.URL, k.Lang, k.Format} {
		if len(p) == 1 && string(name) == p[0] {
			return true
		}
	}
	return false
}

// without writes a value and leaves out what is at the path.
func without(out, v []byte, p Path) []byte {
	if v[0] != '{' {
		return compact(out, v)
	}
	out = append(out, '{')
	start := len(out)
	for name, inner := range jsonl.Members(v) {
		hit := jsonl.NameIs(name, p[0])
		if hit && len(p) == 1 {
			continue
		}
		if len(out) > start {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), name...), '"', ':')
		if hit {
			out = without(out, inner, p[1:])
		} else {
			out = compact(out, inner)
		}
	}
	return append(out, '}')
}

// compact writes a value on one line. Within strings a line break is always escaped, so a raw one is layout.
func compact(out, v []byte) []byte {
	if v[0] == '"' || (bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0) {
		return append(out, v...)
	}
	return jsonl.AppendCompact(out, v)
}
