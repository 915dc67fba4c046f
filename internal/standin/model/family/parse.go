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
	kind, members, err := look(modelID, converse, body)
	if err != nil {
		return nil, err
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
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, brokenFirst(body, err)
	}
	return p, nil
}

// brokenFirst prefers to say that a body is not JSON over what is missing in it.
func brokenFirst(body []byte, err error) error {
	if broken := unmarshal(body, new(jsontext.Value)); broken != nil {
		return broken
	}
	return err
}

// KindOf tells a body's shape and whether it is an object within the bounds, without reading it. Every error is an *Invalid.
func KindOf(modelID string, converse bool, body []byte) (Kind, error) {
	kind, _, err := look(modelID, converse, body)
	return kind, err
}

func look(modelID string, converse bool, body []byte) (Kind, members, error) {
	if len(body) > MaxBody {
		return "", nil, invalidf("Malformed input request: the body has %d bytes, more than the %d allowed.", len(body), MaxBody)
	}
	m, err := topLevel(body)
	if err != nil {
		return "", nil, err
	}
	if base, opaque := BaseModel(modelID); !opaque && strings.Contains(base, "embed") {
		// AWS's words for Converse with such a model (users report them).
		return "", nil, invalidf("This action doesn't support the model that you provided. Try again with a supported text or chat model.")
	}
	if converse {
		return Converse, m, nil
	}
	kind, ok := Of(modelID)
	if !ok {
		if _, opaque := BaseModel(modelID); !opaque {
			return "", nil, invalidf("The provided model identifier is invalid: no request format is known for %q.", strings.ToValidUTF8(modelID, "\uFFFD"))
		}
		return ofBody(m.has), m, nil
	}
	if kind == Chat && m.has("prompt") && !m.has("messages") && strings.Contains(modelID, "mistral.") {
		kind = MistralText
	}
	return kind, m, nil
}

// check holds what every family requires of a conversation.
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

// members are the names at the top of a body with their raw values, which share the body's memory.
type members []member

type member struct {
	name  string
	value jsontext.Value
}

func (m members) get(name string) jsontext.Value {
	for _, e := range m {
		if e.name == name {
			return e.value
		}
	}
	return nil
}

func (m members) has(name string) bool { return m.get(name) != nil }

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

// topLevel finds the members of the object that body is, and refuses deep nesting before anything recursive sees it. It is one pass
// without copies and does not check the JSON: the caller unmarshals each value that it uses.
func topLevel(body []byte) (members, error) {
	if jsontext.Value(bytes.TrimLeft(body, " \t\r\n")).Kind() != jsontext.KindBeginObject {
		return nil, invalidf("Malformed input request: the body is not a JSON object, please reformat your input and try again.")
	}
	var found members
	depth, name, value := 0, "", -1
	end := func(i int) {
		if value >= 0 {
			found = append(found, member{name, jsontext.Value(bytes.TrimSpace(body[value:i]))})
			value = -1
		}
	}
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			start := i
			if i = stringEnd(body, i); i < 0 {
				return found, nil // cut off: unmarshalling will say where
			}
			if depth == 1 && value < 0 {
				name = nameIn(body[start : i+1])
			}
		case ':':
			if depth == 1 && value < 0 {
				value = i + 1
			}
		case ',':
			if depth == 1 {
				end(i)
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return nil, invalidf("Malformed input request: nested deeper than %d, please reformat your input and try again.", MaxDepth)
			}
		case '}', ']':
			if depth--; depth == 0 {
				end(i)
			}
		}
	}
	return found, nil
}

// stringEnd is the offset of the quote that closes the string beginning at i, -1 when nothing does.
func stringEnd(body []byte, i int) int {
	for from := i + 1; ; {
		n := bytes.IndexByte(body[from:], '"')
		if n < 0 {
			return -1
		}
		at := from + n
		slashes := 0
		for body[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at
		}
		from = at + 1
	}
}

func nameIn(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	name, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return ""
	}
	return string(name)
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

// isString and isArray tell the two forms that content may have.
func isString(v jsontext.Value) bool { return v.Kind() == jsontext.KindString }
func isArray(v jsontext.Value) bool  { return v.Kind() == jsontext.KindBeginArray }
func isNull(v jsontext.Value) bool   { return len(v) == 0 || v.Kind() == jsontext.KindNull }

func joinTexts(texts []string) string { return strings.Join(texts, "\n\n") }
