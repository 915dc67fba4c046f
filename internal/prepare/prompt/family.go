package prompt

import "strings"

// family is a group of models whose InvokeModel bodies have the same shape.
type family string

const (
	unknown   family = ""
	anthropic family = "Anthropic Messages"
	nova      family = "Nova"
	llama3    family = "Llama 3"
	llama4    family = "Llama 4"
	chat      family = "OpenAI chat"
)

// familyOf reads the family from a model id, a profile id or an ARN that holds one. Ids that say nothing of their model
// (application profiles, imported models) are unknown.
func familyOf(model string) family {
	if strings.HasPrefix(model, "arn:") {
		_, resource, _ := strings.Cut(model, "/")
		model, _, _ = strings.Cut(resource, "/")
	}
	// A profile id puts a geography before the provider: us.anthropic.…, global.amazon.….
	provider, name, _ := strings.Cut(model, ".")
	if f := familyOfProvider(provider, name); f != unknown {
		return f
	}
	provider, name, _ = strings.Cut(name, ".")
	return familyOfProvider(provider, name)
}

func familyOfProvider(provider, name string) family {
	switch provider {
	case "anthropic":
		return anthropic
	case "amazon":
		if strings.HasPrefix(name, "nova-") {
			return nova
		}
	case "meta":
		switch {
		case strings.HasPrefix(name, "llama3"):
			return llama3
		case strings.HasPrefix(name, "llama4"):
			return llama4
		}
	case "deepseek":
		// R1 takes a bare prompt (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-deepseek.html).
		if !strings.HasPrefix(name, "r1-") {
			return chat
		}
	case "mistral":
		// The first generation takes a prompt in [INST] marks
		// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html).
		for _, old := range []string{"mistral-7b-", "mixtral-", "mistral-large-2402", "mistral-small-2402"} {
			if strings.HasPrefix(name, old) {
				return unknown
			}
		}
		return chat
	case "openai", "qwen", "moonshot", "moonshotai", "minimax", "zai", "google", "nvidia":
		return chat
	}
	return unknown
}
