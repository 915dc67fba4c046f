package bedrockapi_test

import (
	"strings"
	"testing"
)

// AWS's own example, of https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-large-2407.html.
func TestModelsThatAreAskedInCallsOnlyAreKnown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for id, body := range map[string]string{
		"mistral.mistral-large-2407-v1:0": `{"messages":[{"role":"user","content":"which llm are you?"}]}`,
		"mistral.mistral-large-2402-v1:0": `{"prompt":"<s>[INST] which llm are you? [/INST]","max_tokens":20}`,
		"us.deepseek.r1-v1:0":             `{"prompt":"which llm are you?","max_tokens":20}`,
	} {
		if status, _, got := w.send("POST", "/model/"+strings.ReplaceAll(id, ":", "%3A")+"/invoke", body); status != 200 {
			t.Errorf("%s: %d %s", id, status, got)
		}
	}
	if status, _, got := w.send("POST", "/model/mistral.mistral-largo-2407-v1%3A0/invoke", `{"messages":[]}`); status != 400 || !strings.Contains(got, "The provided model identifier is invalid.") {
		t.Errorf("a misspelled id: %d %s", status, got)
	}
}

func TestCallsRefuseWhatTheRulesRefuse(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const tool = `{"name":"x","input_schema":{"type":"object"}}`
	for body, want := range map[string]string{
		`{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"a"}],"tools":[` + tool + `,` + tool + `]}`:                          "tools: Tool names must be unique.",
		`{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"zz","content":"r"}]}]}`:        "unexpected `tool_use_id` found in `tool_result` blocks: zz",
		`{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}],"x":1}`: "x: Extra inputs are not permitted",
	} {
		if status, _, got := w.send("POST", "/model/"+strings.ReplaceAll(haiku, ":", "%3A")+"/invoke", body); status != 400 || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s, want %s", body, status, got, want)
		}
	}
}
