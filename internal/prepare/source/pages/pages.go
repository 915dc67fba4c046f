// Package pages reads lists of items from the API of a site, page by page.
//
// It owns the paging, the patience and where a login goes. What a page looks like, and how a site names the next one, is the business of
// the package of its kind, which gives an API.
//
// What always holds: one request at a time; a site that says "later" is obeyed; what is sent to log in goes to the host that was named
// and to no other; a position is the address of a page; no item is given twice, and none is lost where the site says how many there are:
// if there are fewer than there were, the pages before are read again.
package pages

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"quarry"
	"quarry/internal/prepare/source/item"
)

// Source is one collection of a site.
type Source struct {
	API    *API
	URL    string
	Client *http.Client // nil means http.DefaultClient
	// Authorize adds the login to a request. nil: none is sent.
	Authorize func(*http.Request) error
	Config    item.Config
	Index     int // of the source in the run
	// Wait is the pause before a request is tried again, doubled each time; 0 means one second. What the site asks for
	// goes before it.
	Wait time.Duration
}

// API is how a kind of site gives its items. Items are JSON objects.
type API struct {
	Keys    item.Keys
	Convert func(dst, item []byte) []byte // what is read of an item; nil: all of it
	PerPage int                           // items that a page has at most, where the address does not say
	// Parameters are those of the address of a page, in addition to page. Those that the user's address has stay.
	Parameters map[string]string
	// SizeParameter is the one for the number of items of a page.
	SizeParameter string
	// List reads an answer with a page. The error names what is wrong with it.
	List func(h http.Header, page int, body []byte) (Page, error)
	// Said gives the words of an error, empty where there are none.
	Said func(body []byte) string
	// Ended reports whether an answer says that there is no such page.
	Ended func(status, page int, body []byte) bool
	// Since narrows the parameters of an address to what was modified since a time, and reports whether that can be done.
	Since func(q url.Values, t time.Time) bool
	// Collection is the form of an address, and LoginHint the way out of a login that is refused.
	Collection, LoginHint string
}

// Page is what a site gives as a page.
type Page struct {
	List  []byte // the array of items; nil: there is no such page
	Next  int    // the number of the next page; 0: none, Unsaid: the site does not say
	Total int    // of items on all pages; Unsaid: the site does not say
}

// Unsaid is what a site does not say: some proxies remove the headers.
const Unsaid = -1

// Name gives the URL.
func (s *Source) Name() string { return s.URL }

// Blocks gives a block for each page.
func (s *Source) Blocks(ctx context.Context, from quarry.Position) iter.Seq2[quarry.Block, error] {
	return func(yield func(quarry.Block, error) bool) {
		base, err := url.Parse(s.URL)
		if err != nil {
			yield(quarry.Block{}, s.failed(quarry.BadUsage, err, ""))
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
		r := reading{source: s, base: *base, first: page, total: Unsaid, given: map[string]struct{}{}}
		for page > 0 {
			parts, next, err := r.page(ctx, page)
			if err != nil {
				yield(quarry.Block{}, err)
				return
			}
			if len(parts) > 0 && !yield(s.block(parts), nil) {
				return
			}
			page = next
		}
	}
}

func (s *Source) page(base url.URL, page int) string {
	q := base.Query()
	set := func(name, value string) {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	set(s.API.SizeParameter, strconv.Itoa(s.API.PerPage))
	for name, value := range s.API.Parameters {
		set(name, value)
	}
	q.Set("page", strconv.Itoa(page))
	base.RawQuery = q.Encode()
	return base.String()
}

// Clock gives the time of the site, as the header Date of an answer has it; zero: there is none, or the address cannot be narrowed to what
// was modified.
func (s *Source) Clock(ctx context.Context) (now time.Time, err error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return now, s.failed(quarry.BadUsage, err, "")
	}
	q := u.Query()
	if !s.API.Since(q, time.Unix(0, 0)) {
		return now, nil
	}
	q = u.Query()
	q.Set(s.API.SizeParameter, "1")
	u.RawQuery = q.Encode()
	_, err = s.fetch(ctx, s.page(*u, 1), 1, func(h http.Header) {
		now, _ = http.ParseTime(h.Get("Date")) // without a date there is no clock
	})
	return now, err
}

// Since gives the items that were modified since a time of the site.
func (s *Source) Since(t time.Time) func(context.Context, quarry.Position) iter.Seq2[quarry.Block, error] {
	narrowed := *s
	if u, err := url.Parse(s.URL); err == nil { // else Blocks names it
		q := u.Query()
		s.API.Since(q, t)
		u.RawQuery = q.Encode()
		narrowed.URL = u.String()
	}
	return narrowed.Blocks
}
