package rules

// The bodies of embedding models. They answer with vectors: a run does not use them, but files for them are checked.

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
var titanEmbedTop = objectOf(embedUnknown, nil,
	need("inputText", promptText), optional("dimensions", oneNumber(256, 512, 1024)), optional("normalize", boolean),
	optional("embeddingTypes", list(0, 0, oneOf("float", "binary"))),
)

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-mm.html
var titanMultimodalTop = objectOf(embedUnknown, func(w *walk, f fields) {
	if !f.has("inputText") && !f.has("inputImage") {
		w.say(f.whole,
			"Malformed input request: #: required key [inputText] or [inputImage] not found, please reformat your input and try again.",
			"add one of them")
	}
},
	optional("inputText", text), optional("inputImage", encoded), optional("embeddingConfig",
		object(optional("outputEmbeddingLength", oneNumber(256, 384, 1024)))),
)

// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
var cohereEmbedTop = objectOf(embedUnknown, nil,
	optional("texts", list(1, 96, text)), optional("images", list(1, 96, text)), optional("inputs", list(1, 96, anyObject)),
	need("input_type", oneOf("search_document", "search_query", "classification", "clustering", "image")),
	optional("truncate", oneOf("NONE", "START", "END", "LEFT", "RIGHT")), optional("embedding_types",
		list(0, 0, oneOf("float", "int8", "uint8", "binary", "ubinary", "base64"))),
	optional("output_dimension", integer(1, 0)), optional("max_tokens", integer(1, 0)),
)

// https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
var novaEmbedTop = objectOf(embedUnknown, nil,
	optional("schemaVersion", text), need("taskType", oneOf("SINGLE_EMBEDDING", "SEGMENTED_EMBEDDING")),
	optional("singleEmbeddingParams", anyObject), optional("segmentedEmbeddingParams", anyObject),
)

func embedUnknown(_ *walk, name string) (fix string, refused bool) {
	switch name {
	case "modelId", "model":
		return "remove it: the job or the call names the model", true
	case "messages", "max_tokens", "prompt", "anthropic_version", "inferenceConfig":
		return "the model gives vectors, not text: name a text model", true
	}
	return "remove it", true
}

func oneNumber(values ...int64) rule {
	check := integer(1, 0)
	return func(w *walk, value []byte) {
		check(w, value)
		n, ok := wholeNumber(value)
		if !ok {
			return
		}
		for _, v := range values {
			if n == v {
				return
			}
		}
		w.fault(value, message{kind: notOneOf, text: shown(value)}, "use one of the sizes on the model's page")
	}
}
