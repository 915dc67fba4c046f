package parse

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"quarry"
	"quarry/internal/base/jsonl"
)

// Answer is what a modelOutput says, whatever its shape.
type Answer struct {
	Text       string // without reasoning
	StopReason string // in the provider's word
	Model      string // that answered, as the answer itself says; empty where it does not
	// Tools are the inputs of the tools that the model called, each a JSON text: with a schema, they are the answer.
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

// Output reads a modelOutput. The shape is recognized by its members; the invocation type and the model are in the error,
// which says that the record was answered, and billed, in a form that cannot be read (class not_json).
//
// What may be of another type in a shape that is new to us is a raw value: an answer that was paid for must not be lost to a
// member that is not needed.
func Output(modelOutput []byte, t quarry.InvocationType, modelID string) (Answer, error) {
	if kindOf(modelOutput) != '{' {
		return Answer{}, fmt.Errorf("read modelOutput%s: not a JSON object", origin(modelID, t))
	}
	check := checkers.Get().(*jsonl.Checker)
	defer checkers.Put(check)
	members, err := check.Object(modelOutput)
	if err != nil {
		return Answer{}, fmt.Errorf("read modelOutput%s: %w", origin(modelID, t), err)
	}
	var usage, output, content, choices, generation, outputs, results []byte
	var model, stopSnake, stopCamel, additional, promptTokens, generationTokens, inputTextTokens []byte
	for i := range members {
		value := members[i].Value
		switch string(members[i].Name) {
		case "model":
			model = value
		case "usage":
			usage = value
		case "stop_reason":
			stopSnake = value
		case "stopReason":
			stopCamel = value
		case "additionalModelResponseFields":
			additional = value
		case "content": // Anthropic Messages
			content = value
		case "output": // Converse, Nova
			output = value
		case "generation": // Llama
			generation = value
		case "choices": // OpenAI chat
			choices = value
		case "outputs": // Mistral's text completion
			outputs = value
		case "results": // Titan
			results = value
		case "prompt_token_count":
			promptTokens = value
		case "generation_token_count":
			generationTokens = value
		case "inputTextTokenCount":
			inputTextTokens = value
		}
	}
	a := Answer{Model: str(model), Usage: quarry.Usage{Unknown: 1}}
	ok := false
	switch {
	case output != nil: // before content: Converse keeps its content inside
		ok = a.readBlocks(member(member(output, "message"), "content"))
		a.StopReason = str(stopCamel)
		a.setUsage(member(usage, "inputTokens"), member(usage, "outputTokens"))
		a.addCached(member(usage, "cacheReadInputTokens"), member(usage, "cacheWriteInputTokens"))
		if m := str(member(additional, "model")); m != "" {
			a.Model = m
		}
	case content != nil:
		ok = a.readBlocks(content)
		a.StopReason = str(stopSnake)
		a.setUsage(member(usage, "input_tokens"), member(usage, "output_tokens"))
		a.addCached(member(usage, "cache_read_input_tokens"), member(usage, "cache_creation_input_tokens"))
	case choices != nil:
		ok = a.readChoice(first(choices))
		a.setUsage(member(usage, "prompt_tokens"), member(usage, "completion_tokens"))
	case generation != nil:
		a.Text, ok = text(generation)
		a.StopReason = str(stopSnake)
		a.setUsage(promptTokens, generationTokens)
	case outputs != nil:
		o := first(outputs)
		a.Text, ok = text(member(o, "text"))
		a.StopReason = str(member(o, "stop_reason"))
	case results != nil:
		o := first(results)
		a.Text, ok = text(member(o, "outputText"))
		a.StopReason = str(member(o, "completionReason"))
		a.setUsage(inputTextTokens, member(o, "tokenCount"))
	}
	if !ok {
		return Answer{}, fmt.Errorf("read modelOutput%s: it has none of the known shapes", origin(modelID, t))
	}
	a.Text, a.Thought = withoutReasoning(a.Text)
	return a, nil
}

// checkers keep their memory from one answer to the next.
var checkers = sync.Pool{New: func() any { return new(jsonl.Checker) }}

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
func (a *Answer) readChoice(choice []byte) bool {
	if kindOf(choice) != '{' {
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
	if kindOf(content) == '"' {
		a.Text, ok = text(content)
	} else if kindOf(content) == '[' {
		ok = a.readBlocks(content)
	}
	for call := range jsonl.Elements(member(message, "tool_calls")) {
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
func (a *Answer) setUsage(in, out []byte) {
	input, inOK := tokenCount(in)
	output, outOK := tokenCount(out)
	a.Usage = quarry.Usage{Unknown: 1}
	if inOK && outOK {
		a.Usage = quarry.Usage{InputTokens: input, OutputTokens: output}
	}
}

// addCached adds what went through the prompt cache, which Anthropic's shape and Converse's count in addition to the input
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
func (a *Answer) addCached(read, write []byte) {
	if !a.Usage.Known() {
		return
	}
	r, readOK := tokenCount(read)
	w, writeOK := tokenCount(write)
	if (read != nil && kindOf(read) != 'n' && !readOK) || (write != nil && kindOf(write) != 'n' && !writeOK) {
		a.Usage = quarry.Usage{Unknown: 1}
		return
	}
	a.Usage.CacheReadTokens, a.Usage.CacheWriteTokens = r, w
	a.Usage.InputTokens += r + w
}

// readBlocks joins the text blocks of a content and takes the inputs of tools; blocks of reasoning and kinds yet to come
// are passed over. Converse has no type and names a block by its member.
func (a *Answer) readBlocks(content []byte) bool {
	if kindOf(content) != '[' {
		return false
	}
	for b := range jsonl.Elements(content) {
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
func (a *Answer) addTool(input []byte) {
	switch kindOf(input) {
	case '{', '[':
		a.Tools = append(a.Tools, string(input))
	case '"':
		if s := str(input); strings.TrimSpace(s) != "" {
			a.Tools = append(a.Tools, s)
		}
	}
}

func first(array []byte) []byte {
	for value := range jsonl.Elements(array) {
		return value
	}
	return nil
}

// member gives one member of an object, nil where there is none or no object.
func member(object []byte, name string) []byte {
	if kindOf(object) != '{' {
		return nil
	}
	value, _ := jsonl.Lookup(object, name)
	return value
}

// kindOf is the first byte of a value, '0' for a number, 0 where there is none.
func kindOf(value []byte) byte {
	value = bytes.TrimLeft(value, " \t\r\n")
	switch {
	case len(value) == 0:
		return 0
	case value[0] == '-' || (value[0] >= '0' && value[0] <= '9'):
		return '0'
	}
	return value[0]
}

func text(value []byte) (string, bool) {
	if kindOf(value) != '"' {
		return "", false
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1]), true
	}
	return string(jsonl.Unescape(nil, value)), true
}

func str(value []byte) string {
	s, _ := text(value)
	return s
}

// tokenCount reads a count of tokens: a whole number from 0 to [quarry.MaxTokenCount], in any of JSON's spellings.
func tokenCount(v []byte) (int64, bool) {
	if kindOf(v) != '0' {
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

// refused reports whether a stop reason says that the model, or a guard before or after it, declined.
func refused(reason string) bool {
	switch strings.ToLower(reason) {
	case "refusal", "content_filter", "content_filtered", "guardrail_intervened", "safety":
		return true
	}
	return false
}
