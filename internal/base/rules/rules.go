// Package rules holds one table for each shape of request body: what a body must hold, what it may hold, and what the
// model refuses.
//
// It owns the words of these refusals and the way out of each. It owns no syntax check of JSON (package jsonl), no
// limits of files and jobs (package validate) and no facts about models (package catalog). It sends nothing.
//
// What always holds: a body is walked once, and it is not copied; the same body gives the same findings in the same
// order; a rule is here only if a public page or a public report says that the provider refuses what the rule refuses.
// What no page decides passes, if necessary with a warning.
package rules

import (
	"strings"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/base/jsonl"
)

// Config says what a body is for.
type Config struct {
	// Model is the model id, profile id or ARN. An id that names no model, such as an application inference profile,
	// leaves the shape to the body. Where it is empty and Type is too, bodies are checked as far as all have it in common.
	Model string
	// Type says whose body it is. Empty: InvokeModel's, or Converse's where the body has a member that only Converse has.
	Type quarry.InvocationType
	// Job: the body is the modelInput of a record in a batch inference job, which takes less than a call does.
	Job bool
}

// Finding is one thing in a body that the provider refuses, or that has no effect.
type Finding struct {
	Part    []byte // the part of the body that is meant
	Field   string // its path: "messages.0.content"
	Reason  string // in the provider's words where these are public
	Fix     string // what to do; may be empty
	Warning bool   // the provider is not known to refuse it
}

// Text is the reason with the fix.
func (f Finding) Text() string {
	if f.Fix == "" {
		return f.Reason
	}
	return f.Reason + " (fix: " + f.Fix + ")"
}

// Table is the rules of one shape of body for one model. It is safe for concurrent use.
type Table struct {
	name  string
	shape catalog.Shape // empty for Converse
	check rule
	facts facts
	other *Table // for bodies with the other of prompt and messages, where a model is known to take either; else nil
}

// facts are what the rules need to know of a model.
type facts struct {
	model   catalog.Model
	known   bool
	job     bool
	limit   int64 // of output tokens, 0 when not known
	dialect dialect
}

// For gives the table for a body. sample is a first body, which decides where the configuration does not; it may be nil.
// It returns nil for a model whose body has no public description.
func For(cfg Config, sample []byte) *Table {
	if cfg.Model == "" && cfg.Type == "" {
		return nil
	}
	model, _, known := catalog.Find(cfg.Model)
	f := facts{model: model, known: known, job: cfg.Job, limit: model.OutputLimit()}
	shape, ok := catalog.ShapeOf(cfg.Model)
	converse := cfg.Type == quarry.Converse || cfg.Type == "" && shape != catalog.ShapeNova && has(sample, "inferenceConfig")
	if converse {
		f.dialect = smithy
		return &Table{name: "Converse", check: converseTop, facts: f}
	}
	if !ok {
		if shape, ok = shapeOfBody(sample); !ok {
			return nil
		}
	}
	if _, ok := shapes[shape]; !ok {
		return nil
	}
	t := tableOf(shape, f)
	if other := otherShape(shape, cfg.Model); other != "" {
		t.other = tableOf(other, f)
	}
	return t
}

func tableOf(shape catalog.Shape, f facts) *Table {
	s := shapes[shape]
	f.dialect = s.dialect
	return &Table{name: s.name, shape: shape, check: s.check, facts: f}
}

// otherShape is the second body of a Mistral model: AWS has a page with messages for Mistral Large
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html), whose first
// version takes a prompt too, and no page says that a later model refuses a prompt.
func otherShape(shape catalog.Shape, model string) catalog.Shape {
	id, _, _ := catalog.Split(model)
	switch {
	case shape == catalog.ShapeOpenAI && strings.HasPrefix(id, "mistral."):
		return catalog.ShapeMistralText
	case shape == catalog.ShapeMistralText && strings.HasPrefix(id, "mistral.mistral-large-"):
		return catalog.ShapeOpenAI
	}
	return ""
}

// forBody is the table that fits a body.
func (t *Table) forBody(body []byte) *Table {
	if t == nil || t.other == nil {
		return t
	}
	if messages := has(body, "messages"); messages == has(body, "prompt") || messages == (t.shape == catalog.ShapeOpenAI) {
		return t
	}
	return t.other
}

// Name says what the bodies are checked as: "Anthropic Messages".
func (t *Table) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// Check reports what is wrong with a body that was checked as JSON: body is an object, and c is the checker that read
// the line it is part of, or nil. A nil Table checks what all shapes have in common.
func (t *Table) Check(c *jsonl.Checker, body []byte, report func(Finding)) {
	w := walks.Get().(*walk)
	defer w.free()
	w.c, w.report = c, report
	if t = t.forBody(body); t == nil {
		w.facts = &facts{}
		common(w, body)
		return
	}
	w.facts = &t.facts
	t.check(w, body)
}

// First gives the first finding that is no warning.
func (t *Table) First(c *jsonl.Checker, body []byte) (first Finding, found bool) {
	t.Check(c, body, func(f Finding) {
		if !found && !f.Warning {
			first, found = f, true
		}
	})
	return first, found
}

// common checks a body of unknown shape for what the service refuses in every shape.
func common(w *walk, body []byte) {
	for name, value := range w.c.Members(body) {
		if jsonl.NameIs(name, "modelId") {
			w.push("modelId")
			w.fault(value, extraInputs, "remove it: the job or the call names the model")
			w.pop()
		}
	}
}

type shape struct {
	name    string
	dialect dialect
	check   rule
}

// shapes are the bodies of InvokeModel, by the pages under
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html.
var shapes = map[catalog.Shape]shape{
	catalog.ShapeAnthropic:   {"Anthropic Messages", pydantic, anthropicTop},
	catalog.ShapeNova:        {"Nova", malformed, novaTop},
	catalog.ShapeLlama:       {"Llama", malformed, llamaTop},
	catalog.ShapeOpenAI:      {"chat completions", pydantic, chatTop},
	catalog.ShapeMistralText: {"Mistral text completion", malformed, mistralTextTop},
	catalog.ShapeDeepSeekR1:  {"DeepSeek text completion", malformed, deepSeekTop},
	catalog.ShapeTitanText:   {"Titan text", malformed, titanTextTop},
	catalog.ShapeCohereText:  {"Cohere Command", malformed, cohereTextTop},
	catalog.ShapeCohereChat:  {"Cohere Command R", malformed, cohereChatTop},
	catalog.ShapeTitanEmbed:  {"Titan embeddings", malformed, titanEmbedTop},
	catalog.ShapeTitanImage:  {"Titan multimodal embeddings", malformed, titanMultimodalTop},
	catalog.ShapeCohereEmbed: {"Cohere embeddings", malformed, cohereEmbedTop},
	catalog.ShapeNovaEmbed:   {"Nova embeddings", malformed, novaEmbedTop},
}

// shapeOfBody tells the shape from members that only one shape has.
func shapeOfBody(body []byte) (catalog.Shape, bool) {
	switch {
	case has(body, "anthropic_version"):
		return catalog.ShapeAnthropic, true
	case has(body, "schemaVersion"):
		return catalog.ShapeNova, true
	case has(body, "max_gen_len"):
		return catalog.ShapeLlama, true
	}
	return "", false
}

func has(body []byte, name string) bool {
	for raw := range jsonl.Members(body) {
		if jsonl.NameIs(raw, name) {
			return true
		}
	}
	return false
}
