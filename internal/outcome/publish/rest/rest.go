// Package rest sends the requests of targets that have an HTTP API.
//
// It owns patience and what a status means: reading is repeated, writing never. What always holds: one request at a time; a target that
// says "later" is obeyed; no redirect is followed, so a login goes to the named host alone.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/effect"
	"quarry/internal/outcome/publish"
)

// Client sends requests to one target.
type Client struct {
	Name      string // of the target
	HTTP      effect.Doer
	Authorize func(*http.Request) error
	LoginHint string // the way out of a refused login
	// Said finds the words of an error in the target's answer; empty: there are none.
	Said func(body []byte) string
	// RateReset names the header that says how many seconds to wait, in addition to Retry-After; empty: there is none.
	RateReset string
	// Wait is the pause before a read is tried again, doubled each time; 0 means one second.
	Wait time.Duration
}

// Reply is an answer.
type Reply struct {
	Status int
	Body   []byte
}

const again = "rerun the same command: it continues"

const (
	attempts    = 5
	longestWait = 5 * time.Minute
	mostBytes   = 256 << 20
)

// Get reads. 429, 5xx and no answer are tried again. A reply has the status 200 or 404; any other is an error that ends the command.
func (c *Client) Get(ctx context.Context, address string) (Reply, error) {
	wait := c.Wait
	if wait == 0 {
		wait = time.Second
	}
	for attempt := 1; ; attempt++ {
		reply, err := c.once(ctx, http.MethodGet, address, nil, nil)
		var later *publish.Later
		switch {
		case err == nil && (reply.Status == http.StatusOK || reply.Status == http.StatusNotFound):
			return reply, nil
		case err == nil:
			return reply, c.failed(quarry.Provider, http.MethodGet, address, c.refusal(reply), "")
		case !errors.As(err, &later):
			return reply, err
		case attempt == attempts:
			return reply, later.Err
		}
		pause := time.NewTimer(min(max(later.After, wait), longestWait))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return reply, context.Cause(ctx)
		}
		wait *= 2
	}
}

// Send writes, once. The error is publish.ErrChanged for 409 and 412, a *publish.Later where it is not known whether it was done, a
// *publish.Refused for another 4xx, or one that ends the command.
func (c *Client) Send(ctx context.Context, method, address string, header http.Header, body any) (Reply, error) {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return Reply{}, err
		}
	}
	reply, err := c.once(ctx, method, address, header, b)
	switch {
	case err != nil:
		return reply, err
	case reply.Status == http.StatusConflict, reply.Status == http.StatusPreconditionFailed:
		return reply, publish.ErrChanged
	case reply.Status < 300:
		return reply, nil
	}
	return reply, &publish.Refused{Reason: "the target refused the value: " + c.refusal(reply).Error()}
}

func (c *Client) once(ctx context.Context, method, address string, header http.Header, body []byte) (Reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return Reply{}, c.failed(quarry.BadUsage, method, address, err, "")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "quarry")
	req.Header.Set("Accept", "application/json")
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Authorize != nil {
		if err := c.Authorize(req); err != nil {
			return Reply{}, err
		}
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return Reply{}, context.Cause(ctx)
		}
		return Reply{}, &publish.Later{Err: c.failed(quarry.Provider, method, address, effect.Unanswered(err), again)}
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, mostBytes))
	if err != nil {
		if ctx.Err() != nil {
			return Reply{}, context.Cause(ctx)
		}
		return Reply{}, &publish.Later{Err: c.failed(quarry.Provider, method, address, err, again)}
	}
	reply := Reply{Status: resp.StatusCode, Body: b}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return reply, c.failed(quarry.Denied, method, address, c.refusal(reply), c.LoginHint)
	case status == http.StatusTooManyRequests, status >= 500:
		return reply, &publish.Later{
			After: c.after(resp.Header), Err: c.failed(quarry.Provider, method, address, c.refusal(reply), again),
		}
	case status >= 300 && status < 400:
		err := fmt.Errorf("it is redirected to %s", resp.Header.Get("Location"))
		return reply, c.failed(quarry.BadUsage, method, address, err, "name that address in --to")
	}
	return reply, nil
}

func (c *Client) refusal(r Reply) error {
	said := ""
	if c.Said != nil {
		said = c.Said(r.Body)
	}
	if said == "" {
		return fmt.Errorf("HTTP %d", r.Status)
	}
	return fmt.Errorf("HTTP %d: %s", r.Status, said)
}

// failed names the request without its query, which may be long.
func (c *Client) failed(kind quarry.ErrorKind, method, address string, err error, hint string) error {
	address, _, _ = strings.Cut(address, "?")
	return &quarry.Error{Kind: kind, Op: method, Subject: address, Err: err, Hint: hint}
}

func (c *Client) after(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After", c.RateReset} {
		if name == "" {
			continue
		}
		v := h.Get(name)
		if n, err := strconv.Atoi(v); err == nil && n >= 0 {
			return time.Duration(min(n, int(longestWait/time.Second))) * time.Second
		}
		if at, err := http.ParseTime(v); err == nil {
			return min(max(0, time.Until(at)), longestWait)
		}
	}
	return 0
}
