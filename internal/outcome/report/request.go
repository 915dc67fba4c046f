package report

import (
	"encoding/json"
	"strings"

	"quarry/internal/base/shown"
)

// Request is what the model was sent for a document.
type Request struct {
	// ModelInput is the body of one record, with {{title}}, {{text}} and so on in the places of the document's values.
	ModelInput json.RawMessage `json:"model_input"`
	// Schema is what an answer has to match; null: any text is an answer.
	Schema json.RawMessage `json:"schema"`
}

// requestView is a request as the page shows it.
type requestView struct {
	Prompts      []promptView
	Body, Schema string
}

type promptView struct{ Role, Text string }

const maxRequest = 20_000 // characters of a prompt or a schema on the page

func newRequestView(r *Request) *requestView {
	if r == nil || len(r.ModelInput) == 0 {
		return nil
	}
	v := &requestView{Body: pretty(r.ModelInput)}
	if len(r.Schema) > 0 && string(r.Schema) != "null" {
		v.Schema = pretty(r.Schema)
	}
	var body map[string]json.RawMessage
	if json.Unmarshal(r.ModelInput, &body) != nil {
		return v
	}
	add := func(role string, value json.RawMessage) {
		if text := promptText(value); text != "" {
			v.Prompts = append(v.Prompts, promptView{shown.Line(role, 20), shown.Lines(text, maxRequest)})
		}
	}
	add("system", body["system"])
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(body["messages"], &messages) == nil {
		for i := range messages {
			add(messages[i].Role, messages[i].Content)
		}
	}
	add("prompt", body["prompt"])
	return v
}

// promptText is a text, or the texts of content blocks.
func promptText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var blocks []struct {
		Text string `json:"text"`
	}
	var texts []string
	if json.Unmarshal(value, &blocks) == nil {
		for i := range blocks {
			texts = append(texts, blocks[i].Text)
		}
	}
	return strings.Join(texts, "\n\n")
}

func pretty(value json.RawMessage) string { return indentedTo(value, maxRequest) }
