package ollama_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// settings ask for an answer that a grammar can hold noise to: every path through it ends.
const settings = `pilot: 0
structured: on
prompt:
  max_tokens: 300
  temperature: 1
  system: Answer.
  user: "{{.Text}}"
  schema:
    type: object
    properties:
      kind: {type: string, enum: [stone, water, wood]}
      good: {type: boolean}
      stars: {type: integer}
    required: [kind, good, stars]
    additionalProperties: false
`

// doc is a document of so many bytes, and as many tokens of the tiny model.
func doc(id string, n int) string {
	text := fmt.Sprintf("Text %s. ", id)
	text += strings.Repeat("Stone is cut from a hill. ", n/26+1)
	return fmt.Sprintf(`{"id":%q,"title":"Stone","content":%q}`+"\n", id, text[:n])
}

// folder is a directory with sources and settings.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	if *ollama == "" {
		t.Skip("a real Ollama is wanted: compat/ollama/run gives one with -ollama")
	}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// result is a line of results.jsonl.
type result struct {
	ID         string
	Status     string
	Output     json.RawMessage
	Text       string
	StopReason string `json:"stop_reason"`
	Model      string
	Usage      struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
	}
	Error *struct{ Kind, Message string }
}

func results(t *testing.T, dir string) map[string]result {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "quarry-run", "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]result{}
	for line := range bytes.Lines(b) {
		var r result
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		out[r.ID] = r
	}
	return out
}

// wantCut holds that a document's prompt was cut, and that no answer to it was taken.
func wantCut(t *testing.T, r result) {
	t.Helper()
	if r.Status != "failed" || r.Error == nil || r.Error.Kind != "prompt_truncated" || r.Output != nil || r.Text != "" {
		t.Errorf("document %s ended %s (%+v), output %s%s; want failed, prompt_truncated", r.ID, r.Status, r.Error, r.Output, r.Text)
	}
}

// wantAnswer holds that a document was answered by the schema and within its grammar, and says what it took.
func wantAnswer(t *testing.T, r result, model string) {
	t.Helper()
	var answer struct {
		Kind  *string
		Good  *bool
		Stars *int64
	}
	d := json.NewDecoder(bytes.NewReader(r.Output))
	d.DisallowUnknownFields()
	if err := d.Decode(&answer); r.Status != "ok" || err != nil || answer.Kind == nil || answer.Good == nil || answer.Stars == nil {
		t.Errorf("document %s ended %s (%+v) with %s, %v; want an answer of the schema", r.ID, r.Status, r.Error, r.Output, err)
	}
	if r.StopReason != "end_turn" || !strings.HasPrefix(r.Model, model) {
		t.Errorf("document %s: stop reason %q by %q, want end_turn by %s", r.ID, r.StopReason, r.Model, model)
	}
	if r.Usage.Input < 100 || r.Usage.Output < 10 {
		t.Errorf("document %s took %+v, want the server's counts", r.ID, r.Usage)
	}
}

// The document middle is of fewer tokens than the context by every estimate, and of more by the tiny model's bytes: only the server's
// own word shows that it was cut.
var articles = doc("a", 200) + doc("b", 300) + doc("c", 400) + doc("middle", 1600) + doc("long", 9000)

func TestRunTakesNoAnswerToACutPrompt(t *testing.T) {
	dir := folder(t, map[string]string{"docs.jsonl": articles, "s.yaml": settings})
	backend := []string{"-c", "s.yaml", "--backend", "openai=" + server, "--backend-model", small}
	planned, _ := run(t, dir, 0, append([]string{quarry, "plan", "docs.jsonl"}, backend...)...)
	if want := "1 of 5 documents may not fit the context of the back end " + server + ", which is 1,024 tokens (num_ctx of /api/show)"; !strings.Contains(planned, want) {
		t.Errorf("the plan says\n%swant %s", planned, want)
	}
	run(t, dir, 3, append([]string{quarry, "run", "docs.jsonl"}, backend...)...)
	got := results(t, dir)
	wantCut(t, got["middle"])
	wantCut(t, got["long"])
	for _, id := range []string{"a", "b", "c"} {
		wantAnswer(t, got[id], small)
	}
	run(t, dir, 0, quarry, "audit")
}

// What was advised makes even the longest text fit.
func TestTextsCutAsAdvisedFit(t *testing.T) {
	dir := folder(t, map[string]string{"docs.jsonl": articles, "s.yaml": settings})
	run(t, dir, 0, quarry, "run", "docs.jsonl", "-c", "s.yaml", "--backend", "openai="+server, "--backend-model", small, "--max-chars", "700")
	for _, r := range results(t, dir) {
		wantAnswer(t, r, small)
	}
}

// A stand-in of its own takes the same documents as a batch job over AWS's wire.
func TestJobsOfAStandInTakeNoAnswerToACutPrompt(t *testing.T) {
	dir := folder(t, map[string]string{"docs.jsonl": articles, "s.yaml": settings, "quotas.json": `{"*":{"min_records":3}}`})
	commands := "quarry setup --target aws --yes && quarry run docs.jsonl -c s.yaml --target aws --yes --mode batch"
	run(t, dir, 3, quarry, "local", "--addr", "127.0.0.1:0", "--quotas", "quotas.json", "--backend", "openai="+server, "--backend-model", small,
		"--state-delay", "10ms", "--", "sh", "-c", commands)
	got := results(t, dir)
	wantCut(t, got["middle"])
	wantCut(t, got["long"])
	for _, id := range []string{"a", "b", "c"} {
		wantAnswer(t, got[id], small)
	}
}

// Ollama cuts to the length that the model was trained with and still says the configured one in /api/ps.
func TestContextBeyondTheModelsIsNotBelieved(t *testing.T) {
	dir := folder(t, map[string]string{"docs.jsonl": doc("fits", 1200) + doc("cut", 2600), "s.yaml": settings})
	run(t, dir, 3, quarry, "run", "docs.jsonl", "-c", "s.yaml", "--backend", "openai="+server, "--backend-model", clipped)
	got := results(t, dir)
	wantAnswer(t, got["fits"], clipped)
	wantCut(t, got["cut"])
}

func TestContextThatIsNotSet(t *testing.T) {
	dir := folder(t, map[string]string{"docs.jsonl": doc("long", 20000)})
	planned, _ := run(t, dir, 0, quarry, "plan", "docs.jsonl", "--backend", "openai="+server, "--backend-model", unset)
	if want := "is 2,048 tokens (the context length of the model in /api/show)"; !strings.Contains(planned, want) {
		t.Errorf("the plan says\n%swant %s", planned, want)
	}
}

// record is a ready record with these messages.
func record(id string, maxTokens int, messages ...string) string {
	var turns []map[string]string
	for i, text := range messages {
		turns = append(turns, map[string]string{"role": []string{"user", "assistant"}[i%2], "content": text})
	}
	b, err := json.Marshal(map[string]any{"recordId": id, "modelInput": map[string]any{
		"anthropic_version": "bedrock-2023-05-31", "max_tokens": maxTokens, "temperature": 0, "messages": turns,
	}})
	if err != nil {
		panic(err)
	}
	return string(b) + "\n"
}

// Of a conversation Ollama drops the first messages until the rest fits, and counts the rest alone.
func TestConversationThatLostItsBeginningIsNoAnswer(t *testing.T) {
	article := strings.Repeat("Stone is cut from a hill. ", 80)
	dir := folder(t, map[string]string{"r.jsonl": record("dropped", 20, article, "No.", "Again, please.")})
	run(t, dir, 3, quarry, "run", "--records", "r.jsonl", "--pilot", "0", "--attempts", "1", "--backend", "openai="+server, "--backend-model", small)
	wantCut(t, results(t, dir)["dropped"])
}

// Usage is what the server counts for the same messages, and an answer that was cut off says so.
func TestUsageAndStopReasonAreTheServers(t *testing.T) {
	const question = "How is stone cut from a hill?"
	dir := folder(t, map[string]string{"r.jsonl": record("short", 5, question)})
	run(t, dir, 3, quarry, "run", "--records", "r.jsonl", "--pilot", "0", "--attempts", "1", "--backend", "openai="+server, "--backend-model", small)
	got := results(t, dir)["short"]
	if got.StopReason != "max_tokens" || got.Error == nil || got.Error.Kind != "truncated" || got.Usage.Output != 5 {
		t.Errorf("an answer of 5 tokens at most ended %+v", got)
	}
	body, err := json.Marshal(map[string]any{"model": small, "max_tokens": 1, "messages": []any{map[string]string{"role": "user", "content": question}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := ask("POST", "/v1/chat/completions", body)
	if err != nil {
		t.Fatal(err)
	}
	var direct struct {
		Usage struct {
			Prompt int64 `json:"prompt_tokens"`
		}
	}
	if err := json.Unmarshal(b, &direct); err != nil {
		t.Fatal(err)
	}
	if direct.Usage.Prompt == 0 || got.Usage.Input != direct.Usage.Prompt {
		t.Errorf("%d tokens of input, the server counts %d", got.Usage.Input, direct.Usage.Prompt)
	}
}
