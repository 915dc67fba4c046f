package family

import (
	"encoding/base64"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// converseBody is Converse's and, with schemaVersion and top_k, also Nova's InvokeModel body.
type converseBody struct {
	Messages  []converseMessage `json:"messages"`
	System    []converseBlock   `json:"system"`
	Inference *inferenceConfig  `json:"inferenceConfig"`
	Tools     *toolConfig       `json:"toolConfig"`
	Output    *struct {
		TextFormat *textFormat `json:"textFormat"`
	} `json:"outputConfig"`
	Additional *struct {
		TopK         *int64        `json:"top_k"`
		OutputConfig *outputConfig `json:"output_config"`
	} `json:"additionalModelRequestFields"`
}

type converseMessage struct {
	Role    string          `json:"role"`
	Content []converseBlock `json:"content"`
}

type inferenceConfig struct {
	MaxTokens    int64    `json:"maxTokens"`
	MaxNewTokens int64    `json:"max_new_tokens"`
	Temperature  *float64 `json:"temperature"`
	TopP         *float64 `json:"topP"`
	TopPSnake    *float64 `json:"top_p"`
	TopK         *int64   `json:"topK"`
	TopKSnake    *int64   `json:"top_k"`
	Stop         []string `json:"stopSequences"`
}

type textFormat struct {
	Type      string `json:"type"`
	Structure struct {
		JSONSchema struct {
			Schema jsontext.Value `json:"schema"` // a string that holds JSON
			Name   string         `json:"name"`
		} `json:"jsonSchema"`
	} `json:"structure"`
}

type toolConfig struct {
	Tools []struct {
		Spec *struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			InputSchema struct {
				JSON jsontext.Value `json:"json"`
			} `json:"inputSchema"`
		} `json:"toolSpec"`
	} `json:"tools"`
	Choice *struct {
		Auto *struct{} `json:"auto"`
		Any  *struct{} `json:"any"`
		Tool *struct {
			Name string `json:"name"`
		} `json:"tool"`
	} `json:"toolChoice"`
}

type converseBlock struct {
	Text     *string        `json:"text"`
	Image    *mediaBlock    `json:"image"`
	Document *mediaBlock    `json:"document"`
	Cache    jsontext.Value `json:"cachePoint"`
	Guard    *struct {
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
	} `json:"guardContent"`
	ToolUse *struct {
		ID    string         `json:"toolUseId"`
		Name  string         `json:"name"`
		Input jsontext.Value `json:"input"`
	} `json:"toolUse"`
	ToolResult *struct {
		ID      string `json:"toolUseId"`
		Status  string `json:"status"`
		Content []struct {
			Text *string        `json:"text"`
			JSON jsontext.Value `json:"json"`
		} `json:"content"`
	} `json:"toolResult"`
	Reasoning *struct {
		Text *struct {
			Text string `json:"text"`
		} `json:"reasoningText"`
	} `json:"reasoningContent"`
}

type mediaBlock struct {
	Format string `json:"format"`
	Name   string `json:"name"`
	Source struct {
		Bytes string `json:"bytes"`
		Text  string `json:"text"`
	} `json:"source"`
}

func (p *Prompt) parseConverse(body []byte, m members) error {
	if err := m.forbid("modelId", "model"); err != nil {
		return err
	}
	if p.Kind == Converse {
		if err := m.forbid("anthropic_version", "max_tokens", "schemaVersion"); err != nil {
			return err
		}
	} else if v := m.get("schemaVersion"); v != nil && string(v) != `"messages-v1"` {
		return invalidf("Malformed input request: #/schemaVersion: %s is not a valid enum value, please reformat your input and try again.", v)
	}
	if err := m.require("messages"); err != nil {
		return err
	}
	var b converseBody
	if err := unmarshal(body, &b); err != nil {
		return err
	}
	system, err := converseContent(b.System)
	if err != nil {
		return err
	}
	p.System = Turn{Parts: system}.text()
	for _, msg := range b.Messages {
		if msg.Role != roleUser && msg.Role != roleAssistant {
			return invalidf("Malformed input request: #/messages: role %q is not a valid enum value, please reformat your input and try again.", msg.Role)
		}
		parts, err := converseContent(msg.Content)
		if err != nil {
			return err
		}
		p.Turns = append(p.Turns, Turn{Role: msg.Role, Parts: parts})
	}
	p.setCached(system)
	if err := p.setInference(b.Inference); err != nil {
		return err
	}
	p.setTools(b.Tools)
	if b.Additional != nil {
		if b.Additional.TopK != nil {
			p.TopK = b.Additional.TopK
		}
		if b.Additional.OutputConfig != nil {
			if err := p.setAnthropicFormat(b.Additional.OutputConfig.Format); err != nil {
				return err
			}
		}
	}
	if b.Output != nil && b.Output.TextFormat != nil {
		return p.setTextFormat(b.Output.TextFormat)
	}
	return nil
}

func (p *Prompt) setInference(c *inferenceConfig) error {
	if c == nil {
		return nil
	}
	p.MaxTokens = max(c.MaxTokens, c.MaxNewTokens)
	p.Temperature, p.Stop = c.Temperature, c.Stop
	p.TopP, p.TopK = c.TopP, c.TopK
	if c.TopPSnake != nil {
		p.TopP = c.TopPSnake
	}
	if c.TopKSnake != nil {
		p.TopK = c.TopKSnake
	}
	if c.MaxTokens < 0 || c.MaxNewTokens < 0 {
		return invalidf("Malformed input request: #/inferenceConfig/maxTokens: expected minimum value: 1, found: %d, please reformat your input and try again.",
			min(c.MaxTokens, c.MaxNewTokens))
	}
	if t := c.Temperature; t != nil && (*t < 0 || *t > 1) {
		return invalidf("Malformed input request: #/inferenceConfig/temperature: %v is not in the range 0..1, please reformat your input and try again.", *t)
	}
	return nil
}

func (p *Prompt) setTools(c *toolConfig) {
	if c == nil {
		return
	}
	for _, t := range c.Tools {
		if t.Spec != nil {
			p.Tools = append(p.Tools, Tool{Name: t.Spec.Name, Description: t.Spec.Description, Schema: t.Spec.InputSchema.JSON})
		}
	}
	if c.Choice == nil {
		return
	}
	switch {
	case c.Choice.Tool != nil:
		p.ToolChoice = ToolChoice{Mode: "tool", Name: c.Choice.Tool.Name}
	case c.Choice.Any != nil:
		p.ToolChoice = ToolChoice{Mode: "any"}
	case c.Choice.Auto != nil:
		p.ToolChoice = ToolChoice{Mode: "auto"}
	}
}

func (p *Prompt) setTextFormat(f *textFormat) error {
	schema := f.Structure.JSONSchema.Schema
	if f.Type != "json_schema" || isNull(schema) {
		return invalidf("outputConfig.textFormat: type json_schema with structure.jsonSchema.schema is required")
	}
	if isString(schema) {
		var text string
		if err := unmarshal(schema, &text); err != nil {
			return err
		}
		schema = jsontext.Value(text)
		if _, err := topLevel(schema); err != nil || !schema.IsValid() {
			return invalidf("outputConfig.textFormat.structure.jsonSchema.schema: the string is not valid JSON")
		}
	}
	if schema.Kind() != jsontext.KindBeginObject {
		return invalidf("outputConfig.textFormat.structure.jsonSchema.schema: must be a JSON object")
	}
	p.Format = Format{JSON: true, Name: f.Structure.JSONSchema.Name, Schema: schema}
	return nil
}

func converseContent(blocks []converseBlock) ([]Part, error) {
	var parts []Part
	for _, b := range blocks {
		switch {
		case b.Text != nil:
			if *b.Text != "" {
				parts = append(parts, Part{Kind: Text, Text: *b.Text})
			}
		case b.Image != nil:
			parts = append(parts, Part{Kind: Image, MediaType: "image/" + b.Image.Format, Data: b.Image.Source.Bytes})
		case b.Document != nil:
			text, err := b.Document.text()
			if err != nil {
				return nil, err
			}
			parts = append(parts, Part{Kind: Text, Text: text})
		case b.Guard != nil:
			parts = append(parts, Part{Kind: Text, Text: b.Guard.Text.Text})
		case b.ToolUse != nil:
			parts = append(parts, Part{Kind: ToolUse, ID: b.ToolUse.ID, Name: b.ToolUse.Name, Input: b.ToolUse.Input})
		case b.ToolResult != nil:
			var texts []string
			for _, c := range b.ToolResult.Content {
				if c.Text != nil {
					texts = append(texts, *c.Text)
				} else if len(c.JSON) > 0 {
					texts = append(texts, string(c.JSON))
				}
			}
			parts = append(parts, Part{Kind: ToolResult, ID: b.ToolResult.ID, Text: joinTexts(texts), Failed: b.ToolResult.Status == "error"})
		case b.Reasoning != nil:
			if b.Reasoning.Text != nil {
				parts = append(parts, Part{Kind: Reasoning, Text: b.Reasoning.Text.Text})
			}
		case len(b.Cache) > 0:
			if len(parts) > 0 {
				parts[len(parts)-1].CachePoint = true
			}
		default:
			return nil, invalidf("Malformed input request: #/messages/content: no known content block (text, image, document, toolUse, toolResult), please reformat your input and try again.")
		}
	}
	return parts, nil
}

// text is the content of a document that is text already. Other formats would need a converter and are refused, not read as empty text.
func (d *mediaBlock) text() (string, error) {
	if d.Source.Text != "" {
		return d.Source.Text, nil
	}
	if !slices.Contains([]string{"txt", "md", "html", "csv"}, d.Format) {
		return "", invalidf("document: format %q is not supported by this stand-in; send txt, md, html or csv", d.Format)
	}
	raw, err := base64.StdEncoding.DecodeString(d.Source.Bytes)
	if err != nil || !utf8.Valid(raw) {
		return "", invalidf("document: source.bytes is not base64 of UTF-8 text")
	}
	return string(raw), nil
}

type converseReply struct {
	Output struct {
		Message converseOut `json:"message"`
	} `json:"output"`
	StopReason string        `json:"stopReason"`
	Usage      converseUsage `json:"usage"`
	Metrics    *metrics      `json:"metrics,omitzero"`
	Additional *additional   `json:"additionalModelResponseFields,omitzero"`
	Model      string        `json:"model,omitzero"`
	Filler     []string      `json:"filler,omitempty"`
}

type converseOut struct {
	Content []converseOutBlock `json:"content"`
	Role    string             `json:"role"`
}

type converseOutBlock struct {
	Text    *string          `json:"text,omitzero"`
	ToolUse *converseToolUse `json:"toolUse,omitzero"`
}

type converseToolUse struct {
	ID    string         `json:"toolUseId"`
	Name  string         `json:"name"`
	Input jsontext.Value `json:"input"`
}

type converseUsage struct {
	InputTokens  *int64 `json:"inputTokens,omitzero"`
	OutputTokens *int64 `json:"outputTokens,omitzero"`
	TotalTokens  *int64 `json:"totalTokens,omitzero"`
}

type metrics struct {
	LatencyMS int64 `json:"latencyMs"`
}

// additional says who answered: Converse's reply has no member for the model.
type additional struct {
	Model  string   `json:"model"`
	Filler []string `json:"filler,omitempty"`
}

var converseStops = map[Stop]string{
	EndTurn: "end_turn", MaxTokens: "max_tokens", StopSequence: "stop_sequence", CallTool: "tool_use", Refusal: "content_filtered",
}

func (r Reply) converse(nova bool) any {
	var out converseReply
	out.Output.Message.Role = roleAssistant
	if r.Text != "" || len(r.Calls) == 0 {
		out.Output.Message.Content = append(out.Output.Message.Content, converseOutBlock{Text: &r.Text})
	}
	for _, c := range r.Calls {
		out.Output.Message.Content = append(out.Output.Message.Content,
			converseOutBlock{ToolUse: &converseToolUse{ID: c.ID, Name: c.Name, Input: objectOr(c.Input)}})
	}
	out.StopReason = converseStops[r.Stop]
	out.Usage = converseUsage{r.shown(r.InputTokens), r.shown(r.OutputTokens), r.shown(r.InputTokens + r.OutputTokens)}
	if nova {
		out.Model, out.Filler = r.Model, r.Filler
		return out
	}
	out.Metrics = &metrics{LatencyMS: r.Latency.Milliseconds()}
	out.Additional = &additional{Model: r.Model, Filler: r.Filler}
	return out
}
