package family

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type messagesRequest struct {
	Model        string           `json:"model"`
	MaxTokens    int64            `json:"max_tokens"`
	System       string           `json:"system,omitzero"`
	Messages     []messageOut     `json:"messages"`
	Temperature  *float64         `json:"temperature,omitzero"`
	TopP         *float64         `json:"top_p,omitzero"`
	TopK         *int64           `json:"top_k,omitzero"`
	Stop         []string         `json:"stop_sequences,omitempty"`
	Tools        []messageTool    `json:"tools,omitempty"`
	ToolChoice   *anthropicChoice `json:"tool_choice,omitzero"`
	OutputConfig *outputConfig    `json:"output_config,omitzero"`
}

type messageOut struct {
	Role    string     `json:"role"`
	Content []blockOut `json:"content"`
}

type blockOut struct {
	Type      string         `json:"type"`
	Text      string         `json:"text,omitzero"`
	Source    *sourceOut     `json:"source,omitzero"`
	ID        string         `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	Input     jsontext.Value `json:"input,omitzero"`
	ToolUseID string         `json:"tool_use_id,omitzero"`
	Content   string         `json:"content,omitzero"`
	IsError   bool           `json:"is_error,omitzero"`
}

type sourceOut struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type,omitzero"`
	Data      string `json:"data,omitzero"`
	URL       string `json:"url,omitzero"`
}

type messageTool struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	InputSchema jsontext.Value `json:"input_schema"`
}

// defaultMaxTokens is sent where a family's body sets no limit and /v1/messages demands one.
const defaultMaxTokens = 4096

// MessagesRequest writes the prompt as a request to /v1/messages.
func (p *Prompt) MessagesRequest(model string) ([]byte, error) {
	out := messagesRequest{
		Model: model, MaxTokens: p.MaxTokens, System: p.System, Temperature: p.Temperature, TopP: p.TopP, TopK: p.TopK, Stop: p.Stop,
	}
	if out.MaxTokens == 0 {
		out.MaxTokens = defaultMaxTokens
	}
	for _, t := range p.Turns {
		if blocks := t.blocks(); len(blocks) > 0 {
			out.Messages = append(out.Messages, messageOut{t.Role, blocks})
		}
	}
	for _, t := range p.Tools {
		out.Tools = append(out.Tools, messageTool{t.Name, t.Description, objectOr(t.Schema)})
	}
	if p.ToolChoice.Mode != "" && len(p.Tools) > 0 {
		out.ToolChoice = &anthropicChoice{Type: p.ToolChoice.Mode, Name: p.ToolChoice.Name}
	}
	if len(p.Format.Schema) > 0 {
		out.OutputConfig = &outputConfig{Format: &anthropicFormat{Type: "json_schema", Schema: p.Format.Schema}}
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write messages request: %w", err)
	}
	return body, nil
}

func (t Turn) blocks() []blockOut {
	var out []blockOut
	for _, part := range t.Parts {
		switch part.Kind {
		case Text:
			out = append(out, blockOut{Type: "text", Text: part.Text})
		case Image:
			source := &sourceOut{Type: "url", URL: part.URL}
			if part.URL == "" {
				source = &sourceOut{Type: "base64", MediaType: part.MediaType, Data: part.Data}
			}
			out = append(out, blockOut{Type: "image", Source: source})
		case ToolUse:
			out = append(out, blockOut{Type: "tool_use", ID: part.ID, Name: part.Name, Input: objectOr(part.Input)})
		case ToolResult:
			out = append(out, blockOut{Type: "tool_result", ToolUseID: part.ID, Content: part.Text, IsError: part.Failed})
		case Reasoning:
			// A thinking block is valid only with the signature of the server that wrote it.
		}
	}
	return out
}

// AnthropicLimit checks an Anthropic body for what Bedrock requires of it and takes no offence at content it does not know. It tells the
// body's max_tokens; the error is an *Invalid.
func AnthropicLimit(body []byte) (maxTokens int64, err error) {
	m, err := topLevel(body)
	if err != nil {
		return 0, err
	}
	if err := m.anthropic(); err != nil {
		return 0, brokenFirst(body, err)
	}
	if err := unmarshal(m.get("max_tokens"), &maxTokens); err != nil || maxTokens < 1 {
		return 0, brokenFirst(body, invalidf("max_tokens: Input should be a valid integer greater than or equal to 1"))
	}
	return maxTokens, nil
}

// WithModel is the object with the member model set and the named ones left out; all else keeps its bytes and its order.
func WithModel(body []byte, model string, drop ...string) ([]byte, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != jsontext.KindBeginObject {
		return nil, invalidf("Malformed input request: the body is not a JSON object, please reformat your input and try again.")
	}
	quoted, err := jsontext.AppendQuote(nil, model)
	if err != nil {
		return nil, fmt.Errorf("write model name: %w", err)
	}
	out := make([]byte, 0, len(body)+len(quoted)+16)
	out = append(out, `{"model":`...)
	out = append(out, quoted...)
	for dec.PeekKind() == jsontext.KindString {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, unmarshal(body, new(jsontext.Value))
		}
		key := name.String()
		end := dec.InputOffset()
		start := end - int64(len(rawName(body[:end])))
		if _, err := dec.ReadValue(); err != nil {
			return nil, unmarshal(body, new(jsontext.Value))
		}
		if key == "model" || slices.Contains(drop, key) {
			continue
		}
		out = append(out, ',')
		out = append(out, body[start:dec.InputOffset()]...)
	}
	return append(out, '}'), nil
}

// rawName is the quoted name that body ends with.
func rawName(body []byte) []byte {
	for i := len(body) - 2; i >= 0; i-- {
		if body[i] != '"' {
			continue
		}
		slashes := 0
		for j := i - 1; j >= 0 && body[j] == '\\'; j-- {
			slashes++
		}
		if slashes%2 == 0 {
			return body[i:]
		}
	}
	return nil
}

type messagesUsageIn struct {
	Input       *tokenCount `json:"input_tokens"`
	Output      *tokenCount `json:"output_tokens"`
	CacheRead   tokenCount  `json:"cache_read_input_tokens"`
	CacheCreate tokenCount  `json:"cache_creation_input_tokens"`
}

// UnmarshalJSON reads any JSON value: what is no object has no counts.
func (u *messagesUsageIn) UnmarshalJSON(text []byte) error {
	type plain messagesUsageIn
	return usageObject(text, (*plain)(u))
}

type messagesReplyIn struct {
	Type    string `json:"type"`
	Model   string `json:"model"`
	Content []struct {
		Type  string         `json:"type"`
		Text  string         `json:"text"`
		ID    string         `json:"id"`
		Name  string         `json:"name"`
		Input jsontext.Value `json:"input"`
	} `json:"content"`
	StopReason   string          `json:"stop_reason"`
	StopSequence *string         `json:"stop_sequence"`
	Usage        messagesUsageIn `json:"usage"`
}

// ReadMessagesReply reads a reply of /v1/messages; usage as for ReadChatReply.
func ReadMessagesReply(body []byte) (Reply, error) {
	var in messagesReplyIn
	if err := json.Unmarshal(body, &in, lenient); err != nil {
		return Reply{}, fmt.Errorf("read message: %w", err)
	}
	if in.Type != "" && in.Type != "message" {
		return Reply{}, fmt.Errorf("read message: type is %q", in.Type)
	}
	if in.Content == nil {
		return Reply{}, fmt.Errorf("read message: no content in it")
	}
	r := Reply{Model: in.Model}
	var text strings.Builder
	for _, b := range in.Content {
		switch b.Type {
		case "text":
			text.WriteString(b.Text)
		case "tool_use":
			if !b.Input.IsValid() {
				return Reply{}, fmt.Errorf("read message: the input of tool call %q is not JSON", b.Name)
			}
			r.Calls = append(r.Calls, Part{Kind: ToolUse, ID: b.ID, Name: b.Name, Input: b.Input})
		}
	}
	r.Text = text.String()
	switch in.StopReason {
	case "max_tokens":
		r.Stop = MaxTokens
	case "tool_use":
		r.Stop = CallTool
	case "refusal":
		r.Stop = Refusal
	case "stop_sequence":
		r.Stop = StopSequence
		if in.StopSequence != nil {
			r.StopSequence = *in.StopSequence
		}
	}
	r.count(in.Usage.Input, in.Usage.Output, in.Usage.CacheRead, in.Usage.CacheCreate)
	return r, nil
}
