package stream

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
)

type blockKind int

const (
	textBlock blockKind = iota
	reasoningBlock
	toolBlock
)

// block is one part of an answer: its text, or the JSON of a tool's input.
type block struct {
	kind      blockKind
	text      string
	id, name  string
	signature string // of reasoning
}

// answer is a whole answer, in its family's own words.
type answer struct {
	id, model    string
	created      int64
	stop         string
	stopSequence jsontext.Value
	blocks       []block
	counts       *Counts // nil: not known
	usage        jsontext.Value
	metrics      jsontext.Value // Converse's
	additional   jsontext.Value // additionalModelResponseFields
	tier         jsontext.Value
	filler       []string // the keys that the built-in model filled by rule
}

// lenient reads answers of servers as they are.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func read(kind family.Kind, body []byte) (answer, error) {
	var a answer
	var err error
	switch kind {
	case family.Anthropic:
		a, err = readAnthropic(body)
	case family.Converse, family.Nova:
		a, err = readConverse(body)
	case family.Chat:
		a, err = readChat(body)
	default:
		a, err = readText(kind, body)
	}
	if err != nil {
		return answer{}, fmt.Errorf("stream an answer of %s: %w", kind, err)
	}
	return a, nil
}

func readAnthropic(body []byte) (answer, error) {
	var in struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Content []struct {
			Type      string         `json:"type"`
			Text      string         `json:"text"`
			Thinking  string         `json:"thinking"`
			Signature string         `json:"signature"`
			ID        string         `json:"id"`
			Name      string         `json:"name"`
			Input     jsontext.Value `json:"input"`
		} `json:"content"`
		Stop         string         `json:"stop_reason"`
		StopSequence jsontext.Value `json:"stop_sequence"`
		Usage        jsontext.Value `json:"usage"`
		Filler       []string       `json:"filler"`
	}
	if err := json.Unmarshal(body, &in, lenient); err != nil {
		return answer{}, err
	}
	a := answer{id: in.ID, model: in.Model, stop: in.Stop, stopSequence: in.StopSequence, usage: in.Usage, filler: in.Filler}
	for _, c := range in.Content {
		switch c.Type {
		case "text":
			a.blocks = append(a.blocks, block{kind: textBlock, text: c.Text})
		case "thinking":
			a.blocks = append(a.blocks, block{kind: reasoningBlock, text: c.Thinking, signature: c.Signature})
		case "tool_use":
			a.blocks = append(a.blocks, block{kind: toolBlock, id: c.ID, name: c.Name, text: string(c.Input)})
		}
	}
	return a, nil
}

func readConverse(body []byte) (answer, error) {
	var in struct {
		Output struct {
			Message struct {
				Content []struct {
					Text    *string `json:"text"`
					ToolUse *struct {
						ID    string         `json:"toolUseId"`
						Name  string         `json:"name"`
						Input jsontext.Value `json:"input"`
					} `json:"toolUse"`
				} `json:"content"`
			} `json:"message"`
		} `json:"output"`
		Stop       string         `json:"stopReason"`
		Usage      jsontext.Value `json:"usage"`
		Metrics    jsontext.Value `json:"metrics"`
		Additional jsontext.Value `json:"additionalModelResponseFields"`
		Tier       jsontext.Value `json:"serviceTier"`
		Model      string         `json:"model"`
		Filler     []string       `json:"filler"`
	}
	if err := json.Unmarshal(body, &in, lenient); err != nil {
		return answer{}, err
	}
	a := answer{
		model: in.Model, stop: in.Stop, usage: in.Usage, metrics: in.Metrics, additional: in.Additional, tier: in.Tier, filler: in.Filler,
	}
	for _, c := range in.Output.Message.Content {
		switch {
		case c.Text != nil:
			a.blocks = append(a.blocks, block{kind: textBlock, text: *c.Text})
		case c.ToolUse != nil:
			a.blocks = append(a.blocks, block{kind: toolBlock, id: c.ToolUse.ID, name: c.ToolUse.Name, text: string(c.ToolUse.Input)})
		}
	}
	return a, nil
}

func readChat(body []byte) (answer, error) {
	var in struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Created int64  `json:"created"`
		Choices []struct {
			Message struct {
				Content   jsontext.Value `json:"content"`
				Reasoning string         `json:"reasoning_content"`
				Calls     []struct {
					ID       string `json:"id"`
					Function struct {
						Name      string `json:"name"`
						Arguments string `json:"arguments"`
					} `json:"function"`
				} `json:"tool_calls"`
			} `json:"message"`
			Stop string `json:"finish_reason"`
		} `json:"choices"`
		Usage  jsontext.Value `json:"usage"`
		Filler []string       `json:"filler"`
	}
	if err := json.Unmarshal(body, &in, lenient); err != nil {
		return answer{}, err
	}
	a := answer{id: in.ID, model: in.Model, created: in.Created, usage: in.Usage, filler: in.Filler}
	if len(in.Choices) == 0 {
		return answer{}, fmt.Errorf("it has no choices")
	}
	choice := in.Choices[0]
	a.stop = choice.Stop
	if choice.Message.Reasoning != "" {
		a.blocks = append(a.blocks, block{kind: reasoningBlock, text: choice.Message.Reasoning})
	}
	if text, err := chatText(choice.Message.Content); err != nil {
		return answer{}, err
	} else if text != "" {
		a.blocks = append(a.blocks, block{kind: textBlock, text: text})
	}
	for _, c := range choice.Message.Calls {
		a.blocks = append(a.blocks, block{kind: toolBlock, id: c.ID, name: c.Function.Name, text: c.Function.Arguments})
	}
	return a, nil
}

// chatText reads content that is a string, null or a list of text parts.
func chatText(v jsontext.Value) (string, error) {
	if len(v) == 0 || v.Kind() == jsontext.KindNull {
		return "", nil
	}
	if v.Kind() == jsontext.KindString {
		var s string
		err := json.Unmarshal(v, &s, lenient)
		return s, err
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(v, &parts, lenient); err != nil {
		return "", err
	}
	text := ""
	for _, p := range parts {
		text += p.Text
	}
	return text, nil
}

// readText reads the families whose answer is one text.
func readText(kind family.Kind, body []byte) (answer, error) {
	var in struct {
		Generation string `json:"generation"` // Llama
		Stop       string `json:"stop_reason"`
		Outputs    []struct {
			Text string `json:"text"`
			Stop string `json:"stop_reason"`
		} `json:"outputs"` // Mistral
		Choices []struct {
			Text string `json:"text"`
			Stop string `json:"stop_reason"`
		} `json:"choices"` // DeepSeek
		Results []struct {
			Text string `json:"outputText"`
			Stop string `json:"completionReason"`
		} `json:"results"` // Titan
		Model  string   `json:"model"`
		Filler []string `json:"filler"`
	}
	if err := json.Unmarshal(body, &in, lenient); err != nil {
		return answer{}, err
	}
	a := answer{model: in.Model, filler: in.Filler}
	text := ""
	switch {
	case kind == family.MistralText && len(in.Outputs) > 0:
		text, a.stop = in.Outputs[0].Text, in.Outputs[0].Stop
	case kind == family.DeepSeek && len(in.Choices) > 0:
		text, a.stop = in.Choices[0].Text, in.Choices[0].Stop
	case kind == family.Titan && len(in.Results) > 0:
		text, a.stop = in.Results[0].Text, in.Results[0].Stop
	case kind == family.Llama:
		text, a.stop = in.Generation, in.Stop
	default:
		return answer{}, fmt.Errorf("it holds no text")
	}
	a.blocks = []block{{kind: textBlock, text: text}}
	return a, nil
}
