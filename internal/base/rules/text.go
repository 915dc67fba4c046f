package rules

// The bodies whose prompt is one text.

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html
var llamaTop = objectOf(textUnknown("max_gen_len"), nil,
	need("prompt", promptText),
	optional("max_gen_len", llamaLimit),
	optional("temperature", number(0, 1)), optional("top_p", number(0, 1)),
	optional("images", list(0, 0, encoded)),
)

// maxLlama is the largest max_gen_len that the service was seen to take for the newer models.
const maxLlama = 8192

func llamaLimit(w *walk, value []byte) {
	most := int64(maxLlama)
	if w.facts.limit > 0 {
		most = w.facts.limit
	}
	integer(1, most)(w, value)
}

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html
var mistralTextTop = objectOf(textUnknown("max_tokens"), nil,
	need("prompt", promptText), optional("max_tokens", integer(1, 8192)), optional("stop", list(0, 10, text)),
	optional("temperature", number(0, 1)), optional("top_p", number(0, 1)), optional("top_k", integer(0, 200)),
)

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-deepseek.html
var deepSeekTop = objectOf(textUnknown("max_tokens"), nil,
	need("prompt", promptText), optional("max_tokens", integer(1, 32768)), optional("stop", list(0, 10, text)),
	optional("temperature", number(0, 1)), optional("top_p", number(0, 1)),
)

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html
var titanTextTop = objectOf(textUnknown("textGenerationConfig.maxTokenCount"), nil,
	need("inputText", promptText),
	optional("textGenerationConfig", object(
		optional("maxTokenCount",
			integer(0, 8192)), optional("temperature", number(0, 1)), optional("topP", number(0, 1)), optional("stopSequences", list(0, 0, text)))),
)

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command.html
var cohereTextTop = objectOf(textUnknown("max_tokens"), nil,
	need("prompt", promptText), optional("temperature", number(0, 5)), optional("p", number(0, 1)), optional("k", number(0, 500)),
	optional("max_tokens", integer(1, 4096)), optional("stop_sequences", list(0, 0, text)), optional("return_likelihoods",
		oneOf("GENERATION", "ALL", "NONE")),
	optional("num_generations", integer(1, 5)), optional("logit_bias", anyObject), optional("truncate",
		oneOf("NONE", "START", "END")), optional("stream", noStream),
)

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html
var cohereChatTop = objectOf(textUnknown("max_tokens"), nil,
	need("message", promptText), optional("chat_history", list(0, 0, anyObject)), optional("documents", list(0, 0, anyObject)),
	optional("search_queries_only",
		boolean), optional("preamble", text), optional("max_tokens", integer(1, 0)), optional("temperature", number(0, 1)),
	optional("p", number(0.01, 0.99)), optional("k", number(0, 500)), optional("prompt_truncation", text), optional("frequency_penalty",
		number(0, 1)),
	optional("presence_penalty",
		number(0, 1)), optional("seed", wholeOnly), optional("return_prompt", boolean), optional("tools", list(0, 0, anyObject)),
	optional("tool_results", list(0, 0, anyObject)), optional("stop_sequences",
		list(0, 0, text)), optional("raw_prompting", boolean), optional("response_format", anyObject),
)

// promptText checks a text of the prompt.
func promptText(w *walk, value []byte) {
	switch {
	case value[0] != '"':
		text(w, value)
	case len(value) == 2 || blank(value):
		w.fault(value, message{kind: tooShort, number: 1}, "put the prompt there")
	}
}

// textUnknown says what to do about a member that is none of the body's; limit is what the body calls its limit of answer
// tokens.
func textUnknown(limit string) func(*walk, string) (string, bool) {
	return func(_ *walk, name string) (fix string, refused bool) {
		switch name {
		case "modelId", "model":
			return "remove it: the job or the call names the model", true
		case "stream":
			return "remove it: a job does not stream", true
		case "max_tokens", "maxTokens", "max_new_tokens", "max_completion_tokens", "max_gen_len", "maxTokenCount":
			return "rename it to " + limit, true
		case "messages":
			return "this body takes one text; use the invocation type Converse for messages", true
		}
		return "remove it", true
	}
}
