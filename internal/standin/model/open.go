package model

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"quarry/internal/standin/model/upstream"
)

// Config is how models are opened. The zero value serves the models that need no server.
type Config struct {
	// ModelName is the model that requests to the servers name. Empty: what each server lists, which must be one model, or one named as the
	// client's model id.
	ModelName string
	// Key goes to the servers as a bearer token and, to anthropic ones, as x-api-key. It is never logged. Empty sends none.
	Key string
	// Concurrency is the hard ceiling on requests in flight at all servers together; below it the limit adapts. 0 means 256.
	Concurrency int
	// Attempts is how often a request is sent at most; 0 means 6.
	Attempts int
	// Backoff is the pause before the first retry, doubled for each further one and jittered; 0 means 250ms.
	Backoff time.Duration
	// Wait is how long requests wait for servers that cannot be reached; 0 means a minute.
	Wait time.Duration
	// Notice is given what a person should know of the servers: down, and back. Nil: it goes nowhere.
	Notice func(text string)
	// BaseTimeout is what every request has, PerToken what it has besides for each token that the answer may have; 0 means 60s and 200ms.
	BaseTimeout, PerToken time.Duration
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Concurrency < 0 || c.Attempts < 0 || c.Backoff < 0 || c.BaseTimeout < 0 || c.PerToken < 0 || c.Wait < 0 {
		return fmt.Errorf("model settings: concurrency, attempts, backoff and timeouts must not be negative")
	}
	if strings.ContainsAny(c.Key, "\r\n\x00") {
		return fmt.Errorf("model settings: the key holds a line break")
	}
	return nil
}

// Defaults of Config.
const (
	defaultBaseTimeout = time.Minute
	defaultPerToken    = 200 * time.Millisecond
)

// Open makes the model that the specs name: extractive (also for no spec), echo, openai=URL or anthropic=URL. The last two may be given
// several times, of one kind; their servers share the load. A model of these also is an io.Closer, which drops its idle connections. Nothing is
// sent before the first answer is requested.
func Open(specs []string, cfg Config) (Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(specs) == 0 {
		specs = []string{"extractive"}
	}
	kind := ""
	var urls []string
	for _, spec := range specs {
		name, address, hasURL := strings.Cut(spec, "=")
		switch {
		case kind != "" && (kind != name || !hasURL):
			return nil, fmt.Errorf("open back ends: %q and %q cannot serve together", kind, name)
		case name == "extractive" || name == "echo":
			if hasURL {
				return nil, fmt.Errorf("open back end %q: takes no URL", name)
			}
		case name == "openai" || name == "anthropic":
			if address == "" {
				return nil, fmt.Errorf("open back end %q: want %s=URL", name, name)
			}
			urls = append(urls, address)
		default:
			return nil, fmt.Errorf("open back end %q: want extractive, echo, openai=URL or anthropic=URL", name)
		}
		kind = name
	}
	switch kind {
	case "extractive":
		return local{id: ExtractiveID, write: extract}, nil
	case "echo":
		return local{id: EchoID, write: echo}, nil
	}
	return openRemote(kind, urls, cfg)
}

func openRemote(kind string, urls []string, cfg Config) (Model, error) {
	if cfg.BaseTimeout == 0 {
		cfg.BaseTimeout = defaultBaseTimeout
	}
	if cfg.PerToken == 0 {
		cfg.PerToken = defaultPerToken
	}
	pool, err := upstream.New(upstream.Config{
		URLs: urls, Header: headers(kind, urls, cfg.Key), Concurrency: cfg.Concurrency, Attempts: cfg.Attempts, Backoff: cfg.Backoff,
		DownAfter: cfg.Wait, Notice: cfg.Notice,
	})
	if err != nil {
		return nil, fmt.Errorf("open back end %s: %w", kind, err)
	}
	return &remote{cfg: cfg, pool: pool, messages: kind == "anthropic"}, nil
}

// headers carries the key in the form that each kind of server reads. Anthropic's own API takes one form only; vLLM and others expect
// a bearer token at /v1/messages.
func headers(kind string, urls []string, key string) http.Header {
	h := http.Header{}
	if kind == "anthropic" {
		h.Set("anthropic-version", "2023-06-01")
	}
	if key == "" {
		return h
	}
	own := false
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && strings.HasSuffix(u.Hostname(), "anthropic.com") {
			own = true
		}
	}
	if kind == "anthropic" {
		h.Set("x-api-key", key)
	}
	if !own {
		h.Set("Authorization", "Bearer "+key)
	}
	return h
}
