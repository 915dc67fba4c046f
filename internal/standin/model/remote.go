package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"quarry/internal/standin/model/family"
	"quarry/internal/standin/model/upstream"
)

// remote answers by servers of one wire format: Anthropic's /v1/messages or OpenAI's /v1/chat/completions. A body in that format is sent
// byte by byte, and its reply is returned the same way, without impossible counts of tokens; any other body is translated both ways.
type remote struct {
	cfg      Config
	pool     *upstream.Pool
	messages bool        // the servers speak /v1/messages
	newer    atomic.Bool // a server refused max_tokens and wants max_completion_tokens
}

// Probe checks whether the servers answer, and repeats that until the wait is over. The error is an *upstream.DownError.
func (m *remote) Probe(ctx context.Context, wait time.Duration) error { return m.pool.Probe(ctx, wait) }

// Close drops the idle connections to the servers.
func (m *remote) Close() error {
	m.pool.Close()
	return nil
}

const (
	messagesPath = "/v1/messages"
	chatPath     = "/v1/chat/completions"
	// openTokens is what a request without a limit is given time for.
	openTokens = 4096
)

func (m *remote) Answer(ctx context.Context, r Request) (Response, error) {
	call, err := m.prepare(r)
	if err != nil {
		return Response{}, refused(err)
	}
	start := time.Now()
	var reply family.Reply
	sent := upstream.Request{Path: chatPath, Model: m.cfg.ModelName, Build: call.build, Timeout: m.timeout(call.maxTokens)}
	sent.Read = func(body []byte) (int64, error) {
		var err error
		reply, err = m.read(body)
		// Reading a prompt is an order of magnitude faster than writing an answer.
		return 1 + reply.OutputTokens + reply.InputTokens/16, err
	}
	sent.Wanted, _ = family.BaseModel(r.ModelID)
	if m.messages {
		sent.Path = messagesPath
	}
	got, err := m.pool.Send(ctx, sent)
	if m.wantsNewer(err) {
		got, err = m.pool.Send(ctx, sent)
	}
	if err != nil {
		return Response{}, fromUpstream(ctx, err)
	}
	if err := call.checkWhole(reply, got.Room); err != nil {
		return Response{}, err
	}
	if reply.Uncounted { // the quotas alone go by an estimate
		if p := call.read(); p != nil {
			reply.InputTokens = p.InputTokens()
		}
	}
	out := Response{InputTokens: reply.InputTokens, OutputTokens: reply.OutputTokens, Uncounted: reply.Uncounted}
	if call.through {
		if out.Body = oneLine(got.Body); out.Uncounted {
			out.Body, err = family.WithoutUsage(out.Body)
		}
		return out, err
	}
	reply.ID, reply.Created, reply.Latency = answerID(r), start, time.Since(start)
	if reply.Model == "" {
		reply.Model = got.Model
	}
	if out.Body, err = call.prompt.Encode(reply); err != nil {
		return Response{}, &Error{Code: http.StatusInternalServerError, Message: err.Error()}
	}
	return out, nil
}

// call is one record made ready to be sent.
type call struct {
	request   Request
	prompt    *family.Prompt // nil when the content is handed on unread
	through   bool           // the body and its reply are of the servers' wire
	maxTokens int64
	build     func(model string) ([]byte, error)
}

func (m *remote) prepare(r Request) (*call, error) {
	c := &call{request: r}
	kind, err := family.KindOf(r.ModelID, r.Converse, r.Body)
	if err != nil {
		return nil, err
	}
	if m.messages && kind == family.Anthropic {
		// The server may know content that we do not, so only what Bedrock itself requires is checked.
		c.through = true
		c.build = func(model string) ([]byte, error) { return family.WithModel(r.Body, model, "anthropic_version") }
		c.maxTokens, err = family.AnthropicLimit(r.Body)
		return c, err
	}
	p, err := family.Parse(r.ModelID, r.Converse, r.Body)
	if err != nil {
		return nil, err
	}
	c.prompt, c.maxTokens = p, p.MaxTokens
	switch {
	case m.messages:
		c.build = p.MessagesRequest
	case kind == family.Chat:
		c.through = true
		c.build = func(model string) ([]byte, error) { return family.WithModel(r.Body, model, "stream", "stream_options") }
	default:
		c.build = func(model string) ([]byte, error) { return p.ChatRequest(model, m.newer.Load()) }
	}
	return c, nil
}

// read is the prompt, nil when it holds what we cannot read.
func (c *call) read() *family.Prompt {
	if c.prompt == nil {
		if p, err := family.Parse(c.request.ModelID, c.request.Converse, c.request.Body); err == nil {
			c.prompt = p
		}
	}
	return c.prompt
}

func (m *remote) read(body []byte) (family.Reply, error) {
	if m.messages {
		return family.ReadMessagesReply(body)
	}
	return family.ReadChatReply(body)
}

func (m *remote) timeout(maxTokens int64) time.Duration {
	if maxTokens <= 0 {
		maxTokens = openTokens
	}
	return m.cfg.BaseTimeout + time.Duration(min(maxTokens, 1<<20))*m.cfg.PerToken
}

// wantsNewer notices a server that takes max_completion_tokens only, as OpenAI's reasoning models do.
func (m *remote) wantsNewer(err error) bool {
	var e *upstream.Error
	return !m.messages && errors.As(err, &e) && e.Code == http.StatusBadRequest && strings.Contains(e.Message, "max_completion_tokens") &&
		m.newer.CompareAndSwap(false, true)
}

const (
	// sureTokens is the estimate from which a prompt can have been cut: no server is run with less context than this.
	sureTokens = 1500
	// leastContext is a context that every server has; for a shorter prompt, none is queried.
	leastContext = 512
	// wholeShare is the least share of our lean estimate that a whole prompt has in any tokenizer.
	wholeShare = 0.6
	// sureTurns and turnsShare are the same of a conversation: Ollama drops its first messages until the rest fits, and counts the rest
	// alone (https://github.com/ollama/ollama/blob/v0.12.6/server/prompt.go, chatPrompt), so the count is far from the context. By bytes a
	// text can have seven times its estimate in tokens.
	sureTurns  = sureTokens / 5
	turnsShare = wholeShare / 2
)

// TruncatedPrompt begins the message of a record whose prompt a server cut.
const TruncatedPrompt = "prompt truncated by server"

// checkWhole fails an answer to a prompt that the server cut without saying so: Ollama does when its context is smaller than the prompt
// (ollama issues 2722, 5902 and 17889), and an answer about the first part of a document is worse than none. A prompt that fills the
// context leaves no room for an answer, so one that reaches it was cut. Where the server does not say what it holds, the count is compared
// with our estimate.
func (c *call) checkWhole(r family.Reply, held func() upstream.Room) error {
	seen := r.InputTokens + r.CachedTokens
	bound := int64(0)
	if !r.Uncounted && seen >= leastContext {
		bound = held().Bound()
	}
	if bound > 0 && seen >= bound {
		return &Error{
			Code: http.StatusBadRequest, // the same prompt would be cut again
			Message: fmt.Sprintf("%s: it fills the context of %d tokens; set OLLAMA_CONTEXT_LENGTH (vLLM: --max-model-len, llama.cpp: --ctx-size) higher, or cut the text with --max-text-tokens",
				TruncatedPrompt, bound),
		}
	}
	// The estimate is at most a token for three bytes of the body, so most answers need no closer look.
	if r.Uncounted || seen == 0 || float64(seen) >= wholeShare*float64(len(c.request.Body))/3 {
		return nil
	}
	p := c.read()
	if p == nil {
		return nil
	}
	estimate := p.LeanTokens()
	cut := estimate >= sureTokens && float64(seen) < wholeShare*float64(estimate)
	dropped := len(p.Turns) > 1 && estimate >= sureTurns && float64(seen) < turnsShare*float64(estimate)
	if !cut && !dropped {
		return nil
	}
	return &Error{
		Code: http.StatusBadRequest, // the same prompt would be cut again
		Message: fmt.Sprintf(TruncatedPrompt+"; set OLLAMA_CONTEXT_LENGTH (or the server's context size) higher: it read %d tokens of about %d",
			seen, estimate),
	}
}

// oneLine keeps a reply's bytes, but not its line breaks and broken UTF-8: a result is one line of JSONL.
func oneLine(body []byte) []byte {
	body = bytes.TrimSpace(body)
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	if !bytes.ContainsAny(body, "\r\n") {
		return body
	}
	v := jsontext.Value(bytes.Clone(body))
	if v.Compact(jsontext.AllowDuplicateNames(true)) != nil {
		// It was read as JSON before, so only a line break between tokens can be here, and a space means the same.
		return bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' {
				return ' '
			}
			return r
		}, body)
	}
	return v
}

func fromUpstream(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *upstream.Error
	var invalid *family.Invalid
	switch {
	case errors.As(err, &e):
		return &Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter}
	case errors.As(err, &invalid):
		return &Error{Code: http.StatusBadRequest, Message: invalid.Message}
	}
	return &Error{Code: http.StatusInternalServerError, Message: err.Error()}
}
