package prompt

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"quarry"
	"quarry/internal/base/template"
)

// Fault says why no modelInput can be made of a document.
type Fault struct {
	Document quarry.DocumentID
	Field    string // the path below .Fields that the document lacks, as "author.name"; empty: another reason
	Reason   string // in words, with the place in the template
}

// Error names the document.
func (f *Fault) Error() string {
	return "render prompt for document " + string(f.Document) + ": " + f.Reason
}

// noValue is the error of a field of plain segments that the document lacks.
type noValue struct{ action string }

func (e *noValue) Error() string { return e.action + ": " + errNoValue.Error() }
func (e *noValue) Unwrap() error { return errNoValue }

// faultOf puts an error of a template's execution into words.
func faultOf(id quarry.DocumentID, err error) *Fault {
	f := &Fault{Document: id, Reason: err.Error()}
	var (
		missing *noValue
		at      *template.Error
		member  *template.NotObject
	)
	switch {
	case errors.As(err, &missing):
		f.Field = fieldOf(missing.action)
	case errors.As(err, &at):
		f.Reason = at.Name + ", line " + strconv.Itoa(at.Line) + ", at {{" + at.Action + "}}: " + inWords(at.Err)
		if errors.Is(err, errNoValue) || errors.Is(err, template.ErrNil) || errors.As(err, &member) {
			f.Field = fieldOf(at.Action)
		}
	}
	return f
}

var (
	inFields = regexp.MustCompile(`\.Fields((?:\.[\pL_][\pL\pN_]*)+)`)
	byIndex  = regexp.MustCompile(`^index \$?\.Fields "([^"]+)"`)
)

// maxReason bounds the reason of a fault, in bytes.
const maxReason = 160

// inWords says without Go's types what is wrong with a value.
func inWords(err error) string {
	var (
		member *template.NotObject
		end    *template.OutOfRange
	)
	switch {
	case errors.As(err, &member):
		return errNoValue.Error() + ": " + member.Error()
	case errors.Is(err, template.ErrNil):
		return errNoValue.Error()
	case errors.As(err, &end) && end.Function == "slice":
		return "the value has fewer than " + strconv.FormatInt(end.Index, 10) +
			" bytes; test its length first, with {{if}} and len, or cut texts with the setting max_chars"
	case errors.As(err, &end):
		return "the value has no element " + strconv.FormatInt(end.Index, 10)
	}
	reason := err.Error()
	if at := strings.IndexFunc(reason, func(r rune) bool { return r < ' ' }); at >= 0 {
		reason = reason[:at] + "…"
	}
	if len(reason) > maxReason { // some errors hold the value, and that may be the document's text
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}

// fieldOf is the path below .Fields that an action prints, or "".
func fieldOf(action string) string {
	if m := byIndex.FindStringSubmatch(action); m != nil {
		return m[1]
	}
	m := inFields.FindStringSubmatch(action)
	if m == nil {
		return ""
	}
	return strings.TrimPrefix(m[1], ".")
}
