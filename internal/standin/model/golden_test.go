package model_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/model"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

const bilingualSchema = `{"type":"object","properties":{"title_en":{"type":["string","null"]},"summary_ja":{"type":["string","null"]},` +
	`"summary_en":{"type":["string","null"]}},"required":["title_en","summary_ja","summary_en"],"additionalProperties":false}`

// bilingualBody is an Anthropic body that asks for the bilingual answer by schema.
func bilingualBody(t testing.TB, user string) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"anthropic_version": "bedrock-2023-05-31", "max_tokens": 4096, "temperature": 0.1, "system": "You summarise technical articles as JSON.",
		"messages":      []any{map[string]any{"role": "user", "content": user}},
		"output_config": map[string]any{"format": map[string]any{"type": "json_schema", "schema": json.RawMessage(bilingualSchema)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// anthropicText sends a body and returns the answer's text and why it ended.
func anthropicText(t testing.TB, m model.Model, body []byte) (text, stop string) {
	t.Helper()
	got, err := m.Answer(t.Context(), model.Request{RecordID: "r", ModelID: haiku, Body: body})
	if err != nil {
		t.Fatalf("Answer(%.200s): %v", body, err)
	}
	var reply struct {
		Model   string
		Content []struct{ Text string }
		Stop    string `json:"stop_reason"`
		Usage   struct {
			In  int64 `json:"input_tokens"`
			Out int64 `json:"output_tokens"`
		}
	}
	if err := json.Unmarshal(got.Body, &reply); err != nil {
		t.Fatal(err)
	}
	if reply.Usage.In != got.InputTokens || reply.Usage.Out != got.OutputTokens || got.InputTokens < 1 || got.OutputTokens < 1 {
		t.Errorf("usage %+v, want the %d and %d of the response", reply.Usage, got.InputTokens, got.OutputTokens)
	}
	return reply.Content[0].Text, reply.Stop
}

func TestGoldenAnswers(t *testing.T) {
	t.Parallel()
	name := filepath.Join("testdata", "answers.golden")
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, model.Config{})
	mark := regexp.MustCompile(`(?m)^-- (\S+)/(prompt|answer) --\n`)
	marks := mark.FindAllStringSubmatchIndex(string(old), -1)
	fresh := string(old[:marks[0][0]])
	answers := 0
	for i, at := range marks {
		if string(old[at[4]:at[5]]) != "prompt" {
			continue
		}
		prompt := string(old[at[1]:marks[i+1][0]])
		text, _ := anthropicText(t, m, bilingualBody(t, strings.TrimSuffix(prompt, "\n")))
		fresh += string(old[at[0]:marks[i+1][1]]) + text + "\n"
		answers++
	}
	if answers != 10 {
		t.Errorf("%d prompts, want 10", answers)
	}
	if *update {
		if err := os.WriteFile(name, []byte(fresh), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), fresh); diff != "" {
		t.Errorf("answers changed (-golden +now):\n%s", diff)
	}
}
