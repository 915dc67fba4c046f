package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// DownError says why no server of a pool can be used.
type DownError struct {
	URL    string
	Reason string
	Denied bool // it is there and refuses the key
}

// Error names the server and the reason.
func (e *DownError) Error() string { return fmt.Sprintf("back end %s %s", e.URL, e.Reason) }

// probeTimeout bounds one question to a server.
const probeTimeout = 10 * time.Second

// Probe asks each server for its models. It is nil where one of them answers, and a *DownError of the first where none does. With a
// wait, servers that are starting are asked again until it is over.
func (p *Pool) Probe(ctx context.Context, wait time.Duration) error {
	until := time.Now().Add(wait)
	for told := false; ; {
		var first *DownError
		for _, s := range p.servers {
			err := p.probe(ctx, s)
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if first == nil {
				first = err
			}
		}
		left := time.Until(until)
		if first.Denied || left <= 0 {
			return first
		}
		if !told {
			told = true
			p.notice("%v; it is asked again for %s", first, wait)
		}
		if err := sleep(ctx, min(time.Second, left)); err != nil {
			return context.Cause(ctx)
		}
	}
}

func (p *Pool) probe(ctx context.Context, s *server) *DownError {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	body, err := p.do(ctx, s, http.MethodGet, "/v1/models", nil)
	var e *Error
	switch {
	case err == nil && !jsontext.Value(body).IsValid():
		return &DownError{URL: s.base, Reason: "answers /v1/models with something that is not JSON: " + messageOf(body[:min(len(body), 100)])}
	case err == nil:
		return nil
	case !errors.As(err, &e):
		return &DownError{URL: s.base, Reason: err.Error()}
	}
	reason := strings.TrimPrefix(e.Message, "back end "+s.base+" ")
	switch {
	case e.Code == http.StatusUnauthorized || e.Code == http.StatusForbidden:
		return &DownError{URL: s.base, Reason: "refuses the key: " + strings.TrimPrefix(reason, "back end "+s.base+": "), Denied: true}
	case e.Code >= 500 || e.Code == http.StatusRequestTimeout || e.Code == http.StatusFailedDependency:
		return &DownError{URL: s.base, Reason: strings.TrimPrefix(reason, "back end "+s.base+": ")}
	}
	return nil // it answers, and has no list of models
}

// contextAge is how long a server's context is believed: it can be started again with another one.
const contextAge = time.Minute

// contextSize is how many tokens of prompt and answer together a server's model holds.
type contextSize struct {
	tokens int64 // 0: the server does not say
	asked  time.Time
}

// Context gives how many tokens a server holds for a model, asked of the server; 0: it does not say. Ollama tells it of a model that
// is loaded, so it is asked after the first answer.
func (p *Pool) context(ctx context.Context, s *server, model string) int64 {
	key := s.base + "\x00" + model
	if v, ok := p.contexts.Load(key); ok {
		known := v.(contextSize)
		age := contextAge
		if known.tokens == 0 {
			age = 10 * time.Second
		}
		if time.Since(known.asked) < age {
			return known.tokens
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	defer cancel()
	found := contextSize{asked: time.Now()}
	p.contexts.Store(key, found) // others do not ask meanwhile
	for _, ask := range []func(context.Context, *server, string) int64{p.vllmContext, p.ollamaContext, p.llamaContext} {
		if found.tokens = ask(ctx, s, model); found.tokens > 0 {
			break
		}
	}
	p.contexts.Store(key, found)
	return found.tokens
}

// vllmContext reads max_model_len of vLLM's list of models
// (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html); SGLang has the same member.
func (p *Pool) vllmContext(ctx context.Context, s *server, model string) int64 {
	var list struct {
		Data []struct {
			ID  string  `json:"id"`
			Max float64 `json:"max_model_len"`
		} `json:"data"`
	}
	if !p.read(ctx, s, "/v1/models", &list) {
		return 0
	}
	for _, m := range list.Data {
		if m.ID == model {
			return tokensOf(m.Max)
		}
	}
	return 0
}

// ollamaContext reads context_length of the loaded models (https://github.com/ollama/ollama/blob/main/docs/api.md, "List Running Models").
func (p *Pool) ollamaContext(ctx context.Context, s *server, model string) int64 {
	var list struct {
		Models []struct {
			Name    string  `json:"name"`
			Model   string  `json:"model"`
			Context float64 `json:"context_length"`
		} `json:"models"`
	}
	if !p.read(ctx, s, "/api/ps", &list) {
		return 0
	}
	for _, m := range list.Models {
		for _, name := range []string{m.Name, m.Model} {
			if name == model || strings.TrimSuffix(name, ":latest") == model {
				return tokensOf(m.Context)
			}
		}
	}
	return 0
}

// llamaContext reads n_ctx of one slot of llama.cpp's server (https://github.com/ggml-org/llama.cpp/tree/master/tools/server, GET /props).
func (p *Pool) llamaContext(ctx context.Context, s *server, _ string) int64 {
	var props struct {
		Settings struct {
			Context float64 `json:"n_ctx"`
		} `json:"default_generation_settings"`
	}
	if !p.read(ctx, s, "/props", &props) {
		return 0
	}
	return tokensOf(props.Settings.Context)
}

// tokensOf is a context that can be one.
func tokensOf(n float64) int64 {
	if n < 1 || n > 1e9 {
		return 0
	}
	return int64(n)
}

// read asks for a JSON document, and reports whether there is one.
func (p *Pool) read(ctx context.Context, s *server, path string, v any) bool {
	body, err := p.do(ctx, s, http.MethodGet, path, nil)
	return err == nil && json.Unmarshal(body, v) == nil
}

func (p *Pool) notice(format string, args ...any) {
	if p.cfg.Notice != nil {
		p.cfg.Notice(fmt.Sprintf(format, args...))
	}
}
