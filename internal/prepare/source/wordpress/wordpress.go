// Package wordpress reads posts from a WordPress site over its REST API.
//
// It owns the addresses, what a page and an error look like, and the names of the parts of a post. Package pages makes the requests.
//
// What always holds: posts are requested in the order of their ids, so that what is published meanwhile does not move them.
package wordpress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"quarry"
	"quarry/internal/prepare/source/item"
	"quarry/internal/prepare/source/pages"
)

// Source is one collection of posts: `https://HOST/wp-json/wp/v2/posts`, with a query of its own or without.
type Source struct {
	URL    string
	Client *http.Client // nil means http.DefaultClient
	// Authorization is the value of that header: "Basic …" for an application password. Empty: none is sent.
	Authorization string
	Config        item.Config
	Index         int           // of the source in the run
	Wait          time.Duration // see pages.Source
}

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
	if !NamesAPI(site) {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/wp-json/wp/v2/posts"
	}
	return u.String(), nil
}

// NamesAPI reports whether an address is one of the REST API, and not of a site's page.
func NamesAPI(address string) bool {
	return strings.Contains(address, "/wp-json") || strings.Contains(address, "rest_route=")
}

// Keys are the names of the parts of a post in the REST API.
var Keys = item.Keys{
	ID: item.Path{"id"}, Title: item.Path{"title", "rendered"}, Body: item.Path{"content", "rendered"}, URL: item.Path{"link"},
	BodyFormat: quarry.FormatMarked,
}

// api is the REST API. 100 is the most that it gives at once
// (https://developer.wordpress.org/rest-api/using-the-rest-api/pagination/).
var api = pages.API{
	Keys: Keys, PerPage: 100, SizeParameter: "per_page", Parameters: map[string]string{"orderby": "id", "order": "asc"},
	List: list, Said: said, Since: since,
	Ended: func(status, page int, body []byte) bool {
		return status == http.StatusBadRequest && page > 1 && strings.Contains(said(body), "rest_post_invalid_page_number")
	},
	Collection: "https://HOST/wp-json/wp/v2/posts", LoginHint: "log in with an application password of a user who may read these posts",
}

func (s *Source) pages() *pages.Source {
	p := &pages.Source{API: &api, URL: s.URL, Client: s.Client, Config: s.Config, Index: s.Index, Wait: s.Wait}
	if s.Authorization != "" {
		p.Authorize = func(r *http.Request) error { r.Header.Set("Authorization", s.Authorization); return nil }
	}
	return p
}

// Name gives the URL.
func (s *Source) Name() string { return s.URL }

// Blocks gives a block for each page. A position is a page's URL.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return s.pages().Blocks(ctx, from)
}

// Clock gives the time of the site, see pages.Source.
func (s *Source) Clock(ctx context.Context) (time.Time, error) { return s.pages().Clock(ctx) }

// Since gives the posts that were modified since a time of the site, and then those that were published since then without being modified:
// a scheduled post keeps the time of its last change when it is published.
func (s *Source) Since(t time.Time) func(context.Context, quarry.Position) iter.Seq2[quarry.Block, error] {
	const publishedAfter, modifiedBefore = "after", "modified_before"
	modified := s.pages().Since(t)
	u, err := url.Parse(s.URL)
	if err != nil || u.Query().Has(publishedAfter) { // the user's own, or what Blocks names
		return modified
	}
	q := u.Query()
	q.Set(publishedAfter, t.UTC().Format(time.RFC3339))
	if !q.Has(modifiedBefore) { // a second more, since neither list has its border
		q.Set(modifiedBefore, t.Add(time.Second).UTC().Format(time.RFC3339))
	}
	u.RawQuery = q.Encode()
	scheduled := *s
	scheduled.URL = u.String()
	return func(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
		return func(yield func(quarry.Block, error) bool) {
			if at, err := url.Parse(from.File); err != nil || !at.Query().Has(publishedAfter) {
				for b, err := range modified(ctx, from) {
					if !yield(b, err) || err != nil {
						return
					}
				}
				from = quarry.Position{}
			}
			scheduled.Blocks(ctx, from)(yield)
		}
	}
}

// since asks for posts that were modified after a time. The time has its zone, since a site compares it with its local time. Sites before WordPress
// 5.7 do not know the parameter and give everything.
func since(q url.Values, t time.Time) bool {
	const modifiedAfter = "modified_after"
	if q.Has(modifiedAfter) { // the user's own
		return false
	}
	q.Set(modifiedAfter, t.UTC().Format(time.RFC3339))
	return true
}

func list(h http.Header, page int, body []byte) (pages.Page, error) {
	if len(body) == 0 || body[0] != '[' {
		return pages.Page{}, errors.New("the answer is not a list of posts")
	}
	total, err := strconv.Atoi(h.Get("X-WP-Total"))
	if err != nil || total < 0 {
		total = pages.Unsaid
	}
	return pages.Page{List: body, Next: following(h, page), Total: total}, nil
}

// said gives the code of an error in WordPress's words.
func said(body []byte) string {
	var e struct{ Code string }
	if json.Unmarshal(body, &e) != nil || len(e.Code) > 100 {
		return ""
	}
	return e.Code
}

// following reads which page is next: by the link of that name, else by the number of pages. 0 means none, and Unsaid
// that there is neither.
func following(h http.Header, page int) int {
	for _, links := range h.Values("Link") {
		for link := range strings.SplitSeq(links, ",") {
			target, rel, ok := strings.Cut(link, ";")
			target = strings.Trim(target, " <>")
			if !ok || !strings.Contains(rel, "next") {
				continue
			}
			// Only its number is taken: with a proxy in between, the link names another scheme or host.
			if u, err := url.Parse(target); err == nil {
				if n, err := strconv.Atoi(u.Query().Get("page")); err == nil && n > page {
					return n
				}
			}
		}
	}
	pageCount, err := strconv.Atoi(h.Get("X-WP-TotalPages"))
	switch {
	case err == nil && pageCount > page:
		return page + 1
	case err != nil && len(h.Values("Link")) == 0:
		return pages.Unsaid
	}
	return 0
}
