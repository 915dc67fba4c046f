package wordpress_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"quarry"
	"quarry/internal/prepare/source/wordpress"
)

func TestFindAsksThePageForTheAPI(t *testing.T) {
	// HOST is the host of the server, OTHER the same server by another name.
	for _, c := range []struct{ name, path, link, want, err string }{
		{"pretty permalinks", "/", `<http://HOST/wp-json/>; rel="https://api.w.org/"`, "http://HOST/wp-json/wp/v2/posts", ""},
		{"plain permalinks", "", `<http://HOST/?rest_route=/>; rel="https://api.w.org/"`, "http://HOST/?rest_route=%2Fwp%2Fv2%2Fposts", ""},
		{"a site in a folder", "/blog", `<http://HOST/blog/wp-json/>; rel="https://api.w.org/"`, "http://HOST/blog/wp-json/wp/v2/posts", ""},
		{"an API of another name", "/", `<http://HOST/api/>; rel="https://api.w.org/"`, "http://HOST/api/wp/v2/posts", ""},
		{"among others", "/", `<http://HOST/wp-json/wp/v2/pages/7>; rel="alternate", <http://HOST/wp-json/>; rel="https://api.w.org/"`, "http://HOST/wp-json/wp/v2/posts", ""},
		{"a site that believes to have TLS", "/", `<https://HOST/wp-json/>; rel="https://api.w.org/"`, "http://HOST/wp-json/wp/v2/posts", ""},
		{"moved", "/moved", `<http://HOST/wp-json/>; rel="https://api.w.org/"`, "http://HOST/wp-json/wp/v2/posts", ""},
		{"another host", "/", `<http://evil.example/wp-json/>; rel="https://api.w.org/"`, "", "name http://evil.example if that is the site"},
		{"not announced", "/", `<http://HOST/>; rel="shortlink"`, "not announced", ""},
		{"no header", "/", "", "not announced", ""},
		{"a collection, which is not requested", "/gone/wp-json/wp/v2/pages", "", "http://HOST/gone/wp-json/wp/v2/pages", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/moved":
					http.Redirect(w, r, "/", http.StatusMovedPermanently)
				case strings.HasPrefix(r.URL.Path, "/gone"):
					t.Error("requested:", r.URL)
				case c.link != "":
					w.Header().Set("Link", strings.ReplaceAll(c.link, "HOST", r.Host))
				}
			}))
			defer server.Close()
			client := server.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // as a run's own client
			defer client.CloseIdleConnections()
			address, announced, err := wordpress.Find(t.Context(), client, server.URL+c.path)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || announced != (c.want != "not announced") {
				t.Fatal(address, announced, err)
			}
			if want := strings.ReplaceAll(c.want, "HOST", strings.TrimPrefix(server.URL, "http://")); announced && address != want {
				t.Errorf("have %s, want %s", address, want)
			}
		})
	}
}

// statuses is a network that answers each request with the next of these statuses; 0 is no answer.
type statuses []int

func (a *statuses) RoundTrip(r *http.Request) (*http.Response, error) {
	status := (*a)[0]
	*a = (*a)[1:]
	if status == 0 {
		return nil, errors.New("no route to host")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Link", `<https://blog.example.org/wp-json/>; rel="https://api.w.org/"`)
	w.WriteHeader(status)
	reply := w.Result()
	reply.Request = r
	return reply, nil
}

func TestASiteIsAskedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ask := func(ctx context.Context, codes ...int) (string, error) {
			address, _, err := wordpress.Find(ctx, &http.Client{Transport: (*statuses)(&codes)}, "https://blog.example.org")
			return address, err
		}
		if address, err := ask(t.Context(), 503, 0, 200); err != nil || address != "https://blog.example.org/wp-json/wp/v2/posts" {
			t.Error(address, err)
		}
		_, err := ask(t.Context(), 0, 429, 0)
		if e := (*quarry.Error)(nil); !errors.As(err, &e) || e.Kind != quarry.Provider || e.Error() != "look for the REST API of blog.example.org: no route to host" {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second/2, cancel)
		if _, err := ask(ctx, 0, 200); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	if _, _, err := wordpress.Find(t.Context(), nil, "https://ann:secret@blog.example.org"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
