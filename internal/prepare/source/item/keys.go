// Package item turns one item of a source, a JSON object or a row, into a document: which member is the id, which the
// body, what is left over, and what is wrong with it.
//
// It owns the names of fields, the filters and the wording of an item's faults. It reads no files and cleans no text.
//
// What always holds: the same keys serve all items of a file; nothing is repaired; an item that has no id, no body or a
// body that is no text becomes a *quarry.ItemError.
package item

import (
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/base/figure"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/note"
	"quarry/internal/prepare/source/portable"
)

// Path leads to a value inside an object: names, or indexes inside an array.
type Path []string

// String gives the dotted form, as people write it.
func (p Path) String() string { return strings.Join(p, ".") }

// Keys says where in an item each part of a document is. An empty path means that items do not have the part.
type Keys struct {
	ID, Title, Body, URL, Lang, Format Path
	// BodyFormat is what the body's name says of its format.
	BodyFormat quarry.Format
	// OtherIDs and OtherBodies serve an item that has none at ID or Body, the first that it has.
	OtherIDs, OtherBodies []Path
}

// Paths gives the dotted path of each part that the items have.
func (k Keys) Paths() map[string]string {
	out := map[string]string{}
	for _, part := range parts {
		if p := k.of(part); len(p) > 0 {
			out[part] = p.String()
		}
	}
	return out
}

// Parts are the keys that --field takes.
var parts = []string{"id", "title", "body", "url", "lang", "format"}

// The names that are found by themselves, best first. A name further down is taken only where none before it serves.
var known = map[string][]string{
	"id": {"id", "_id", "_id.$oid", "post_id", "article_id", "guid", "uuid", "slug", "url", "link", "permalink", "sys.id"},
	"title": {
		"title", "headline", "name", "title.rendered", "title.raw", "post_title", "subject", "fields.title", "attributes.title", "_source.title",
	},
	"body": {
		"content", "body", "html", "text", "markdown", "content.rendered", "content.raw", "content.html", "body_html", "content_html",
		"html_content", "body_markdown", "content_markdown", "post_content", "content:encoded", "article", "full_text", "plaintext",
		"fields.body", "fields.content",
		"content_text", "attributes.body", "attributes.content", "attributes.body.processed", "attributes.body.value", "_source.body",
		"_source.content",
	},
	"url":    {"url", "link", "permalink", "canonical_url", "href"},
	"lang":   {"lang", "language", "locale", "lang_code"},
	"format": {"format", "content_format", "body_format", "content_type", "mime_type"},
}

// ParseFormat reads the word by which items and flags name a body's format. An unknown word gives FormatUnknown.
func ParseFormat(s string) quarry.Format {
	s, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(s)), ";")
	switch s {
	case "html", "text/html", "htm":
		return quarry.FormatHTML
	case "markdown", "md", "text/markdown", "text/x-markdown", "gfm":
		return quarry.FormatMarkdown
	case "text", "plain", "txt", "text/plain", "plaintext":
		return quarry.FormatText
	case "page":
		return quarry.FormatPage
	}
	return quarry.FormatUnknown
}

// Sample is how many items at the head of a file decide about its keys.
const Sample = 100

// Decide chooses the keys of a file from its first items, which are JSON objects that were checked. A key that the
// configuration names is taken as it is; of the known names the first counts that serves in at least half of the
// items, else the one that serves in most.
func (c Config) Decide(first [][]byte) Keys { return c.DecideWith(Keys{}, first) }

// DecideWith is Decide for a kind of source that knows its own names: they come after the configuration and before
// the names in common use.
func (c Config) DecideWith(own Keys, first [][]byte) Keys {
	k := own
	items := make([][]named, len(first)) // taken apart once: there are many names to be tried
	for i, obj := range first {
		items[i] = membersOf(obj)
	}
	for _, part := range parts {
		path := c.configured(part, items)
		if path == nil {
			path = own.of(part)
		}
		if path == nil {
			path = choose(part, items)
		}
		switch part {
		case "id":
			k.ID = path
		case "title":
			k.Title = path
		case "body":
			k.Body = path
		case "url":
			k.URL = path
		case "lang":
			k.Lang = path
		case "format":
			k.Format = path
		}
	}
	if len(k.Body) > 0 && (own.Body == nil || c.Fields["body"] != "") {
		k.BodyFormat = formatOfName(k.Body)
	}
	switch k.Body.String() { // an item of a JSON Feed has one of them, or both (https://www.jsonfeed.org/version/1.1/)
	case "content_html":
		k.OtherBodies = append(k.OtherBodies, Path{"content_text"})
	case "content_text":
		k.OtherBodies = append(k.OtherBodies, Path{"content_html"})
	}
	return k
}

// titleIsHTML says that titles hold references of HTML, as WordPress renders them: "It&#8217;s".
func (k *Keys) titleIsHTML() bool { return len(k.Title) > 0 && k.Title[len(k.Title)-1] == "rendered" }

func (k Keys) of(part string) Path {
	switch part {
	case "id":
		return k.ID
	case "title":
		return k.Title
	case "body":
		return k.Body
	case "url":
		return k.URL
	case "lang":
		return k.Lang
	}
	return k.Format
}

// named is a member of an object.
type named struct {
	name  string
	value []byte
}

func membersOf(obj []byte) []named {
	var members []named
	for raw, value := range jsonl.Members(obj) {
		members = append(members, named{string(jsonl.Unescape(nil, raw)), value})
	}
	return members
}

// configured gives the configured path. A name that the items contain literally, dots included, is not split.
func (c Config) configured(part string, items [][]named) Path {
	dotted, ok := c.Fields[part]
	if !ok || dotted == "" {
		return nil
	}
	for _, members := range items {
		if slices.ContainsFunc(members, func(m named) bool { return m.name == dotted }) {
			return Path{dotted}
		}
	}
	return strings.Split(dotted, ".")
}

func choose(part string, items [][]named) Path {
	var best Path
	most := 0
	for _, dotted := range known[part] {
		path, n := Path(nil), 0
		for _, members := range items {
			p, value, ok := find(members, dotted)
			if ok && serves(part, value) {
				n++
				if path == nil {
					path = p
				}
			}
		}
		if n > most {
			best, most = path, n
		}
		if n > 0 && 2*n >= len(items) {
			return path
		}
	}
	return best
}

// find looks a known name up, whatever its case: tables come with ID and Title. The path has the item's own spelling.
func find(members []named, dotted string) (path Path, value []byte, ok bool) {
	for rest := dotted; rest != ""; {
		var step string
		step, rest, _ = strings.Cut(rest, ".")
		if path != nil {
			members = membersOf(value)
		}
		at := slices.IndexFunc(members, func(m named) bool { return m.name == step })
		if at < 0 {
			at = slices.IndexFunc(members, func(m named) bool { return strings.EqualFold(m.name, step) })
		}
		if at < 0 {
			return nil, nil, false
		}
		path, value = append(path, members[at].name), members[at].value
	}
	return path, value, true
}

// serves reports whether a value can stand for a part of a document.
func serves(part string, value []byte) bool {
	isText := value[0] == '"'
	switch part {
	case "id":
		return (isText && len(value) > 2) || isNumber(value)
	case "format":
		return isText && ParseFormat(string(jsonl.Unescape(nil, value))) != quarry.FormatUnknown
	case "body":
		return isText || portable.Is(value)
	}
	return isText
}

func isNumber(value []byte) bool { return value[0] == '-' || (value[0] >= '0' && value[0] <= '9') }

func formatOfName(p Path) quarry.Format {
	switch strings.ToLower(p[len(p)-1]) {
	case "html", "body_html", "content_html", "html_content", "rendered", "content:encoded", "post_content":
		return quarry.FormatMarked
	case "markdown", "body_markdown", "content_markdown":
		return quarry.FormatMarkdown
	case "plaintext", "content_text":
		return quarry.FormatText
	}
	return quarry.FormatUnknown
}

// Config is how items are read.
type Config struct {
	// Fields names the members of a document's parts: id, title, body, url, lang, format → dotted path; and updated, the column of a
	// database with the time of a row's last change. What is not
	// named is found by the names in common use.
	Fields map[string]string
	// Where keeps only the items that meet all conditions; of those on one field, any. Empty keeps all.
	Where []Condition
	// MaxBytes is the largest item that is read; 0 means 32 MiB. A larger one is named and not held.
	MaxBytes int64
	// LeaveOut, where set, says which items are left out unless a condition asks for them, and how they are counted; an empty
	// label: it stays. It gets an object that was checked. Nil: the rule of the connector, where it has one.
	LeaveOut func(obj []byte) (kind note.Kind, label string)
	// State, where set, gives the state of an item that was not published, Draft or Archived, by what is no field of its own; empty: it
	// was. Nil: by the ids of Sanity.
	State func(obj []byte) string
	// Notes counts what is passed over or changed; nil: not counted.
	Notes *note.Book
	// Records says that items are ready records of Bedrock, a recordId and a modelInput.
	Records bool
	// Observe, where it is not nil, gets each item that is valid JSON before any condition is applied, with the keys of
	// its file. It is called on the goroutine that reads the block; the bytes are valid during the call.
	Observe func(keys *Keys, item []byte)
	// Filtered, where it is not nil, is called for each text file that a condition leaves out: such a file has no members that
	// Observe could get.
	Filtered func()
}

// DefaultMaxBytes is the largest item that is read unless the configuration says otherwise.
const DefaultMaxBytes = 32 << 20

// Limit is MaxBytes with its default.
func (c Config) Limit() int {
	if c.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return int(c.MaxBytes)
}

// Validate reports the first setting that cannot be.
func (c Config) Validate() error {
	for part, path := range c.Fields {
		if part != "updated" && !slices.Contains(parts, part) {
			return fmt.Errorf("field %q: want one of %s, updated", part, strings.Join(parts, ", "))
		}
		if path == "" || slices.Contains(strings.Split(path, "."), "") {
			return fmt.Errorf("field %s: %q is not a path", part, path)
		}
	}
	for _, w := range c.Where {
		if w.Field == "" {
			return fmt.Errorf("condition %q: no field", "="+w.Value)
		}
	}
	if c.MaxBytes < 0 || c.MaxBytes > 1<<30 {
		return fmt.Errorf("largest item of %s: want 1 to %s, or 0 for %s", figure.Count(c.MaxBytes, "byte"), figure.Thousands(1<<30),
			figure.Thousands(DefaultMaxBytes))
	}
	return nil
}

// Condition is one FIELD=VALUE. The field is a dotted path; a number, true, false and null are met by how they are
// in the text.
type Condition struct{ Field, Value string }

// ParseCondition reads FIELD=VALUE.
func ParseCondition(s string) (Condition, error) {
	field, value, ok := strings.Cut(s, "=")
	if !ok || field == "" {
		return Condition{}, fmt.Errorf("condition %q: want FIELD=VALUE", s)
	}
	return Condition{field, value}, nil
}

// keep reports whether an object, already checked, meets the conditions.
func (c Config) keep(obj []byte) bool {
	return c.Meets(func(field string) (string, bool) {
		value, ok := jsonl.Lookup(obj, field)
		if !ok {
			value, ok = jsonl.Lookup(obj, strings.Split(field, ".")...)
		}
		switch {
		case !ok:
			return c.stateAs(field, obj)
		case value[0] == '"':
			return string(jsonl.Unescape(nil, value)), true
		}
		return string(value), true
	})
}

// Meets reports whether an item meets the conditions; value gives its fields. If a field has several conditions, one of them
// is enough.
func (c Config) Meets(value func(field string) (string, bool)) bool {
	for i, w := range c.Where {
		if slices.ContainsFunc(c.Where[:i], func(e Condition) bool { return e.Field == w.Field }) {
			continue // was answered with the first of its field
		}
		got, ok := value(w.Field)
		if !ok || !slices.Contains(c.Where, Condition{w.Field, got}) {
			return false
		}
	}
	return true
}
