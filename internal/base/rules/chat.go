package rules

import "strings"

// The body of the models that take OpenAI's chat completions: gpt-oss, DeepSeek V3, Qwen, Mistral 3, Kimi, GLM, MiniMax,
// Gemma, Nemotron (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html and
// https://platform.openai.com/docs/api-reference/chat/create). AWS's example says of model and stream that they can be
// left out. The members after "store" are those that servers of open-weight models take beyond OpenAI's.
var chatTop = objectOf(chatUnknown, nil,
	need("messages", chatMessages),
	optional("model", text),
	optional("stream", noStream),
	optional("max_tokens", maxTokens("")), optional("max_completion_tokens", maxTokens("")),
	optional("temperature", number(0, 2)), optional("top_p", number(0, 1)),
	optional("frequency_penalty", number(-2, 2)), optional("presence_penalty", number(-2, 2)),
	optional("stop", stringOr(text, list(0, 0, text))),
	optional("n", integer(1, 128)), optional("seed", wholeOnly),
	optional("logprobs", boolean), optional("top_logprobs", integer(0, 20)), optional("logit_bias", anyObject),
	optional("response_format", responseFormat),
	optional("tools", list(0, 0, chatTool)), optional("tool_choice", chatToolChoice), optional("parallel_tool_calls", boolean),
	optional("functions", list(0, 0, anyObject)), optional("function_call", nil),
	optional("reasoning_effort", effort), optional("reasoning", anyObject), optional("verbosity", text),
	optional("user", text), optional("safety_identifier", text), optional("prompt_cache_key", text), optional("metadata", anyObject),
	optional("service_tier", text), optional("stream_options", anyObject), optional("modalities",
		list(0, 0, text)), optional("prediction", anyObject),
	optional("store", boolean),
	optional("top_k", number(-1, 1e9)), optional("min_p", number(0, 1)), optional("repetition_penalty",
		number(0, 10)), optional("length_penalty", nil),
	optional("min_tokens", integer(0, 0)), optional("stop_token_ids",
		list(0, 0, nil)), optional("ignore_eos", boolean), optional("best_of", integer(1, 0)),
	optional("include_reasoning", boolean), optional("skip_special_tokens", boolean), optional("chat_template_kwargs",
		anyObject), optional("enable_thinking", boolean),
	optional("thinking", anyObject), optional("random_seed", wholeOnly), optional("safe_prompt", boolean), optional("prompt_mode", text),
	optional("guided_json", nil), optional("structured_outputs", anyObject), optional("amazon-bedrock-guardrailConfig",
		anyObject), optional("extra_body", anyObject),
)

func chatUnknown(_ *walk, name string) (fix string, refused bool) {
	switch name {
	case "modelId":
		return "remove it: the job or the call names the model", true
	case "system":
		return `move it into messages: {"role": "system", "content": "…"}`, true
	case "inferenceConfig", "maxTokens", "max_gen_len", "max_new_tokens":
		return "rename the limit to max_tokens", true
	case "stop_sequences", "stopSequences":
		return "rename it to stop", true
	case "anthropic_version", "schemaVersion", "output_config":
		return "remove it: it belongs to the body of another family", true
	case "prompt":
		return `use messages: [{"role": "user", "content": "…"}]`, true
	}
	return "remove it", true
}

// effort takes the three values that gpt-oss has (https://github.com/openai/gpt-oss, "Reasoning levels"), and for other models
// those of OpenAI's page of chat completions and max, which servers of open-weight models take.
func effort(w *walk, value []byte) {
	if strings.HasPrefix(w.facts.model.ID, "openai.gpt-oss") {
		ossEffort(w, value)
		return
	}
	anyEffort(w, value)
}

var (
	ossEffort = oneOf("low", "medium", "high")
	anyEffort = oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max")
)

func noStream(w *walk, value []byte) {
	boolean(w, value)
	if string(value) == "true" {
		w.say(value, "stream: true is not supported here", "remove it: a job and InvokeModel do not stream")
	}
}

func wholeOnly(w *walk, value []byte) { integer(-1<<63, 0)(w, value) }

var responseFormat = tagged("type", map[string]rule{
	"text":        object(need("type", text)),
	"json_object": object(need("type", text)),
	"json_schema": object(need("type", text), need("json_schema", object(
		need("name", named), need("schema", anyObject), optional("description", text), optional("strict", boolean)))),
})

var chatTool = tagged("type", map[string]rule{
	"function": object(need("type", text), need("function",
		object(need("name", named), optional("description", text), optional("parameters", anyObject), optional("strict", boolean)))),
})

var chatToolChoice = stringOrObject(oneOf("none", "auto", "required", "any"), anyObject)

func stringOrObject(text, object rule) rule {
	return func(w *walk, value []byte) {
		if value[0] == '{' {
			object(w, value)
			return
		}
		text(w, value)
	}
}

func chatMessages(w *walk, value []byte) {
	if value[0] != '[' {
		w.fault(value, message{kind: wrongType, want: "array", got: value}, "")
		return
	}
	n, asked := 0, false
	for m := range w.c.Elements(value) {
		w.pushIndex(n)
		role := chatMessage(w, m)
		w.pop()
		asked = asked || role != "system" && role != "developer"
		n++
	}
	switch {
	case n == 0:
		w.fault(value, message{kind: tooFew, number: 1}, "add a user turn")
	case !asked:
		w.say(value, "messages: at least one user message is required", "add a user turn")
	}
}

func chatMessage(w *walk, value []byte) (role string) {
	if value[0] != '{' {
		w.fault(value, message{kind: wrongType, want: "object", got: value}, "")
		return "user"
	}
	raw, ok := lookup(w, value, "role")
	role = said(raw)
	content, hasContent := lookup(w, value, "content")
	hasContent = hasContent && string(content) != "null"
	switch role {
	case "system", "developer", "user", "tool", "function":
		if ok && !hasContent {
			w.push("content")
			w.fault(value, message{kind: missing}, "add its text")
			w.pop()
		}
	case "assistant":
		_, calls := lookup(w, value, "tool_calls")
		_, call := lookup(w, value, "function_call")
		_, declined := lookup(w, value, "refusal")
		if !hasContent && !calls && !call && !declined {
			w.push("content")
			w.fault(value, message{kind: missing}, "add its text, or tool_calls")
			w.pop()
		}
	}
	if _, ok := lookup(w, value, "tool_call_id"); role == "tool" && !ok {
		w.push("tool_call_id")
		w.fault(value, message{kind: missing}, "add the id of the call that it answers, of the assistant's tool_calls")
		w.pop()
	}
	if role == "user" && hasContent && (content[0] == '"' && (len(content) == 2 || blank(content)) || isEmptyArray(content)) {
		w.push("content")
		w.say(content, w.pathWith(".")+": content must not be empty", "put text into the turn, or remove it")
		w.pop()
	}
	chatTurn(w, value)
	return role
}

var chatTurn = object(
	need("role", oneOf("system", "developer", "user", "assistant", "tool", "function")),
	optional("content", stringOr(text, list(0, 0, chatPart))),
	optional("name", text), optional("tool_calls", list(0, 0, chatCall)), optional("tool_call_id", text), optional("function_call", anyObject),
	optional("refusal", text), optional("audio", anyObject), optional("reasoning_content",
		text), optional("reasoning", text), optional("prefix", boolean),
	optional("annotations", nil),
)

var chatCall = object(need("id", text), optional("type", oneOf("function")), optional("index", integer(0, 0)),
	need("function", object(need("name", text), need("arguments", text))))

var chatPart = tagged("type", map[string]rule{
	"text":        object(need("type", text), need("text", text)),
	"image_url":   object(need("type", text), need("image_url", stringOrObject(text, object(need("url", filled), optional("detail", text))))),
	"input_audio": object(need("type", text), need("input_audio", anyObject)),
	"file":        object(need("type", text), need("file", anyObject)),
	"refusal":     object(need("type", text), need("refusal", text)),
	"video_url":   object(need("type", text), need("video_url", anyObject)),
})
