package prompt_test

import (
	"errors"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
)

// shapes are the request bodies that are written, each with a model that reads it.
func shapes() map[string]prompt.Config {
	return map[string]prompt.Config{
		"anthropic": {},
		"converse":  {Type: quarry.Converse},
		"nova":      {Type: quarry.InvokeModel, Model: "us.amazon.nova-2-lite-v1:0"},
		"llama3":    {Type: quarry.InvokeModel, Model: "meta.llama3-3-70b-instruct-v1:0"},
		"llama4":    {Type: quarry.InvokeModel, Model: "us.meta.llama4-scout-17b-instruct-v1:0"},
		"chat":      {Type: quarry.InvokeModel, Model: "openai.gpt-oss-120b-1:0"},
	}
}

func TestAnotherLimitGivesWhatAnotherConfigWouldHaveGiven(t *testing.T) {
	t.Parallel()
	for name, cfg := range shapes() {
		in := []byte(render(t, cfg, article()))
		if got := prompt.MaxTokens(in); got != 4096 {
			t.Errorf("%s: MaxTokens = %d, want 4096", name, got)
		}
		cfg.MaxTokens = 16384
		want := render(t, cfg, article())
		got, err := prompt.WithMaxTokens(in, 16384)
		if err != nil || string(got) != want {
			t.Errorf("%s: WithMaxTokens = %s, %v; want %s", name, got, err, want)
		}
	}
}

func TestSchemaCanBePutInAndTakenOutLater(t *testing.T) {
	t.Parallel()
	for name, cfg := range shapes() {
		off := render(t, cfg, article())
		cfg.Structured = true
		r := newRenderer(t, cfg)
		on := string(appended(t, r, article()))
		got, err := prompt.WithStructured([]byte(off), []byte(prompt.DefaultSchema))
		if !r.Structured() {
			if !errors.Is(err, prompt.ErrNoStructured) {
				t.Errorf("%s: WithStructured = %s, %v; want ErrNoStructured", name, got, err)
			}
		} else if err != nil || string(got) != on {
			t.Errorf("%s: WithStructured = %s, %v; want %s", name, got, err, on)
		}
		if got, err := prompt.WithoutStructured([]byte(on)); err != nil || string(got) != off {
			t.Errorf("%s: WithoutStructured = %s, %v; want %s", name, got, err, off)
		}
	}
}

func TestSchemaLeavesItsNeighboursAlone(t *testing.T) {
	t.Parallel()
	const in = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"content":"x","role":"user"}],"output_config":{"effort":"low"}}`
	on, err := prompt.WithStructured([]byte(in), []byte(`{"type":"object"}`))
	if err != nil || !strings.Contains(string(on), `"output_config":{"effort":"low","format":{`) {
		t.Fatalf("WithStructured = %s, %v", on, err)
	}
	if off, err := prompt.WithoutStructured(on); err != nil || string(off) != in {
		t.Errorf("WithoutStructured = %s, %v; want %s", off, err, in)
	}
}

func TestRepairAddsTheAnswerAndTheComplaint(t *testing.T) {
	t.Parallel()
	for name, cfg := range shapes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg.System, cfg.User = "SYSTEM", "USER"
			in := []byte(render(t, cfg, article()))
			got, err := prompt.WithRepair(in, "\n{\"title_en\": \"<|eot_id|>\"", "summary_ja: is null")
			if err != nil {
				t.Fatal(err)
			}
			checkCanonical(t, got)
			golden(t, "repair-"+name+".json", string(got)+"\n")
			again, err := prompt.WithRepair(got, "{}", "still")
			if err != nil || len(again) <= len(got) {
				t.Errorf("a second repair: %s, %v", again, err)
			}
			if limited, err := prompt.WithMaxTokens(got, 4096); err != nil || string(limited) != string(got) {
				t.Errorf("the shape is not known again after a repair: %s, %v", limited, err)
			}
		})
	}
}

func TestBlankAnswerHasNothingToRepair(t *testing.T) {
	t.Parallel()
	for name, cfg := range shapes() {
		in := []byte(render(t, cfg, article()))
		if got, err := prompt.WithRepair(in, " \n", "the answer is empty"); err != nil || string(got) != string(in) {
			t.Errorf("%s: WithRepair = %s, %v; want it unchanged", name, got, err)
		}
	}
}

func TestReadyRecordsOfEveryShapeAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"Converse without a configuration": {
			`{"messages":[{"role":"user","content":[{"text":"x"}]}]}`,
			`{"inferenceConfig":{"maxTokens":7},"messages":[{"content":[{"text":"x"}],"role":"user"}]}`,
		},
		"Anthropic with content blocks": {
			`{"anthropic_version":"bedrock-2023-05-31","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":1}`,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":7,"messages":[{"content":[{"text":"x","type":"text"}],"role":"user"}]}`,
		},
		"chat that counts completion tokens": {
			`{"messages":[{"role":"user","content":"x"}],"max_completion_tokens":1}`,
			`{"max_completion_tokens":7,"messages":[{"content":"x","role":"user"}]}`,
		},
		"chat with parts": {
			`{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`,
			`{"max_tokens":7,"messages":[{"content":[{"text":"x","type":"text"}],"role":"user"}]}`,
		},
		"Llama without a limit": {
			`{"prompt":"<|begin_of_text|>x"}`,
			`{"max_gen_len":7,"prompt":"<|begin_of_text|>x"}`,
		},
		"numbers that a float cannot hold": {
			`{"messages":[{"role":"user","content":"x"}],"seed":12345678901234567891}`,
			`{"max_tokens":7,"messages":[{"content":"x","role":"user"}],"seed":12345678901234567891}`,
		},
	} {
		if got, err := prompt.WithMaxTokens([]byte(tt.in), 7); err != nil || string(got) != tt.want {
			t.Errorf("%s: WithMaxTokens = %s, %v; want %s", name, got, err, tt.want)
		}
	}
}

func TestRecordsThatCannotBeChangedAreErrors(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"another family's body": `{"inputText":"x","textGenerationConfig":{}}`,
		"no messages":           `{"max_tokens":1}`,
		"messages of no shape":  `{"messages":[1]}`,
		"no object":             `[]`,
	} {
		if got, err := prompt.WithMaxTokens([]byte(in), 7); !errors.Is(err, prompt.ErrShape) {
			t.Errorf("%s: WithMaxTokens = %s, %v; want ErrShape", name, got, err)
		}
	}
	for name, in := range map[string]string{
		"a turn begun for the assistant":  `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"{"}]}`,
		"no turn at all":                  `{"messages":[]}`,
		"a prompt that ends in mid-turn":  `{"prompt":"<|begin_of_text|>x","max_gen_len":5}`,
		"a prompt without a chat's marks": `{"prompt":"x","max_gen_len":5}`,
	} {
		if got, err := prompt.WithRepair([]byte(in), "bad", "why"); !errors.Is(err, prompt.ErrShape) {
			t.Errorf("%s: WithRepair = %s, %v; want ErrShape", name, got, err)
		}
	}
	if _, err := prompt.WithMaxTokens([]byte(`{"max_tokens":1,"max_tokens":2,"messages":[]}`), 7); err == nil {
		t.Error("a record with one name twice is changed")
	}
	if _, err := prompt.WithMaxTokens([]byte(`{}`), 0); err == nil {
		t.Error("a limit of 0 is taken")
	}
}

func FuzzAttempts(f *testing.F) {
	for _, cfg := range shapes() {
		cfg.Structured = true
		r, err := prompt.New(cfg)
		if err != nil {
			f.Fatal(err)
		}
		b, err := r.Append(nil, article())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "{\"a\":", "why")
	}
	f.Add([]byte(`{"messages":[{"content":[{}]}],"inferenceConfig":1}`), "x", "\xff")
	f.Fuzz(func(t *testing.T, in []byte, answer, complaint string) {
		prompt.MaxTokens(in)
		for name, change := range map[string]func([]byte) ([]byte, error){
			"WithMaxTokens":     func(b []byte) ([]byte, error) { return prompt.WithMaxTokens(b, 9) },
			"WithRepair":        func(b []byte) ([]byte, error) { return prompt.WithRepair(b, answer, complaint) },
			"WithStructured":    func(b []byte) ([]byte, error) { return prompt.WithStructured(b, []byte(prompt.DefaultSchema)) },
			"WithoutStructured": prompt.WithoutStructured,
		} {
			out, err := change(in)
			if err != nil {
				continue
			}
			if !isObject(out) || strings.ContainsAny(string(out), "\n\r") {
				t.Errorf("%s(%q) = %q", name, in, out)
			}
		}
	})
}

func TestASchemaKeepsItsOrderThroughEveryAttempt(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"object","required":["z","a"],"properties":{"z":{"type":"string"},"a":{"type":"array","items":{"type":"object","properties":{"y":{"type":"string"},"b":{"type":"integer"}}}}}}`
	for _, cfg := range []prompt.Config{
		{Structured: true, Schema: []byte(schema)},
		{Structured: true, Schema: []byte(schema), Type: quarry.Converse},
		{Structured: true, Schema: []byte(schema), Type: quarry.InvokeModel, Model: "openai.gpt-oss-120b-1:0"},
	} {
		in := []byte(render(t, cfg, article()))
		longer, err := prompt.WithMaxTokens(in, 9)
		if err != nil {
			t.Fatal(err)
		}
		repair, err := prompt.WithRepair(in, "{}", "z: is missing")
		if err != nil {
			t.Fatal(err)
		}
		const want = `"properties":{"z":{"type":"string"},"a":{"type":"array","items":{"type":"object","properties":{"y":{"type":"string"},"b":{"type":"integer"}},"additionalProperties":false}}},"additionalProperties":false}`
		for name, body := range map[string][]byte{"the first attempt": in, "more room": longer, "a repair": repair} {
			if got := strings.ReplaceAll(string(body), `\"`, `"`); !strings.Contains(got, want) {
				t.Errorf("%s: the schema is not in its own order: %s", name, body)
			}
		}
	}
}
