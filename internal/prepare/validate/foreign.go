package validate

import "quarry/internal/base/jsonl"

// foreign tells by the first line that can be read whether a file is in the batch format of another API, or the output of
// a job. It gives what people are shown, or nothing.
func foreign(chunk jsonl.Chunk) string {
	if chunk.Skipped > 0 {
		return ""
	}
	var c jsonl.Checker
	for l := range chunk.Lines() {
		if jsonl.Blank(l.Text) {
			continue
		}
		members, err := c.Object(l.Text)
		if err != nil {
			return ""
		}
		names := make(map[string]bool, len(members))
		for _, m := range members {
			names[string(m.Name)] = true
		}
		return foreignRecord(names)
	}
	return ""
}

const wanted = `; a line of Bedrock's is {"recordId": "…", "modelInput": {…}}`

func foreignRecord(has map[string]bool) string {
	switch {
	case has["modelOutput"] || has["modelInput"] && has["error"]:
		return "is the output of a job, not its input: `quarry collect` reads it"
	case has["modelInput"] || has["recordId"]:
		return ""
	// https://platform.openai.com/docs/api-reference/batch/request-input
	case has["custom_id"] && has["body"]:
		return "is in OpenAI's batch format (custom_id, method, url, body)" + wanted + ": custom_id becomes recordId, body without model becomes modelInput"
	case has["custom_id"] && has["response"]:
		return "is the output of an OpenAI batch, not the input of a job" + wanted
	// https://docs.claude.com/en/api/creating-message-batches
	case has["custom_id"] && has["params"]:
		return "is in Anthropic's batch format (custom_id, params)" + wanted + `: custom_id becomes recordId, params without model and with "anthropic_version": "bedrock-2023-05-31" becomes modelInput`
	case has["custom_id"] && has["result"]:
		return "is the output of an Anthropic batch, not the input of a job" + wanted
	case has["requests"]:
		return "is one request of Anthropic's batch API (requests), not JSON Lines" + wanted
	// https://ai.google.dev/gemini-api/docs/batch-api
	case has["request"] && (has["key"] || len(has) == 1):
		return "is in Gemini's batch format (key, request)" + wanted
	}
	return ""
}
