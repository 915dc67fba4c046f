package prompt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"quarry"
)

// Renderer makes modelInputs. It is safe for concurrent use.
type Renderer struct {
	model      string
	invocation quarry.InvocationType
	schema     []byte
	leftOut    []string
	neutralize bool // the family reads special tokens out of the text

	sent   []piece // the body as Append writes it: base or full
	base   []piece // without the structured member
	full   []piece // with it, even where it is not sent; base where there is none
	member string  // the structured member's name, or empty
	value  []byte  // its canonical value
	older  []byte  // that of earlier versions, which said no limits in descriptions
	added  []byte  // what it puts into a body: comma, name and value, in the schema's own order

	prefix []byte // with which all requests begin alike, escaped
	uses   map[string]bool

	scratch sync.Pool // of *[]byte
}

// New compiles a Config. The error holds every fault, each on its own line.
func New(cfg Config) (*Renderer, error) { return cfg.compile() }

func (c Config) compile() (*Renderer, error) {
	errs := c.validateValues()
	schema, err := c.schema()
	if err != nil {
		errs = append(errs, err)
	}
	r := &Renderer{model: c.model(), invocation: c.Invocation(), schema: schema}
	fam := familyOf(r.model)
	r.neutralize = r.invocation == quarry.InvokeModel && (fam == llama3 || fam == llama4)

	s, err := c.settings(r, fam)
	if err != nil {
		errs = append(errs, err)
	}
	structured, err := structuredMember(r.invocation, fam, c.orderedSchema(schema))
	if err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	r.prefix = prefixOf(s)
	r.base = merge(body(r.invocation, fam, s, member{}))
	r.sent, r.full = r.base, r.base
	if structured.value != nil {
		r.member = structured.name
		value := merge(structured.value)[0].literal
		// "messages" is before it in every shape, so it always has a comma before it.
		r.added = append([]byte(`,"`+r.member+`":`), value...)
		if r.value, err = canonical(value); err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
		r.full = merge(body(r.invocation, fam, s, structured))
		older, err := structuredForm(r.invocation, fam, c.orderedSchema(schema), false)
		if err != nil {
			return nil, err
		}
		if r.older, err = canonical(merge(older.value)[0].literal); err != nil {
			return nil, fmt.Errorf("schema: %w", err)
		}
	}
	if c.Structured {
		if structured.value == nil || c.refuses(FieldStructured) {
			r.leftOut = append(r.leftOut, FieldStructured)
		} else {
			r.sent = r.full
		}
	}
	slices.Sort(r.leftOut)
	return r, nil
}

func (c Config) refuses(field string) bool { return c.Refused != nil && c.Refused(field) }

// settings resolves defaults and refusals, and notes in r what is left out.
func (c Config) settings(r *Renderer, fam family) (settings, error) {
	var s settings
	drop := func(field string) bool {
		if c.refuses(field) {
			r.leftOut = append(r.leftOut, field)
			return true
		}
		return false
	}
	user := c.User
	if user == "" {
		user = DefaultUser
	}
	userText, userErr := compileText("prompt.user", user)
	if userErr == nil {
		s.user = []part{{text: userText}}
	}
	var systemErr error
	if !c.NoSystem {
		var system *text
		systemSource := systemFor(c, r.schema)
		if system, systemErr = compileText("prompt.system", systemSource); systemErr == nil {
			s.system = []part{{text: system}}
		}
		if strings.TrimSpace(systemSource) == "" {
			systemErr = errors.New("prompt.system: blank; to send none, switch it off")
		}
		if drop(FieldSystem) {
			s.user = append(append(s.system, part{literal: []byte(`\n\n`)}), s.user...)
			s.system = nil
		}
	}
	if s.maxTokens = c.MaxTokens; s.maxTokens == 0 {
		s.maxTokens = defaultMaxTokens
	}
	if drop(FieldMaxTokens) {
		s.maxTokens = 0
	}
	if c.TopP != nil && !drop(FieldTopP) {
		s.topP = c.TopP
	}
	s.thinking = c.Thinking
	s.temperature = c.Temperature
	if s.temperature == nil && c.TopP == nil {
		t := defaultTemperature
		s.temperature = &t
	}
	if c.NoTemperature || (s.temperature != nil && drop(FieldTemperature)) {
		s.temperature = nil
	}
	if len(c.StopSequences) > 0 {
		noPlace := r.invocation == quarry.InvokeModel && (fam == llama3 || fam == llama4)
		switch {
		case noPlace:
			r.leftOut = append(r.leftOut, FieldStopSequences)
		case !drop(FieldStopSequences):
			s.stopSequences = c.StopSequences
		}
	}
	if err := errors.Join(userErr, systemErr); err != nil {
		return s, err
	}
	r.uses = map[string]bool{}
	for _, p := range append(s.system, s.user...) {
		if p.text != nil {
			maps.Copy(r.uses, p.text.uses)
		}
	}
	return s, nil
}

// Uses reports whether the prompt holds a field of the document, one of Fields.
func (r *Renderer) Uses(field string) bool { return r.uses[field] }

// Fields names what a template can use of a document.
func Fields() []string { return slices.Clone(documentFields) }

// Invocation is whose body the modelInputs are.
func (r *Renderer) Invocation() quarry.InvocationType { return r.invocation }

// Schema is the canonical JSON Schema of the answer, nil for free text. It is the one that answers are to be checked
// with, and must not be changed.
func (r *Renderer) Schema() []byte { return r.schema }

// Structured reports whether the schema is sent along.
func (r *Renderer) Structured() bool { return len(r.sent) > 0 && &r.sent[0] != &r.base[0] }

// Plain gives the renderer that sends no schema along and is the same in all else: its keys too.
func (r *Renderer) Plain() *Renderer {
	return &Renderer{
		model: r.model, invocation: r.invocation, schema: r.schema, leftOut: r.leftOut, neutralize: r.neutralize,
		sent: r.base, base: r.base, full: r.full, member: r.member, value: r.value, older: r.older, added: r.added, prefix: r.prefix,
		uses: r.uses,
	}
}

// LeftOut names the settings (the Field constants) that are not sent because the model refuses them or its body has no
// place for them.
func (r *Renderer) LeftOut() []string { return slices.Clone(r.leftOut) }

// Append appends the document's modelInput: canonical JSON on one line, or, where the document brings its own
// ModelInput, that as it is. An error that a template or the document is the reason of is a *Fault; dst then holds what it held.
func (r *Renderer) Append(dst []byte, doc *quarry.Document) ([]byte, error) {
	start := len(dst)
	if doc.ModelInput != nil {
		v := jsontext.Value(doc.ModelInput)
		if v.Kind() != '{' || !v.IsValid(jsontext.AllowDuplicateNames(true)) || bytes.ContainsAny(v, "\r\n") {
			return dst, fmt.Errorf("document %s: modelInput is not one JSON object on one line", doc.ID)
		}
		return append(dst, doc.ModelInput...), nil
	}
	for i := range r.sent {
		p := &r.sent[i]
		if p.hole == nil {
			dst = append(dst, p.literal...)
			continue
		}
		hole := len(dst)
		for _, q := range p.hole {
			if q.text == nil {
				dst = append(dst, q.literal...)
				continue
			}
			from := len(dst)
			var err error
			if dst, err = q.text.append(dst, doc); err != nil {
				return dst[:start], faultOf(doc.ID, err)
			}
			if r.neutralize {
				dst = neutralize(dst, from)
			}
		}
		if blank(dst[hole:]) {
			return dst[:start], &Fault{Document: doc.ID, Reason: "the result is only white space"}
		}
	}
	return dst, nil
}

// neutralize breaks up what a Llama model would read as a special token: a text could otherwise end its own turn and
// speak as the system.
func neutralize(b []byte, from int) []byte {
	for {
		i := bytes.Index(b[from:], []byte("<|"))
		if i < 0 {
			return b
		}
		b = slices.Insert(b, from+i+1, ' ')
		from += i + 3
	}
}

// Sample is a modelInput as Append writes it, with "x" in place of every text: what can be said of all of them can be said
// of it.
func (r *Renderer) Sample() []byte {
	var body []byte
	for i := range r.sent {
		if p := &r.sent[i]; p.hole == nil {
			body = append(body, p.literal...)
		} else {
			body = append(body, 'x')
		}
	}
	return body
}
