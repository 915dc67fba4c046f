package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"quarry/internal/base/inflight"
)

// Error is a request that got no usable reply. Code is what a record's error should carry: the server's own status for what it refused,
// 408 when it took too long, 429 when it stayed overloaded, 503 when it could not be reached, 424 when it failed inside.
type Error struct {
	Code       int
	Message    string
	RetryAfter time.Duration
	notReached bool // there was no connection at all
	twice      bool // one more try is all that makes sense
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Request is one call. Build makes the body for the model that a server serves; it may be called more than once.
type Request struct {
	Path    string // below the base URL: /v1/messages
	Timeout time.Duration
	Model   string // sent as it is; "": what the server lists
	Wanted  string // the client's model id, used when the server lists it or lists nothing
	Build   func(model string) ([]byte, error)
	// Read takes a reply in and tells the tokens it took, to judge the server's pace by. An error makes the reply unusable.
	Read func(reply []byte) (tokens int64, err error)
}

// Reply is the body of a 200 and the model that the request named.
type Reply struct {
	Body  []byte
	Model string
	Room  func() Room // queries how many tokens the server holds for this model
}

// Send sends a request until it is answered, refused for good, or out of attempts. The error is an *Error, or ctx's.
func (p *Pool) Send(ctx context.Context, r Request) (Reply, error) {
	var last *Error
	var avoid *server
	waited := 0
	for attempt := 1; ; attempt++ {
		reply, s, err := p.try(ctx, r, avoid)
		if err == nil {
			return reply, nil
		}
		if ctx.Err() != nil {
			return Reply{}, ctx.Err()
		}
		if !errors.As(err, &last) {
			return Reply{}, err
		}
		attempts := p.cfg.Attempts
		if last.twice {
			attempts = min(attempts, 2)
		}
		if last.notReached {
			if p.down() { // 503 would say that it comes back by itself
				return Reply{}, &Error{Code: http.StatusFailedDependency, Message: fmt.Sprintf("%s, for %s", last.Message, p.cfg.DownAfter)}
			}
			attempt-- // nothing was sent
			waited++
			if err := sleep(ctx, min(p.pause(min(waited, 10), 0), downPause)); err != nil {
				return Reply{}, err
			}
			continue
		}
		if !retryable(last.Code) || attempt >= attempts {
			return Reply{}, last
		}
		avoid = s
		if err := sleep(ctx, p.pause(attempt, last.RetryAfter)); err != nil {
			return Reply{}, err
		}
	}
}

// downPause is the shortest time between two requests to a server that is down.
const downPause = 2 * time.Second

// retryable are the statuses after which the same request may be answered; 424 is our name for the rest of the 5xx.
func retryable(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusFailedDependency:
		return true
	}
	return code >= 500
}

func (p *Pool) pause(attempt int, asked time.Duration) time.Duration {
	d := min(p.cfg.Backoff<<(attempt-1), maxBackoff)
	d = d/2 + rand.N(d/2+1)
	return max(d, min(asked, maxRetryAfter))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try makes one attempt at one server.
func (p *Pool) try(ctx context.Context, r Request, avoid *server) (Reply, *server, error) {
	pl, err := p.acquire(ctx, avoid)
	if err != nil {
		return Reply{}, nil, err
	}
	s := pl.server
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	model := r.Model
	if model == "" {
		if model, err = p.serves(ctx, s, r.Wanted); err != nil {
			p.release(pl, outcomeOf(err), 0)
			return Reply{}, s, err
		}
	}
	body, err := r.Build(model)
	if err != nil {
		p.release(pl, refused, 0)
		return Reply{}, s, err
	}
	reply, err := p.post(ctx, s, r.Path, body)
	if err != nil {
		inflight.From(ctx).Release() // the request goes out again, here or to another server
		p.release(pl, outcomeOf(err), 0)
		return Reply{}, s, err
	}
	tokens, err := r.Read(reply)
	if err != nil {
		inflight.From(ctx).Release()
		p.release(pl, refused, 0)
		return Reply{}, s, &Error{Code: http.StatusFailedDependency, Message: fmt.Sprintf("reply of back end %s cannot be used: %v", s.base, err), twice: true}
	}
	p.release(pl, answered, tokens)
	return Reply{Body: reply, Model: model, Room: func() Room { return p.room(ctx, s, model) }}, s, nil
}

func outcomeOf(err error) outcome {
	var e *Error
	if !errors.As(err, &e) {
		return refused
	}
	switch {
	case e.Code == http.StatusTooManyRequests, e.Code == http.StatusRequestTimeout:
		return overloaded
	case e.notReached:
		return unreachable
	case e.Code == http.StatusServiceUnavailable:
		return overloaded
	}
	return refused
}

func (p *Pool) post(ctx context.Context, s *server, path string, body []byte) ([]byte, error) {
	return p.do(ctx, s, http.MethodPost, path, body)
}

func (p *Pool) do(ctx context.Context, s *server, method, path string, body []byte) ([]byte, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, reader)
	if err != nil {
		return nil, &Error{Code: http.StatusInternalServerError, Message: fmt.Sprintf("make request to back end: %v", err)}
	}
	for name, values := range p.cfg.Header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		// The server may have closed a kept connection a moment ago. With this header, net/http repeats the request then.
		req.Header["Idempotency-Key"] = nil
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, s.transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	reply, err := readAll(ctx, resp)
	if err != nil {
		return nil, s.transportError(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return reply, nil
	}
	return nil, s.statusError(resp, reply)
}

// readAll reads a reply as the hold in ctx finds room for it. Until then it stays with the server.
func readAll(ctx context.Context, resp *http.Response) ([]byte, error) {
	hold := inflight.From(ctx)
	if n := resp.ContentLength; n >= 0 && n <= maxReply {
		if err := hold.Grow(ctx, n); err != nil {
			return nil, err
		}
		buf := make([]byte, n)
		_, err := io.ReadFull(resp.Body, buf)
		if err == nil {
			// Reading to the end lets the connection be used again.
			_, err = io.Copy(io.Discard, resp.Body)
		}
		return buf, err
	}
	buf, err := io.ReadAll(io.LimitReader(hold.Reader(ctx, resp.Body, -1, maxReply), maxReply+1))
	if err == nil && len(buf) > maxReply {
		err = fmt.Errorf("reply larger than %d bytes", maxReply)
	}
	return buf, err
}

// transportError says what happened on the way. The URL is named, the request is not.
func (s *server) transportError(ctx context.Context, err error) error {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return &Error{Code: http.StatusServiceUnavailable, Message: fmt.Sprintf("back end %s cannot be reached: %v", s.base, dial.Err), notReached: true}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Code: http.StatusRequestTimeout, Message: fmt.Sprintf("back end %s did not answer in time", s.base), twice: true}
	}
	return &Error{Code: http.StatusServiceUnavailable, Message: fmt.Sprintf("back end %s broke off: %v", s.base, rootOf(err))}
}

func rootOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func (s *server) statusError(resp *http.Response, body []byte) error {
	e := &Error{Code: resp.StatusCode, Message: fmt.Sprintf("back end %s: %d %s", s.base, resp.StatusCode, messageOf(body)), RetryAfter: retryAfter(resp.Header)}
	switch {
	case resp.StatusCode == 529: // Anthropic's word for overloaded
		e.Code = http.StatusServiceUnavailable
	case resp.StatusCode == http.StatusServiceUnavailable:
	case resp.StatusCode >= 500:
		e.Code = http.StatusFailedDependency
	case resp.StatusCode < 400:
		e.Code = http.StatusFailedDependency
	}
	return e
}

// messageOf finds the text in the error bodies of OpenAI, Anthropic, vLLM and Ollama.
func messageOf(body []byte) string {
	var b struct {
		Error   any    `json:"error"`
		Message string `json:"message"`
		Detail  any    `json:"detail"`
	}
	text := ""
	if json.Unmarshal(body, &b) == nil {
		switch e := b.Error.(type) {
		case string:
			text = e
		case map[string]any:
			text, _ = e["message"].(string)
		}
		if text == "" {
			text = b.Message
		}
		if detail, ok := b.Detail.(string); text == "" && ok {
			text = detail
		}
	}
	if text == "" {
		text = string(body)
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if len(text) > 500 {
		text = strings.ToValidUTF8(text[:500], "")
	}
	return text
}

// retryAfter reads the header in seconds or as a date.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 && n < 1e6 {
		return time.Duration(n * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}
