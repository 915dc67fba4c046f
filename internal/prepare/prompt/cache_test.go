package prompt_test

import (
	"errors"
	"strings"
	"testing"

	"quarry"
	"quarry/internal/prepare/prompt"
)

func TestACachePointFollowsTheSystemPrompt(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{
		quarry.DefaultModel:       `"system":[{"cache_control":{"type":"ephemeral"},"text":"Say it.","type":"text"}]`,
		"us.amazon.nova-pro-v1:0": `"system":[{"text":"Say it."},{"cachePoint":{"type":"default"}}]`,
	} {
		r, err := prompt.New(prompt.Config{Model: model, System: "Say it.", FreeText: true})
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Append(nil, &quarry.Document{ID: "x", Title: "x", Body: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		system := prompt.SystemMember(body)
		got, err := prompt.WithCachePoint(body, system)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: WithCachePoint(%s) = %s, %v; want %s in it", model, body, got, err, want)
		}
		if _, err := prompt.WithCachePoint(body, []byte(`"another"`)); !errors.Is(err, prompt.ErrNoCachePoint) {
			t.Errorf("%s: with another prefix: %v, want %v", model, err, prompt.ErrNoCachePoint)
		}
	}
	for _, body := range []string{`{"messages":[{"role":"user","content":"x"}],"max_tokens":1}`, `{"prompt":"x","max_gen_len":1}`} {
		if system := prompt.SystemMember([]byte(body)); system != nil {
			t.Errorf("SystemMember(%s) = %s, want none", body, system)
		}
		if _, err := prompt.WithCachePoint([]byte(body), nil); err == nil {
			t.Errorf("WithCachePoint(%s) gives no error", body)
		}
	}
}
