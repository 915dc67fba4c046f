package pages

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"quarry"
	"quarry/internal/base/jsonl"
	"quarry/internal/prepare/source/cut"
	"quarry/internal/prepare/source/item"
	sourcejsonl "quarry/internal/prepare/source/jsonl"
)

// reading is one reading of a collection, from one of its pages on. Each item is given once, also if the site moves it over the border of
// a page meanwhile.
type reading struct {
	source *Source
	base   url.URL
	first  int                 // the page that it began with
	total  int                 // of items, as the page before said; Unsaid: it did not
	given  map[string]struct{} // the ids, as the site writes them
	last   []byte              // the page before, where a site does not say how many there are
}

// part is what is given of a page.
type part struct {
	at     quarry.Position
	chunks []cut.Chunk
}

// page reads a page and what has moved from it to the pages before it. No parts: there is no such page.
func (r *reading) page(ctx context.Context, page int) (parts []part, next int, err error) {
	p, now, err := r.fetch(ctx, page)
	if err != nil {
		return nil, 0, err
	}
	next = p.Next
	if next == Unsaid {
		next = 0
		if n := count(now.chunks); n > 0 && n >= r.source.pageSize(now.at.File) && !bytes.Equal(p.List, r.last) {
			next = page + 1
		}
		r.last = p.List
	}
	r.fresh(now.chunks, false)
	if parts, err = r.moved(ctx, page, p); err != nil {
		return nil, 0, err
	}
	r.total = p.Total
	if p.List != nil {
		parts = append(parts, now)
	}
	return parts, next, nil
}

// moved reads the pages before a page again if the site has fewer items than it had: what follows a removed item has moved towards the
// beginning, and so off the pages that are still to come.
func (r *reading) moved(ctx context.Context, page int, p Page) (parts []part, err error) {
	if r.total == Unsaid {
		return nil, nil
	}
	fewer := 0
	switch {
	case p.List == nil:
		fewer = 1 // or more: the page before says it
	case p.Total != Unsaid:
		fewer = r.total - p.Total
	}
	size := r.source.pageSize(r.source.page(r.base, page))
	for q := page - 1; q >= r.first && fewer > (page-1-q)*size; q-- {
		p, again, err := r.fetch(ctx, q)
		if err != nil {
			return nil, err
		}
		switch {
		case p.List == nil:
			fewer = max(fewer, (page-q)*size+1)
		case p.Total != Unsaid:
			fewer = max(fewer, r.total-p.Total)
		}
		r.fresh(again.chunks, true)
		parts = append(parts, again)
	}
	slices.Reverse(parts)
	return parts, nil
}

// fetch gets a page and takes it apart.
func (r *reading) fetch(ctx context.Context, page int) (p Page, of part, err error) {
	of.at = quarry.Position{Source: r.source.Index, File: r.source.page(r.base, page)}
	if p, err = r.source.fetch(ctx, of.at.File, page, nil); err != nil {
		return p, of, err
	}
	for c, err := range cut.Chunks(ctx, bytes.NewReader(p.List), jsonl.Place{}, sourcejsonl.Rules(), r.source.Config.Limit()) {
		if err != nil {
			return p, of, err
		}
		of.chunks = append(of.chunks, c)
	}
	return p, of, nil
}

// fresh leaves out what was given already, and notes the rest as given. Where a page is read again, it also leaves out what has no id.
func (r *reading) fresh(chunks []cut.Chunk, again bool) {
	for i := range chunks {
		c := &chunks[i]
		if again {
			c.Skipped = 0
		}
		c.Spans = slices.DeleteFunc(c.Spans, func(s cut.Span) bool {
			text := c.Data[s.Start:s.End]
			if jsonl.Check(text) != nil {
				return again
			}
			id, ok := jsonl.Lookup(text, r.source.API.Keys.ID...)
			if !ok {
				return again
			}
			_, was := r.given[string(id)]
			r.given[string(id)] = struct{}{}
			return was
		})
	}
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

// block gives the items of a page, and those that have moved from it. It begins at the page.
func (s *Source) block(parts []part) quarry.Block {
	return quarry.Block{First: parts[len(parts)-1].at, Documents: func(yield func(quarry.Document, error) bool) {
		reader := s.Config.NewReader(s.Config.DecideWith(s.API.Keys, nil))
		for _, p := range parts {
			if !s.items(reader, p, yield) {
				return
			}
		}
	}}
}

func (s *Source) items(reader *item.Reader, p part, yield func(quarry.Document, error) bool) bool {
	for _, c := range p.chunks {
		at := p.at
		if c.Skipped > 0 {
			at.Offset = c.Item.Offset
			if !yield(quarry.Document{At: at}, s.Config.TooLong(c.Skipped, at)) {
				return false
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
				return false
			}
		}
	}
	return true
}
