package wordpress

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"quarry"
)

// modifiedAfter is the parameter by which a site gives only what was modified later. Sites before WordPress 5.7 do not know it and give
// everything.
const modifiedAfter = "modified_after"

// Clock gives the time of the site, as the header Date of an answer has it; zero: there is none, or the address narrows the posts by their
// time already.
func (s *Source) Clock(ctx context.Context) (now time.Time, err error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return now, s.failed(quarry.BadUsage, err, "")
	}
	q := u.Query()
	if q.Has(modifiedAfter) {
		return now, nil
	}
	q.Set("per_page", "1")
	q.Set("page", "1")
	q.Set("_fields", "id")
	u.RawQuery = q.Encode()
	asking := *s
	asking.heard = func(h http.Header) { now, _ = http.ParseTime(h.Get("Date")) } // without a date there is no clock
	_, _, err = asking.fetch(ctx, u.String(), 1)
	return now, err
}

// Since gives the posts that were modified since a time of the site. The time says its zone: a site compares it with its local time.
func (s *Source) Since(t time.Time) func(context.Context, quarry.Position) iter.Seq2[quarry.Block, error] {
	narrowed := *s
	if u, err := url.Parse(s.URL); err == nil { // else Blocks names it
		q := u.Query()
		q.Set(modifiedAfter, t.UTC().Format(time.RFC3339))
		u.RawQuery = q.Encode()
		narrowed.URL = u.String()
	}
	return narrowed.Blocks
}
