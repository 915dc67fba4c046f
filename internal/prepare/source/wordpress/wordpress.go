// Package wordpress reads posts from a WordPress site over its REST API, page by page.
//
// It owns the paging, the patience and the login. A post is a JSON object like any other; its parts are known by name.
//
// What always holds: one request at a time; a site that says "later" is obeyed; what is sent to log in goes to the host
// that was named and to no other; posts are requested in the order of their ids, so that what is published meanwhile does not
// move them.
package wordpress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
)

// Source is one collection of posts: `https://HOST/wp-json/wp/v2/posts`, with a query of its own or without.
type Source struct {
	URL    string
	Client *http.Client // nil means http.DefaultClient
	// Authorization is the value of that header: "Basic …" for an application password. Empty: none is sent.
	Authorization string
	Config        item.Config
	Index         int // of the source in the run
	// Wait is the pause before a request is tried again, doubled each time; 0 means one second. What the site asks for
	// goes before it.
	Wait time.Duration

	heard func(http.Header) // gets the headers of each page; nil: no one looks
}

// perPage is the most that WordPress gives at once
// (https://developer.wordpress.org/rest-api/using-the-rest-api/pagination/).
const perPage = 100

// attempts is how often a page is requested before the site is given up.
const attempts = 5

// longestWait bounds what a site can ask for.
const longestWait = 5 * time.Minute

// Posts gives the URL of a site's posts. A URL that names a collection already is kept.
func Posts(site string) (string, error) {
	u, err := url.Parse(site)
	if err != nil {
		return "", errors.New("not a URL") // which may hold a login, so it is not repeated
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return "", errors.New("not a URL of the form https://HOST")
	}
	if u.User != nil {
		return "", fmt.Errorf("URL of %s holds a login, which would appear in logs", u.Host)
	}
	if !strings.Contains(u.Path, "/wp-json") && !u.Query().Has("rest_route") {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/wp-json/wp/v2/posts"
	}
	return u.String(), nil
}

// Name gives the URL.
func (s *Source) Name() string { return s.URL }

// Keys are the names of the parts of a post in the REST API.
var Keys = item.Keys{
	ID: item.Path{"id"}, Title: item.Path{"title", "rendered"}, Body: item.Path{"content", "rendered"}, URL: item.Path{"link"},
	BodyFormat: quarry.FormatMarked,
}

// Blocks gives a block for each page. A position is a page's URL.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		base, err := url.Parse(s.URL)
		if err != nil {
			yield(quarry.Block{}, &quarry.Error{Kind: quarry.BadUsage, Op: "read", Subject: s.URL, Err: err})
			return
		}
		page := 1
		if from.File != "" {
			if u, err := url.Parse(from.File); err == nil {
				page, _ = strconv.Atoi(u.Query().Get("page"))
			}
			if page < 1 {
				yield(quarry.Block{}, fmt.Errorf("read %s: no page in position %s", s.URL, from.File))
				return
			}
		}
		var last []byte // the page before this one, where a site does not say how many there are
		for page > 0 {
			at := quarry.Position{Source: s.Index, File: pageURL(*base, page)}
			body, next, err := s.fetch(ctx, at.File, page)
			if err == nil && body == nil {
				return
			}
			var chunks []cut.Chunk
			if err == nil {
				chunks, err = s.cut(ctx, body)
			}
			if err != nil {
				yield(quarry.Block{}, err)
				return
			}
			if !yield(s.block(at, chunks), nil) {
				return
			}
			if next == unsaid {
				next = 0
				if count(chunks) >= pageSize(at.File) && !bytes.Equal(body, last) {
					next = page + 1
				}
				last = body
			}
			page = next
		}
	}
}

func pageURL(base url.URL, page int) string {
	q := base.Query()
	for name, value := range map[string]string{"per_page": strconv.Itoa(perPage), "orderby": "id", "order": "asc"} {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	q.Set("page", strconv.Itoa(page))
	base.RawQuery = q.Encode()
	return base.String()
}

// count is how many posts a page has.
func count(chunks []cut.Chunk) int {
	n := 0
	for _, c := range chunks {
		n += len(c.Spans)
	}
	return n
}

// pageSize is how many posts a page's address asks for.
func pageSize(address string) int {
	if u, err := url.Parse(address); err == nil {
		if n, err := strconv.Atoi(u.Query().Get("per_page")); err == nil && n > 0 {
			return n
		}
	}
	return perPage
}

// cut takes a page apart.
func (s *Source) cut(ctx context.Context, body []byte) ([]cut.Chunk, error) {
	var chunks []cut.Chunk
	for c, err := range cut.Chunks(ctx, bytes.NewReader(body), jsonl.Place{}, sourcejsonl.Rules(), s.Config.Limit()) {
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, c)
	}
	return chunks, nil
}

func (s *Source) block(at quarry.Position, chunks []cut.Chunk) quarry.Block {
	return quarry.Block{First: at, Documents: func(yield func(quarry.Document, error) bool) {
		reader := s.Config.NewReader(s.Config.DecideWith(Keys, nil))
		for _, c := range chunks {
			at := at
			if c.Skipped > 0 {
				at.Offset = c.Item.Offset
				if !yield(quarry.Document{At: at}, s.Config.TooLong(c.Skipped, at)) {
					return
				}
			}
			for it := range c.Items() {
				at.Offset = it.Offset
				d, err := reader.Read(it.Text, at)
				if errors.Is(err, item.ErrFiltered) {
					continue
				}
				if !yield(d, err) {
					return
				}
			}
		}
	}}
}

// unsaid is the next page if a site does not name it: some proxies remove the headers.
const unsaid = -1

// fetch gets one page and says which is next; 0 means none. A nil body says that there is no such page.
func (s *Source) fetch(ctx context.Context, address string, page int) (body []byte, next int, err error) {
	wait := s.Wait
	if wait == 0 {
		wait = time.Second
	}
	for attempt := 1; ; attempt++ {
		body, next, later, err := s.try(ctx, address, page)
		if err != nil && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		if err == nil || later < 0 || attempt == attempts {
			return body, next, err
		}
		pause := time.NewTimer(min(max(later, wait), longestWait))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, 0, ctx.Err()
		}
		wait *= 2
	}
}

// try makes one request. later is how long to wait before the next one, negative if a repetition cannot help.
func (s *Source) try(ctx context.Context, address string, page int) (body []byte, next int, later time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, -1, s.failed(quarry.BadUsage, err, "")
	}
	req.Header.Set("User-Agent", "quarry")
	req.Header.Set("Accept", "application/json")
	if s.Authorization != "" {
		req.Header.Set("Authorization", s.Authorization)
	}
	resp, err := s.client().Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, 0, -1, ctx.Err()
		}
		return nil, 0, 0, s.failed(quarry.Provider, err, "")
	}
	defer func() { _ = resp.Body.Close() }()
	most := int64(perPage) * 4 << 20
	body, err = io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, 0, -1, ctx.Err()
	case err != nil:
		return nil, 0, 0, s.failed(quarry.Provider, err, "")
	case int64(len(body)) > most:
		return nil, 0, -1, s.failed(quarry.Provider, fmt.Errorf("page %d is larger than %d MiB", page, most>>20),
			"ask for fewer at once: ?per_page=10")
	}
	switch resp.StatusCode {
	case http.StatusOK:
		trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))) // a plugin's file with a mark puts it there
		if len(trimmed) > 0 && trimmed[0] == '[' && trimmed[len(trimmed)-1] != ']' {
			return nil, 0, 0, s.failed(quarry.Provider, fmt.Errorf("page %d is truncated", page), "ask for fewer at once: ?per_page=10")
		}
		if len(trimmed) == 0 || trimmed[0] != '[' {
			return nil, 0, -1, s.failed(quarry.BadUsage, errors.New("the answer is not a list of posts"),
				"name the collection: https://HOST/wp-json/wp/v2/posts")
		}
		if s.heard != nil {
			s.heard(resp.Header)
		}
		return trimmed, following(resp.Header, page), 0, nil
	case http.StatusBadRequest:
		// After the last page; posts went away while we read.
		if page > 1 && strings.Contains(said(body), "rest_post_invalid_page_number") {
			return nil, 0, 0, nil
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, 0, -1, s.failed(quarry.Denied, refused(resp, body), "log in with an application password of a user who may read these posts")
	case http.StatusNotFound:
		return nil, 0, -1, s.failed(quarry.BadUsage, refused(resp, body), "check the address, and that the REST API of the site is enabled")
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, 0, retryAfter(resp.Header), s.failed(quarry.Provider, refused(resp, body), "")
	}
	return nil, 0, -1, s.failed(quarry.Provider, refused(resp, body), "")
}

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

func refused(resp *http.Response, body []byte) error {
	if code := said(body); code != "" {
		return fmt.Errorf("HTTP %d: %s", resp.StatusCode, code)
	}
	return fmt.Errorf("HTTP %d", resp.StatusCode)
}

// said gives the code of an error in WordPress's words.
func said(body []byte) string {
	var e struct{ Code string }
	if json.Unmarshal(body, &e) != nil || len(e.Code) > 100 {
		return ""
	}
	return e.Code
}

// following reads which page is next: by the link of that name, else by the number of pages. 0 means none, and unsaid
// that there is neither.
func following(h http.Header, page int) int {
	for _, links := range h.Values("Link") {
		for link := range strings.SplitSeq(links, ",") {
			target, rel, ok := strings.Cut(link, ";")
			target = strings.Trim(target, " <>")
			if !ok || !strings.Contains(rel, "next") {
				continue
			}
			// Only its number is taken: behind a proxy the link names another scheme or host.
			if u, err := url.Parse(target); err == nil {
				if n, err := strconv.Atoi(u.Query().Get("page")); err == nil && n > page {
					return n
				}
			}
		}
	}
	pages, err := strconv.Atoi(h.Get("X-WP-TotalPages"))
	switch {
	case err == nil && pages > page:
		return page + 1
	case err != nil && len(h.Values("Link")) == 0:
		return unsaid
	}
	return 0
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
