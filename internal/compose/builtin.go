package compose

import (
	"slices"
	"strings"

	"quarry/internal/config"
	"quarry/internal/outcome/parse"
	"quarry/internal/standin"
)

// SayFilled says what the built-in model writes by rule and what it cannot fill, if it answers and the
// schema is the user's own. Nothing is refused for it: a plan may be made for another model.
func (pr *Program) SayFilled(s *config.Settings, req *Request) {
	schema := req.Renderer.Schema()
	builtIn := s.Target == "local" && (len(s.Backends) == 0 || slices.Equal(s.Backends, []string{"extractive"}))
	if !builtIn || len(schema) == 0 {
		return
	}
	sample, filled, err := standin.FillSample(schema)
	switch {
	case err != nil:
		pr.Say("note: the built-in model cannot answer this schema: %v; name a server with --backend, or relax the schema", err)
		return
	case !req.Renderer.Structured():
		pr.Say("note: the schema is not sent with the requests, so the built-in model sees only what the prompt says about it")
	}
	if checked := req.Checker.Check(parse.Answer{
		Text: string(sample), StopReason: "end_turn", Model: standin.ExtractiveID,
	}); checked.Message != "" {
		pr.Say("note: the built-in model cannot satisfy all of this schema, so its answers may fail: %s", checked.Message)
	}
	if len(filled) > 0 {
		if i := slices.Index(filled, ""); i >= 0 { // the schema is of one value, which has no name
			filled[i] = "the answer"
		}
		pr.Say("note: the built-in model only copies sentences; it fills %s by fixed rules and marks these values as filler",
			strings.Join(filled, ", "))
	}
}
