package family

import (
	"strings"
)

// textBody holds the members of the families that take one prompt string.
type textBody struct {
	Prompt      *string  `json:"prompt"`
	MaxGenLen   int64    `json:"max_gen_len"` // Llama
	MaxTokens   int64    `json:"max_tokens"`  // Mistral, DeepSeek
	Temperature *float64 `json:"temperature"`
	TopP        *float64 `json:"top_p"`
	TopK        *int64   `json:"top_k"`
	Stop        []string `json:"stop"`
	InputText   *string  `json:"inputText"` // Titan
	Titan       *struct {
		MaxTokenCount int64    `json:"maxTokenCount"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		Stop          []string `json:"stopSequences"`
	} `json:"textGenerationConfig"`
	Images []string `json:"images"` // Llama 3.2, base64
}

// llamaDefault is what Llama generates when max_gen_len is absent (Bedrock user guide, Meta Llama parameters).
const llamaDefault = 512

func (p *Prompt) parseText(body []byte, m members) error {
	if err := m.forbid("modelId", "model"); err != nil {
		return err
	}
	name := "prompt"
	if p.Kind == Titan {
		name = "inputText"
	}
	if err := m.require(name); err != nil {
		return err
	}
	var b textBody
	if err := unmarshal(body, &b); err != nil {
		return err
	}
	text := b.Prompt
	if p.Kind == Titan {
		text = b.InputText
	}
	if text == nil || strings.TrimSpace(*text) == "" {
		return invalidf("Malformed input request: #/%s: expected minLength: 1, actual: 0, please reformat your input and try again.", name)
	}
	p.Temperature, p.TopP, p.TopK, p.Stop = b.Temperature, b.TopP, b.TopK, b.Stop
	switch p.Kind {
	case Titan:
		if b.Titan != nil {
			p.MaxTokens, p.Temperature, p.TopP, p.Stop = b.Titan.MaxTokenCount, b.Titan.Temperature, b.Titan.TopP, b.Titan.Stop
		}
		p.Turns = titanTurns(*text)
	case Llama:
		p.MaxTokens = b.MaxGenLen
		if !m.has("max_gen_len") {
			p.MaxTokens = llamaDefault
		}
		p.setTemplate(*text, llamaMarks)
		p.addImages(b.Images)
	case MistralText:
		p.MaxTokens = b.MaxTokens
		p.setTemplate(*text, mistralMarks)
	default:
		p.MaxTokens = b.MaxTokens
		p.setTemplate(*text, deepseekMarks)
	}
	return nil
}

func (p *Prompt) addImages(images []string) {
	for i := len(p.Turns) - 1; i >= 0 && len(images) > 0; i-- {
		if p.Turns[i].Role == roleUser {
			for _, data := range images {
				p.Turns[i].Parts = append(p.Turns[i].Parts, Part{Kind: Image, MediaType: "image/jpeg", Data: data})
			}
			return
		}
	}
}

// mark is a token of a chat template and the role whose text follows it ("" for none).
type mark struct{ token, role string }

var (
	// llamaMarks are the Llama 3 template's (Meta's model card).
	llamaMarks = []mark{
		{"<|begin_of_text|>", ""},
		{"<|start_header_id|>system<|end_header_id|>", roleSystem},
		{"<|start_header_id|>user<|end_header_id|>", roleUser},
		{"<|start_header_id|>assistant<|end_header_id|>", roleAssistant},
		{"<|header_start|>system<|header_end|>", roleSystem}, // Llama 4
		{"<|header_start|>user<|header_end|>", roleUser},
		{"<|header_start|>assistant<|header_end|>", roleAssistant},
		{"<|eot_id|>", ""},
		{"<|eot|>", ""},
		{"<<SYS>>", roleSystem},
		{"<</SYS>>", roleUser}, // Llama 2
		{"<s>", ""},
		{"</s>", ""},
		{"[INST]", roleUser},
		{"[/INST]", roleAssistant},
	}
	mistralMarks  = []mark{{"<s>", ""}, {"</s>", ""}, {"[INST]", roleUser}, {"[/INST]", roleAssistant}}
	deepseekMarks = []mark{
		{"<｜begin▁of▁sentence｜>", roleSystem},
		{"<｜end▁of▁sentence｜>", ""},
		{"<｜User｜>", roleUser},
		{"<｜Assistant｜>", roleAssistant},
		{"<think>", ""},
		{"</think>", ""},
	}
)

// setTemplate takes a prompt written in a chat template apart. A prompt without marks is one user turn.
// A mark is looked for from where the last one ended, so the cost is linear in the prompt for a fixed set of marks.
func (p *Prompt) setTemplate(prompt string, marks []mark) {
	role := roleUser
	var system []string
	add := func(text string) {
		if text = strings.TrimSpace(text); text == "" {
			return
		}
		if role == roleSystem {
			system = append(system, text)
			return
		}
		p.Turns = append(p.Turns, Turn{Role: role, Parts: []Part{{Kind: Text, Text: text}}})
	}
	next := make([]int, len(marks)) // offset of each mark's next occurrence
	for i, m := range marks {
		next[i] = indexFrom(prompt, m.token, 0)
	}
	for pos := 0; ; {
		best := -1
		for i := range marks {
			if next[i] >= 0 && next[i] < pos {
				next[i] = indexFrom(prompt, marks[i].token, pos)
			}
			if next[i] >= 0 && (best < 0 || next[i] < next[best]) {
				best = i
			}
		}
		if best < 0 {
			add(prompt[pos:])
			break
		}
		add(prompt[pos:next[best]])
		pos = next[best] + len(marks[best].token)
		if marks[best].role != "" {
			role = marks[best].role
		}
	}
	p.System = joinTexts(system)
}

func indexFrom(s, token string, from int) int {
	if i := strings.Index(s[from:], token); i >= 0 {
		return from + i
	}
	return -1
}

// titanTurns strips the "User: … Bot:" frame that Titan's prompts use.
func titanTurns(text string) []Turn {
	text = strings.TrimSpace(text)
	text = strings.TrimPrefix(text, "User:")
	text = strings.TrimSuffix(text, "Bot:")
	return []Turn{{Role: roleUser, Parts: []Part{{Kind: Text, Text: strings.TrimSpace(text)}}}}
}

type llamaReply struct {
	Generation string   `json:"generation"`
	Prompt     *int64   `json:"prompt_token_count,omitzero"`
	Generated  *int64   `json:"generation_token_count,omitzero"`
	StopReason string   `json:"stop_reason"`
	Model      string   `json:"model"`
	Filler     []string `json:"filler,omitempty"`
}

type mistralReply struct {
	Outputs []struct {
		Text       string `json:"text"`
		StopReason string `json:"stop_reason"`
	} `json:"outputs"`
	Model  string   `json:"model"`
	Filler []string `json:"filler,omitempty"`
}

type deepseekReply struct {
	Choices []struct {
		Text       string `json:"text"`
		StopReason string `json:"stop_reason"`
	} `json:"choices"`
	Model  string   `json:"model"`
	Filler []string `json:"filler,omitempty"`
}

type titanReply struct {
	InputTokens *int64        `json:"inputTextTokenCount,omitzero"`
	Results     []titanResult `json:"results"`
	Model       string        `json:"model"`
	Filler      []string      `json:"filler,omitempty"`
}

type titanResult struct {
	Tokens *int64 `json:"tokenCount,omitzero"`
	Text   string `json:"outputText"`
	Reason string `json:"completionReason"`
}

var titanStops = map[Stop]string{
	EndTurn: "FINISH", MaxTokens: "LENGTH", StopSequence: "STOP_CRITERIA_MET", CallTool: "FINISH", Refusal: "CONTENT_FILTERED",
}

func (r Reply) llama() any {
	return llamaReply{
		Generation: r.Text, Prompt: r.shown(r.InputTokens), Generated: r.shown(r.OutputTokens),
		StopReason: textStop(r.Stop), Model: r.Model, Filler: r.Filler,
	}
}

func (r Reply) mistral() any {
	out := mistralReply{Model: r.Model, Filler: r.Filler}
	out.Outputs = append(out.Outputs, struct {
		Text       string `json:"text"`
		StopReason string `json:"stop_reason"`
	}{r.Text, textStop(r.Stop)})
	return out
}

func (r Reply) deepseek() any {
	out := deepseekReply{Model: r.Model, Filler: r.Filler}
	out.Choices = append(out.Choices, struct {
		Text       string `json:"text"`
		StopReason string `json:"stop_reason"`
	}{r.Text, textStop(r.Stop)})
	return out
}

func (r Reply) titan() any {
	return titanReply{
		InputTokens: r.shown(r.InputTokens), Model: r.Model, Filler: r.Filler,
		Results: []titanResult{{Tokens: r.shown(r.OutputTokens), Text: r.Text, Reason: titanStops[r.Stop]}},
	}
}

func textStop(s Stop) string {
	if s == MaxTokens {
		return "length"
	}
	return "stop"
}
