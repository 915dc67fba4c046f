package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

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

// Probe requests the list of models from each server. It is nil where one of them answers, and a *DownError of the first where none does. With a
// wait, servers that are starting are queried again until it is over.
func (p *Pool) Probe(ctx context.Context, wait time.Duration) error {
	until := time.Now().Add(wait)
	for logged := false; ; {
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
		if !logged {
			logged = true
			p.notice("%v; retrying for up to %s", first, wait)
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

func (p *Pool) notice(format string, args ...any) {
	if p.cfg.Notice != nil {
		p.cfg.Notice(fmt.Sprintf(format, args...))
	}
}
