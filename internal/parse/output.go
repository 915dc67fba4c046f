package parse

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	gojson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"quarry"
)

// Answer is what a modelOutput says, whatever its shape.
type Answer struct {
	Text       string // without reasoning
	StopReason string // in the provider's word
	Model      string // that answered, as the answer itself says; empty where it does not
	// Tools are the inputs of the tools that the model called, each a JSON text: with a schema, they are what was asked for.
	Tools []string
	// Thought is reasoning that never ends. An answer in it was not marked as one.
	Thought string
	Usage   quarry.Usage // Unknown where a count is missing or cannot be
}

// Whole is all that the model wrote as its answer: its text, and the inputs of tools after it.
func (a *Answer) Whole() string {
	if len(a.Tools) == 0 {
		return a.Text
	}
	parts := a.Tools
	if strings.TrimSpace(a.Text) != "" {
		parts = append([]string{a.Text}, a.Tools...)
	}
	return strings.Join(parts, "\n")
}

// envelope holds the members of all shapes beside one another; they do not collide. What may be of another type in a
// shape that is new to us is a raw value: an answer that was paid for must not be lost to a member nobody needs.
type envelope struct {
	Model      jsontext.Value `json:"model"`
	Usage      jsontext.Value `json:"usage"`
	StopSnake  jsontext.Value `json:"stop_reason"`
	StopCamel  jsontext.Value `json:"stopReason"`
	Additional jsontext.Value `json:"additionalModelResponseFields"`

	Content    jsontext.Value `json:"content"`    // Anthropic Messages
	Output     jsontext.Value `json:"output"`     // Converse, Nova
	Generation jsontext.Value `json:"generation"` // Llama
	Choices    jsontext.Value `json:"choices"`    // OpenAI chat
	Outputs    jsontext.Value `json:"outputs"`    // Mistral's text completion
	Results    jsontext.Value `json:"results"`    // Titan

	PromptTokens     jsontext.Value `json:"prompt_token_count"`
	GenerationTokens jsontext.Value `json:"generation_token_count"`
	InputTextTokens  jsontext.Value `json:"inputTextTokenCount"`
}

// Output reads a modelOutput. The shape is told by its members; the invocation type and the model stand in the error,
// which says that the record was answered, and billed, in a form that cannot be read (class not_json).
func Output(modelOutput []byte, t quarry.InvocationType, modelID string) (Answer, error) {
	var e envelope
	if jsontext.Value(modelOutput).Kind() != '{' {
		return Answer{}, fmt.Errorf("read modelOutput%s: not a JSON object", origin(modelID, t))
	}
	if err := gojson.Unmarshal(modelOutput, &e); err != nil {
		return Answer{}, fmt.Errorf("read modelOutput%s: %w", origin(modelID, t), err)
	}
	a := Answer{Model: str(e.Model), Usage: quarry.Usage{Unknown: 1}}
	ok := false
	switch {
	case e.Output != nil: // before content: Converse keeps its content inside
		ok = a.readBlocks(member(member(e.Output, "message"), "content"))
		a.StopReason = str(e.StopCamel)
		a.setUsage(member(e.Usage, "inputTokens"), member(e.Usage, "outputTokens"))
		a.addCached(member(e.Usage, "cacheReadInputTokens"), member(e.Usage, "cacheWriteInputTokens"))
		if m := str(member(e.Additional, "model")); m != "" {
			a.Model = m
		}
	case e.Content != nil:
		ok = a.readBlocks(e.Content)
		a.StopReason = str(e.StopSnake)
		a.setUsage(member(e.Usage, "input_tokens"), member(e.Usage, "output_tokens"))
		a.addCached(member(e.Usage, "cache_read_input_tokens"), member(e.Usage, "cache_creation_input_tokens"))
	case e.Choices != nil:
		ok = a.readChoice(first(e.Choices))
		a.setUsage(member(e.Usage, "prompt_tokens"), member(e.Usage, "completion_tokens"))
	case e.Generation != nil:
		a.Text, ok = text(e.Generation)
		a.StopReason = str(e.StopSnake)
		a.setUsage(e.PromptTokens, e.GenerationTokens)
	case e.Outputs != nil:
		o := first(e.Outputs)
		a.Text, ok = text(member(o, "text"))
		a.StopReason = str(member(o, "stop_reason"))
	case e.Results != nil:
		o := first(e.Results)
		a.Text, ok = text(member(o, "outputText"))
		a.StopReason = str(member(o, "completionReason"))
		a.setUsage(e.InputTextTokens, member(o, "tokenCount"))
	}
	if !ok {
		return Answer{}, fmt.Errorf("read modelOutput%s: it has none of the known shapes", origin(modelID, t))
	}
	a.Text, a.Thought = withoutReasoning(a.Text)
	return a, nil
}

// origin names what is known of the model and the type of the call: " of MODEL (TYPE)".
func origin(modelID string, t quarry.InvocationType) string {
	s := ""
	if modelID != "" {
		s = " of " + modelID
	}
	if t != "" {
		s += " (" + string(t) + ")"
	}
	return s
}

// readChoice reads one choice of OpenAI's shape. Content is null where all tokens went into reasoning.
func (a *Answer) readChoice(choice jsontext.Value) bool {
	if choice.Kind() != '{' {
		return false
	}
	if a.StopReason = str(member(choice, "finish_reason")); a.StopReason == "" {
		a.StopReason = str(member(choice, "stop_reason"))
	}
	message := member(choice, "message")
	if message == nil {
		var ok bool
		a.Text, ok = text(member(choice, "text"))
		return ok
	}
	content := member(message, "content")
	ok := true
	if content.Kind() == '"' {
		a.Text, ok = text(content)
	} else if content.Kind() == '[' {
		ok = a.readBlocks(content)
	}
	for _, call := range elements(member(message, "tool_calls")) {
		a.addTool(member(member(call, "function"), "arguments"))
	}
	a.addTool(member(member(message, "function_call"), "arguments"))
	if r := str(member(message, "refusal")); r != "" {
		a.StopReason = "refusal"
		if a.Text == "" {
			a.Text = r
		}
	}
	return ok
}

// setUsage takes both counts, or none: a sum of one of them would look like the whole.
func (a *Answer) setUsage(in, out jsontext.Value) {
	input, inOK := tokenCount(in)
	output, outOK := tokenCount(out)
	a.Usage = quarry.Usage{Unknown: 1}
	if inOK && outOK {
		a.Usage = quarry.Usage{InputTokens: input, OutputTokens: output}
	}
}

// addCached adds what went through the prompt cache, which Anthropic's shape and Converse's count in addition to the input
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
func (a *Answer) addCached(read, write jsontext.Value) {
	if !a.Usage.Known() {
		return
	}
	r, readOK := tokenCount(read)
	w, writeOK := tokenCount(write)
	if (read != nil && read.Kind() != 'n' && !readOK) || (write != nil && write.Kind() != 'n' && !writeOK) {
		a.Usage = quarry.Usage{Unknown: 1}
		return
	}
	a.Usage.CacheReadTokens, a.Usage.CacheWriteTokens = r, w
	a.Usage.InputTokens += r + w
}

// readBlocks joins the text blocks of a content and takes the inputs of tools; blocks of reasoning and kinds yet to come
// are passed over. Converse has no type and names a block by its member.
func (a *Answer) readBlocks(content jsontext.Value) bool {
	if content.Kind() != '[' {
		return false
	}
	for _, b := range elements(content) {
		kind := str(member(b, "type"))
		switch kind {
		case "", "text", "output_text":
			if t, ok := text(member(b, "text")); ok {
				a.Text += t
			}
		case "tool_use":
			a.addTool(member(b, "input"))
		}
		if kind == "" {
			a.addTool(member(member(b, "toolUse"), "input"))
		}
	}
	return true
}

// addTool takes the input of one tool: an object, or a string that holds one. No input is none.
func (a *Answer) addTool(input jsontext.Value) {
	switch input.Kind() {
	case '{', '[':
		a.Tools = append(a.Tools, string(input))
	case '"':
		if s := str(input); strings.TrimSpace(s) != "" {
			a.Tools = append(a.Tools, s)
		}
	}
}

func elements(array jsontext.Value) []jsontext.Value {
	if array.Kind() != '[' {
		return nil
	}
	var list []jsontext.Value
	if err := gojson.Unmarshal(array, &list); err != nil {
		return nil
	}
	return list
}

func first(array jsontext.Value) jsontext.Value {
	if list := elements(array); len(list) > 0 {
		return list[0]
	}
	return nil
}

// member gives one member of an object, nil where there is none or no object.
func member(object jsontext.Value, name string) jsontext.Value {
	if object.Kind() != '{' {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := d.ReadToken(); err != nil {
		return nil
	}
	for d.PeekKind() == '"' {
		t, err := d.ReadToken()
		if err != nil {
			return nil
		}
		wanted := t.String() == name
		v, err := d.ReadValue()
		if err != nil {
			return nil
		}
		if wanted {
			return v.Clone()
		}
	}
	return nil
}

func text(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err == nil
}

func str(v jsontext.Value) string {
	s, _ := text(v)
	return s
}

// tokenCount reads a count of tokens: a whole number from 0 to [quarry.MaxTokenCount], in any of JSON's spellings.
func tokenCount(v jsontext.Value) (int64, bool) {
	if v.Kind() != '0' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || n < 0 || n > quarry.MaxTokenCount || n != math.Trunc(n) {
		return 0, false
	}
	return int64(n), true
}

// withoutReasoning cuts the reasoning that gpt-oss (<reasoning>) and others (<think>) put before their answer. One that
// does not end was cut off: there is no text after it, and what it holds is given as the thought.
func withoutReasoning(s string) (text, thought string) {
	for {
		head := strings.TrimLeft(s, " \t\r\n")
		cut := false
		for _, tag := range []string{"reasoning", "think", "thinking"} {
			rest, ok := strings.CutPrefix(head, "<"+tag+">")
			if !ok {
				continue
			}
			_, s, ok = strings.Cut(rest, "</"+tag+">")
			if !ok {
				return "", rest
			}
			s, cut = strings.TrimLeft(s, " \t\r\n"), true
		}
		if !cut {
			return s, ""
		}
	}
}

// truncated reports whether a stop reason says that the answer was cut off: Anthropic, Converse and Nova say
// max_tokens, OpenAI's shape and Llama length.
func truncated(reason string) bool {
	switch strings.ToLower(reason) {
	case "max_tokens", "length", "max_gen_len", "max_output_tokens", "model_length", "model_context_window_exceeded":
		return true
	}
	return false
}

// refused reports whether a stop reason says that the model, or a guard before or behind it, declined.
func refused(reason string) bool {
	switch strings.ToLower(reason) {
	case "refusal", "content_filter", "content_filtered", "guardrail_intervened", "safety":
		return true
	}
	return false
}
