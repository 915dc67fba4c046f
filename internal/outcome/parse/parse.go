// Package parse reads a model's answer out of the provider's modelOutput and checks it.
//
// It owns the shapes of answers, the search for JSON in a model's text, the answer's JSON Schema and the check of its
// language. It sends nothing again: it gives each answer one class, and what happens then is decided elsewhere.
//
// What always holds: nothing is guessed. A value in the output was in the model's text; brackets that the model did
// not write are not closed for it, and where two readings are possible there is none.
package parse

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"quarry"
	"quarry/internal/base/figure"
)

// The stand-in's own models, as their answers name themselves.
const (
	extractiveModel = "quarry.extractive-v1" // writes the source's language and leaves the others null
	echoModel       = "quarry.echo-v1"       // gives the user's text back
)

// Config says what an answer has to be.
type Config struct {
	// Schema is the JSON Schema of the answer; empty: the answer is free text, and anything but nothing will do. The
	// schema must hold everything that it refers to.
	Schema []byte
	// Languages names the language ("ja" or "en") of top-level members; nil: by their names, which end in _ja or _en.
	Languages map[string]string
	// AnyLanguage switches the check of languages off, and with it the rule that only the stand-in's extractive model
	// may leave such a member null.
	AnyLanguage bool
}

// Validate reports a schema that does not compile or a language that is not known.
func (c Config) Validate() error {
	_, err := New(c)
	return err
}

// Checker checks answers against one Config. It is safe for concurrent use.
type Checker struct {
	schema *jsonschema.Schema // nil: free text
	opener byte               // with which the answer's JSON has to begin, where it is searched for in a text
	langs  map[string]string
	any    bool
}

// New compiles a Config.
func New(cfg Config) (*Checker, error) {
	c := &Checker{langs: cfg.Languages, any: cfg.AnyLanguage}
	for member, lang := range cfg.Languages {
		if _, ok := languages[lang]; !ok {
			return nil, fmt.Errorf("language %q of member %q: want ja or en", lang, member)
		}
	}
	if len(cfg.Schema) == 0 {
		return c, nil
	}
	var err error
	if c.schema, c.opener, err = compileSchema(cfg.Schema); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return c, nil
}

// Checked is what one answer is worth.
type Checked struct {
	Class quarry.Class
	// Output is the answer's JSON, compact, its members in the model's order. It is set when Class is ok and there is a
	// schema, and in no other case.
	Output json.RawMessage
	// Text is the model's text: the answer where there is no schema, else what a person or a repair may look at when
	// the class is not ok.
	Text     string
	Salvaged bool   // the JSON was among other text, or had a comma, line break or backslash too many
	Message  string // why it is not ok; it is written so that it can go back to the model
}

// Check puts an answer into its class.
//
// An answer that stopped at max_tokens is ok all the same when its JSON is whole and passes: all that was wanted is
// there, and another attempt would only pay for it twice.
func (c *Checker) Check(a Answer) Checked {
	if refused(a.StopReason) {
		return Checked{Class: quarry.ClassRefused, Text: a.Whole(), Message: "the model declined: stop reason " + a.StopReason}
	}
	if c.schema == nil {
		return checkText(a)
	}
	found := c.answer(&a)
	if found.problem != "" {
		r := Checked{Class: found.class, Text: a.Whole(), Message: found.problem}
		if truncated(a.StopReason) {
			r.Class, r.Message = quarry.ClassTruncated, cutOff(a)
		}
		return r
	}
	if complaint := c.checkLanguages(found.value, a.Model); complaint != "" {
		return Checked{Class: quarry.ClassWrongLanguage, Text: a.Whole(), Message: complaint, Salvaged: found.salvaged}
	}
	return Checked{Class: quarry.ClassOK, Output: found.json, Salvaged: found.salvaged}
}

// checkText judges an answer in free text.
func checkText(a Answer) Checked {
	r := Checked{Class: quarry.ClassOK, Text: a.Whole()}
	switch {
	case truncated(a.StopReason):
		r.Class, r.Message = quarry.ClassTruncated, cutOff(a)
	case strings.TrimSpace(r.Text) == "":
		// Nothing is what a model says that does not want to answer; no class is nearer.
		r.Class, r.Message = quarry.ClassRefused, "the answer is empty"
	}
	return r
}

func cutOff(a Answer) string {
	if !a.Usage.Known() {
		return "the answer was cut off: stop reason " + a.StopReason
	}
	return fmt.Sprintf("the answer was cut off after %s: stop reason %s", figure.Count(a.Usage.OutputTokens, "token"), a.StopReason)
}

// ErrorClass is the class of a record that the provider answered with an error, by its HTTP status and message: throttled
// (429; 503 for capacity), down (408, 424, other 5xx, 503 where nothing listens), or record_error (every other 4xx, which
// would come again). Throttled and down records are worth another attempt
// (https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html). A code that is no HTTP error
// says nothing, and an error record is not billed, so it counts as down.
func ErrorClass(code int, message string) quarry.Class {
	switch {
	case code == 429, code == 503 && !unreachable(message):
		return quarry.ClassThrottled
	case code == 408 || code == 424:
		return quarry.ClassDown
	case code >= 400 && code < 500:
		return quarry.ClassRecordError
	}
	return quarry.ClassDown
}

// unreachable reports whether a 503 is not about capacity: nothing listens, or a gateway answers for what does not.
func unreachable(message string) bool {
	message = strings.ToLower(message)
	for _, words := range []string{"cannot be reached", "connection refused", "no such host", "broke off", "connection reset", "<html", "<!doctype"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}
