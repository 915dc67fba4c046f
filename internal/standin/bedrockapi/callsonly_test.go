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
