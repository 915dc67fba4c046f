// Package pages reads lists of items from the API of a site, page by page.
//
// It owns the paging, the patience and where a login goes. What a page looks like, and how a site names the next one, is the business of
// the package of its kind, which gives an API.
//
// What always holds: one request at a time; a site that says "later" is obeyed; what is sent to log in goes to the host that was named
// and to no other; a position is the address of a page.
package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
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
	// List gives the array of items of a page and the number of the next page: 0 for none, Unsaid if the site does not say. The error
	// names what is wrong with the page.
	List func(h http.Header, page int, body []byte) (list []byte, next int, err error)
	// Said gives the words of an error, empty where there are none.
	Said func(body []byte) string
	// Ended reports whether an answer says that there is no such page.
	Ended func(status, page int, body []byte) bool
	// Since narrows the parameters of an address to what was modified since a time, and reports whether that can be done.
	Since func(q url.Values, t time.Time) bool
	// Collection is the form of an address, and LoginHint the way out of a login that is refused.
	Collection, LoginHint string
}

// Unsaid is the next page if a site does not name it: some proxies remove the headers.
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
		var last []byte // the page before this one, where a site does not say how many there are
		for page > 0 {
			at := quarry.Position{Source: s.Index, File: s.page(*base, page)}
			body, next, err := s.fetch(ctx, at.File, page, nil)
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
			if next == Unsaid {
				next = 0
				if count(chunks) >= s.pageSize(at.File) && !bytes.Equal(body, last) {
					next = page + 1
				}
				last = body
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

// count is how many items a page has.
func count(chunks []cut.Chunk) int {
	n := 0
	for _, c := range chunks {
		n += len(c.Spans)
	}
	return n
}

// pageSize is how many items a page's address asks for.
func (s *Source) pageSize(address string) int {
	if u, err := url.Parse(address); err == nil {
		if n, err := strconv.Atoi(u.Query().Get(s.API.SizeParameter)); err == nil && n > 0 {
			return n
		}
	}
	return s.API.PerPage
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
		reader := s.Config.NewReader(s.Config.DecideWith(s.API.Keys, nil))
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
				text := it.Text
				if s.API.Convert != nil && jsonl.Check(text) == nil {
					text = s.API.Convert(nil, text)
				}
				d, err := reader.Read(text, at)
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
	_, _, err = s.fetch(ctx, s.page(*u, 1), 1, func(h http.Header) {
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
