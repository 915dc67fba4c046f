package family

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// Encode writes the reply as the prompt's family does. Where the family has no member for the model that answered, it is said in
// additionalModelResponseFields.model (Converse) or in an extra member model.
func (p *Prompt) Encode(r Reply) ([]byte, error) {
	var v any
	switch p.Kind {
	case Converse:
		v = r.converse(false)
	case Nova:
		v = r.converse(true)
	case Anthropic:
		v = r.anthropic()
	case Llama:
		v = r.llama()
	case MistralText:
		v = r.mistral()
	case DeepSeek:
		v = r.deepseek()
	case Titan:
		v = r.titan()
	default:
		v = r.chat()
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s answer: %w", p.Kind, err)
	}
	return out, nil
}
