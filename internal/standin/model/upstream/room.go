package upstream

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"quarry/internal/base/inflight"
)

// Room is how many tokens a server holds for a model. The zero value: it does not say.
type Room struct {
	Tokens int64 // a prompt with more is cut or refused; 0: not known
	// Guess says that Tokens is the server's default: the server does not say whether it was started with another one.
	Guess bool
	// Most is what no prompt exceeds, whatever the server was started with; 0: not known. Below it, Tokens is in force.
	Most int64
	// WithAnswer says that the answer's limit has to fit together with the prompt: the server refuses the request otherwise.
	WithAnswer bool
	Source     string // which question to the server was answered so, for people
	URL        string // of the server
}

// Bound is the count of tokens from which a prompt was cut for certain; 0: not known.
func (r Room) Bound() int64 {
	if r.Guess {
		return r.Most
	}
	return r.Tokens
}

// roomAge is how long a server's answer is believed: it can be started again with another context.
const roomAge = time.Minute

// roomAsked is what a server said of a model, and when.
type roomAsked struct {
	mu   sync.Mutex // held during the query: an answer is not let through unchecked meanwhile
	room Room
	at   time.Time
}

// Room queries how much each server holds for a model, named as in Request, and gives the smallest. Where no server says it, it is
// the zero Room; the error is that of a server that cannot be queried.
func (p *Pool) Room(ctx context.Context, model, wanted string) (Room, error) {
	var least Room
	for _, s := range p.servers {
		name := model
		if name == "" {
			ctx, cancel := context.WithTimeout(ctx, probeTimeout)
			var err error
			name, err = p.serves(ctx, s, wanted)
			cancel()
			if err != nil {
				return Room{}, err
			}
		}
		r := p.room(ctx, s, name)
		if r.Tokens > 0 && (least.Tokens == 0 || r.Tokens < least.Tokens) {
			least = r
		}
	}
	return least, nil
}

// room queries one server, at most once a minute for each model. Ollama says for certain what it holds of a model that is loaded, so
// what was a guess or not known is queried again sooner.
func (p *Pool) room(ctx context.Context, s *server, model string) Room {
	v, _ := p.rooms.LoadOrStore(s.base+"\x00"+model, new(roomAsked))
	known := v.(*roomAsked)
	known.mu.Lock()
	defer known.mu.Unlock()
	age := roomAge
	if known.room.Tokens == 0 || known.room.Guess {
		age = 10 * time.Second
	}
	if time.Since(known.at) < age {
		return known.room
	}
	// No goroutine may wait for room with the lock held.
	ctx, cancel := context.WithTimeout(inflight.With(context.WithoutCancel(ctx), nil), probeTimeout)
	defer cancel()
	for _, ask := range []func(context.Context, *server, string) Room{p.vllmRoom, p.ollamaRoom, p.llamaRoom} {
		if found := ask(ctx, s, model); found.Tokens > 0 {
			found.URL = s.base
			known.room = found
			break
		}
	}
	known.at = time.Now()
	return known.room
}

// vllmRoom reads max_model_len of vLLM's list of models
// (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html); SGLang has the same member. It is for prompt and answer
// together: a request that wants more is refused.
func (p *Pool) vllmRoom(ctx context.Context, s *server, model string) Room {
	var list struct {
		Data []struct {
			ID  string  `json:"id"`
			Max float64 `json:"max_model_len"`
		} `json:"data"`
	}
	if !p.read(ctx, s, http.MethodGet, "/v1/models", nil, &list) {
		return Room{}
	}
	for _, m := range list.Data {
		if n := tokensOf(m.Max); m.ID == model && n > 0 {
			return Room{Tokens: n, Most: n, WithAnswer: true, Source: "max_model_len of /v1/models"}
		}
	}
	return Room{}
}

// ollamaDefault and ollamaDefaultOSS are the context that Ollama gives a model for which nothing is set
// (https://github.com/ollama/ollama/blob/v0.12.6/docs/faq.md, "How can I specify the context window size?").
const (
	ollamaDefault    = 4096
	ollamaDefaultOSS = 8192
)

// ollamaRoom queries Ollama. A loaded model is in /api/ps with the context that it was loaded with; of another one, /api/show has num_ctx where
// its Modelfile sets it, which outweighs OLLAMA_CONTEXT_LENGTH, and that variable cannot be queried. Whatever was set, Ollama cuts it to the
// length that the model was trained with, and /api/ps does not show that
// (https://github.com/ollama/ollama/blob/v0.12.6/llm/server.go, NewLlamaServer).
func (p *Pool) ollamaRoom(ctx context.Context, s *server, model string) Room {
	set, trained, architecture, there := p.ollamaShow(ctx, s, model)
	atMost := func(n int64, source string) Room {
		if trained > 0 && trained < n {
			return Room{Tokens: trained, Most: trained, Source: "the context length of the model in /api/show"}
		}
		return Room{Tokens: n, Most: n, Source: source}
	}
	if n := p.ollamaLoaded(ctx, s, model); n > 0 {
		return atMost(n, "context_length of /api/ps")
	}
	switch {
	case set > 0:
		return atMost(set, "num_ctx of /api/show")
	case !there:
		return Room{}
	}
	n := int64(ollamaDefault)
	if architecture == "gptoss" || architecture == "gpt-oss" {
		n = ollamaDefaultOSS
	}
	if trained > 0 && trained <= n {
		return atMost(n, "")
	}
	return Room{Tokens: n, Guess: true, Most: trained, Source: "Ollama's default"}
}

// ollamaLoaded reads context_length of the loaded models (https://github.com/ollama/ollama/blob/main/docs/api.md, "List Running Models"); 0: the model is not
// among them.
func (p *Pool) ollamaLoaded(ctx context.Context, s *server, model string) int64 {
	var list struct {
		Models []struct {
			Name    string  `json:"name"`
			Model   string  `json:"model"`
			Context float64 `json:"context_length"`
		} `json:"models"`
	}
	if !p.read(ctx, s, http.MethodGet, "/api/ps", nil, &list) {
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

// ollamaShow reads what is set for a model and what it was trained with (https://github.com/ollama/ollama/blob/main/docs/api.md, "Show Model
// Information"): num_ctx among the lines of parameters, and the member of model_info that is named for the architecture.
func (p *Pool) ollamaShow(ctx context.Context, s *server, model string) (set, trained int64, architecture string, there bool) {
	body, err := json.Marshal(map[string]string{"model": model})
	if err != nil {
		return 0, 0, "", false
	}
	var show struct {
		Parameters string         `json:"parameters"`
		Info       map[string]any `json:"model_info"`
	}
	if !p.read(ctx, s, http.MethodPost, "/api/show", body, &show) || show.Info == nil {
		return 0, 0, "", false
	}
	for line := range strings.Lines(show.Parameters) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "num_ctx" {
			n, _ := strconv.ParseFloat(f[1], 64) // what is no number sets nothing
			set = tokensOf(n)
		}
	}
	architecture, _ = show.Info["general.architecture"].(string)
	length, _ := show.Info[architecture+".context_length"].(float64)
	return set, tokensOf(length), architecture, true
}

// llamaRoom reads n_ctx of one slot of llama.cpp's server (https://github.com/ggml-org/llama.cpp/tree/master/tools/server, GET /props).
func (p *Pool) llamaRoom(ctx context.Context, s *server, _ string) Room {
	var props struct {
		Settings struct {
			Context float64 `json:"n_ctx"`
		} `json:"default_generation_settings"`
	}
	if !p.read(ctx, s, http.MethodGet, "/props", nil, &props) {
		return Room{}
	}
	n := tokensOf(props.Settings.Context)
	return Room{Tokens: n, Most: n, Source: "n_ctx of /props"}
}

// tokensOf is a context that can be one.
func tokensOf(n float64) int64 {
	if n < 1 || n > 1e9 {
		return 0
	}
	return int64(n)
}

// read requests a JSON document, and reports whether there is one.
func (p *Pool) read(ctx context.Context, s *server, method, path string, body []byte, v any) bool {
	reply, err := p.do(ctx, s, method, path, body)
	return err == nil && json.Unmarshal(reply, v) == nil
}

// String says what a server holds, for people.
func (r Room) String() string {
	if r.Tokens == 0 {
		return "an unknown number of tokens"
	}
	text := fmt.Sprintf("%d tokens", r.Tokens)
	if r.Guess {
		text = "perhaps " + text
	}
	return fmt.Sprintf("%s (%s)", text, r.Source)
}
