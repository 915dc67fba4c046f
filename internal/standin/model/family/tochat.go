package family

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type chatRequest struct {
	Model         string        `json:"model"`
	Messages      []chatOut     `json:"messages"`
	MaxTokens     int64         `json:"max_tokens,omitzero"`
	MaxCompletion int64         `json:"max_completion_tokens,omitzero"`
	Temperature   *float64      `json:"temperature,omitzero"`
	TopP          *float64      `json:"top_p,omitzero"`
	TopK          *int64        `json:"top_k,omitzero"`
	Stop          []string      `json:"stop,omitempty"`
	Format        *formatOut    `json:"response_format,omitzero"`
	Tools         []chatToolOut `json:"tools,omitempty"`
	ToolChoice    any           `json:"tool_choice,omitzero"`
}

type chatOut struct {
	Role       string     `json:"role"`
	Content    any        `json:"content"` // string, []chatPartOut or nil
	Reasoning  string     `json:"reasoning,omitzero"`
	ToolCalls  []chatCall `json:"tool_calls,omitempty"`
	ToolCallID string     `json:"tool_call_id,omitzero"`
}

type chatPartOut struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitzero"`
	ImageURL *imageOut `json:"image_url,omitzero"`
}

type imageOut struct {
	URL string `json:"url"`
}

type formatOut struct {
	Type       string     `json:"type"`
	JSONSchema *schemaOut `json:"json_schema,omitzero"`
}

type schemaOut struct {
	Name   string         `json:"name"`
	Schema jsontext.Value `json:"schema"`
	Strict bool           `json:"strict"`
}

type chatToolOut struct {
	Type     string      `json:"type"`
	Function functionOut `json:"function"`
}

type functionOut struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Parameters  jsontext.Value `json:"parameters,omitzero"`
}

// ChatRequest writes the prompt as a chat completion request. newer uses max_completion_tokens, which OpenAI's later models demand in
// place of max_tokens.
func (p *Prompt) ChatRequest(model string, newer bool) ([]byte, error) {
	out := chatRequest{Model: model, Temperature: p.Temperature, TopP: p.TopP, TopK: p.TopK, Stop: p.Stop}
	if newer {
		out.MaxCompletion = p.MaxTokens
	} else {
		out.MaxTokens = p.MaxTokens
	}
	if p.System != "" {
		out.Messages = append(out.Messages, chatOut{Role: roleSystem, Content: p.System})
	}
	for _, t := range p.Turns {
		out.Messages = append(out.Messages, t.chat()...)
	}
	out.Format = p.Format.chat()
	for _, t := range p.Tools {
		out.Tools = append(out.Tools, chatToolOut{Type: "function", Function: functionOut{t.Name, t.Description, t.Schema}})
	}
	if len(p.Tools) > 0 {
		out.ToolChoice = p.ToolChoice.chat()
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write chat completion request: %w", err)
	}
	return body, nil
}

func (f Format) chat() *formatOut {
	switch {
	case !f.JSON:
		return nil
	case len(f.Schema) == 0:
		return &formatOut{Type: "json_object"}
	}
	name := f.Name
	if name == "" {
		name = "answer"
	}
	return &formatOut{Type: "json_schema", JSONSchema: &schemaOut{Name: name, Schema: f.Schema, Strict: true}}
}

func (c ToolChoice) chat() any {
	switch c.Mode {
	case "":
		return nil
	case "any":
		return "required"
	case "tool":
		return chatToolOut{Type: "function", Function: functionOut{Name: c.Name}}
	}
	return c.Mode
}

// chat writes a turn; each tool result becomes a message of its own.
func (t Turn) chat() []chatOut {
	var out []chatOut
	msg := chatOut{Role: t.Role}
	var parts []chatPartOut
	var reasoning []string
	onlyText := true
	for _, part := range t.Parts {
		switch part.Kind {
		case Text:
			parts = append(parts, chatPartOut{Type: "text", Text: part.Text})
		case Image:
			onlyText = false
			url := part.URL
			if url == "" {
				url = "data:" + part.MediaType + ";base64," + part.Data
			}
			parts = append(parts, chatPartOut{Type: "image_url", ImageURL: &imageOut{url}})
		case ToolUse:
			call := chatCall{ID: part.ID, Type: "function"}
			call.Function.Name, call.Function.Arguments = part.Name, string(objectOr(part.Input))
			msg.ToolCalls = append(msg.ToolCalls, call)
		case ToolResult:
			out = append(out, chatOut{Role: "tool", ToolCallID: part.ID, Content: part.Text})
		case Reasoning:
			reasoning = append(reasoning, part.Text)
		}
	}
	msg.Reasoning = joinTexts(reasoning)
	switch {
	case len(parts) == 0 && len(msg.ToolCalls) == 0:
		return out
	case len(parts) == 0:
	case onlyText:
		msg.Content = t.text()
	default:
		msg.Content = parts
	}
	return append(out, msg)
}

type chatUsageIn struct {
	PromptTokens     *tokenCount `json:"prompt_tokens"`
	CompletionTokens *tokenCount `json:"completion_tokens"`
}

// UnmarshalJSON reads any JSON value: what is no object has no counts.
func (u *chatUsageIn) UnmarshalJSON(text []byte) error {
	type plain chatUsageIn
	return usageObject(text, (*plain)(u))
}

type chatReplyIn struct {
	Model   string `json:"model"`
	Choices []struct {
		Message struct {
			Content   jsontext.Value `json:"content"`
			Refusal   string         `json:"refusal"`
			ToolCalls []chatCall     `json:"tool_calls"`
		} `json:"message"`
		FinishReason string         `json:"finish_reason"`
		StopReason   jsontext.Value `json:"stop_reason"` // vLLM: the stop string or token that was met
	} `json:"choices"`
	Usage chatUsageIn `json:"usage"`
}

// lenient reads what servers send: they may repeat a name or break UTF-8, and that is no reason to lose an answer that was computed.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// ReadChatReply reads a chat completion. Where it has no counts that can be, Uncounted is set and the tokens of the
// answer are estimated by Tokens; those of the prompt are left 0.
func ReadChatReply(body []byte) (Reply, error) {
	var in chatReplyIn
	if err := json.Unmarshal(body, &in, lenient); err != nil {
		return Reply{}, fmt.Errorf("read chat completion: %w", err)
	}
	if len(in.Choices) == 0 {
		return Reply{}, fmt.Errorf("read chat completion: no choices in it")
	}
	choice := in.Choices[0]
	r := Reply{Model: in.Model}
	var err error
	if r.Text, err = contentText(choice.Message.Content); err != nil {
		return Reply{}, err
	}
	switch choice.FinishReason {
	case "length":
		r.Stop = MaxTokens
	case "tool_calls", "function_call":
		r.Stop = CallTool
	case "content_filter":
		r.Stop = Refusal
	default:
		if isString(choice.StopReason) && json.Unmarshal(choice.StopReason, &r.StopSequence) == nil && r.StopSequence != "" {
			r.Stop = StopSequence
		}
	}
	if choice.Message.Refusal != "" {
		r.Stop = Refusal
		if r.Text == "" {
			r.Text = choice.Message.Refusal
		}
	}
	for _, c := range choice.Message.ToolCalls {
		input := jsontext.Value(c.Function.Arguments)
		if !input.IsValid() {
			return Reply{}, fmt.Errorf("read chat completion: the arguments of tool call %q are not JSON", c.Function.Name)
		}
		r.Calls = append(r.Calls, Part{Kind: ToolUse, ID: c.ID, Name: c.Function.Name, Input: input})
	}
	r.count(in.Usage.PromptTokens, in.Usage.CompletionTokens)
	return r, nil
}

// contentText reads content that is a string, null, or a list of text parts.
func contentText(v jsontext.Value) (string, error) {
	if isNull(v) {
		return "", nil
	}
	if isString(v) {
		var s string
		err := json.Unmarshal(v, &s, lenient)
		return s, err
	}
	var parts []chatPart
	if err := json.Unmarshal(v, &parts, lenient); err != nil {
		return "", fmt.Errorf("read chat completion: content: %w", err)
	}
	var text strings.Builder
	for _, part := range parts {
		text.WriteString(part.Text)
	}
	return text.String(), nil
}
