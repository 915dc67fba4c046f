package rules

import (
	"bytes"
	"strings"
)

// The body of the Nova models: https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html. AWS's older
// examples spell the limits max_new_tokens, top_p and top_k.
var novaTop = objectOf(novaUnknown, novaTogether,
	optional("schemaVersion", oneOf("messages-v1")),
	need("messages", novaMessages),
	optional("system", list(0, 0, converseSystem)),
	optional("inferenceConfig", objectOf(novaConfigUnknown, nil,
		optional("maxTokens", maxTokens("")), optional("max_new_tokens", maxTokens("")), optional("temperature", number(0, 1)),
		optional("topP", number(0, 1)), optional("top_p", number(0, 1)), optional("topK", integer(0, 128)), optional("top_k", integer(0, 128)),
		optional("stopSequences", list(0, 4, filled)), optional("reasoningConfig", reasoningConfig))),
	optional("toolConfig", toolConfig),
	optional("reasoningConfig", reasoningConfig),
	optional("additionalModelRequestFields", anyObject),
	optional("guardrailConfig", anyObject),
)

// https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
var reasoningConfig = object(need("type", oneOf("enabled", "disabled")), optional("maxReasoningEffort", oneOf("low", "medium", "high")))

func novaUnknown(_ *walk, name string) (fix string, refused bool) {
	switch name {
	case "modelId", "model":
		return "remove it: the job or the call names the model", true
	case "stream":
		return "remove it: a job does not stream", true
	case "max_tokens", "maxTokens", "temperature", "topP", "top_p", "topK", "top_k", "stopSequences", "stop_sequences":
		return "move it into inferenceConfig: maxTokens, temperature, topP, topK or stopSequences", true
	case "anthropic_version":
		return "remove it: the body is Claude's; Nova takes messages with content blocks and inferenceConfig", true
	}
	return "remove it", true
}

func novaConfigUnknown(_ *walk, name string) (fix string, refused bool) {
	switch name {
	case "max_tokens", "max_gen_len", "max_completion_tokens", "maxTokenCount":
		return "rename it to maxTokens", true
	case "stop_sequences", "stop":
		return "rename it to stopSequences", true
	}
	return "remove it", true
}

func novaTogether(w *walk, f fields) {
	if config := f.get("toolConfig"); config != nil && w.facts.job {
		w.at("toolConfig", func() {
			w.warn(config, "AWS's page about batch inference says that tool use is not supported in jobs",
				"prove it with --pilot before the whole file")
		})
	}
}

func novaMessages(w *walk, value []byte) {
	if value[0] != '[' {
		w.fault(value, message{kind: wrongType, want: "array", got: value}, "")
		return
	}
	n := 0
	var before []byte
	for m := range w.c.Elements(value) {
		w.pushIndex(n)
		w.role, w.content = nil, nil
		novaTurn(w, m)
		role := inside(w.role)
		w.pop()
		switch {
		case n == 0 && string(role) == "assistant":
			w.say(m, "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
				"begin messages with a user turn")
		case len(role) > 0 && bytes.Equal(role, before):
			w.say(m, "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.", "join the two turns into one")
		}
		before = role
		n++
	}
	if n == 0 {
		w.fault(value, message{kind: tooFew, number: 1}, "add a user turn")
	}
}

var novaTurn = objectThen(noteTurn, need("role", oneOf("user", "assistant")), member{name: "content", required: true, check: novaContent})

func novaContent(w *walk, value []byte) {
	if value[0] == '"' {
		w.fault(value, message{kind: wrongType, want: "array", got: value}, `write the text as a block: [{"text": "…"}]`)
		return
	}
	list(1, 0, converseBlock)(w, value)
}

// claude reports whether an id is one of Anthropic's models.
func claude(id string) bool { return strings.HasPrefix(id, "anthropic.") }
