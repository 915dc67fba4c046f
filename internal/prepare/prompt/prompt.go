// Package prompt turns a cleaned document into a record's modelInput: the request body for the model.
//
// It owns the texts of the prompt, the shapes of request bodies (Anthropic Messages, Nova, Llama, OpenAI chat, Converse),
// the document's key and the changes that another attempt makes to a body. It owns no recordId, no quota and no
// knowledge of which model takes what: that comes in as a function.
//
// What always holds: the same document and the same Config give the same bytes; what Append makes itself is canonical
// JSON (RFC 8785) on one line, but for a schema that is sent along, whose members keep their order; ready records pass
// unchanged.
package prompt

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
	"quarry/internal/base/figure"
)

// The words by which Config.Refused and Renderer.LeftOut speak of settings, whatever a body's shape calls them.
const (
	FieldSystem        = "system"
	FieldMaxTokens     = "max_tokens"
	FieldTemperature   = "temperature"
	FieldTopP          = "top_p"
	FieldStopSequences = "stop_sequences"
	FieldStructured    = "structured_output"
)

const (
	defaultMaxTokens   = 4096
	defaultTemperature = 0.1
	maxStopSequences   = 2500
)

// Config describes the request. Its zero value asks the default model for the bilingual summary.
type Config struct {
	Model string                // zero: quarry.DefaultModel
	Type  quarry.InvocationType // zero: InvokeModel for Anthropic's models, Converse for every other

	// System and User are templates in the language of Go's text/template over a document: .ID .Title .Text .URL .Lang and .Fields, the item's
	// other members by name, and .Part and .Parts, which are 0 if the document is sent as a whole. A value that a document lacks is
	// an error where it would be printed; "if" and "with" may ask for it. Zero User is DefaultUser; zero System fits the schema and is
	// DefaultSystem for the default one.
	System, User string
	NoSystem     bool // send no system prompt

	MaxTokens     int      // zero: 4096
	Temperature   *float64 // nil: 0.1, or not sent where TopP is set, because newer models refuse the two together
	NoTemperature bool     // leave it to the model
	TopP          *float64 // nil: not sent
	StopSequences []string // zero: none

	Schema     []byte // JSON Schema of the answer; zero: DefaultSchema
	FreeText   bool   // the answer is text: no schema
	Structured bool   // send the schema along, so that the provider holds the model to it

	// Thinking is the type of Claude's thinking that is sent; zero: the member is not sent. "adaptive" and "disabled" are
	// types (https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-adaptive-thinking.html).
	Thinking string

	// Refused tells which of the Field constants the model refuses; nil: none. A refused field is left out, except that
	// a refused system prompt goes in front of the user's text.
	Refused func(field string) bool
}

// thinkingTypes are the types that need no further member.
var thinkingTypes = []string{"adaptive", "between_tools", "disabled"}

// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html, modelId, made looser inside
// ARNs: a resource kind that is new to us is the provider's to judge.
var (
	modelIDPattern  = regexp.MustCompile(`^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+(:[a-zA-Z0-9]+)*$`)
	modelARNPattern = regexp.MustCompile(`^arn:aws(-[a-z-]+)?:bedrock:[a-z0-9-]{1,20}:([0-9]{12})?:[a-z-]+/[a-zA-Z0-9./:_-]+$`)
)

// Validate reports every setting that cannot work, each on its own line.
func (c Config) Validate() error {
	_, err := c.compile()
	return err
}

// model is the model id with its default.
func (c Config) model() string {
	if c.Model == "" {
		return quarry.DefaultModel
	}
	return c.Model
}

// Invocation is the invocation type with its default.
func (c Config) Invocation() quarry.InvocationType {
	switch {
	case c.Type != "":
		return c.Type
	case familyOf(c.model()) == anthropic:
		return quarry.InvokeModel
	}
	return quarry.Converse
}

func (c Config) validateValues() []error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	model := c.model()
	if n := len(model); n > 2048 {
		fault("model: %s, Bedrock allows 2048", figure.Count(n, "character"))
	} else if !modelIDPattern.MatchString(model) && !modelARNPattern.MatchString(model) {
		fault("model %q: neither a model or profile id (like %s) nor an ARN", model, quarry.DefaultModel)
	}
	switch c.Type {
	case "", quarry.Converse:
	case quarry.InvokeModel:
		if familyOf(model) == unknown {
			fault("model %q: its request body is not known; use the invocation type Converse", model)
		}
	default:
		fault("invocation type %q: want InvokeModel or Converse", c.Type)
	}
	if c.MaxTokens < 0 || c.MaxTokens > math.MaxInt32 {
		fault("max_tokens %d: want 1 to %d", c.MaxTokens, math.MaxInt32)
	}
	if t := c.Temperature; t != nil {
		if c.NoTemperature {
			fault("temperature: either set it or leave it to the model (no_temperature), not both")
		}
		if !(*t >= 0 && *t <= 2) {
			fault("temperature %v: want 0 to 2", *t)
		}
	}
	if p := c.TopP; p != nil && !(*p > 0 && *p <= 1) {
		fault("top_p %v: want more than 0, at most 1", *p)
	}
	if n := len(c.StopSequences); n > maxStopSequences {
		fault("stop_sequences: %d of them, Converse allows %d", n, maxStopSequences)
	}
	for i, s := range c.StopSequences {
		if strings.TrimSpace(s) == "" || !utf8.ValidString(s) {
			fault("stop_sequences[%d]: empty, blank or no valid UTF-8", i)
		}
	}
	if c.Thinking != "" && familyOf(model) != anthropic {
		fault("thinking %q: only Claude models support it", c.Thinking)
	}
	if c.Thinking != "" && !slices.Contains(thinkingTypes, c.Thinking) {
		fault("thinking %q: want one of %s", c.Thinking, strings.Join(thinkingTypes, ", "))
	}
	if c.NoSystem && c.System != "" {
		fault("system: either set it or switch it off (no_system), not both")
	}
	if c.FreeText && len(c.Schema) > 0 {
		fault("schema: either set it or ask for free text (free_text), not both")
	}
	if c.FreeText && c.Structured {
		fault("structured output needs a schema, but free_text is set")
	}
	return errs
}

// orderedSchema is the schema as it was written, whose order models follow; nil where there is none.
func (c Config) orderedSchema(canonical []byte) []byte {
	switch {
	case canonical == nil:
		return nil
	case len(c.Schema) == 0:
		return []byte(DefaultSchema)
	}
	return c.Schema
}

// schema is the canonical schema of the answer, or nil for free text.
func (c Config) schema() ([]byte, error) {
	if c.FreeText {
		return nil, nil
	}
	v := jsontext.Value(bytes.Clone(c.Schema))
	if len(v) == 0 {
		v = jsontext.Value(DefaultSchema)
	}
	if err := v.Canonicalize(); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if v.Kind() != '{' {
		return nil, errors.New("schema: not a JSON object")
	}
	return v, nil
}
