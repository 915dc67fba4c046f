package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"quarry"
	"quarry/internal/aws/cost"
	"quarry/internal/base/catalog"
	"quarry/internal/config"
	"quarry/internal/outcome/parse"
	"quarry/internal/prepare/clean"
	"quarry/internal/prepare/prompt"
	"quarry/internal/run/prepare"
)

// Request is what every request to the model is made from, as the settings say.
type Request struct {
	Model    catalog.Model
	Prompt   prompt.Config
	Renderer *prompt.Renderer
	Long     *prepare.Long // nil: no document is sent in parts
	Checker  *parse.Checker
	Clean    clean.Config
	Prices   *cost.Table
	Settings string            // digest of all of it
	Digest   string            // of model, prompt and schema
	Choices  map[string]string // what Settings is a digest of, for people
	Auto     bool              // the pilot decides whether the schema is sent with the requests

	schemaAt      func(path []string) string // FILE:LINE of a place in the schema; nil: not known
	schemaRefused error                      // why the schema is not sent although structured is auto: what the model would answer
}

// Request makes a Request from the settings. Its errors are of the kind quarry.BadUsage and name the setting.
func (pr *Program) Request(s *config.Settings) (*Request, error) {
	if shape, ok := catalog.ShapeOf(s.Model); ok && shape.Output() != "text" {
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "use model", Subject: s.Model, Err: fmt.Errorf("it answers with %s, not with text", shape.Output()),
			Hint: "name a text model with --model; the default is " + quarry.DefaultModel,
		}
	}
	model, _, known := catalog.Open(s.Model)
	if !known && !strings.HasPrefix(s.Model, "arn:") && s.Target == "local" {
		hint := "the model ids are at https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html"
		if near := catalog.Suggest(s.Model); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return nil, &quarry.Error{
			Kind: quarry.BadUsage, Op: "use model", Subject: s.Model, Err: errors.New("neither the model nor its provider is known"), Hint: hint,
		}
	}
	p := prompt.Config{
		Model: s.Model, Type: quarry.InvocationType(s.Prompt.InvocationType), System: s.Prompt.System, NoSystem: s.Prompt.NoSystem,
		User:      s.Prompt.User,
		MaxTokens: s.Prompt.MaxTokens, Temperature: s.Prompt.Temperature, NoTemperature: s.Prompt.NoTemperature, TopP: s.Prompt.TopP,
		StopSequences: s.Prompt.StopSequences, FreeText: s.Prompt.FreeText, Schema: []byte(s.Prompt.Schema),
		Refused:  func(field string) bool { return known && model.Takes(catalog.Field(field)) == catalog.No },
		Thinking: thinkingFor(s, model),
	}
	auto := s.Structured == "auto" && !p.FreeText
	p.Structured = s.Structured == "on" || auto
	renderer, err := prompt.New(p)
	if err != nil {
		return nil, BadSetting("prompt", err)
	}
	if auto && !renderer.Structured() { // the model refuses it, or its body has no place for it: nothing that was requested is left out
		auto, p.Structured = false, false
		if renderer, err = prompt.New(p); err != nil {
			return nil, BadSetting("prompt", err)
		}
	}
	checker, err := parse.New(parse.Config{Schema: renderer.Schema()})
	if err != nil {
		return nil, badSchema(s, err)
	}
	refused := accepted(s, model, renderer)
	if refused != nil && auto { // a schema that the model would refuse is not sent along; answers are checked with it all the same
		if accepted(s, model, renderer.Plain()) == nil {
			auto, p.Structured = false, false
			if renderer, err = prompt.New(p); err != nil {
				return nil, BadSetting("prompt", err)
			}
		} else {
			return nil, refused
		}
	} else if refused != nil {
		return nil, refused
	}
	var long *prepare.Long
	if s.Long == clean.LongMerge {
		if long, err = partRenderers(s, p); err != nil {
			return nil, err
		}
	}
	c, err := CleanConfig(s)
	if err != nil {
		return nil, BadSetting("clean", err)
	}
	if (s.NearDuplicates || s.ReuseNear) && s.NearThreshold < 0.5 {
		return nil, BadSetting("near-threshold", errors.New("want 0.5 to 1: below 0.5, near duplicates are not found reliably"))
	}
	prices, err := Prices(s)
	if err != nil {
		return nil, err
	}
	req := &Request{
		Model: model, Prompt: p, Renderer: renderer, Long: long, Checker: checker, Clean: c, Prices: prices, Auto: auto, schemaRefused: refused,
		schemaAt: s.Prompt.SchemaAt,
	}
	if req.Settings, err = settingsDigest(s, p, &c); err != nil {
		return nil, err
	}
	if req.Choices, err = choices(s, &p, &c); err != nil {
		return nil, err
	}
	if req.Digest, err = settingsDigest(&config.Settings{Model: s.Model}, p, nil); err != nil {
		return nil, err
	}
	return req, nil
}

// badSchema names the line of the file where a schema is not one.
func badSchema(s *config.Settings, err error) error {
	var where *parse.SchemaError
	if !errors.As(err, &where) || s.Prompt.SchemaAt == nil {
		return BadSetting("prompt.schema", err)
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "use setting prompt.schema", Subject: s.Prompt.SchemaAt(where.Path), Err: err,
		Hint: "the schema of an answer is JSON Schema 2020-12: https://json-schema.org/understanding-json-schema/reference",
	}
}

// CheckPrompt refuses a prompt that is the same for every document, and says where the model would not see the documents'
// text. Ready records are not rendered and need no check.
func (pr *Program) CheckPrompt(req *Request) error {
	if req.schemaRefused != nil {
		pr.Say("note: the answer schema is not sent with the requests, only used to check answers: %v", req.schemaRefused)
	}
	pr.SayMisspelled(req.Prompt.Schema, req.schemaAt)
	check := func(name string, r *prompt.Renderer) error {
		used := slices.ContainsFunc(prompt.Fields(), func(field string) bool { return field != "Part" && field != "Parts" && r.Uses(field) })
		switch {
		case !used:
			return &quarry.Error{
				Kind: quarry.BadUsage, Op: "use setting", Subject: name,
				Err:  errors.New("the prompt uses no part of the document, so all records would be the same"),
				Hint: "add {{.Text}} where the text of the document belongs; the fields of a document are ." + strings.Join(prompt.Fields(), " ."),
			}
		case !r.Uses("Text"):
			pr.Say("note: %s does not use {{.Text}}: the model does not see the documents' text", name)
		}
		return nil
	}
	err := check("prompt.user", req.Renderer)
	if req.Long != nil {
		err = errors.Join(err, check("prompt.part_user", req.Long.Part), check("prompt.merge_user", req.Long.Merge))
	}
	return err
}

// SayMisspelled names members of an answer schema that look like keywords and are none: they check nothing. at gives
// FILE:LINE of a place in the schema; nil where it is not known.
func (pr *Program) SayMisspelled(schema []byte, at func(path []string) string) {
	for _, m := range parse.Misspellings(schema) {
		where := "prompt.schema"
		if at != nil {
			where = at(m.Path)
		}
		pr.Say("note: %s: schema: %s is not a keyword of JSON Schema and checks nothing; did you mean %s?", where, strings.Join(m.Path, "."),
			m.Near)
	}
}

// partRenderers render the requests for parts of a long document, and for the answers to them.
func partRenderers(s *config.Settings, p prompt.Config) (*prepare.Long, error) {
	part, err := prompt.New(p.ForParts(s.Prompt.PartUser))
	if err != nil {
		return nil, BadSetting("prompt.part_user", err)
	}
	merge, err := prompt.New(p.ForMerge(s.Prompt.MergeUser))
	if err != nil {
		return nil, BadSetting("prompt.merge_user", err)
	}
	return &prepare.Long{Part: part, Merge: merge}, nil
}

// TierOffered refuses a tier that the model is known not to have: each call would be refused.
func (req *Request) TierOffered(s *config.Settings) error {
	if s.Mode != string(quarry.ModeFlex) || req.Model.Offers(catalog.Flex) != catalog.No {
		return nil
	}
	return &quarry.Error{
		Kind: quarry.BadUsage, Op: "use the flex tier", Subject: s.Model, Err: errors.New("this model has no flex tier"),
		Hint: "use --mode batch, ondemand or auto, or another --model; `quarry plan` shows the cost of each mode",
	}
}

// digested is the configuration of the cleaner as the first version wrote it into the digest, with what came later left out where
// it is not set: a new member must not make every run send again.
func digested(c *clean.Config) any {
	if c == nil {
		return c
	}
	var weights any = struct{ Words, Letters, Digits, Punctuation, Kana, Han, Other, Spaces float64 }{}
	if c.Weights != (clean.Weights{}) {
		weights = c.Weights
	}
	return struct {
		As        string
		MaxChars  clean.Cap
		MaxTokens clean.Cap
		Weights   any
		Long      string
		Rules     clean.Rules
		Format    quarry.Format `json:",omitempty"`
	}{c.As, c.MaxChars, c.MaxTokens, weights, c.Long, c.Rules, c.Format}
}

// settingsDigest is equal if two commands make the same request from the same text.
func settingsDigest(s *config.Settings, p prompt.Config, c *clean.Config) (string, error) {
	p.Refused = nil
	decides := map[string]any{
		"model": s.Model, "system": p.System, "no_system": p.NoSystem, "user": p.User, "type": p.Type, "max_tokens": p.MaxTokens,
		"temperature":    p.Temperature,
		"no_temperature": p.NoTemperature, "top_p": p.TopP, "stop_sequences": p.StopSequences, "schema": string(p.Schema),
		"free_text": p.FreeText,
		"clean":     digested(c), "fields": s.Fields, "where": s.Where, "limit": s.Limit, "from": s.From, "mode": s.Mode,
	}
	if p.Thinking != "" { // only then, so that the digests of runs that do not know it stay
		decides["thinking"] = p.Thinking
	}
	if s.Long == clean.LongMerge {
		decides["part_user"], decides["merge_user"] = p.ForParts(s.Prompt.PartUser).User, p.ForMerge(s.Prompt.MergeUser).User
	}
	if s.Query != "" { // a run that was begun without one stays the same
		decides["query"] = s.Query
	}
	if s.NearDuplicates || s.ReuseNear { // left out where no one looks, as digests of earlier versions have it
		decides["near"], decides["reuse_near"] = s.NearThreshold, s.ReuseNear
	}
	b, err := json.Marshal(decides)
	if err != nil {
		return "", fmt.Errorf("digest of the settings: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// MaxTokens is how long an answer may be, read from a body as it is sent.
func (req *Request) MaxTokens() int {
	body, err := req.Renderer.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x")})
	if err != nil { // a template that wants more of a document than this one has
		return max(req.Prompt.MaxTokens, 4096)
	}
	return prompt.MaxTokens(body)
}
