package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"quarry"
)

// attempts is how often a page is requested before the site is given up.
const attempts = 5

// longestWait bounds what a site can ask for.
const longestWait = 5 * time.Minute

// fetch gets one page. heard gets its headers; nil: no one looks.
func (s *Source) fetch(ctx context.Context, address string, page int, heard func(http.Header)) (Page, error) {
	wait := s.Wait
	if wait == 0 {
		wait = time.Second
	}
	for attempt := 1; ; attempt++ {
		p, later, err := s.try(ctx, address, page, heard)
		if err != nil && ctx.Err() != nil {
			return Page{}, ctx.Err()
		}
		if err == nil || later < 0 || attempt == attempts {
			return p, err
		}
		pause := time.NewTimer(min(max(later, wait), longestWait))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return Page{}, ctx.Err()
		}
		wait *= 2
	}
}

// try makes one request. later is how long to wait before the next one, negative if a repetition cannot help.
func (s *Source) try(
	ctx context.Context, address string, page int, heard func(http.Header),
) (p Page, later time.Duration, err error) {
	resp, later, err := s.send(ctx, address)
	if err != nil {
		return p, later, err
	}
	defer func() { _ = resp.Body.Close() }()
	most := int64(s.API.PerPage) * 4 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return p, -1, ctx.Err()
	case err != nil:
		return p, 0, s.failed(quarry.Provider, err, "")
	case int64(len(body)) > most:
		return p, -1, s.failed(quarry.Provider, fmt.Errorf("page %d is larger than %d MiB", page, most>>20), s.fewer())
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if heard != nil {
			heard(resp.Header)
		}
		return s.list(resp.Header, page, body)
	case http.StatusUnauthorized, http.StatusForbidden:
		return p, -1, s.failed(quarry.Denied, s.refused(resp, body), s.API.LoginHint)
	case http.StatusNotFound:
		return p, -1, s.failed(quarry.BadUsage, s.refused(resp, body), "check the address, and that the REST API of the site is enabled")
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout:
		return p, retryAfter(resp.Header), s.failed(quarry.Provider, s.refused(resp, body), "")
	}
	if s.API.Ended != nil && s.API.Ended(resp.StatusCode, page, body) { // items went away while we read
		return p, 0, nil
	}
	return p, -1, s.failed(quarry.Provider, s.refused(resp, body), "")
}

// send makes one request; later is as in try.
func (s *Source) send(ctx context.Context, address string) (resp *http.Response, later time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, -1, s.failed(quarry.BadUsage, err, "")
	}
	req.Header.Set("User-Agent", "quarry")
	req.Header.Set("Accept", "application/json")
	if s.Authorize != nil {
		if err := s.Authorize(req); err != nil {
			return nil, -1, s.failed(quarry.BadUsage, err, s.API.LoginHint)
		}
	}
	resp, err = s.client().Do(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, -1, ctx.Err()
	case err != nil:
		return nil, 0, s.failed(quarry.Provider, err, "")
	}
	return resp, 0, nil
}

// list finds the items of a page.
func (s *Source) list(h http.Header, page int, body []byte) (p Page, later time.Duration, err error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))) // a plugin's file with a mark puts it there
	if len(body) > 0 && (body[0] == '[' && body[len(body)-1] != ']' || body[0] == '{' && body[len(body)-1] != '}') {
		return p, 0, s.failed(quarry.Provider, fmt.Errorf("page %d is truncated", page), s.fewer())
	}
	if p, err = s.API.List(h, page, body); err != nil {
		return p, -1, s.failed(quarry.BadUsage, err, "name the collection: "+s.API.Collection)
	}
	return p, 0, nil
}

func (s *Source) fewer() string { return "ask for fewer at once: ?" + s.API.SizeParameter + "=10" }

// client follows a site that sends elsewhere, and takes the login to no other host and over no worse a connection.
func (s *Source) client() *http.Client {
	client := http.Client{}
	if s.Client != nil {
		client = *s.Client
	}
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= 5 {
			return errors.New("the site never stops sending")
		}
		if first := via[0].URL; r.URL.Host != first.Host || (r.URL.Scheme != first.Scheme && r.URL.Scheme != "https") {
			r.Header.Del("Authorization")
		}
		return nil
	}
	return &client
}

func (s *Source) failed(kind quarry.ErrorKind, err error, hint string) error {
	return &quarry.Error{Kind: kind, Op: "read", Subject: s.URL, Err: err, Hint: hint}
}

func (s *Source) refused(resp *http.Response, body []byte) error {
	if said := s.API.Said(body); said != "" {
		return fmt.Errorf("HTTP %d: %s", resp.StatusCode, said)
	}
	return fmt.Errorf("HTTP %d", resp.StatusCode)
}

func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n >= 0 {
		// Cut before it is multiplied: more seconds than a duration holds would come out below 0.
		return time.Duration(min(n, int(longestWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
