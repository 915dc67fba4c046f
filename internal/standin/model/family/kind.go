package family

import "strings"

// Kind is the shape of a body. The model id decides it or, for Converse, the operation.
type Kind string

// The shapes that are read and written.
const (
	Converse    Kind = "converse"
	Anthropic   Kind = "anthropic"
	Nova        Kind = "nova"
	Llama       Kind = "llama"
	Chat        Kind = "chat"         // OpenAI chat completions, what the open-weight models take
	MistralText Kind = "mistral-text" // prompt in [INST] marks
	DeepSeek    Kind = "deepseek-r1"  // prompt in, choices[].text out
	Titan       Kind = "titan"
)

// chatProviders are the providers whose models take chat completion bodies on InvokeModel (the model cards of the Bedrock user guide).
var chatProviders = map[string]bool{
	"openai": true, "qwen": true, "deepseek": true, "mistral": true, "moonshot": true, "moonshotai": true, "zai": true, "google": true,
	"minimax": true, "nvidia": true, "ai21": true, "writer": true,
}

// profiles are the geographies that an inference profile id may begin with.
var profiles = map[string]bool{
	"us": true, "eu": true, "apac": true, "jp": true, "au": true, "ca": true, "sa": true, "me": true, "global": true, "us-gov": true,
}

// BaseModel is the foundation model's id inside a model id, an inference-profile id or an ARN of either. opaque is true for ARNs that
// name no model: application profiles, custom, imported and provisioned models.
func BaseModel(id string) (base string, opaque bool) {
	if strings.HasPrefix(id, "arn:") {
		resource := id
		for range 5 {
			_, rest, ok := strings.Cut(resource, ":")
			if !ok {
				return id, false
			}
			resource = rest
		}
		kind, rest, _ := strings.Cut(resource, "/")
		switch kind {
		case "foundation-model", "inference-profile":
			id = rest
		case "custom-model":
			id, _, _ = strings.Cut(rest, "/")
		default:
			return rest, true
		}
	}
	if geo, rest, ok := strings.Cut(id, "."); ok && profiles[geo] {
		id = rest
	}
	return id, false
}

// Of tells the shape of an InvokeModel body from its model id. ok is false for a model no family is known for, and for an opaque ARN
// (see BaseModel), where only the body can tell.
func Of(modelID string) (kind Kind, ok bool) {
	base, opaque := BaseModel(modelID)
	if opaque {
		return "", false
	}
	provider, name, ok := strings.Cut(base, ".")
	if !ok {
		return "", false
	}
	switch {
	case provider == "anthropic":
		return Anthropic, true
	case provider == "amazon" && strings.HasPrefix(name, "nova-") && !strings.Contains(name, "embed"):
		return Nova, true
	case provider == "amazon" && strings.HasPrefix(name, "titan-text"):
		return Titan, true
	case provider == "meta":
		return Llama, true
	case provider == "deepseek" && strings.HasPrefix(name, "r1"):
		return DeepSeek, true
	case chatProviders[provider]:
		return Chat, true
	}
	return "", false
}

// ofBody tells the shape from members that only one family has; it is used for ids that name no model.
func ofBody(has func(string) bool) Kind {
	switch {
	case has("anthropic_version"):
		return Anthropic
	case has("inputText"):
		return Titan
	case has("max_gen_len"):
		return Llama
	case has("schemaVersion"), has("inferenceConfig"):
		return Nova
	case has("prompt"):
		return Llama
	}
	return Chat
}
