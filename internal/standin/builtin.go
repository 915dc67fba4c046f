package standin

import "quarry/internal/standin/model"

// ExtractiveID is the name that the built-in model answers under.
const ExtractiveID = model.ExtractiveID

// FillSample writes an answer of the built-in model in the form of a JSON Schema, about a text of its own; filled names the
// keys that it writes by rule and not out of the text. The error says what no rule can fill.
func FillSample(schema []byte) (sample []byte, filled []string, err error) {
	return model.FillSample(schema)
}
