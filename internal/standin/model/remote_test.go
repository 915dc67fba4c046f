package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"quarry/internal/standin/model"
)

const haiku = "us.anthropic.claude-haiku-4-5-20251001-v1:0"

// seen is one request as a back end got it.
type seen struct {
	path, body string
	header     http.Header
}

// backend answers with the handler and remembers the requests.
type backend struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

func startFake(t *testing.T, answer func(n int, w http.ResponseWriter)) *backend {
	t.Helper()
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.seen = append(b.seen, seen{r.Method + " " + r.URL.Path, string(body), r.Header.Clone()})
		n := len(b.seen)
		b.mu.Unlock()
		answer(n, w)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *backend) requests() []seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]seen(nil), b.seen...)
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func open(t *testing.T, cfg model.Config, specs ...string) model.Model {
	t.Helper()
	if cfg.Backoff == 0 {
		cfg.Backoff = time.Millisecond
	}
	m, err := model.Open(specs, cfg)
	if err != nil {
		t.Fatalf("Open(%q): %v", specs, err)
	}
	t.Cleanup(func() { closeModel(t, m) })
	return m
}

func wantCode(t *testing.T, err error, code int, text string) *model.Error {
	t.Helper()
	var e *model.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a model error %d", err, code)
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		t.Fatalf("got error %d %q, want %d with %q", e.Code, e.Message, code, text)
	}
	return e
}

func TestAnthropicBodyPassesThroughByteForByte(t *testing.T) {
	t.Parallel()
	reply := `{"id":"msg_1","type":"message","role":"assistant","model":"qwen3","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":2},"extra":{"b":1.50}}`
	b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 200, reply) })
	m := open(t, model.Config{ModelName: "qwen3", Key: "secret"}, "anthropic="+b.URL+"/v1/")
	body := `{ "anthropic_version" : "bedrock-2023-05-31", "max_tokens": 100,"messages":[{"role":"user","content":[{"type":"future_block","x":1.0}]}] , "temperature":0.10,"new_field":{"z":1, "a":"é"} }`
	got, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Body) != reply || got.InputTokens != 7 || got.OutputTokens != 2 {
		t.Errorf("Answer = %s (%d, %d), want the reply as it came (7, 2)", got.Body, got.InputTokens, got.OutputTokens)
	}
	want := `{"model":"qwen3","max_tokens": 100,"messages":[{"role":"user","content":[{"type":"future_block","x":1.0}]}],"temperature":0.10,"new_field":{"z":1, "a":"é"}}`
	r := b.requests()
	if len(r) != 1 || r[0].path != "POST /v1/messages" || r[0].body != want {
		t.Fatalf("back end got %+v, want POST /v1/messages with %s", r, want)
	}
	if r[0].header.Get("x-api-key") != "secret" || r[0].header.Get("Authorization") != "Bearer secret" || r[0].header.Get("anthropic-version") == "" {
		t.Errorf("back end got headers %v, want the key in both forms and a version", r[0].header)
	}
}

func TestPassThroughReplyBecomesOneLine(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(_ int, w http.ResponseWriter) {
		say(w, 200, "{\n \"content\": [ {\"type\":\"text\",\"text\":\"a\\nb\"} ],\r\n \"usage\":{\"input_tokens\":1,\"output_tokens\":1} }\n")
	})
	m := open(t, model.Config{ModelName: "m"}, "anthropic="+b.URL)
	got, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "hello")})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"content":[{"type":"text","text":"a\nb"}],"usage":{"input_tokens":1,"output_tokens":1}}`; string(got.Body) != want {
		t.Errorf("Answer = %s, want %s", got.Body, want)
	}
}

func chatCompletion(content, finish string, prompt, completion int) string {
	out, err := json.Marshal(map[string]any{
		"id": "c", "object": "chat.completion", "model": "served-model",
		"choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": content}, "finish_reason": finish}},
		"usage":   map[string]any{"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
	})
	if err != nil {
		panic(err)
	}
	return string(out)
}

func TestTranslationToChatAndBack(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`
	cases := []struct {
		name      string
		modelID   string
		converse  bool
		body      string
		wantSent  string
		reply     string
		wantReply string
	}{
		{
			"an Anthropic body with a schema and an image", haiku, false,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"system":[{"type":"text","text":"S","cache_control":{"type":"ephemeral"}}],"temperature":0.1,"top_p":0.9,"top_k":5,"stop_sequences":["END"],"messages":[{"role":"user","content":[{"type":"text","text":"Q"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}],"output_config":{"format":{"type":"json_schema","schema":` + schema + `}}}`,
			`{"model":"m","messages":[{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"Q"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"max_tokens":50,"temperature":0.1,"top_p":0.9,"top_k":5,"stop":["END"],"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":` + schema + `,"strict":true}}}`,
			chatCompletion("{}", "length", 9, 3),
			`{"model":"served-model","id":"ID","type":"message","role":"assistant","content":[{"type":"text","text":"{}"}],"stop_reason":"max_tokens","stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}`,
		},
		{
			"an Anthropic conversation with tools", haiku, false,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"f"},"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{"x":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"R"}]}]}]}`,
			`{"model":"m","messages":[{"role":"user","content":"Q"},{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","content":"R","tool_call_id":"t1"}],"max_tokens":50,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`,
			`{"model":"x","choices":[{"message":{"content":null,"tool_calls":[{"id":"t2","type":"function","function":{"name":"f","arguments":"{\"y\":2}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":4,"completion_tokens":5}}`,
			`{"model":"x","id":"ID","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t2","name":"f","input":{"y":2}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":4,"output_tokens":5}}`,
		},
		{
			"a Converse body with a schema in a string", "amazon.nova-lite-v1:0", true,
			`{"system":[{"text":"S"}],"messages":[{"role":"user","content":[{"text":"Q"}]}],"inferenceConfig":{"maxTokens":20,"temperature":0,"stopSequences":["X"]},"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"n","schema":"{\"type\":\"object\"}"}}}}}`,
			`{"model":"m","messages":[{"role":"system","content":"S"},{"role":"user","content":"Q"}],"max_tokens":20,"temperature":0,"stop":["X"],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}}`,
			chatCompletion("A", "stop", 2, 1),
			`{"output":{"message":{"content":[{"text":"A"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":2,"outputTokens":1,"totalTokens":3},"metrics":{"latencyMs":0},"additionalModelResponseFields":{"model":"served-model"}}`,
		},
		{
			"a Nova body", "us.amazon.nova-lite-v1:0", false,
			`{"schemaVersion":"messages-v1","messages":[{"role":"user","content":[{"text":"Q"}]}],"inferenceConfig":{"maxTokens":20,"topK":3}}`,
			`{"model":"m","messages":[{"role":"user","content":"Q"}],"max_tokens":20,"top_k":3}`,
			chatCompletion("A", "stop", 2, 1),
			`{"output":{"message":{"content":[{"text":"A"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":2,"outputTokens":1,"totalTokens":3},"model":"served-model"}`,
		},
		{
			"a Llama prompt, and a stop string that vLLM reports", "meta.llama3-1-8b-instruct-v1:0", false,
			`{"prompt":"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nQ<|eot_id|><|start_header_id|>assistant<|end_header_id|>","max_gen_len":9}`,
			`{"model":"m","messages":[{"role":"user","content":"Q"}],"max_tokens":9}`,
			`{"model":"x","choices":[{"message":{"content":"A"},"finish_reason":"stop","stop_reason":"END"}],"usage":{"prompt_tokens":4,"completion_tokens":5}}`,
			`{"generation":"A","prompt_token_count":4,"generation_token_count":5,"stop_reason":"stop","model":"x"}`,
		},
		{
			"a chat body goes through as it is", "openai.gpt-oss-20b-1:0", false,
			`{"messages":[{"role":"user","content":"Q"}],"seed":7,"max_completion_tokens":9,"stream":false}`,
			`{"model":"m","messages":[{"role":"user","content":"Q"}],"seed":7,"max_completion_tokens":9}`,
			`{"model":"x","choices":[{"message":{"content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":5},"q":1}`,
			`{"model":"x","choices":[{"message":{"content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":5},"q":1}`,
		},
		{
			"a reply without usage shows none", haiku, false,
			`{"anthropic_version":"bedrock-2023-05-31","max_tokens":50,"messages":[{"role":"user","content":"Hello, world"}]}`,
			`{"model":"m","messages":[{"role":"user","content":"Hello, world"}],"max_tokens":50}`,
			`{"choices":[{"message":{"content":"four"},"finish_reason":"stop","stop_reason":"END"}]}`,
			`{"model":"m","id":"ID","type":"message","role":"assistant","content":[{"type":"text","text":"four"}],"stop_reason":"stop_sequence","stop_sequence":"END","usage":{}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 200, c.reply) })
			m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
			got, err := m.Answer(t.Context(), model.Request{ModelID: c.modelID, Converse: c.converse, Body: []byte(c.body)})
			if err != nil {
				t.Fatal(err)
			}
			if r := b.requests(); len(r) != 1 || r[0].path != "POST /v1/chat/completions" || r[0].body != c.wantSent {
				t.Errorf("sent %+v,\nwant %s", r, c.wantSent)
			}
			if diff := cmp.Diff(c.wantReply, string(settled(t, got.Body))); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

// settled replaces what differs between runs: the answer's id and the time it took.
func settled(t *testing.T, body []byte) []byte {
	t.Helper()
	s := string(body)
	if i := strings.Index(s, `"id":"msg_bdrk_`); i >= 0 {
		end := strings.Index(s[i+6:], `"`)
		s = s[:i] + `"id":"ID"` + s[i+6+end+1:]
	}
	if i := strings.Index(s, `"latencyMs":`); i >= 0 {
		end := strings.IndexByte(s[i:], '}')
		s = s[:i] + `"latencyMs":0` + s[i+end:]
	}
	return []byte(s)
}

func TestTranslationToMessages(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(_ int, w http.ResponseWriter) {
		say(w, 200, `{"type":"message","model":"x","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"A"}],"stop_reason":"max_tokens","usage":{"input_tokens":3,"output_tokens":4}}`)
	})
	m := open(t, model.Config{ModelName: "m"}, "anthropic="+b.URL)
	body := `{"messages":[{"role":"system","content":"S"},{"role":"user","content":"Q"}],"max_tokens":8,"stop":"END","response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}`
	got, err := m.Answer(t.Context(), model.Request{ModelID: "qwen.qwen3-32b-v1:0", Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model":"m","max_tokens":8,"system":"S","messages":[{"role":"user","content":[{"type":"text","text":"Q"}]}],"stop_sequences":["END"],"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}`
	if r := b.requests(); r[0].body != want {
		t.Errorf("sent %s, want %s", r[0].body, want)
	}
	var reply struct {
		Choices []struct {
			Message struct{ Content string }
			Finish  string `json:"finish_reason"`
		}
	}
	if err := json.Unmarshal(got.Body, &reply); err != nil || reply.Choices[0].Message.Content != "A" || reply.Choices[0].Finish != "length" {
		t.Errorf("Answer = %s (%v), want the text A that ended by length", got.Body, err)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	good := chatCompletion("ok", "stop", 1, 1)
	for _, status := range []int{408, 409, 425, 429, 500, 502, 503, 504, 529} {
		b := startFake(t, func(n int, w http.ResponseWriter) {
			if n < 3 {
				say(w, status, `{"error":{"message":"busy"}}`)
				return
			}
			say(w, 200, good)
		})
		m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
		if _, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")}); err != nil {
			t.Errorf("after two answers of status %d: %v, want the third", status, err)
		}
	}
	for _, status := range []int{400, 401, 403, 404, 413, 422} {
		b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, status, `{"error":"no way"}`) })
		m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
		_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
		wantCode(t, err, status, "no way")
		if n := len(b.requests()); n != 1 {
			t.Errorf("status %d was sent %d times, want once", status, n)
		}
	}
}

func TestRetryAfterIsWaitedForAndReported(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Retry-After", "0.2")
		say(w, 429, `{"message":"slow down"}`)
	})
	m := open(t, model.Config{ModelName: "m", Attempts: 2}, "openai="+b.URL)
	start := time.Now()
	_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
	e := wantCode(t, err, 429, "slow down")
	if e.RetryAfter != 200*time.Millisecond || time.Since(start) < 200*time.Millisecond {
		t.Errorf("RetryAfter %v after %v, want 200ms, waited for", e.RetryAfter, time.Since(start))
	}
}

func TestBackendThatIsDownFailsTheRecord(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m := open(t, model.Config{Attempts: 3, Wait: 50 * time.Millisecond}, "anthropic=http://"+address)
	_, err = m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
	wantCode(t, err, 424, "cannot be reached: connect: connection refused, for 50ms")
}

func TestBackendThatFailsInsideIs424(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 500, "CUDA out of memory") })
	m := open(t, model.Config{ModelName: "m", Attempts: 2}, "openai="+b.URL)
	_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
	wantCode(t, err, 424, "CUDA out of memory")
}

func TestGarbledReplyIsNoAnswer(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"", "<html>", `{"choices":[]}`, `{"object":"error"}`, `{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}}]}`} {
		b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 200, reply) })
		m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
		_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
		wantCode(t, err, 424, "cannot be used")
		if n := len(b.requests()); n != 2 {
			t.Errorf("reply %q was requested %d times, want twice", reply, n)
		}
	}
}

func TestReplyCutOffIsAskedAgain(t *testing.T) {
	t.Parallel()
	good := chatCompletion("ok", "stop", 1, 1)
	b := startFake(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			w.Header().Set("Content-Length", "500")
			_, _ = io.WriteString(w, good[:20])
			panic(http.ErrAbortHandler)
		}
		say(w, 200, good)
	})
	m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
	if _, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")}); err != nil {
		t.Errorf("after a reply that broke off: %v, want the second", err)
	}
}

func TestServerThatCutsThePromptIsCaught(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("Plain words about a server. ", 1000) // about 7,000 tokens
	kana := strings.Repeat("サーバーについての普通の文章です。", 500)              // 8,500 runes
	short := strings.Repeat("Plain words about a server. ", 100)  // about 700 tokens: no server has less room
	for _, c := range []struct {
		article string
		seen    int
		ok      bool
	}{{words, 2050, false}, {words, 6500, true}, {words, 0, true}, {kana, 2050, false}, {kana, 4400, true}, {short, 10, true}} {
		article := c.article
		b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 200, chatCompletion("ok", "stop", c.seen, 1)) })
		m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
		_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", article)})
		if c.ok {
			if err != nil {
				t.Errorf("%d prompt tokens for %.20s…: %v, want an answer", c.seen, c.article, err)
			}
			continue
		}
		wantCode(t, err, 400, "truncated by server; set OLLAMA_CONTEXT_LENGTH")
	}
}

// TestPromptThatFillsTheServersContextWasCut asks servers that say what they hold, each in its own way. The estimate of such a prompt is below what
// they report, so nothing else shows that it was cut.
func TestPromptThatFillsTheServersContextWasCut(t *testing.T) {
	t.Parallel()
	show := func(parameters, info string) string {
		return `{"parameters":"` + parameters + `","model_info":{"general.architecture":"llama"` + info + `}}`
	}
	const trained = `,"llama.context_length":4096`
	for name, c := range map[string]struct {
		says  map[string]string // path → reply
		knows bool              // that 4,096 tokens are the end
		room  model.Room        // but for Source and URL
	}{
		"Ollama": {
			map[string]string{"/api/ps": `{"models":[{"name":"m:latest","model":"m:latest","size":1,"context_length":4096}]}`}, true, model.Room{Tokens: 4096, Most: 4096},
		},
		"Ollama with more than the model was trained with": {
			map[string]string{"/api/ps": `{"models":[{"name":"m","context_length":32768}]}`, "/api/show": show("", trained)}, true, model.Room{Tokens: 4096, Most: 4096},
		},
		"Ollama that has not loaded it": {
			map[string]string{"/api/ps": `{"models":[]}`, "/api/show": show(`stop \"x\"\nnum_ctx                        4096`, `,"llama.context_length":131072`)}, true, model.Room{Tokens: 4096, Most: 4096},
		},
		"Ollama with num_ctx beyond the model": {
			map[string]string{"/api/show": show("num_ctx 8192", trained)}, true, model.Room{Tokens: 4096, Most: 4096},
		},
		"Ollama with a model of less than the default": {
			map[string]string{"/api/show": show("", `,"llama.context_length":2048`)}, true, model.Room{Tokens: 2048, Most: 2048},
		},
		"Ollama where nothing is set": {
			map[string]string{"/api/show": show("temperature 1", `,"llama.context_length":131072`)}, false, model.Room{Tokens: 4096, Most: 131072, Guess: true},
		},
		"Ollama where num_ctx is no number": {
			map[string]string{"/api/show": show("num_ctx many", `,"llama.context_length":131072`)}, false, model.Room{Tokens: 4096, Most: 131072, Guess: true},
		},
		"Ollama with gpt-oss": {
			map[string]string{"/api/show": `{"model_info":{"general.architecture":"gptoss","gptoss.context_length":131072}}`}, false, model.Room{Tokens: 8192, Most: 131072, Guess: true},
		},
		"vLLM": {
			map[string]string{"/v1/models": `{"data":[{"id":"other","max_model_len":9},{"id":"m","max_model_len":4096}]}`}, true, model.Room{Tokens: 4096, Most: 4096, WithAnswer: true},
		},
		"llama.cpp": {
			map[string]string{"/props": `{"default_generation_settings":{"n_ctx":4096},"total_slots":1}`}, true, model.Room{Tokens: 4096, Most: 4096},
		},
		"one that says nothing":       {nil, false, model.Room{}},
		"one that says nonsense":      {map[string]string{"/api/ps": `{"models":[{"name":"m","context_length":-4096}]}`}, false, model.Room{}},
		"one that says a page":        {map[string]string{"/props": `<html>`, "/api/show": `<html>`}, false, model.Room{}},
		"one that has another loaded": {map[string]string{"/api/ps": `{"models":[{"name":"n","context_length":4096}]}`}, false, model.Room{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, seen := range []int{4095, 4096, 4100} {
				s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch reply, ok := c.says[r.URL.Path]; {
					case ok:
						say(w, 200, reply)
					case r.URL.Path == "/v1/chat/completions":
						say(w, 200, chatCompletion("ok", "stop", seen, 1))
					default:
						say(w, 404, "{}")
					}
				}))
				room, err := model.RoomOf(t.Context(), []string{"openai=" + s.URL}, model.Config{ModelName: "m"}, haiku)
				if want := c.room.Tokens > 0; err != nil || (room.Source != "") != want || (room.URL == s.URL) != want {
					t.Errorf("RoomOf = %+v, %v; want one of %s with its source", room, err, s.URL)
				}
				if room.Source, room.URL = "", ""; room != c.room {
					t.Errorf("RoomOf = %+v, want %+v", room, c.room)
				}
				m := open(t, model.Config{ModelName: "m"}, "openai="+s.URL)
				_, err = m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", strings.Repeat("xin chào ", 600))})
				if c.knows && int64(seen) >= c.room.Tokens {
					wantCode(t, err, 400, fmt.Sprintf("%s: it fills the context of %d tokens", model.TruncatedPrompt, c.room.Tokens))
				} else if err != nil {
					t.Errorf("a prompt of %d tokens: %v, want an answer", seen, err)
				}
				s.Close()
			}
		})
	}
}

// A server that drops the first messages of a conversation counts the others alone, which is far below what it holds.
func TestServerThatDropsMessagesIsCaught(t *testing.T) {
	t.Parallel()
	article := strings.Repeat("Plain words about a server. ", 60) // about 420 tokens
	turn := func(role, text string) string { return fmt.Sprintf(`{"role":%q,"content":%q}`, role, text) }
	for name, c := range map[string]struct {
		turns []string
		seen  int
		ok    bool
	}{
		"one message":              {[]string{turn("user", article)}, 40, true},
		"a conversation, whole":    {[]string{turn("user", article), turn("assistant", "No."), turn("user", "Again, please.")}, 380, true},
		"a conversation, lean":     {[]string{turn("user", article), turn("assistant", "No."), turn("user", "Again, please.")}, 200, true},
		"a conversation, dropped":  {[]string{turn("user", article), turn("assistant", "No."), turn("user", "Again, please.")}, 20, false},
		"a short one":              {[]string{turn("user", "Hello."), turn("assistant", "No."), turn("user", "Again, please.")}, 2, true},
		"a conversation, no count": {[]string{turn("user", article), turn("assistant", "No."), turn("user", "Again, please.")}, 0, true},
	} {
		b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 200, chatCompletion("ok", "stop", c.seen, 1)) })
		m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
		body := `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[` + strings.Join(c.turns, ",") + `]}`
		_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: []byte(body)})
		if c.ok && err != nil {
			t.Errorf("%s: %v, want an answer", name, err)
		} else if !c.ok {
			wantCode(t, err, 400, model.TruncatedPrompt)
		}
	}
}

func TestCountsThatCannotBeAreShownNowhere(t *testing.T) {
	t.Parallel()
	usages := map[string]string{
		"none": "", "the largest": `,"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}`,
		"below 0": `,"usage":{"prompt_tokens":-5,"completion_tokens":3}`, "400 digits": `,"usage":{"prompt_tokens":` + strings.Repeat("9", 400) + `,"completion_tokens":1}`,
		"half a token": `,"usage":{"prompt_tokens":10.5,"completion_tokens":1}`, "text": `,"usage":{"prompt_tokens":"7","completion_tokens":1}`,
		"null": `,"usage":{"prompt_tokens":null,"completion_tokens":null}`, "all 0": `,"usage":{"prompt_tokens":0,"completion_tokens":0}`,
		"the prompt's alone": `,"usage":{"prompt_tokens":100}`, "the answer's alone": `,"usage":{"completion_tokens":20}`,
		"usage is 0": `,"usage":0`, "usage is a list": `,"usage":[100,20]`, "usage is null": `,"usage":null`,
	}
	chat := `{"messages":[{"role":"user","content":"a question of some words"}],"max_tokens":9}`
	converse := `{"messages":[{"role":"user","content":[{"text":"a question of some words"}]}]}`
	requests := map[string]model.Request{
		"Anthropic": {ModelID: haiku, Body: anthropicBody(t, "", "a question of some words")}, "chat": {ModelID: "qwen.qwen3-32b-v1:0", Body: []byte(chat)},
		"Converse": {ModelID: haiku, Converse: true, Body: []byte(converse)}, "Nova": {ModelID: "amazon.nova-lite-v1:0", Body: []byte(converse)},
		"Llama": {ModelID: "meta.llama3-1-8b-instruct-v1:0", Body: []byte(`{"prompt":"a question of some words"}`)},
	}
	shown := regexp.MustCompile(`(?i)token\w*":`)
	for name, usage := range usages {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			say(w, 200, `{"choices":[{"message":{"content":"an answer"},"finish_reason":"stop"}]`+usage+`}`)
		}))
		m := open(t, model.Config{ModelName: "m"}, "openai="+s.URL)
		for shape, r := range requests {
			got, err := m.Answer(t.Context(), r)
			if err != nil || !got.Uncounted || shown.Match(got.Body) || !strings.Contains(string(got.Body), "an answer") {
				t.Errorf("%s, %s: %s, uncounted %v, %v; want the answer and no count", name, shape, got.Body, got.Uncounted, err)
			}
			if got.InputTokens < 1 || got.InputTokens > 100 || got.OutputTokens < 1 || got.OutputTokens > 100 {
				t.Errorf("%s, %s: %d in, %d out; want our own estimate for the quotas", name, shape, got.InputTokens, got.OutputTokens)
			}
		}
		s.Close()
	}
}

func TestCountsOfMessagesThatCannotBeAreShownNowhere(t *testing.T) {
	t.Parallel()
	for _, usage := range []string{`{}`, `7`, `{"input_tokens":5}`, `{"input_tokens":5,"output_tokens":-1}`, `{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":-7}`} {
		b := startFake(t, func(_ int, w http.ResponseWriter) {
			say(w, 200, `{"type":"message","model":"x","content":[{"type":"text","text":"an answer"}],"stop_reason":"end_turn","usage":`+usage+`}`)
		})
		m := open(t, model.Config{ModelName: "m"}, "anthropic="+b.URL)
		got, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
		if err != nil || !got.Uncounted || !strings.Contains(string(got.Body), `"usage":{}`) {
			t.Errorf("%s: %s, uncounted %v, %v; want an empty usage", usage, got.Body, got.Uncounted, err)
		}
	}
}

func TestTimeoutFollowsMaxTokens(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(_ int, w http.ResponseWriter) {
		time.Sleep(150 * time.Millisecond)
		say(w, 200, chatCompletion("ok", "stop", 1, 1))
	})
	m := open(t, model.Config{ModelName: "m", BaseTimeout: 10 * time.Millisecond, PerToken: 10 * time.Millisecond}, "openai="+b.URL)
	send := func(maxTokens string) error {
		_, err := m.Answer(t.Context(), model.Request{ModelID: "qwen.qwen3-32b-v1:0", Body: []byte(`{"messages":[{"role":"user","content":"q"}],"max_tokens":` + maxTokens + `}`)})
		return err
	}
	wantCode(t, send("2"), 408, "in time")
	if err := send("500"); err != nil {
		t.Errorf("with 500 tokens allowed: %v, want an answer", err)
	}
}

func TestCancelEndsTheCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	b := startFake(t, func(_ int, w http.ResponseWriter) { cancel(); say(w, 503, "busy") })
	m := open(t, model.Config{ModelName: "m", Backoff: time.Minute}, "openai="+b.URL)
	if _, err := m.Answer(ctx, model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")}); !errors.Is(err, context.Canceled) {
		t.Errorf("Answer = %v, want context.Canceled", err)
	}
}

func TestServersShareTheLoadAndTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	good := chatCompletion("ok", "stop", 1, 1)
	a := startFake(t, func(_ int, w http.ResponseWriter) { time.Sleep(time.Millisecond); say(w, 200, good) })
	b := startFake(t, func(_ int, w http.ResponseWriter) { time.Sleep(time.Millisecond); say(w, 200, good) })
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	m := open(t, model.Config{ModelName: "m"}, "openai="+a.URL, "openai="+b.URL, "openai="+dead.URL)
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 200 {
		wg.Go(func() {
			if _, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")}); err != nil {
				t.Log(err)
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of 200 failed though two servers are well", failed.Load())
	}
	if na, nb := len(a.requests()), len(b.requests()); na < 10 || nb < 10 || na+nb != 200 { // a busy machine may serve one of them first
		t.Errorf("servers got %d and %d, want a good part of 200 each", na, nb)
	}
}

func TestModelNameIsAskedOfTheServer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, list, want string
		status           int
		code             int
	}{
		{"the only one", `{"data":[{"id":"llama3"}]}`, "llama3", 200, 0},
		{"the client's among several", `{"data":[{"id":"x"},{"id":"anthropic.claude-haiku-4-5-20251001-v1:0"}]}`, "anthropic.claude-haiku-4-5-20251001-v1:0", 200, 0},
		{"several and none of them the client's", `{"data":[{"id":"x"},{"id":"y"}]}`, "", 200, 400},
		{"no list", `nothing`, "anthropic.claude-haiku-4-5-20251001-v1:0", 404, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var requested atomic.Pointer[string]
			var lists atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1/models" {
					lists.Add(1)
					say(w, c.status, c.list)
					return
				}
				var body struct{ Model string }
				_ = json.NewDecoder(r.Body).Decode(&body)
				requested.Store(&body.Model)
				say(w, 200, chatCompletion("ok", "stop", 1, 1))
			}))
			t.Cleanup(s.Close)
			m := open(t, model.Config{}, "openai="+s.URL)
			for range 2 {
				_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
				if c.code != 0 {
					wantCode(t, err, c.code, "several models")
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := *requested.Load(); got != c.want {
					t.Errorf("requested model %q, want %q", got, c.want)
				}
			}
			if lists.Load() != 1 {
				t.Errorf("the list was requested %d times, want once", lists.Load())
			}
		})
	}
}

func TestNewerServersGetMaxCompletionTokens(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(n int, w http.ResponseWriter) {
		if n == 1 {
			say(w, 400, `{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}}`)
			return
		}
		say(w, 200, chatCompletion("ok", "stop", 1, 1))
	})
	m := open(t, model.Config{ModelName: "m"}, "openai="+b.URL)
	if _, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")}); err != nil {
		t.Fatal(err)
	}
	if r := b.requests(); len(r) != 2 || !strings.Contains(r[1].body, `"max_completion_tokens":4096`) {
		t.Errorf("back end got %+v, want a second request with max_completion_tokens", r)
	}
}

func TestCeilingOnRequestsInFlight(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		say(w, 200, chatCompletion("ok", "stop", 1, 1))
	}))
	t.Cleanup(s.Close)
	m := open(t, model.Config{ModelName: "m", Concurrency: 7}, "openai="+s.URL)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 7 {
		t.Errorf("%d requests were in flight at once, want at most 7", most.Load())
	}
}

func TestKeyIsInNoError(t *testing.T) {
	t.Parallel()
	b := startFake(t, func(_ int, w http.ResponseWriter) { say(w, 401, `{"error":{"message":"bad key"}}`) })
	m := open(t, model.Config{ModelName: "m", Key: "sk-very-secret"}, "openai="+b.URL)
	_, err := m.Answer(t.Context(), model.Request{ModelID: haiku, Body: anthropicBody(t, "", "q")})
	if e := wantCode(t, err, 401, "bad key"); strings.Contains(e.Message, "very-secret") {
		t.Errorf("error %q holds the key", e.Message)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, specs := range [][]string{
		{"claude"},
		{"extractive=http://x"},
		{"openai"},
		{"openai="},
		{"openai=localhost:1"},
		{"openai=http://u:p@h"},
		{"openai=http://h?k=v"},
		{"openai=http://a", "anthropic=http://b"},
		{"extractive", "echo"},
		{"extractive", "extractive"},
		{"echo", "openai=http://a"},
		{""},
	} {
		if m, err := model.Open(specs, model.Config{}); err == nil {
			closeModel(t, m)
			t.Errorf("Open(%q) succeeded, want an error", specs)
		}
	}
	if _, err := model.Open(nil, model.Config{Concurrency: -1}); err == nil {
		t.Error("Open with a negative concurrency succeeded, want an error")
	}
}
