package catalog

import "strings"

// Shape is the form of an InvokeModel body. Models that the table does not list have one too: the provider in the id says
// which (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
type Shape string

// The shapes.
const (
	ShapeAnthropic   Shape = "anthropic"
	ShapeNova        Shape = "nova"
	ShapeLlama       Shape = "llama"
	ShapeOpenAI      Shape = "openai-chat"
	ShapeMistralText Shape = "mistral-text"
	ShapeDeepSeekR1  Shape = "deepseek-r1"
	ShapeTitanText   Shape = "titan-text"
	ShapeCohereText  Shape = "cohere-text"
	ShapeCohereChat  Shape = "cohere-chat"

	ShapeTitanEmbed  Shape = "titan-embed"
	ShapeTitanImage  Shape = "titan-embed-image"
	ShapeNovaEmbed   Shape = "nova-embed"
	ShapeCohereEmbed Shape = "cohere-embed"
	ShapeEmbed       Shape = "embed"  // another embedding model
	ShapeRerank      Shape = "rerank" // documents in, scores out
	ShapeImage       Shape = "image"  // images out
	ShapeVideo       Shape = "video"
	ShapeSpeech      Shape = "speech"
)

// Output is what models of a shape answer with: "text", or what else it is.
func (s Shape) Output() string {
	switch s {
	case ShapeTitanEmbed, ShapeTitanImage, ShapeNovaEmbed, ShapeCohereEmbed, ShapeEmbed:
		return "embeddings"
	case ShapeRerank:
		return "scores"
	case ShapeImage:
		return "images"
	case ShapeVideo:
		return "video"
	case ShapeSpeech:
		return "speech"
	case "":
		return ""
	}
	return "text"
}

// ShapeOf tells the shape of a model's InvokeModel body from an id or ARN. ok is false where the id does not say, as for an
// application inference profile, and for providers that are not known.
func ShapeOf(id string) (s Shape, ok bool) {
	plain, ok := plainID(id)
	if !ok {
		return "", false
	}
	provider, name, ok := strings.Cut(plain, ".")
	if !ok || name == "" {
		return "", false
	}
	s = shapeOf(provider, name)
	return s, s != ""
}

// plainID is Split for ids that also name custom models, whose base model is in the ARN.
func plainID(id string) (string, bool) {
	if plain, _, ok := Split(id); ok {
		return plain, true
	}
	if parts := strings.SplitN(id, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[2] == "bedrock" {
		if rest, ok := strings.CutPrefix(parts[5], "custom-model/"); ok {
			base, _, _ := strings.Cut(rest, "/")
			return base, base != "" && base != "imported"
		}
	}
	return "", false
}

func shapeOf(provider, name string) Shape {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(name, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("rerank"):
		return ShapeRerank
	case provider == "amazon" && strings.HasPrefix(name, "titan-embed-image"):
		return ShapeTitanImage
	case provider == "amazon" && strings.HasPrefix(name, "titan-embed"):
		return ShapeTitanEmbed
	case provider == "amazon" && has("embed"):
		return ShapeNovaEmbed
	case provider == "cohere" && has("embed"):
		return ShapeCohereEmbed
	case has("embed"):
		return ShapeEmbed
	}
	switch provider {
	case "anthropic":
		return ShapeAnthropic
	case "amazon":
		switch {
		case has("canvas", "image"):
			return ShapeImage
		case has("reel"):
			return ShapeVideo
		case has("sonic"):
			return ShapeSpeech
		case strings.HasPrefix(name, "nova-"):
			return ShapeNova
		case strings.HasPrefix(name, "titan-"):
			return ShapeTitanText
		}
	case "meta":
		return ShapeLlama
	case "deepseek":
		// R1 takes a bare prompt (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-deepseek.html).
		if strings.HasPrefix(name, "r1") {
			return ShapeDeepSeekR1
		}
		return ShapeOpenAI
	case "mistral":
		// The first generation takes a prompt in [INST] marks
		// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html).
		for _, old := range []string{"mistral-7b-", "mixtral-", "mistral-large-2402", "mistral-small-2402"} {
			if strings.HasPrefix(name, old) {
				return ShapeMistralText
			}
		}
		if has("voxtral") && has("tts") {
			return ShapeSpeech
		}
		return ShapeOpenAI
	case "cohere":
		if strings.HasPrefix(name, "command-r") {
			return ShapeCohereChat
		}
		return ShapeCohereText
	case "stability":
		return ShapeImage
	case "luma":
		return ShapeVideo
	case "twelvelabs":
		if has("pegasus") {
			return ""
		}
		return ShapeEmbed
	case "openai", "qwen", "moonshot", "moonshotai", "minimax", "zai", "google", "nvidia", "ai21", "writer", "xai", "microsoft", "ibm":
		return ShapeOpenAI
	}
	return ""
}
