package catalog

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
