package catalog

import "slices"

// Field is a member of a request body that not every model takes, in one spelling for all families.
type Field string

// The fields. Each family has its own spelling: top_p is topP in Nova and Converse.
const (
	Temperature   Field = "temperature"
	TopP          Field = "top_p"
	TopK          Field = "top_k"
	StopSequences Field = "stop_sequences"
	// StructuredOutput is the answer's schema in the request: output_config.format, response_format or
	// outputConfig.textFormat (https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html).
	StructuredOutput Field = "structured_output"
)

// familyFields is what all models of a family take unless their row says otherwise.
func familyFields(f Family, field Field) Answer {
	if f == Anthropic {
		// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
		switch field {
		case Temperature, TopP, TopK, StopSequences:
			return Yes
		}
	}
	return Unknown
}

// Takes says whether the model takes a body field. An Unknown field may be sent: only No is a refusal that was seen.
func (m Model) Takes(f Field) Answer {
	if m.row == nil {
		return Unknown
	}
	if a, ok := m.row.Fields[f]; ok {
		return a
	}
	return familyFields(m.Family, f)
}

// Refusal is one field that has to be left out of a model's bodies, and why.
type Refusal struct {
	Field  Field
	Reason string
}

// Refusals says which of the given fields a body for this model must not hold. Of two fields that exclude each other
// the later one is refused.
func (m Model) Refusals(fields ...Field) []Refusal {
	if m.row == nil {
		return nil
	}
	var refused []Refusal
	for i, f := range fields {
		if m.Takes(f) == No {
			refused = append(refused, Refusal{f, m.Name + " does not take " + string(f)})
			continue
		}
		for _, pair := range m.row.Exclusive {
			other := pair[0]
			if f == pair[0] {
				other = pair[1]
			} else if f != pair[1] {
				continue
			}
			if slices.Contains(fields[:i], other) {
				refused = append(refused, Refusal{f, m.Name + " takes " + string(pair[0]) + " or " + string(pair[1]) + ", not both"})
				break
			}
		}
	}
	return refused
}
