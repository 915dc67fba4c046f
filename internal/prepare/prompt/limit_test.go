package prompt_test

import (
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
)

func TestAnswerLimit(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int64{
		`{"anthropic_version":"bedrock-2023-05-31","max_tokens":4096,"messages":[]}`: 4096,
		`{"messages":[{"content":"max_tokens"}],"max_tokens":17}`:                    17,
		`{"inferenceConfig":{"temperature":1,"maxTokens":300},"messages":[]}`:        300,
		`{"inferenceConfig":{"temperature":1},"messages":[],"max_tokens":5}`:         5,
		`{"inference_config":{"max_new_tokens":9},"messages":[]}`:                    9,
		`{"max_gen_len":512,"prompt":"x"}`:                                           512,
		`{"max_completion_tokens":8}`:                                                8,
		`{"max_tokens":"8"}`:                                                         0,
		`{"max_tokens":1.5}`:                                                         0,
		`{"messages":[]}`:                                                            0,
		`[1]`:                                                                        0,
		`{"a":`:                                                                      0,
		``:                                                                           0,
	} {
		if got := prompt.AnswerLimit([]byte(body)); got != want {
			t.Errorf("AnswerLimit(%s) = %d, want %d", body, got, want)
		}
	}
}

// Both readers have to say the same of every body that is made here.
func TestAnswerLimitIsWhatMaxTokensReads(t *testing.T) {
	t.Parallel()
	for _, model := range []string{quarry.DefaultModel, "us.amazon.nova-pro-v1:0", "openai.gpt-oss-20b-1:0", "us.meta.llama3-3-70b-instruct-v1:0"} {
		for _, kind := range []quarry.InvocationType{quarry.InvokeModel, quarry.Converse} {
			r, err := prompt.New(prompt.Config{Model: model, Type: kind, MaxTokens: 777})
			if err != nil {
				t.Fatal(err)
			}
			body, err := r.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x")})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := prompt.AnswerLimit(body), prompt.MaxTokens(body); got != 777 || want != 777 {
				t.Errorf("%s, %s: AnswerLimit = %d, MaxTokens = %d, want 777", model, kind, got, want)
			}
		}
	}
}

func BenchmarkAnswerLimit(b *testing.B) {
	r, err := prompt.New(prompt.Config{})
	if err != nil {
		b.Fatal(err)
	}
	body, err := r.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte(strings.Repeat("Stone is cut. ", 700))})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		prompt.AnswerLimit(body)
	}
}
