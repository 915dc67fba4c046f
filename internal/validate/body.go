package validate

import (
	"strings"

	"quarry"
	"quarry/internal/jsonl"
)

// body is what the modelInputs of one family must hold.
type body struct {
	name    string
	members []required
}

type required struct {
	name string
	kind string // "a string", "a number", "messages"
}

// The bodies, from the pages of each family under
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html and, for Converse, from
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
func bodyNamed(family string, t quarry.InvocationType) *body {
	messages := required{"messages", "messages"}
	if t == quarry.Converse {
		return &body{"Converse", []required{messages}}
	}
	switch family {
	case "anthropic":
		return &body{"Anthropic Messages", []required{{"anthropic_version", "a string"}, {"max_tokens", "a number"}, messages}}
	case "nova":
		return &body{"Nova", []required{messages}}
	case "llama":
		return &body{"Llama", []required{{"prompt", "a string"}}}
	case "openai-chat":
		return &body{"chat completions", []required{messages}}
	case "titan-embed":
		return &body{"Titan embeddings", []required{{"inputText", "a string"}}}
	}
	return nil
}

// bodyOf decides by the configuration and, where that leaves the invocation type open, by a first modelInput:
// inferenceConfig is Converse's word (and Nova's, whose body is Converse's but for the name).
func bodyOf(cfg Config, first []byte) *body {
	family := ""
	if cfg.Family != nil && cfg.Model != "" {
		family = cfg.Family(cfg.Model)
	}
	t := cfg.Type
	if t == "" && family != "nova" {
		if _, ok := jsonl.Lookup(first, "inferenceConfig"); ok {
			t = quarry.Converse
		}
	}
	return bodyNamed(family, t)
}

// Body says what is wrong with one modelInput for the model of the configuration, or nothing.
func Body(cfg Config, modelInput []byte) string {
	var c jsonl.Checker
	if _, err := c.Object(modelInput); err != nil {
		return "modelInput: " + err.Error()
	}
	var first string
	bodyOf(cfg, modelInput).check(&c, modelInput, func(_ []byte, reason string) {
		if first == "" {
			first = reason
		}
	})
	return first
}

// check looks at one modelInput, an object that was checked as JSON. A nil body asks what all have in common.
func (b *body) check(c *jsonl.Checker, input []byte, fault func(part []byte, reason string)) {
	var seen [8]bool
	for raw, value := range c.Members(input) {
		if string(raw) == "modelId" {
			// "Extra inputs are not permitted" (maximhq/bifrost pull request 4516).
			fault(value, "modelInput holds modelId; the job names the model")
			continue
		}
		if b == nil {
			continue
		}
		for i, r := range b.members {
			if !jsonl.NameIs(raw, r.name) {
				continue
			}
			seen[i] = true
			switch r.kind {
			case "messages":
				messages(c, value, fault)
			case "a string":
				if value[0] != '"' || len(value) == 2 {
					fault(value, "modelInput."+r.name+" is not a string with text")
				}
			case "a number":
				if !strings.ContainsRune("123456789", rune(value[0])) || strings.ContainsAny(string(value), ".eE") {
					fault(value, "modelInput."+r.name+" is not a whole number above 0")
				}
			}
		}
	}
	if b == nil {
		return
	}
	for i, r := range b.members {
		if !seen[i] {
			fault(input, "no modelInput."+r.name+" ("+b.name+")")
		}
	}
}

// messages looks at a list of messages: each has a role and a content.
func messages(c *jsonl.Checker, list []byte, fault func(part []byte, reason string)) {
	if list[0] != '[' {
		fault(list, "modelInput.messages is not an array")
		return
	}
	n := 0
	for m := range c.Elements(list) {
		n++
		if m[0] != '{' {
			fault(m, "a message is not an object")
			continue
		}
		role, content := false, false
		for raw, value := range c.Members(m) {
			switch {
			case jsonl.NameIs(raw, "role"):
				role = value[0] == '"' && len(value) > 2
			case jsonl.NameIs(raw, "content"):
				content = (value[0] == '"' && len(value) > 2) || (value[0] == '[' && len(value) > 2)
			}
		}
		if !role {
			fault(m, "a message has no role")
		}
		if !content {
			fault(m, "a message has no content")
		}
	}
	if n == 0 {
		fault(list, "modelInput.messages is empty")
	}
}
