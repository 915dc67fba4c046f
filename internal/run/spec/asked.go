package spec

import (
	"cmp"
	"encoding/json"
	"fmt"

	"quarry"
	"quarry/internal/base/catalog"
	"quarry/internal/outcome/parse"
	"quarry/internal/outcome/report"
	"quarry/internal/run/prepare"
	"quarry/internal/run/runjson"
)

// RequestDigest tells one prompt, model and schema from another.
func (a *Asked) RequestDigest() string { return cmp.Or(a.Request, a.Settings) }

// Note is what the bucket and the ledger keep of it: enough to check the answers without sources and settings.
func (a *Asked) Note() runjson.Asked {
	return runjson.Asked{
		Model: a.Model, Type: a.Type, Schema: a.schema(), Settings: a.Settings, Attempts: a.Attempts,
		MaxTokens: a.MaxTokens, MaxOutput: a.MaxOutput,
	}
}

func (a *Asked) schema() json.RawMessage {
	if a.Prompt == nil {
		return nil
	}
	return a.Prompt.Schema()
}

// OfPass is what a pass was sent with, as was noted of it. The rest is the command's.
func (a Asked) OfPass(was *runjson.Run) (Asked, error) {
	check, err := parse.New(parse.Config{Schema: was.Schema})
	if err != nil {
		return a, fmt.Errorf("read the schema that the pass was sent with: %w", err)
	}
	model, _, _ := catalog.Find(was.Model)
	a.Model, a.Family, a.Type, a.Mode = was.Model, model.Family, was.Type, cmp.Or(was.Mode, a.Mode)
	a.MaxOutput, a.MaxTokens = was.MaxOutput, was.MaxTokens
	a.Attempts, a.Settings, a.Check = was.Attempts, was.Settings, check
	return a, nil
}

// WithSchema sends the answer schema or not, for a reason.
func (a Asked) WithSchema(send bool, why string) Asked {
	a.StructuredWhy = why
	if send {
		return a
	}
	a.Prompt = a.Prompt.Plain()
	if l := a.Long; l != nil {
		a.Long = &prepare.Long{Part: l.Part.Plain(), Merge: l.Merge.Plain()}
	}
	return a
}

// StructuredReport says whether requests carry the answer schema, and why.
func (a *Asked) StructuredReport() *report.Structured {
	if a.Prompt == nil { // a job that another program submitted
		return nil
	}
	s := &report.Structured{Setting: "off", Sent: a.Prompt.Structured(), Why: a.StructuredWhy}
	switch {
	case a.StructuredAuto:
		s.Setting = "auto"
	case s.Sent:
		s.Setting = "on"
	}
	return s
}

// RequestReport is what is sent for a document; nil where that cannot be shown without one: ready records, and a prompt that needs a
// document's own fields.
func (a *Asked) RequestReport() *report.Request {
	if a.Prompt == nil || a.Ready {
		return nil
	}
	body, err := a.Prompt.Append(nil, &quarry.Document{ID: "{{id}}", Title: "{{title}}", Body: []byte("{{text}}"), URL: "{{url}}", Lang: "{{lang}}"})
	if err != nil {
		return nil
	}
	return &report.Request{ModelInput: body, Schema: a.Prompt.Schema()}
}
