package family

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a body. 25 MB is the limit of InvokeModel's body in the Bedrock API reference.
const (
	MaxBody  = 25_000_000
	MaxDepth = 64
)

// Parse reads a body for the given model. With converse the body is Converse's whatever the model; else it is the family's InvokeModel
// body. Every error is an *Invalid.
func Parse(modelID string, converse bool, body []byte) (*Prompt, error) {
	if len(body) > MaxBody {
		return nil, invalidf("Malformed input request: the body has %d bytes, more than the %d allowed.", len(body), MaxBody)
	}
	if err := checkDepth(body); err != nil {
		return nil, err
	}
	members, err := topLevel(body)
	if err != nil {
		return nil, err
	}
	kind, ok := Converse, true
	if !converse {
		if kind, ok = Of(modelID); !ok {
			if _, opaque := BaseModel(modelID); !opaque {
				return nil, invalidf("The provided model identifier is invalid: no request format is known for %q.", modelID)
			}
			kind = ofBody(members.has)
		} else if _, hasPrompt := members["prompt"]; kind == Chat && hasPrompt && strings.Contains(modelID, "mistral.") {
			kind = MistralText
		}
	}
	p := &Prompt{Kind: kind, ModelID: modelID}
	switch kind {
	case Anthropic:
		err = p.parseAnthropic(body, members)
	case Converse, Nova:
		err = p.parseConverse(body, members)
	case Chat:
		err = p.parseChat(body, members)
	default:
		err = p.parseText(body, members)
	}
	if err != nil {
		return nil, err
	}
	return p, p.check()
}

// check holds what every family asks of a conversation.
func (p *Prompt) check() error {
	if len(p.Turns) == 0 {
		return invalidf("messages: at least one message is required")
	}
	said := false
	for _, t := range p.Turns {
		said = said || t.Role == roleUser && len(t.Parts) > 0
	}
	if !said {
		return invalidf("messages: at least one user message with content is required")
	}
	if p.MaxTokens < 0 {
		return invalidf("max_tokens: Input should be greater than or equal to 1")
	}
	return nil
}

// members are the names at the top of a body with their raw values.
type members map[string]jsontext.Value

func (m members) has(name string) bool { _, ok := m[name]; return ok }

// require answers as Bedrock's own schema check does when a member is missing.
func (m members) require(names ...string) error {
	for _, name := range names {
		if !m.has(name) {
			return invalidf("Malformed input request: #: required key [%s] not found, please reformat your input and try again.", name)
		}
	}
	return nil
}

// forbid refuses members that belong to the call and not to the body.
func (m members) forbid(names ...string) error {
	for _, name := range names {
		if m.has(name) {
			return invalidf("%s: Extra inputs are not permitted", name)
		}
	}
	return nil
}

func topLevel(body []byte) (members, error) {
	if jsontext.Value(bytes.TrimLeft(body, " \t\r\n")).Kind() != jsontext.KindBeginObject {
		return nil, invalidf("Malformed input request: the body is not a JSON object, please reformat your input and try again.")
	}
	var m members
	if err := unmarshal(body, &m); err != nil {
		return nil, err
	}
	return m, nil
}

// unmarshal is strict: UTF-8, no duplicate names, exact case.
func unmarshal(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	reason := "the body does not have the expected form"
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		reason = fmt.Sprintf("invalid JSON at byte %d", syntax.ByteOffset)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			reason = fmt.Sprintf("duplicate name %q", syntax.JSONPointer.LastToken())
		}
	case errors.As(err, &semantic) && semantic.JSONPointer != "":
		reason = fmt.Sprintf("#%s: wrong type", semantic.JSONPointer)
	}
	return invalidf("Malformed input request: %s, please reformat your input and try again.", reason)
}

// checkDepth refuses deep nesting before anything recursive sees the body.
func checkDepth(body []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return invalidf("Malformed input request: nested deeper than %d, please reformat your input and try again.", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// isString and isArray tell the two forms that content may have.
func isString(v jsontext.Value) bool { return v.Kind() == jsontext.KindString }
func isArray(v jsontext.Value) bool  { return v.Kind() == jsontext.KindBeginArray }
func isNull(v jsontext.Value) bool   { return len(v) == 0 || v.Kind() == jsontext.KindNull }

func joinTexts(texts []string) string { return strings.Join(texts, "\n\n") }
