package prompt

import (
	"errors"
	"regexp"
	"strings"

	"quarry"
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

// noValue is the error of printed: the action's value is not there.
type noValue struct{ action string }

func (e *noValue) Error() string { return e.action + ": " + errNoValue.Error() }
func (e *noValue) Unwrap() error { return errNoValue }

// faultOf puts an error of a template's execution into words.
func faultOf(id quarry.DocumentID, err error) *Fault {
	f := &Fault{Document: id, Reason: err.Error()}
	action := ""
	var missing *noValue
	if m := executed.FindStringSubmatch(f.Reason); m != nil {
		action = m[3]
		f.Reason = m[1] + ", line " + m[2] + ", at {{" + action + "}}: " + inWords(m[4])
		if errors.As(err, &missing) {
			action = missing.action
			f.Reason = m[1] + ", line " + m[2] + ", at {{" + action + "}}: " + errNoValue.Error()
		}
		if missing == nil && !absent.MatchString(m[4]) && !nothing.MatchString(m[4]) {
			action = ""
		}
	} else if errors.As(err, &missing) {
		action = missing.action
	}
	f.Field = fieldOf(action)
	return f
}

var (
	// executed is how text/template words an error of execution: template, line, column, action, error.
	executed = regexp.MustCompile(`(?s)^template: (.+?):(\d+):\d+: executing ".*?" at <(.*?)>: (.*)$`)
	// absent are the errors about a member of a value that is not there, or is no object.
	absent = regexp.MustCompile(`^(?:can't evaluate field (\w+) in type .*|nil pointer evaluating .*\.(\w+)|nil data; no entry for key "(.*)")$`)
	// nothing are the errors of functions that get no value at all.
	nothing  = regexp.MustCompile(`zero Value|untyped nil|of nil pointer`)
	called   = regexp.MustCompile(`^error calling (\w+): (.*)$`)
	pastEnd  = regexp.MustCompile(`^index out of range: (\d+)$`)
	inFields = regexp.MustCompile(`\.Fields((?:\.[\pL_][\pL\pN_]*)+)`)
	byIndex  = regexp.MustCompile(`^index \$?\.Fields "([^"]+)"`)
)

// maxReason bounds the reason of a fault, in bytes.
const maxReason = 160

// inWords says without Go's types what text/template says of a value.
func inWords(reason string) string {
	if m := absent.FindStringSubmatch(reason); m != nil {
		return "the document has no such value: " + m[1] + m[2] + m[3] + " would be a member of a value that is no object"
	}
	if nothing.MatchString(reason) {
		return errNoValue.Error()
	}
	function := ""
	if m := called.FindStringSubmatch(reason); m != nil {
		function, reason = m[1], m[2]
	}
	if m := pastEnd.FindStringSubmatch(reason); m != nil {
		if function == "slice" {
			return "the value has fewer than " + m[1] + " bytes; test its length first, with {{if}} and len, or cut texts with the setting max_chars"
		}
		return "the value has no element " + m[1]
	}
	if function != "" {
		reason = function + ": " + reason
	}
	if at := strings.IndexFunc(reason, func(r rune) bool { return r < ' ' }); at >= 0 {
		reason = reason[:at] + "…"
	}
	if len(reason) > maxReason { // text/template puts the value into some errors, and that may be the document's text
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
