package wordpress_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"quarry"
	"quarry/internal/prepare/source/sourcetest"
	"quarry/internal/prepare/source/wordpress"
)

// answers is a site in memory.
type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

func answer(status int, body []byte, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = []string{headers[i+1]}
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(body))}
}

// Whatever a site says, reading it ends: every object of a page is a document or a fault, and no one else is asked.
func FuzzPages(f *testing.F) {
	f.Add(200, []byte(`[{"id":1,"title":{"rendered":"T"},"content":{"rendered":"<p>x"},"link":"https://h/1"},{"id":2}]`), `<https://h/wp-json/wp/v2/posts?page=2>; rel="next"`, "2")
	f.Add(200, []byte(` [null,7,"x",[],{"id":{"a":1},"content":null},{"id":1,"id":2}] `), `<https://elsewhere/?page=99999999999>; rel="next", <x>`, "-1")
	f.Add(200, []byte("[{\"id\":\"\xff\"}\n,{\"id\":\"\\ud800\",\"content\":\"x\"}"), `<::>;rel=next`, "9223372036854775807")
	f.Add(400, []byte(`{"code":"rest_post_invalid_page_number"}`), "", "")
	f.Add(403, []byte(`{"code":7}`), "", "x")
	f.Fuzz(func(t *testing.T, status int, body []byte, link, pages string) {
		asked := 0
		s := &wordpress.Source{URL: "https://h/wp-json/wp/v2/posts", Wait: time.Nanosecond, Client: &http.Client{Transport: answers(func(r *http.Request) *http.Response {
			asked++
			if r.URL.Host != "h" || r.URL.Scheme != "https" {
				t.Errorf("%s was asked", r.URL)
			}
			if asked > 1 {
				return answer(http.StatusBadRequest, []byte(`{"code":"rest_post_invalid_page_number"}`))
			}
			if status/100 == 3 {
				status = http.StatusOK // sending elsewhere is the client's part
			}
			return answer(status, body, "Link", link, "X-Wp-Totalpages", pages)
		})}}
		entries, failed := 0, false
		for b, err := range s.Blocks(t.Context(), sourcetest.Beginning) {
			if err != nil {
				var failure *quarry.Error
				if !errors.As(err, &failure) {
					t.Errorf("%v says nothing to a person", err)
				}
				failed = true
				break
			}
			for d, err := range b.Documents {
				entries++
				if err == nil && (d.ID == "" || !utf8.ValidString(string(d.ID)) || !utf8.ValidString(d.Title) || !strings.HasPrefix(d.At.File, "https://h/")) {
					t.Errorf("document %q, title %q at %v", d.ID, d.Title, d.At)
				}
			}
		}
		if asked > 5 {
			t.Errorf("asked %d times", asked)
		}
		var elements []json.RawMessage
		if status != http.StatusOK || json.Unmarshal(body, &elements) != nil || elements == nil {
			return
		}
		objects := 0
		for _, e := range elements {
			if e[0] == '{' {
				objects++
			}
		}
		// What is between objects and is none may be reported as one fault.
		if others := len(elements) - objects; failed || entries < objects || entries > len(elements) || (others > 0 && entries == objects) {
			t.Errorf("%d documents and faults, failed: %v; want %d and up to %d faults of others", entries, failed, objects, others)
		}
	})
}

// A site that asks for more than a time can hold is waited for as long as for any.
func TestTheLongestWaitIsNoRefusal(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"9999999999999", "9223372037", "300", "400"} {
		synctest.Test(t, func(t *testing.T) {
			n := 0
			s := &wordpress.Source{URL: "https://h/wp-json/wp/v2/posts", Client: &http.Client{Transport: answers(func(*http.Request) *http.Response {
				if n++; n == 1 {
					return answer(http.StatusServiceUnavailable, nil, "Retry-After", asked)
				}
				return answer(http.StatusOK, []byte(`[{"id":1,"content":{"rendered":"x"}}]`))
			})}}
			begun := time.Now()
			docs, faults := sourcetest.Documents(t, s)
			if took := time.Since(begun); len(docs) != 1 || len(faults) > 0 || took != 5*time.Minute {
				t.Errorf("Retry-After %s: %d documents, %v after %v; want 1 after 5m", asked, len(docs), faults, took)
			}
		})
	}
}
