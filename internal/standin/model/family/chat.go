package family

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

type chatBody struct {
	Messages      []chatMessage   `json:"messages"`
	MaxTokens     int64           `json:"max_tokens"`
	MaxCompletion int64           `json:"max_completion_tokens"`
	Temperature   *float64        `json:"temperature"`
	TopP          *float64        `json:"top_p"`
	TopK          *int64          `json:"top_k"`
	Stop          jsontext.Value  `json:"stop"` // string or list
	Format        *responseFormat `json:"response_format"`
	Tools         []chatTool      `json:"tools"`
	ToolChoice    jsontext.Value  `json:"tool_choice"` // string or object
}

type chatMessage struct {
	Role       string         `json:"role"`
	Content    jsontext.Value `json:"content"` // string, list of parts or null
	ToolCalls  []chatCall     `json:"tool_calls"`
	ToolCallID string         `json:"tool_call_id"`
}

type chatCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type chatTool struct {
	Function struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
	} `json:"function"`
}

type responseFormat struct {
	Type       string `json:"type"`
	JSONSchema *struct {
		Name   string         `json:"name"`
		Schema jsontext.Value `json:"schema"`
	} `json:"json_schema"`
}

type chatPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL *struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

func (p *Prompt) parseChat(body []byte, m members) error {
	if err := m.forbid("modelId"); err != nil {
		return err
	}
	if err := m.require("messages"); err != nil {
		return err
	}
	var b chatBody
	if err := unmarshal(body, &b); err != nil {
		return err
	}
	p.MaxTokens = max(b.MaxTokens, b.MaxCompletion)
	if b.MaxTokens < 0 || b.MaxCompletion < 0 {
		p.MaxTokens = -1
	}
	p.Temperature, p.TopP, p.TopK = b.Temperature, b.TopP, b.TopK
	var err error
	if p.Stop, err = stringOrList(b.Stop); err != nil {
		return err
	}
	var system []string
	for _, msg := range b.Messages {
		parts, err := chatContent(msg.Content)
		if err != nil {
			return err
		}
		switch msg.Role {
		case roleSystem, "developer":
			system = append(system, Turn{Parts: parts}.text())
		case roleUser:
			p.Turns = append(p.Turns, Turn{Role: roleUser, Parts: parts})
		case "tool":
			p.Turns = append(p.Turns, Turn{Role: roleUser, Parts: []Part{{Kind: ToolResult, ID: msg.ToolCallID, Text: Turn{Parts: parts}.text()}}})
		case roleAssistant:
			for _, c := range msg.ToolCalls {
				if args := jsontext.Value(c.Function.Arguments); args.Kind() != jsontext.KindBeginObject || !args.IsValid() {
					return invalidf("messages: the arguments of tool call %q are not a JSON object", c.Function.Name)
				}
				parts = append(parts, Part{Kind: ToolUse, ID: c.ID, Name: c.Function.Name, Input: jsontext.Value(c.Function.Arguments)})
			}
			p.Turns = append(p.Turns, Turn{Role: roleAssistant, Parts: parts})
		default:
			return invalidf("Malformed input request: #/messages: role %q is not a valid enum value, please reformat your input and try again.", msg.Role)
		}
	}
	p.System = joinTexts(system)
	for _, t := range b.Tools {
		p.Tools = append(p.Tools, Tool{Name: t.Function.Name, Description: t.Function.Description, Schema: t.Function.Parameters})
	}
	if err := p.setChatChoice(b.ToolChoice); err != nil {
		return err
	}
	return p.setResponseFormat(b.Format)
}

func (p *Prompt) setChatChoice(v jsontext.Value) error {
	if isNull(v) {
		return nil
	}
	if isString(v) {
		var mode string
		if err := unmarshal(v, &mode); err != nil {
			return err
		}
		if mode == "required" {
			mode = "any"
		}
		p.ToolChoice.Mode = mode
		return nil
	}
	var choice chatTool
	if err := unmarshal(v, &choice); err != nil {
		return err
	}
	p.ToolChoice = ToolChoice{Mode: "tool", Name: choice.Function.Name}
	return nil
}

func (p *Prompt) setResponseFormat(f *responseFormat) error {
	if f == nil {
		return nil
	}
	switch f.Type {
	case "text":
		return nil
	case "json_object":
		p.Format = Format{JSON: true}
		return nil
	case "json_schema":
		if f.JSONSchema == nil || f.JSONSchema.Schema.Kind() != jsontext.KindBeginObject {
			return invalidf("response_format: json_schema with a schema is required")
		}
		p.Format = Format{JSON: true, Name: f.JSONSchema.Name, Schema: f.JSONSchema.Schema}
		return nil
	}
	return invalidf("response_format: type %q is not one of text, json_object, json_schema", f.Type)
}

func chatContent(v jsontext.Value) ([]Part, error) {
	if isNull(v) {
		return nil, nil
	}
	if isString(v) {
		var s string
		if err := unmarshal(v, &s); err != nil || s == "" {
			return nil, err
		}
		return []Part{{Kind: Text, Text: s}}, nil
	}
	var raw []chatPart
	if err := unmarshal(v, &raw); err != nil {
		return nil, err
	}
	var parts []Part
	for _, c := range raw {
		switch {
		case c.Type == "text":
			if c.Text != "" {
				parts = append(parts, Part{Kind: Text, Text: c.Text})
			}
		case c.Type == "image_url" && c.ImageURL != nil:
			parts = append(parts, imageFromURL(c.ImageURL.URL))
		default:
			return nil, invalidf("messages: content part of type %q is not supported", c.Type)
		}
	}
	return parts, nil
}

// imageFromURL takes a data URI apart; any other address stays one.
func imageFromURL(url string) Part {
	if rest, ok := strings.CutPrefix(url, "data:"); ok {
		if media, data, ok := strings.Cut(rest, ";base64,"); ok {
			return Part{Kind: Image, MediaType: media, Data: data}
		}
	}
	return Part{Kind: Image, URL: url}
}

func stringOrList(v jsontext.Value) ([]string, error) {
	if isNull(v) {
		return nil, nil
	}
	if isString(v) {
		var s string
		err := unmarshal(v, &s)
		return []string{s}, err
	}
	var list []string
	err := unmarshal(v, &list)
	return list, err
}

type chatReply struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   chatUsage    `json:"usage"`
	Filler  []string     `json:"filler,omitempty"`
}

type chatChoice struct {
	Index   int `json:"index"`
	Message struct {
		Role      string     `json:"role"`
		Content   *string    `json:"content"`
		ToolCalls []chatCall `json:"tool_calls,omitempty"`
	} `json:"message"`
	FinishReason string `json:"finish_reason"`
}

type chatUsage struct {
	PromptTokens     *int64 `json:"prompt_tokens,omitzero"`
	CompletionTokens *int64 `json:"completion_tokens,omitzero"`
	TotalTokens      *int64 `json:"total_tokens,omitzero"`
}

var chatStops = map[Stop]string{
	EndTurn: "stop", MaxTokens: "length", StopSequence: "stop", CallTool: "tool_calls", Refusal: "content_filter",
}

func (r Reply) chat() any {
	out := chatReply{
		ID: "chatcmpl-" + r.ID, Object: "chat.completion", Created: r.Created.Unix(), Model: r.Model, Choices: make([]chatChoice, 1),
		Usage: chatUsage{r.shown(r.InputTokens), r.shown(r.OutputTokens), r.shown(r.InputTokens + r.OutputTokens)}, Filler: r.Filler,
	}
	choice := &out.Choices[0]
	choice.Message.Role, choice.FinishReason = roleAssistant, chatStops[r.Stop]
	if r.Text != "" || len(r.Calls) == 0 {
		choice.Message.Content = &r.Text
	}
	for _, c := range r.Calls {
		call := chatCall{ID: c.ID, Type: "function"}
		call.Function.Name, call.Function.Arguments = c.Name, string(objectOr(c.Input))
		choice.Message.ToolCalls = append(choice.Message.ToolCalls, call)
	}
	return out
}
