package family

import (
	"github.com/go-json-experiment/json/jsontext"
)

type anthropicBody struct {
	MaxTokens    int64              `json:"max_tokens"`
	System       jsontext.Value     `json:"system"`
	Messages     []anthropicMessage `json:"messages"`
	Temperature  *float64           `json:"temperature"`
	TopP         *float64           `json:"top_p"`
	TopK         *int64             `json:"top_k"`
	Stop         []string           `json:"stop_sequences"`
	Tools        []anthropicTool    `json:"tools"`
	ToolChoice   *anthropicChoice   `json:"tool_choice"`
	OutputConfig *outputConfig      `json:"output_config"`
	OutputFormat *anthropicFormat   `json:"output_format"` // the beta's name of output_config.format
}

type anthropicMessage struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"`
}

type anthropicTool struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	InputSchema jsontext.Value `json:"input_schema"`
}

type anthropicChoice struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

type outputConfig struct {
	Format *anthropicFormat `json:"format"`
}

type anthropicFormat struct {
	Type   string         `json:"type"`
	Schema jsontext.Value `json:"schema"`
}

type anthropicBlock struct {
	Type      string           `json:"type"`
	Text      string           `json:"text"`
	Thinking  string           `json:"thinking"`
	Title     string           `json:"title"`
	Source    *anthropicSource `json:"source"`
	ID        string           `json:"id"`
	Name      string           `json:"name"`
	Input     jsontext.Value   `json:"input"`
	ToolUseID string           `json:"tool_use_id"`
	Content   jsontext.Value   `json:"content"`
	IsError   bool             `json:"is_error"`
	Cache     jsontext.Value   `json:"cache_control"`
}

type anthropicSource struct {
	Type      string         `json:"type"`
	MediaType string         `json:"media_type"`
	Data      string         `json:"data"`
	URL       string         `json:"url"`
	Content   jsontext.Value `json:"content"`
}

// anthropic checks what Bedrock requires at the top of the body and what it refuses: the model and streaming are the call's, not the body's.
func (m members) anthropic() error {
	if err := m.forbid("model", "modelId", "stream"); err != nil {
		return err
	}
	for _, name := range []string{"anthropic_version", "max_tokens", "messages"} {
		if !m.has(name) {
			return invalidf("%s: Field required", name)
		}
	}
	return nil
}

func (p *Prompt) parseAnthropic(body []byte, m members) error {
	if err := m.anthropic(); err != nil {
		return err
	}
	if !isString(m.get("anthropic_version")) {
		return invalidf("anthropic_version: Input should be a valid string")
	}
	var b anthropicBody
	if err := unmarshal(body, &b); err != nil {
		return err
	}
	if b.MaxTokens < 1 {
		return invalidf("max_tokens: Input should be greater than or equal to 1")
	}
	if b.Temperature != nil && (*b.Temperature < 0 || *b.Temperature > 1) {
		return invalidf("temperature: range: 0..1")
	}
	p.MaxTokens, p.Temperature, p.TopP, p.TopK, p.Stop = b.MaxTokens, b.Temperature, b.TopP, b.TopK, b.Stop
	system, err := anthropicContent("system", b.System)
	if err != nil {
		return err
	}
	p.System = Turn{Parts: system}.text()
	for _, msg := range b.Messages {
		if msg.Role != roleUser && msg.Role != roleAssistant {
			return invalidf("messages: Unexpected role %q. Allowed roles are \"user\" or \"assistant\"", msg.Role)
		}
		if isNull(msg.Content) {
			return invalidf("messages.content: Field required")
		}
		parts, err := anthropicContent("messages", msg.Content)
		if err != nil {
			return err
		}
		p.Turns = append(p.Turns, Turn{Role: msg.Role, Parts: parts})
	}
	p.setCached(system)
	for _, t := range b.Tools {
		p.Tools = append(p.Tools, Tool{Name: t.Name, Description: t.Description, Schema: t.InputSchema})
	}
	if b.ToolChoice != nil {
		p.ToolChoice = ToolChoice{Mode: b.ToolChoice.Type, Name: b.ToolChoice.Name}
	}
	format := b.OutputFormat
	if b.OutputConfig != nil && b.OutputConfig.Format != nil {
		format = b.OutputConfig.Format
	}
	return p.setAnthropicFormat(format)
}

func (p *Prompt) setAnthropicFormat(f *anthropicFormat) error {
	if f == nil {
		return nil
	}
	if f.Type != "json_schema" || f.Schema.Kind() != jsontext.KindBeginObject {
		return invalidf("output_config.format: a json_schema with a schema is required")
	}
	p.Format = Format{JSON: true, Schema: f.Schema}
	return nil
}

// anthropicContent reads a string or a list of blocks.
func anthropicContent(where string, v jsontext.Value) ([]Part, error) {
	if isNull(v) {
		return nil, nil
	}
	if isString(v) {
		var s string
		if err := unmarshal(v, &s); err != nil {
			return nil, err
		}
		if s == "" {
			return nil, nil
		}
		return []Part{{Kind: Text, Text: s}}, nil
	}
	if !isArray(v) {
		return nil, invalidf("%s: Input should be a valid string or list", where)
	}
	var blocks []anthropicBlock
	if err := unmarshal(v, &blocks); err != nil {
		return nil, err
	}
	parts := make([]Part, 0, len(blocks))
	for _, b := range blocks {
		part, err := b.part(where)
		if err != nil {
			return nil, err
		}
		if len(part) > 0 && !isNull(b.Cache) {
			part[len(part)-1].CachePoint = true
		}
		parts = append(parts, part...)
	}
	return parts, nil
}

func (b anthropicBlock) part(where string) ([]Part, error) {
	switch b.Type {
	case "text":
		if b.Text == "" {
			return nil, invalidf("%s: text content blocks must be non-empty", where)
		}
		return []Part{{Kind: Text, Text: b.Text}}, nil
	case "image":
		if b.Source == nil {
			return nil, invalidf("%s: image.source: Field required", where)
		}
		return []Part{{Kind: Image, MediaType: b.Source.MediaType, Data: b.Source.Data, URL: b.Source.URL}}, nil
	case "document":
		return b.document(where)
	case "tool_use":
		return []Part{{Kind: ToolUse, ID: b.ID, Name: b.Name, Input: b.Input}}, nil
	case "tool_result":
		inner, err := anthropicContent(where, b.Content)
		if err != nil {
			return nil, err
		}
		return []Part{{Kind: ToolResult, ID: b.ToolUseID, Text: Turn{Parts: inner}.text(), Failed: b.IsError}}, nil
	case "thinking":
		return []Part{{Kind: Reasoning, Text: b.Thinking}}, nil
	case "redacted_thinking":
		return nil, nil
	}
	return nil, invalidf("%s: Input tag %q found using 'type' does not match any of the expected tags", where, b.Type)
}

// document takes plain text; a PDF has no text that we could hand on.
func (b anthropicBlock) document(where string) ([]Part, error) {
	if b.Source == nil {
		return nil, invalidf("%s: document.source: Field required", where)
	}
	switch b.Source.Type {
	case "text":
		return []Part{{Kind: Text, Text: b.Source.Data}}, nil
	case "content":
		return anthropicContent(where, b.Source.Content)
	}
	return nil, invalidf("%s: document.source: type %q is not supported by this stand-in; send text", where, b.Source.Type)
}

type anthropicReply struct {
	Model        string          `json:"model"`
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Role         string          `json:"role"`
	Content      []anthropicPart `json:"content"`
	StopReason   string          `json:"stop_reason"`
	StopSequence *string         `json:"stop_sequence"`
	Usage        anthropicUsage  `json:"usage"`
	Filler       []string        `json:"filler,omitempty"`
}

type anthropicPart struct {
	Type  string         `json:"type"`
	Text  *string        `json:"text,omitzero"`
	ID    string         `json:"id,omitzero"`
	Name  string         `json:"name,omitzero"`
	Input jsontext.Value `json:"input,omitzero"`
}

type anthropicUsage struct {
	InputTokens  *int64 `json:"input_tokens,omitzero"`
	OutputTokens *int64 `json:"output_tokens,omitzero"`
}

var anthropicStops = map[Stop]string{
	EndTurn: "end_turn", MaxTokens: "max_tokens", StopSequence: "stop_sequence", CallTool: "tool_use", Refusal: "refusal",
}

func (r Reply) anthropic() any {
	out := anthropicReply{
		Model: r.Model, ID: "msg_bdrk_" + r.ID, Type: "message", Role: roleAssistant, Content: []anthropicPart{},
		StopReason: anthropicStops[r.Stop], Usage: anthropicUsage{r.shown(r.InputTokens), r.shown(r.OutputTokens)}, Filler: r.Filler,
	}
	if r.Text != "" || len(r.Calls) == 0 {
		out.Content = append(out.Content, anthropicPart{Type: "text", Text: &r.Text})
	}
	for _, c := range r.Calls {
		out.Content = append(out.Content, anthropicPart{Type: "tool_use", ID: c.ID, Name: c.Name, Input: objectOr(c.Input)})
	}
	if r.Stop == StopSequence {
		out.StopSequence = &r.StopSequence
	}
	return out
}

// objectOr keeps an object and writes anything else as an empty one: input must be an object.
func objectOr(v jsontext.Value) jsontext.Value {
	if v.Kind() != jsontext.KindBeginObject {
		return jsontext.Value("{}")
	}
	return v
}
