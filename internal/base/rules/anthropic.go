package rules

import (
	"bytes"
	"regexp"
	"strings"

	"quarry/internal/base/jsonl"
)

// anthropicVersion takes the version that AWS's page names, and the one that Anthropic's own SDK for Bedrock puts into the
// body (@anthropic-ai/bedrock-sdk 1.1.3).
func anthropicVersion(w *walk, value []byte) {
	if string(value) != `"2026-10-21"` {
		oneOf("bedrock-2023-05-31")(w, value)
	}
}

// The body of Anthropic's Messages API as Bedrock takes it:
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html.
// Members that the API has and the page does not name are from the types of Anthropic's SDK (@anthropic-ai/sdk 1.14).
var anthropicTop = objectOf(anthropicUnknown, anthropicTogether,
	member{name: "anthropic_version", required: true, check: anthropicVersion, fix: `add "anthropic_version": "bedrock-2023-05-31"`},
	optional("anthropic_beta", list(0, 0, betaFlag)),
	member{name: "max_tokens", required: true, check: maxTokens(""), fix: "add the most tokens that an answer may have"},
	optional("system", stringOr(text, list(0, 0, systemBlock))),
	need("messages", anthropicMessages),
	optional("temperature", number(0, 1)),
	optional("top_p", number(0, 1)),
	optional("top_k", integer(0, 500)),
	optional("stop_sequences", list(0, 8191, stopSequence)),
	optional("tools", list(0, 0, anthropicTool)),
	optional("tool_choice", anthropicToolChoice),
	optional("thinking", thinking),
	optional("output_config", anthropicOutput),
	optional("output_format", anthropicFormat), // the beta's name of output_config.format
	optional("cache_control", cacheControl),
	optional("context_management", anyObject),
	optional("metadata", metadata),
)

// anthropicUnknown says what to do about a member that is none of the body's.
func anthropicUnknown(_ *walk, name string) (fix string, refused bool) {
	switch name {
	case "model", "modelId":
		return "remove it: the job or the call names the model", true
	case "stream":
		return "remove it: a job does not stream, and for calls there is InvokeModelWithResponseStream", true
	case "reasoning_effort", "effort":
		return `remove it; the effort is set in output_config: {"effort": "low"}`, true
	case "response_format":
		return "remove it; a schema is set in output_config.format", true
	case "max_tokens_to_sample", "maxTokens", "max_completion_tokens", "max_gen_len":
		return "rename it to max_tokens", true
	case "stop":
		return "rename it to stop_sequences", true
	case "service_tier":
		return "remove it: the tier is a header of the call, and a job has none", true
	case "prompt", "inferenceConfig", "schemaVersion":
		return "remove it: the body is another model's; Claude takes messages and max_tokens", true
	}
	return "remove it", true
}

// betaName is the form of beta headers: a name and the day it was made.
var betaName = regexp.MustCompile(`(?i)^[a-z0-9]+(-[a-z0-9]+)*-20\d\d-\d\d-\d\d$`)

func betaFlag(w *walk, value []byte) {
	if value[0] != '"' {
		text(w, value)
		return
	}
	if !betaName.MatchString(said(value)) {
		w.say(value, "invalid beta flag", "remove it, or name a beta header of the AWS page, such as interleaved-thinking-2025-05-14")
	}
}

// metadata is not on AWS's page of the body, but SDKs send it.
func metadata(w *walk, value []byte) {
	anyObject(w, value)
	w.warn(value, "AWS's page of the Messages body does not list metadata, and may answer: metadata: Extra inputs are not permitted",
		"remove it")
}

func cacheControl(w *walk, value []byte) {
	w.cached++
	cacheControlShape(w, value)
	if w.facts.job {
		w.warn(value, "prompt caching is not supported with batch inference: cache_control saves nothing here",
			"remove it, or use on-demand calls")
	}
}

var cacheControlShape = object(need("type", oneOf("ephemeral")), optional("ttl", oneOf("5m", "1h")))

func stopSequence(w *walk, value []byte) {
	if value[0] != '"' {
		text(w, value)
		return
	}
	if blank(value) {
		w.say(value, "stop_sequences: each stop sequence must contain non-whitespace", "remove the empty one")
	}
}

var systemBlock = tagged("type", map[string]rule{"text": textBlock("system")})

// textBlock is a block of text. where begins the message about an empty one, as the API words it.
func textBlock(where string) rule {
	return object(
		need("type", text),
		need("text", func(w *walk, value []byte) { blockText(w, value, where) }),
		optional("cache_control", cacheControl),
		optional("citations", list(0, 0, anyObject)),
	)
}

func blockText(w *walk, value []byte, where string) {
	switch {
	case value[0] != '"':
		text(w, value)
	case len(value) == 2:
		w.say(value, where+": text content blocks must be non-empty", "remove the block, or put text into it")
	case blank(value):
		w.say(value, where+": text content blocks must contain non-whitespace text", "remove the block, or put text into it")
	}
}

// maxTokens checks a limit of answer tokens against the model's own.
func maxTokens(_ string) rule {
	check := integer(1, 0)
	return func(w *walk, value []byte) {
		check(w, value)
		n, ok := wholeNumber(value)
		if !ok || w.facts.limit == 0 || n <= w.facts.limit {
			return
		}
		w.overLimit(value)
	}
}

var anthropicOutput = objectThen(func(w *walk, f fields) {
	if format := f.get("format"); format != nil {
		w.at("format", func() { w.structured(format) })
	}
},
	optional("effort", oneOf("low", "medium", "high", "xhigh", "max")),
	optional("format", anthropicFormat),
	optional("task_budget", anyObject),
)

var anthropicFormat = object(need("type", oneOf("json_schema")), need("schema", answerSchema))

var thinking = tagged("type", map[string]rule{
	"enabled":       object(need("type", text), need("budget_tokens", integer(1024, 0)), optional("display", oneOf("summarized", "omitted"))),
	"disabled":      object(need("type", text)),
	"adaptive":      object(need("type", text), optional("display", oneOf("summarized", "omitted"))),
	"between_tools": object(need("type", text)),
})

// anthropicTogether checks members against each other.
func anthropicTogether(w *walk, f fields) {
	w.sampling(sampling{f.get("temperature"), f.get("top_p"), f.get("top_k")}, "`top_k`", "`temperature`", "`top_p`")
	if format := f.get("output_format"); format != nil {
		w.at("output_format", func() { w.structured(format) })
	}
	interleaved := bytes.Contains(bytes.ToLower(f.get("anthropic_beta")), []byte("interleaved-thinking")) && f.has("tools")
	effort := ""
	if config := f.get("output_config"); config != nil && config[0] == '{' {
		if v, ok := lookup(w, config, "effort"); ok {
			effort = said(v)
		}
	}
	w.thinking(f, "max_tokens", effort, interleaved)
	w.uniqueTools(f.get("tools"))
	w.tooManyCached(f.whole)
	w.forcedTool(f.get("tool_choice"), f.get("tools"), f.get("thinking"))
	if list := f.get("messages"); list != nil && list[0] == '[' {
		w.prefill(list)
	}
}

// prefill checks the last turn where it is the model's own: it begins the answer.
func (w *walk) prefill(list []byte) {
	var end []byte
	n := -1
	for m := range w.c.Elements(list) {
		end = m
		n++
	}
	if end == nil || end[0] != '{' || n == 0 {
		return
	}
	role, _ := lookup(w, end, "role")
	content, ok := lookup(w, end, "content")
	if !ok || said(role) != "assistant" {
		return
	}
	if w.facts.known && w.facts.model.NoPrefill() {
		w.at("messages", func() {
			w.say(end, "This model does not support assistant message prefill. The conversation must end with a user message.",
				"end messages with a user turn")
		})
		return
	}
	if content[0] == '[' {
		var block []byte
		for b := range w.c.Elements(content) {
			block = b
		}
		if block == nil || block[0] != '{' {
			return
		}
		if content, ok = lookup(w, block, "text"); !ok {
			return
		}
	}
	if content[0] == '"' && endsBlank(content) {
		w.at("messages", func() {
			w.say(end, "messages: final assistant content cannot end with trailing whitespace", "cut the white space at its end")
		})
	}
}

// anthropicMessages checks the turns and their order.
func anthropicMessages(w *walk, value []byte) {
	if value[0] != '[' {
		w.fault(value, message{kind: wrongType, want: "array", got: value}, "")
		return
	}
	n, before := 0, byte(0)
	tools := pairs{is: messagesPairs}
	for m := range w.c.Elements(value) {
		w.pushIndex(n)
		role := anthropicMessage(w, m, n)
		tools.message(w, n, m, role, w.content)
		w.pop()
		switch {
		case role == 0:
		case n == 0 && role == 'a':
			w.say(m, `messages: first message must use the "user" role`, "begin messages with a user turn")
		case role == before:
			// Bedrock was seen to refuse what Anthropic's own API joins (anthropics/anthropic-sdk-typescript issue 565), and later
			// not to (modelcontextprotocol/quickstart-resources issue 20); no page of AWS decides it.
			w.warn(m, `Bedrock may answer, as it did before it joined turns: messages: roles must alternate between "user" and "assistant", but found multiple "`+string(inside(w.role))+`" roles in a row`, "join the two turns into one")
		}
		before = role
		n++
	}
	tools.settle(w)
	if n == 0 {
		w.say(value, "messages: at least one message is required", "add a user turn")
	}
}

// anthropicMessage checks a turn. It gives u for one of the user, a for one of the assistant, 0 for another.
func anthropicMessage(w *walk, value []byte, n int) (role byte) {
	w.role, w.content = nil, nil
	anthropicTurn(w, value)
	raw, content := w.role, w.content
	if raw == nil || raw[0] != '"' {
		return 0
	}
	switch name := inside(raw); string(name) {
	case "user":
		role = 'u'
	case "assistant":
		role = 'a'
	default:
		w.push("role")
		defer w.pop()
		fix := `use "user" or "assistant"`
		if string(name) == "system" {
			fix = "move its text to the member system at the top of the body"
		}
		w.say(raw, "messages: Unexpected role \""+shown(name)+`". Allowed roles are "user" or "assistant"`, fix)
		return 0
	}
	if content != nil && (len(content) == 2 && content[0] == '"' || isEmptyArray(content)) && (role == 'u' || n == 0) {
		w.push("content")
		w.say(content, "messages: all messages must have non-empty content except for the optional final assistant message",
			"put text into the turn, or remove it")
		w.pop()
	}
	return role
}

func isEmptyArray(value []byte) bool {
	return value[0] == '[' && len(bytes.TrimSpace(value[1:len(value)-1])) == 0
}

// anthropicTurn's content may be an empty string: who says so decides that by the role.
var anthropicTurn = objectThen(noteTurn,
	need("role", text),
	need("content", stringOr(turnText, list(0, 0, contentBlock))),
)

// noteTurn keeps what the order of the turns is judged by.
func noteTurn(w *walk, f fields) { w.role, w.content = f.get("role"), f.get("content") }

func turnText(w *walk, value []byte) {
	if len(value) > 2 && blank(value) {
		w.say(value, "messages: text content blocks must contain non-whitespace text", "put text into the turn, or remove it")
	}
}

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)

func named(w *walk, value []byte) {
	if value[0] != '"' {
		text(w, value)
		return
	}
	if !toolName.MatchString(said(value)) {
		w.fault(value, message{kind: whole, text: "String should match pattern '" + toolName.String() + "'"}, "use letters, digits, _ and -")
	}
}

// anthropicTool checks a tool. The provider's own tools have a dated type and members of their own.
func anthropicTool(w *walk, value []byte) {
	if value[0] == '{' {
		if kind, ok := lookup(w, value, "type"); ok && string(kind) != "null" && said(kind) != "custom" {
			if kind[0] != '"' || !datedTool.MatchString(said(kind)) {
				w.push("type")
				w.fault(kind, message{kind: badTag, text: shown([]byte(said(kind))), want: "type"}, `use "custom", or leave type out`)
				w.pop()
			}
			if cache, ok := lookup(w, value, "cache_control"); ok && string(cache) != "null" {
				w.at("cache_control", func() { cacheControl(w, cache) })
			}
			return
		}
	}
	customTool(w, value)
}

var datedTool = regexp.MustCompile(`^[a-z_]+_20\d{6}$`)

var customTool = object(
	optional("type", text),
	need("name", named),
	optional("description", text),
	member{
		name: "input_schema", required: true, check: inputSchema, fix: `add the JSON Schema of its input: {"type": "object", "properties": {…}}`,
	},
	optional("cache_control", cacheControl),
	optional("strict", boolean),
	optional("defer_loading", boolean),
	optional("eager_input_streaming", boolean),
	optional("input_examples", list(0, 0, anyObject)),
	optional("allowed_callers", list(0, 0, text)),
)

func inputSchema(w *walk, value []byte) {
	if value[0] != '{' {
		w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
		return
	}
	kind, ok := lookup(w, value, "type")
	w.push("type")
	defer w.pop()
	switch {
	case !ok:
		w.fault(value, message{kind: missing}, `add "type": "object"`)
	case string(kind) != `"object"`:
		w.fault(kind, message{kind: notOneOf, text: shown(kind), values: []string{"object"}}, `an input is an object: "type": "object"`)
	}
}

var anthropicToolChoice = tagged("type", map[string]rule{
	"auto": object(need("type", text), optional("disable_parallel_tool_use", boolean)),
	"any":  object(need("type", text), optional("disable_parallel_tool_use", boolean)),
	"tool": object(need("type", text), need("name", text), optional("disable_parallel_tool_use", boolean)),
	"none": object(need("type", text)),
})

// forcedTool checks tool_choice against tools and thinking.
func (w *walk) forcedTool(choice, tools, thinks []byte) {
	if choice == nil || choice[0] != '{' {
		return
	}
	w.push("tool_choice")
	defer w.pop()
	kind, _ := lookup(w, choice, "type")
	mode := said(kind)
	if tools == nil && mode != "none" {
		w.say(choice, "tool_choice may only be specified while providing tools", "add tools, or remove tool_choice")
		return
	}
	if mode != "any" && mode != "tool" {
		return
	}
	if name, ok := lookup(w, choice, "name"); ok && mode == "tool" && !w.offers(tools, said(name)) {
		w.say(name, "Tool '"+shown([]byte(said(name)))+"' not found in provided tools", "name one of the tools")
	}
	if thinks != nil && thinks[0] == '{' {
		if t, ok := lookup(w, thinks, "type"); ok && (said(t) == "enabled" || said(t) == "adaptive") {
			w.say(choice, "Thinking may not be enabled when tool_choice forces tool use.", "remove thinking, or set tool_choice to auto")
		}
	}
	if w.facts.known && w.facts.model.NoForcedTool() {
		w.say(choice, "tool_choice: this model does not support forced tool use", "set tool_choice to auto")
	}
	if w.facts.job {
		w.warn(choice, "AWS's pages disagree on tools in batch inference: the page about structured output has them work with InvokeModel jobs, the one about batch inference does not", "prove it with --pilot before the whole file")
	}
}

func (w *walk) offers(tools []byte, name string) bool {
	if tools[0] != '[' {
		return true
	}
	for tool := range w.c.Elements(tools) {
		if tool[0] != '{' {
			return true
		}
		for raw, v := range w.c.Members(tool) {
			if jsonl.NameIs(raw, "name") && said(v) == name {
				return true
			}
		}
	}
	return strings.TrimSpace(name) == ""
}
