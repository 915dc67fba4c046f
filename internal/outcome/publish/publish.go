// Package publish writes checked answers back to where the articles are: into a content system, a table or the front matter of
// files.
//
// It owns which article gets which value, the differences, the journal, and the rules by which an article is left alone. How a
// target stores a value is the business of the packages below it. What always holds: an article is written only if it is still the
// text that was sent to the model, and a field only if it still holds what the run read or what was published last; the previous value
// is in the journal before anything is written; what was written is read back and compared; a second publish of the same answers
// writes nothing.
package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Target is a place that articles are written to. One goroutine uses it at a time.
type Target interface {
	// Name is the target as people name it, without a secret. The journal belongs to it.
	Name() string
	// Shown gives lines that a person sees before the first write, such as the statement that is executed.
	Shown(fields []string) []string
	// Text gives a text in the form in which the field stores it: escaped where the field holds HTML. If html is set, the text is
	// HTML that was sanitized. The error is a *quarry.Error for a field that cannot be written.
	Text(field, text string, html bool) (string, error)
	// AtOnce is the number of articles that one Read gets efficiently.
	AtOnce() int
	// Read gives the articles that are there, in any order, with the values of the fields.
	Read(ctx context.Context, refs []Ref, fields []string) ([]*Article, error)
	// Documents gives the article as its source would read it if the fields held these values; several, where several kinds of
	// source read it differently. The order is the same for all values.
	Documents(ctx context.Context, a *Article, values map[string]Value) ([]quarry.Document, error)
	// Write stores values if the article is still the one that was read. The note is for a person. The error is ErrChanged,
	// a *Refused, a *Later, or one that ends the command.
	Write(ctx context.Context, a *Article, values map[string]Value) (note string, err error)
	// Close frees what the target holds.
	Close() error
}

// Finisher is a target whose writes have a second step. Finish makes that of a write that was interrupted: the article holds the values,
// and place is where it was before. Its errors are those of Write.
type Finisher interface {
	Finish(ctx context.Context, a *Article, place string) (note string, err error)
}

// Ref names an article.
type Ref struct {
	ID       quarry.DocumentID
	Place    string              // where an earlier Read found it; empty: not known
	Document quarry.DocumentInfo // as the run read it; zero if that is not known
}

// Read gives a member of the document as the run read it, by the names on its way.
func (r *Ref) Read(path ...string) Value {
	if len(path) == 1 {
		for name, text := range map[string]string{"title": r.Document.Title, "url": r.Document.URL, "lang": r.Document.Lang} {
			if name == path[0] && text != "" {
				return TextValue(text)
			}
		}
	}
	v, _ := jsonl.Lookup(r.Document.Fields, path...)
	return Value{JSON: bytes.Clone(v)}
}

// Article is an article as its target has it now.
type Article struct {
	ID     quarry.DocumentID
	Place  string           // where it was found, in the target's own words
	Values map[string]Value // of the fields that were named
	Moved  map[string]bool  // fields whose value is known to differ from the one that the run read
	AsRead bool             // the target's own mark of a revision is the one that the run read
	Fault  string           // why it cannot be written; empty: it can
	State  any              // the target's own
}

// Value is what a field holds.
type Value struct {
	// JSON is the value; nil or null if the article does not have the field.
	JSON json.RawMessage `json:"json,omitempty"`
	// Raw is the value as the target stores it, where that cannot be made from JSON: lines of front matter.
	Raw string `json:"raw,omitempty"`
}

// TextValue is a value that is a text.
func TextValue(text string) Value {
	b, err := json.Marshal(text)
	if err != nil { // a string is always encoded
		panic(err)
	}
	return Value{JSON: b}
}

// Absent reports whether there is no value.
func (v Value) Absent() bool { return len(v.JSON) == 0 || string(v.JSON) == "null" }

// Same reports whether two values are equal, however they are stored.
func (v Value) Same(o Value) bool {
	if v.Absent() || o.Absent() {
		return v.Absent() == o.Absent()
	}
	if bytes.Equal(v.JSON, o.JSON) {
		return true
	}
	var a, b any
	if decode(v.JSON, &a) != nil || decode(o.JSON, &b) != nil {
		return false
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// String is the value for people: a text as it is, everything else as JSON.
func (v Value) String() string {
	var text string
	switch {
	case v.Absent():
		return ""
	case json.Unmarshal(v.JSON, &text) == nil:
		return text
	}
	return string(v.JSON)
}

// decode keeps numbers as they are written.
func decode(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(to)
}

// ErrChanged says that an article is not the one that was read a moment ago.
var ErrChanged = errors.New("the article was changed meanwhile")

// Refused says that a target does not take a value for one article.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

// Later says that a target could not answer: the write was not done, or it is not known whether it was.
type Later struct {
	After time.Duration // that the target asks for; 0: it says nothing
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }
func (l *Later) Unwrap() error { return l.Err }

// NoField is the error of a field that a target cannot write.
func NoField(target, field, why, hint string) error {
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "publish to " + target + ":", Subject: "field " + field, Err: errors.New(why), Hint: hint,
	}
}

// Difference is what a write changes in one field of an article.
type Difference struct {
	ID     quarry.DocumentID `json:"id"`
	Title  string            `json:"title,omitempty"`
	Field  string            `json:"field"`
	Before string            `json:"before"`
	After  string            `json:"after"`
}

// Problem is an article that was left as it is, and why.
type Problem struct {
	ID      quarry.DocumentID `json:"id"`
	Changed bool              `json:"changed"` // someone else changed it
	Reason  string            `json:"reason"`
}

func (p *Problem) Error() string { return fmt.Sprintf("%s: %s", p.ID, p.Reason) }

// The lists of an Outcome hold no more than this.
const mostListed = 1000

// Outcome is what a command did.
type Outcome struct {
	Target      string       `json:"target"`
	Run         quarry.RunID `json:"run"`
	Action      string       `json:"action"`   // publish, dry_run or undo
	Articles    int64        `json:"articles"` // with a checked answer that passes the filters; for undo, articles with a published value
	ToChange    int64        `json:"to_change"`
	Written     int64        `json:"written"`
	Same        int64        `json:"same"`     // already hold the value
	NoValue     int64        `json:"no_value"` // the answer has no value for any field
	Changed     int64        `json:"changed"`  // left as they are, since someone else changed them
	Failed      int64        `json:"failed"`   // left as they are for another reason
	Problems    []Problem    `json:"problems,omitempty"`
	Notes       []Problem    `json:"notes,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
}

func (o *Outcome) problem(p Problem) {
	if p.Changed {
		o.Changed++
	} else {
		o.Failed++
	}
	if len(o.Problems) < mostListed {
		o.Problems = append(o.Problems, p)
	}
}
