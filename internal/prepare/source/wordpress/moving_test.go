package wordpress_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"quarry"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/wordpress"
)

// living is a site whose posts change while it is read. It gives 100 of them at a time.
type living struct {
	posts []int
	asked []string                   // the pages
	after func(l *living, asked int) // called after an answer
	bare  bool                       // a proxy removes the headers
}

func (l *living) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked = append(l.asked, r.URL.Query().Get("page"))
	defer func() {
		if l.after != nil {
			l.after(l, len(l.asked))
		}
	}()
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	all := (len(l.posts) + 99) / 100
	if page > max(all, 1) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"code":"rest_post_invalid_page_number","message":"…","data":{"status":400}}`)
		return
	}
	if !l.bare {
		w.Header().Set("X-WP-Total", fmt.Sprint(len(l.posts)))
		w.Header().Set("X-WP-TotalPages", fmt.Sprint(all))
	}
	some := []map[string]any{}
	for _, id := range l.posts[(page-1)*100 : min(page*100, len(l.posts))] {
		some = append(some, map[string]any{"id": id, "title": map[string]any{"rendered": fmt.Sprint("T", id)}, "content": map[string]any{"rendered": "<p>Text.</p>"}})
	}
	_ = json.NewEncoder(w).Encode(some)
}

func (l *living) remove(from, to int) {
	l.posts = slices.DeleteFunc(l.posts, func(id int) bool { return id >= from && id <= to })
}

func (l *living) source(t *testing.T) *wordpress.Source {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	address, err := wordpress.Posts(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &wordpress.Source{URL: address, Client: server.Client(), Wait: time.Millisecond}
}

func numbered(from, to int) (all []int) {
	for id := from; id <= to; id++ {
		all = append(all, id)
	}
	return all
}

// Whatever a site removes or publishes while it is read, every post that is there all the time is given, once.
func TestPostsThatMoveOverTheBorderOfAPage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		posts []int
		after func(l *living, asked int)
		pages []string
	}{
		"nothing happens": {numbered(1, 250), func(*living, int) {}, []string{"1", "2", "3"}},
		"one is removed": {numbered(1, 250), func(l *living, asked int) {
			if asked == 1 {
				l.remove(50, 50)
			}
		}, []string{"1", "2", "1", "3"}},
		"one is removed after each page": {numbered(1, 350), func(l *living, asked int) {
			l.remove(asked, asked)
		}, []string{"1", "2", "1", "3", "2", "4", "3"}},
		"more than a page is removed": {numbered(1, 450), func(l *living, asked int) {
			if asked == 3 {
				l.remove(20, 150)
			}
		}, []string{"1", "2", "3", "4", "3", "2"}},
		"the last page goes": {numbered(1, 201), func(l *living, asked int) {
			if asked == 2 {
				l.remove(5, 5)
			}
		}, []string{"1", "2", "3", "2"}},
		"several pages go": {numbered(1, 401), func(l *living, asked int) {
			if asked == 3 {
				l.remove(1, 250)
			}
		}, []string{"1", "2", "3", "4", "3", "2", "1"}},
		"an early one is published": {append([]int{1, 2}, numbered(5, 250)...), func(l *living, asked int) {
			if asked == 1 {
				l.posts = slices.Insert(l.posts, 2, 3)
			}
		}, []string{"1", "2", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &living{posts: c.posts, after: c.after}
			docs, faults := sourcetest.Documents(t, l.source(t))
			given := map[quarry.DocumentID]int{}
			for _, d := range docs {
				given[d.ID]++
				if given[d.ID] > 1 {
					t.Errorf("post %s is given twice", d.ID)
				}
			}
			for _, id := range l.posts {
				if id != 3 && given[quarry.DocumentID(fmt.Sprint(id))] == 0 {
					t.Errorf("post %d is lost", id)
				}
			}
			if len(faults) > 0 || !slices.Equal(l.asked, c.pages) {
				t.Errorf("%v; it asked for the pages %v, want %v", faults, l.asked, c.pages)
			}
		})
	}
}

// Without totals, a page that is not there is the end: full pages are followed by it.
func TestASiteWithoutTotals(t *testing.T) {
	t.Parallel()
	l := &living{posts: numbered(1, 200), bare: true}
	if docs, _ := sourcetest.Documents(t, l.source(t)); len(docs) != 200 || !slices.Equal(l.asked, []string{"1", "2", "3"}) {
		t.Errorf("%d posts of the pages %v", len(docs), l.asked)
	}
}

// dated is a post with its times, as a site in UTC has them.
type dated struct {
	id                  int
	published, modified string
}

// dates serves posts that the times in the address choose.
func dates(t *testing.T, posts ...dated) *wordpress.Source {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-WP-TotalPages", "1")
		q, some := r.URL.Query(), []map[string]any{}
		for _, p := range posts {
			after, before := func(name, at string) bool { return !q.Has(name) || at > q.Get(name) }, q.Get("modified_before")
			if after("after", p.published) && after("modified_after", p.modified) && (before == "" || p.modified < before) {
				some = append(some, map[string]any{"id": p.id, "content": map[string]any{"rendered": "<p>Text.</p>"}})
			}
		}
		_ = json.NewEncoder(w).Encode(some)
	}))
	t.Cleanup(server.Close)
	address, err := wordpress.Posts(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &wordpress.Source{URL: address, Client: server.Client(), Wait: time.Millisecond}
}

// A scheduled post is published at its hour and has the time of its last change from before.
func TestAScheduledPostIsFound(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	s := dates(t,
		dated{1, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"},
		dated{2, "2026-11-01T00:00:00Z", "2026-12-01T09:00:00Z"}, // modified
		dated{3, "2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"}, // new
		dated{4, "2026-12-01T09:00:00Z", "2026-11-20T00:00:00Z"}, // scheduled
		dated{5, "2026-12-01T09:00:00Z", "2026-12-01T08:00:00Z"}, // scheduled, and modified at the border
	)
	read := func(s *wordpress.Source, from quarry.Position) (ids []string, at []quarry.Position) {
		for b, err := range s.Since(since)(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, b.First)
			for d, err := range b.Documents {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, string(d.ID))
			}
		}
		return ids, at
	}
	ids, at := read(s, quarry.Position{})
	if !slices.Equal(ids, []string{"2", "3", "4", "5"}) || len(at) != 2 {
		t.Fatalf("it gives %v in %d blocks, want 2, 3, 4, 5 in 2", ids, len(at))
	}
	for i, want := range [][]string{{"2", "3", "4", "5"}, {"4", "5"}} {
		if ids, _ := read(s, at[i]); !slices.Equal(ids, want) {
			t.Errorf("from block %d it gives %v, want %v", i, ids, want)
		}
	}
	s.URL += "?after=2026-10-01T00:00:00Z"
	if ids, _ := read(s, quarry.Position{}); !slices.Equal(ids, []string{"2", "3"}) {
		t.Errorf("with a date of publication in the address it gives %v, want 2, 3", ids)
	}
}
